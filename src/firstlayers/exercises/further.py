"""The exercises of the track "Further".

One block an exercise: the course's answer, whose source learners can read, and below it what an answer
is asked, wrong answers that have a name, further right ones, and hints.
"""

import math
import statistics
from itertools import pairwise

import torch

from firstlayers.exercises.observation import calls, freeze, same
from firstlayers.exercises.registry import Exercise, Slip, add

# 01_speed


def median_time(function, clock, repeats):
    """A function, a clock, how many calls -> their median time in seconds."""
    function()  # does not count
    times = []
    for _ in range(repeats):
        start = clock()
        function()
        times.append(clock() - start)
    return sorted(times)[repeats // 2]


def _look_at_times(durations, repeats):
    """Let a clock run that only the function moves, by one duration a call."""

    def look(answer):
        now, calls_made = [50.0], [0]

        def function():
            now[0] += durations[calls_made[0] % len(durations)]
            calls_made[0] += 1

        return {
            "result": freeze(answer(function, lambda: now[0], repeats)),
            "calls of the function": calls_made[0],
        }

    return look


def _timed(
    *,
    first=lambda function: function(),
    one=lambda function, clock: _one_time(function, clock),
    pick=statistics.median,
    extra=0,
):
    def median_time(function, clock, repeats):
        first(function)
        return pick([one(function, clock) for _ in range(repeats + extra)])

    return median_time


def _one_time(function, clock):
    start = clock()
    function()
    return clock() - start


def _first_call_timed(function, clock, repeats):
    times = [_one_time(function, clock) for _ in range(repeats + 1)]
    return statistics.median(times)


def _from_one_start(function, clock, repeats):
    function()
    start = clock()
    times = []
    for _ in range(repeats):
        function()
        times.append(clock() - start)
    return statistics.median(times)


def _by_differences(function, clock, repeats):
    function()
    marks = [clock()]
    while len(marks) <= repeats:
        function()
        marks.append(clock())
    times = sorted(later - earlier for earlier, later in pairwise(marks))
    return times[len(times) // 2]


def _by_tensor(function, clock, repeats):
    function()
    times = torch.tensor([_one_time(function, clock) for _ in range(repeats)], dtype=torch.float64)
    return times.median().item()


add(
    Exercise(
        name="median_time",
        chapter="3_further/01_speed",
        reference=median_time,
        checked="4 clocks, among them one with a slow first call",
        cases={
            "a slow first call": _look_at_times([9.0, 1.0, 4.0, 2.5, 3.0, 2.0], 5),
            "one very slow call": _look_at_times([2.0, 2.0, 1.5, 40.0, 3.0, 2.25, 1.75, 2.5], 7),
            "three calls, the middle one in the middle": _look_at_times([5.0, 1.0, 2.0, 4.0], 3),
            "one call": _look_at_times([3.0, 0.5], 1),
        },
        slips=(
            Slip(
                "first call counted",
                _timed(first=lambda function: None),
                "The first call was timed, too. It pays for what happens only once. What should be "
                "done before the clock is looked at?",
            ),
            Slip(
                "one call more timed",
                _first_call_timed,
                "All calls were timed, the first one as well. That one should happen, and its time "
                "should be forgotten.",
            ),
            Slip(
                "mean",
                _timed(pick=statistics.fmean),
                "This is the mean: one call that was interrupted drags it up. So does the time of all calls, "
                "divided by their number. Which number stands in the middle when the times are in order?",
            ),
            Slip(
                "start not moved",
                _from_one_start,
                "The times add up: the clock was started once, before the loop. Each call needs a start "
                "of its own.",
            ),
            Slip(
                "shortest",
                _timed(pick=min),
                "This is the shortest time. It says how fast it can be, and not how fast it is as a "
                "rule.",
            ),
            Slip(
                "longest",
                _timed(pick=max),
                "This is the longest time, and so mostly what else the machine was doing.",
            ),
            Slip(
                "total",
                _timed(pick=sum),
                "This is the sum of all times. How long does one call take, as a rule?",
            ),
            Slip(
                "not in order",
                _timed(pick=lambda times: times[len(times) // 2]),
                "The time in the middle of the list was taken, but the list is in the order of the "
                "calls. What has to be done to it first?",
            ),
            Slip(
                "last call",
                _timed(pick=lambda times: times[-1]),
                "Only the last time came back. Were the times collected, or was one written over the "
                "other?",
            ),
            Slip(
                "all times",
                _timed(pick=lambda times: times),
                "All times came back. One number is asked for: the one in the middle, once they are in "
                "order.",
            ),
            Slip(
                "sign",
                _timed(one=lambda function, clock: -_one_time(function, clock)),
                "The times are negative: the start was not subtracted from the end, but the end from the "
                "start.",
            ),
            Slip(
                "function not called",
                lambda function, clock, repeats: _timed()(lambda: None, clock, repeats),
                "The function was never called, so no time passed. A name alone does not call: what is "
                "missing behind it?",
            ),
            Slip(
                "one repeat too many",
                _timed(extra=1),
                "One call too many was timed. range(repeats) goes round exactly as often as it should.",
            ),
        ),
        variants=(
            _timed(),
            _by_differences,
            _by_tensor,
        ),
        hints=(
            "Call the function once and forget it. Then go round a loop: look at the clock before the "
            "call and after it, and keep the difference.",
            "You have a list of so many numbers, one a call. Put it in order: the median stands in the "
            "middle, with as many before it as behind it.",
            "start = clock(), function(), times.append(clock() - start), and at the end "
            "sorted(times) at the place repeats // 2. statistics.median does that last step, too.",
        ),
    )
)


def whole_batches(images, labels, batch_size, generator):
    """(N, ...) images, (N,) labels -> shuffled batches of both, by one index."""
    order = torch.randperm(len(labels), generator=generator)  # (N,)
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]  # (batch,)
        yield images[places], labels[places]


def _look_at_batches(count, batch_size):
    def look(answer):
        images = torch.arange(count * 6, dtype=torch.float32).reshape(count, 1, 2, 3)
        labels = torch.arange(count) * 7 % 10
        before = freeze([images, labels])

        def one_pass(generator):
            given = answer(images, labels, batch_size, generator)
            if given is None:
                return None
            pairs = [(batch, batch_labels) for batch, batch_labels in given]
            taken = torch.cat([batch for batch, _ in pairs])
            theirs = torch.cat([batch_labels for _, batch_labels in pairs])
            places = (taken.flatten(1)[:, 0] / 6).long().tolist()
            return pairs, places, theirs

        generator = torch.Generator().manual_seed(1)
        first = one_pass(generator)
        if first is None:
            return {"result": None}
        pairs, places, theirs = first
        _, next_places, _ = one_pass(generator)
        _, repeated, _ = one_pass(torch.Generator().manual_seed(1))
        return {
            "result": "batches",
            "input changed": not same(before, freeze([images, labels]), 0, 0),
            "sizes": [len(batch) for batch, _ in pairs],
            "shape and type of a batch": [
                *pairs[0][0].shape[1:], str(pairs[0][0].dtype), str(pairs[0][1].dtype)
            ],
            "every image once": sorted(places) == list(range(count)),
            "each with its label": theirs.tolist() == [place * 7 % 10 for place in places],
            "labels in order": theirs.tolist() == labels.tolist(),
            "in order": places == list(range(count)),
            "neighbors stay together": sum(
                abs(a - b) == 1 for a, b in pairwise(places)
            ) > count // 2,
            "the same order in the next pass": places == next_places,
            "the same order with the same seed": places == repeated,
        }  # fmt: skip

    return look


def _batches(
    *,
    draw=lambda count, generator: torch.randperm(count, generator=generator),
    split=lambda order, size: order.split(size),
    pair=lambda images, labels, places: (images[places], labels[places]),
):
    def whole_batches(images, labels, batch_size, generator):
        for places in split(draw(len(labels), generator), batch_size):
            yield pair(images, labels, places)

    return whole_batches


def _only_full(order, size):
    return [order[start : start + size] for start in range(0, len(order) - size + 1, size)]


def _two_orders(images, labels, batch_size, generator):
    order = torch.randperm(len(labels), generator=generator)
    other = torch.randperm(len(labels), generator=generator)
    for one, two in zip(order.split(batch_size), other.split(batch_size), strict=True):
        yield images[one], labels[two]


def _batches_shuffled_only(images, labels, batch_size, generator):
    starts = range(0, len(labels), batch_size)
    for number in torch.randperm(len(starts), generator=generator).tolist():
        part = slice(starts[number], starts[number] + batch_size)
        yield images[part], labels[part]


def _only_first(images, labels, batch_size, generator):
    order = torch.randperm(len(labels), generator=generator)
    places = order[:batch_size]
    return [(images[places], labels[places])]


def _with_replacement(count, generator):
    return torch.randint(count, (count,), generator=generator)


def _one_by_one(images, labels, batch_size, generator):
    for number in torch.randperm(len(labels), generator=generator).tolist():
        yield images[number : number + 1], labels[number : number + 1]


def _by_slices(images, labels, batch_size, generator):
    order = torch.randperm(len(labels), generator=generator)
    shuffled, their_labels = images[order], labels[order]
    for start in range(0, len(order), batch_size):
        yield shuffled[start : start + batch_size], their_labels[start : start + batch_size]


def _as_a_list(images, labels, batch_size, generator):
    return list(_batches()(images, labels, batch_size, generator))


def _by_sorting(count, generator):
    return torch.rand(count, generator=generator).argsort()


def _by_index_select(images, labels, places):
    return images.index_select(0, places), labels.index_select(0, places)


add(
    Exercise(
        name="whole_batches",
        chapter="3_further/01_speed",
        reference=whole_batches,
        checked="3 sets of images, among them one whose last batch is smaller",
        cases={
            "50 images in batches of 16": _look_at_batches(50, 16),
            "40 images in batches of 20": _look_at_batches(40, 20),
            "30 images in one batch": _look_at_batches(30, 64),
        },
        slips=(
            Slip(
                "not shuffled",
                _batches(draw=lambda count, generator: torch.arange(count)),
                "The images come in the order in which they lie, in each pass. A random order of the "
                "places has to be drawn first.",
            ),
            Slip(
                "last batch dropped",
                _batches(split=_only_full),
                "The last batch is missing where it is smaller than the others. Every image should come "
                "once. How many are left at the end?",
            ),
            Slip(
                "labels left in order",
                lambda images, labels, size, generator: (
                    (images[p], labels[k * size : (k + 1) * size])
                    for k, p in enumerate(
                        torch.randperm(len(labels), generator=generator).split(size)
                    )
                ),
                "The images are shuffled, and the labels are not: they come in the old order, so most "
                "belong to another image. One set of places has to pick both.",
            ),
            Slip(
                "two orders",
                _two_orders,
                "Images and labels were shuffled each for themselves, so they no longer belong "
                "together. Draw one order, and use it for both.",
            ),
            Slip(
                "only batches shuffled",
                _batches_shuffled_only,
                "Only the batches change places: within each, the same neighbors stay together in every "
                "pass. Shuffle the images, and then cut.",
            ),
            Slip(
                "with replacement",
                _batches(draw=_with_replacement),
                "Some images come twice and others never: the places were drawn one by one, each from "
                "all. A random order has every place once.",
            ),
            Slip(
                "generator ignored",
                _batches(draw=lambda count, generator: torch.randperm(count)),
                "The order does not come from the generator, so the same seed gives another order. "
                "Which argument hands it over?",
            ),
            Slip(
                "the same order in every pass",
                _batches(
                    draw=lambda count, generator: torch.randperm(
                        count, generator=torch.Generator().manual_seed(0)
                    )
                ),
                "Each pass has the same order, because a generator of its own begins anew each time. "
                "The one that is given goes on where it stopped.",
            ),
            Slip(
                "one by one",
                _one_by_one,
                "Each batch has a single image. Cut the order into parts of batch_size places, and let "
                "each part pick its images at once.",
            ),
            Slip(
                "only the first batch",
                _only_first,
                "A single batch came, and then no more. A return ends the function in the first round: "
                "which word hands something out and goes on?",
            ),
            Slip(
                "images without labels",
                lambda images, labels, batch_size, generator: (
                    images[places]
                    for places in torch.randperm(len(labels), generator=generator).split(batch_size)
                ),
                "Only images come out. Each batch is a pair: the images, and their labels.",
            ),
        ),
        variants=(
            _by_slices,
            _as_a_list,
            _batches(pair=_by_index_select),
            _batches(draw=_by_sorting),
        ),
        hints=(
            "Draw a random order of all places once. Each part of it, batch_size places long, picks the "
            "images and the labels of one batch.",
            "torch.randperm(N, generator=generator) has the shape (N,). An index of shape (batch_size,) "
            "picks that many images at once, and the same index picks their labels.",
            "order.split(batch_size) gives the parts, the last one shorter if need be. For each of them: "
            "yield images[part], labels[part].",
        ),
    )
)


# 02_scale


def share_of_batch(batch, rank, world_size):
    """A list of places -> the list of those that one of the processes takes."""
    return [place for number, place in enumerate(batch) if number % world_size == rank]


def _look_at_shares(count, world_size):
    """Let every process take its share; any even division will do."""

    def look(answer):
        places = [3 * number + 100 for number in range(count)]
        shares = []
        for rank in range(world_size):
            batch = list(places)
            share = answer(batch, rank, world_size)
            if share is None:
                return {"result": None}
            if batch != places:
                return {"result": "the batch was changed"}
            if type(share) is not list:
                return {"result": type(share).__name__}
            shares.append(share)
        taken = [place for share in shares for place in share]
        return {
            "result": "shares",
            "taken by nobody": len(set(places) - set(taken)),
            "taken twice": len(taken) - len(set(taken)),
            "not in the batch": len(set(taken) - set(places)),
            "type of a place": sorted({type(place).__name__ for place in taken}),
            "sizes": sorted(map(len, shares), reverse=True),
        }

    return look


def _share_in_a_row(batch, rank, world_size):
    first = rank * len(batch) // world_size
    return batch[first : (rank + 1) * len(batch) // world_size]


def _share_by_slice(batch, rank, world_size):
    return batch[rank::world_size]


def _share_by_tensor(batch, rank, world_size):
    return torch.tensor(batch, dtype=torch.int64).tensor_split(world_size)[rank].tolist()


def _share_by_steps(batch, rank, world_size):
    share, number = [], rank
    while number < len(batch):
        share.append(batch[number])
        number += world_size
    return share


def _share_padded(batch, rank, world_size):
    missing = -len(batch) % world_size
    padded = batch + (batch * missing)[:missing]
    return padded[rank::world_size]


def _share_of_equal_size(batch, rank, world_size):
    size = len(batch) // world_size
    return batch[rank * size : (rank + 1) * size]


def _rest_for_the_last(batch, rank, world_size):
    size = len(batch) // world_size
    return batch[rank * size : None if rank == world_size - 1 else (rank + 1) * size]


def _first_ones_filled(batch, rank, world_size):
    size = math.ceil(len(batch) / world_size)
    return batch[rank * size : (rank + 1) * size]


def _share_popped(batch, rank, world_size):
    return [batch.pop(0) for _ in range(len(batch) // world_size)]


add(
    Exercise(
        name="share_of_batch",
        chapter="3_further/02_scale",
        reference=share_of_batch,
        checked="6 batches, among them one with fewer places than processes",
        cases={
            "8 places, 2 processes": _look_at_shares(8, 2),
            "43 places, 2 processes": _look_at_shares(43, 2),
            "9 places, 4 processes": _look_at_shares(9, 4),
            "11 places, 3 processes": _look_at_shares(11, 3),
            "2 places, 5 processes": _look_at_shares(2, 5),
            "4 places, 1 process": _look_at_shares(4, 1),
        },
        slips=(
            Slip(
                "the whole batch",
                lambda batch, rank, world_size: batch[:],
                "Every process takes all places, so each image is computed by everyone and nothing is "
                "gained. Which of them are for this rank?",
            ),
            Slip(
                "rest dropped",
                _share_of_equal_size,
                "Some places are taken by nobody: all shares have the same size, and the rest of the division "
                "is lost. Who takes the places that are left?",
            ),
            Slip(
                "repeated",
                _share_padded,
                "Some places are taken twice, so that all shares have the same size. A DistributedSampler "
                "does that, too. Here a share may be one place smaller than another.",
            ),
            Slip(
                "the last one takes the rest",
                _rest_for_the_last,
                "Every place is taken once, but the last process takes all that the division leaves, and the "
                "others wait for it. How could the rest be dealt out?",
            ),
            Slip(
                "the first ones are filled",
                _first_ones_filled,
                "Every place is taken once. But the size was rounded up, so the first processes take more "
                "than is fair, and the last one gets what is left: much less, or nothing.",
            ),
            Slip(
                "rank and world size swapped",
                lambda batch, rank, world_size: batch[world_size::rank],
                "Process 0 fails, because a slice cannot go on in steps of 0. Which number says where to "
                "begin, and which one how far to go each time?",
            ),
            Slip(
                "ranks counted from 1",
                lambda batch, rank, world_size: batch[rank + 1 :: world_size],
                "The first place is taken by nobody: a rank of 0 is the first process, and places are counted "
                "from 0 as well.",
            ),
            Slip(
                "one too early",
                lambda batch, rank, world_size: batch[rank - 1 :: world_size],
                "Process 0 begins at place -1, which is the last one in Python. Ranks are counted from 0.",
            ),
            Slip(
                "always two",
                lambda batch, rank, world_size: batch[rank::2],
                "Right for two processes, wrong for any other number. How many there are is the third "
                "argument.",
            ),
            Slip(
                "one place each",
                lambda batch, rank, world_size: [batch[rank]],
                "Each process takes a single place, and fails where there is none for it. A slice takes more "
                "of them, and may be empty.",
            ),
            Slip(
                "only the first of each",
                lambda batch, rank, world_size: batch[rank : rank + 1],
                "Each process takes a single place, and most of the batch is left. Go on from there, in "
                "steps.",
            ),
            Slip(
                "no empty share",
                lambda batch, rank, world_size: batch[rank::world_size] or batch[:1],
                "Right for most batches. Where there are fewer places than processes, you gave a place away "
                "twice, and it would count twice. A share may be empty.",
            ),
            Slip(
                "as many places as processes",
                lambda batch, rank, world_size: batch[rank * world_size : (rank + 1) * world_size],
                "Each process takes as many places as there are processes. How many it should take depends on "
                "the size of the batch.",
            ),
            Slip(
                "a tensor",
                lambda batch, rank, world_size: torch.tensor(batch)[rank::world_size],
                "The places are right, but they came as a tensor. A list is asked for, and the batch is one "
                "already. Its slices are lists, too.",
            ),
            Slip(
                "taken out of the batch",
                _share_popped,
                "The caller's list was changed: what was taken is missing from it. In a process of its own, "
                "nobody else sees that, and the places are still taken twice. Copy, by a slice.",
            ),
        ),
        variants=(
            _share_in_a_row,
            _share_by_slice,
            _share_by_tensor,
            _share_by_steps,
        ),
        hints=(
            "Deal the places out like cards: the first to process 0, the second to process 1, and so on, "
            "round and round. What does process 1 have in the end?",
            "The result is a list, part of the batch. It begins at the place with the number of the rank, and "
            "goes on in steps as long as the world size.",
            "Go through enumerate(batch), and keep a place if its number is one of yours: number % world_size "
            "says to whom it goes. Shorter is a slice with a step: batch[1::2] begins at 1, and takes every "
            "second place.",
        ),
    )
)


def average_gradients(gradients, counts):
    """One gradient and one count from each process -> the whole batch's gradient."""
    weighted = [gradients[k] * counts[k] for k in range(len(counts))]
    return sum(weighted) / sum(counts)


def _shares(counts, *shape):
    """Make a gradient for each share; that of an empty one is all zeros."""

    def make():
        return [torch.randn(shape) * (count > 0) for count in counts], list(counts)

    return make


def _average(weight, divide=lambda total, counts: total):
    """Add the gradients up, each times a weight, and divide the sum."""

    def average_gradients(gradients, counts):
        total = sum(g * weight(c, counts) for g, c in zip(gradients, counts, strict=True))
        return divide(total, counts)

    return average_gradients


def _average_by_stack(gradients, counts):
    weights = torch.tensor(counts, dtype=gradients[0].dtype) / sum(counts)
    return torch.tensordot(weights, torch.stack(gradients), dims=1)


def _average_as_ddp(gradients, counts):
    mean_size = sum(counts) / len(counts)
    weighted = [g * (c / mean_size) for g, c in zip(gradients, counts, strict=True)]
    return torch.stack(weighted).mean(dim=0)


def _average_one_by_one(gradients, counts):
    average, seen = torch.zeros_like(gradients[0]), 0
    for gradient, count in zip(gradients, counts, strict=True):
        if count:
            seen += count
            average = average + (gradient - average) * (count / seen)
    return average


def _average_in_place(gradients, counts):
    for gradient, count in zip(gradients, counts, strict=True):
        gradient *= count
    return sum(gradients) / sum(counts)


def _inverse_weights(gradients, counts):
    weights = [1 / count if count else 0.0 for count in counts]
    total = sum(g * w for g, w in zip(gradients, weights, strict=True))
    return total / sum(weights)


add(
    Exercise(
        name="average_gradients",
        chapter="3_further/02_scale",
        reference=average_gradients,
        checked="6 batches, among them one with an empty share",
        cases=calls(
            {
                "22 and 21 images": lambda: _shares([22, 21], 5)(),
                "two halves": lambda: _shares([32, 32], 3, 4)(),
                "three shares": lambda: _shares([5, 1, 3], 2, 2)(),
                "an empty share": lambda: _shares([3, 2, 0, 1], 4)(),
                "a single process": lambda: _shares([7], 6)(),
                "a single number": lambda: _shares([1, 4])(),
            }
        ),
        slips=(
            Slip(
                "plain mean",
                _average(lambda c, counts: 1 / len(counts)),
                "Right where all shares have the same size. Else the images of a small share count more than "
                "those of a large one, and an empty share counts, too.",
            ),
            Slip(
                "sum",
                _average(lambda c, counts: 1),
                "The gradients were only added up. The result grows with the number of processes, as if the "
                "learning rate did.",
            ),
            Slip(
                "not divided",
                _average(lambda c, counts: c),
                "Each gradient counts by its size, but the sum was not divided: it is the gradient of the "
                "sum of all losses. The mean is asked for.",
            ),
            Slip(
                "divided by the number of processes",
                _average(lambda c, counts: c, lambda total, counts: total / len(counts)),
                "Each gradient counts by its size, and the sum was divided by the number of processes. A sum "
                "over images has to be divided by the number of images.",
            ),
            Slip(
                "divided twice",
                _average(lambda c, counts: c / sum(counts), lambda t, counts: t / len(counts)),
                "Too small by the number of processes. If the weights sum to 1, the weighted sum is the mean "
                "already.",
            ),
            Slip(
                "times the number of processes",
                _average(lambda c, counts: c * len(counts) / sum(counts)),
                "Too large by the number of processes. These are the weights that share_weight gives, for "
                "somebody who takes the mean afterwards. Did you?",
            ),
            Slip(
                "weights turned round",
                lambda gradients, counts: average_gradients(gradients, counts[::-1]),
                "The sizes belong to other gradients: the order of one of the lists was turned round.",
            ),
            Slip(
                "small ones count more",
                _inverse_weights,
                "The weights are the wrong way round: the smaller a share, the more it counts. Each image "
                "should count the same.",
            ),
            Slip(
                "divided by the counts",
                _average(lambda c, counts: 1 / c),
                "Each gradient was divided by the size of its share. But it is a mean already. And an empty "
                "share divides by zero.",
            ),
            Slip(
                "only the largest",
                lambda gradients, counts: gradients[counts.index(max(counts))].clone(),
                "This is the gradient of the largest share alone. What the others have seen is lost.",
            ),
            Slip(
                "only the first",
                lambda gradients, counts: gradients[0].clone(),
                "This is the gradient of the first process alone. What the others have seen is lost. Did the "
                "loop end after one round?",
            ),
            Slip(
                "squared weights",
                _average(lambda c, counts: c * c, lambda t, counts: t / sum(c * c for c in counts)),
                "The sizes count twice. If the losses were weighted before, do not weight the gradients "
                "again.",
            ),
            Slip(
                "gradients changed",
                _average_in_place,
                "The result is right, but the gradients that came in were changed: *= and += write into a "
                "tensor, and a second name for it is no second tensor. Make new ones.",
            ),
        ),
        variants=(
            _average(lambda c, counts: c / sum(counts)),
            _average_by_stack,
            _average_as_ddp,
            _average_one_by_one,
        ),
        hints=(
            "A mean times the number of images is a sum. Sums of shares can be added. What has to be done at "
            "the end, so that it is a mean again?",
            "Go through both lists together. Each product has the shape of a gradient, and so have their sum "
            "and the result. Python's sum adds tensors, too.",
            "Each product is gradients[k] * counts[k], a new tensor. Collect them in a list, add them up, and "
            "divide by the number of all images. That number is the sum of the counts.",
        ),
    )
)

# 03_autograd_in_sixty_lines


def quotient(a, b):
    """Two numbers -> their quotient, its slope in a, and its slope in b."""
    return a / b, 1 / b, -a / b**2


def _quotient_by_powers(a, b):
    inverse = b**-1.0
    return a * inverse, inverse, -a * inverse * inverse


def _quotient_from_the_result(a, b):
    result = a / b
    return [result, 1 / b, -result / b]


def _quotient_by_autograd(a, b):
    x, y = (
        torch.tensor(float(number), dtype=torch.float64, requires_grad=True) for number in (a, b)
    )
    result = x / y
    result.backward()
    return result.item(), x.grad.item(), y.grad.item()


add(
    Exercise(
        name="quotient",
        chapter="3_further/03_autograd_in_sixty_lines",
        reference=quotient,
        checked="6 pairs of numbers, among them negative ones and a zero",
        cases=calls(
            {
                "6 by 2": lambda: (6.0, 2.0),
                "5 by 4": lambda: (5.0, 4.0),
                "-1.5 by 0.5": lambda: (-1.5, 0.5),
                "0 by 4": lambda: (0.0, 4.0),
                "3 by -10": lambda: (3.0, -10.0),
                "whole numbers": lambda: (7, 3),
            }
        ),
        slips=(
            Slip(
                "minus sign forgotten",
                lambda a, b: (a / b, 1 / b, a / b**2),
                "The slope in b has the wrong sign. A larger b makes the quotient of two positive numbers "
                "smaller. What does that say about the slope?",
            ),
            Slip(
                "not squared",
                lambda a, b: (a / b, 1 / b, -a / b),
                "The slope in b is too steep or too flat by a factor b. Write 1 / b as a power of b, and "
                "take its derivative: what becomes of the exponent?",
            ),
            Slip(
                "slopes of a product",
                lambda a, b: (a / b, b, a),
                "These are the slopes of a times b. How much does a / b grow when a grows by 1?",
            ),
            Slip(
                "slopes swapped",
                lambda a, b: (a / b, -a / b**2, 1 / b),
                "Both slopes are right, but they have changed places: the one in a is asked for first.",
            ),
            Slip(
                "slope 1 in a",
                lambda a, b: (a / b, 1.0, -a / b**2),
                "A slope of 1 belongs to a sum. When a grows by 1, a / b grows by less or more than that, "
                "and it depends on b.",
            ),
            Slip(
                "a forgotten",
                lambda a, b: (a / b, 1 / b, -1 / b**2),
                "The slope in b is that of 1 / b. There is an a above the line, which stays as a factor.",
            ),
            Slip(
                "rounded down",
                lambda a, b: (a // b, 1 / b, -a / b**2),
                "The slopes are right, but // rounds the quotient down to a whole number. Which sign "
                "divides and keeps what stands behind the point?",
            ),
            Slip(
                "slopes only",
                lambda a, b: (1 / b, -a / b**2),
                "Both slopes are right. Three numbers are asked for: the result itself comes before them.",
            ),
            Slip(
                "upside down",
                lambda a, b: (
                    b / a if a else math.inf,
                    -b / a**2 if a else math.inf,
                    1 / a if a else math.inf,
                ),
                "This is b divided by a, with its slopes. The first number is the one to be divided.",
            ),
        ),
        variants=(
            _quotient_by_powers,
            _quotient_from_the_result,
            _quotient_by_autograd,
        ),
        hints=(
            "A slope says how fast the result changes when one of the two changes and the other stays. "
            "For the slope in a, b is just a number, and so is 1 / b.",
            "For the slope in b, write the quotient as a times a power of b. The derivative of a power is "
            "the exponent, times the power with an exponent that is less by 1.",
            "The exponent is -1, so the slope in b is a times -1 times b to the power -2. Return the "
            "result, the slope in a, and this one.",
        ),
    )
)


def forward_slope(order, start):
    """Values, parents first, and one of them -> the last one's derivative by it."""
    slopes = {}
    for value in order:
        slopes[value] = 1.0 if value is start else 0.0
        for parent, slope in value.parents:
            slopes[value] += slope * slopes[parent]
    return slopes[order[-1]]


class _Value:
    """A number as the chapter's engine has it. An old gradient stands in ``grad``."""

    def __init__(self, data, *parents):
        self.data = data
        self.parents = list(parents)
        self.grad = 0.25 * data + 3.0


def _sum(a, b):
    return _Value(a.data + b.data, (a, 1.0), (b, 1.0))


def _product(a, b):
    return _Value(a.data * b.data, (a, b.data), (b, a.data))


def _tanh(a):
    result = math.tanh(a.data)
    return _Value(result, (a, 1 - result**2))


def _chain_graph():
    a = _Value(0.5)
    b = _tanh(a)
    c = _product(b, _three := _Value(3.0))
    d = _tanh(c)
    return [a, b, _three, c, d]


def _diamond_graph():
    a, b = _Value(2.0), _Value(-3.0)
    c = _product(a, b)
    d = _sum(a, c)
    return [a, b, c, d, _product(c, d)]


def _twice_graph():
    a = _Value(1.5)
    b = _product(a, a)
    c = _sum(b, b)
    return [a, b, c, _product(c, b)]


def _network_graph():
    x, y, w, v = (_Value(number) for number in (0.7, -0.4, 1.2, 0.3))
    order = [x, y, w, v]
    for left, right in ((x, w), (y, v), (x, v)):
        order.append(_product(left, right))
    for left, right in ((order[4], order[5]), (order[5], order[6])):
        order.append(_sum(left, right))
        order.append(_tanh(order[-1]))
    return [*order, _product(order[8], order[10])]


def _from(make, place):
    def arguments():
        order = make()
        return order, order[place]

    return arguments


def _forward(*, first=lambda value, start: 1.0 if value is start else 0.0, step, end=None):
    """Go forward; ``step`` makes the new slope of the one so far and a parent's."""

    def forward_slope(order, start):
        slopes = {}
        for value in order:
            slopes[value] = first(value, start)
            for parent, slope in value.parents:
                slopes[value] = step(slopes[value], slope, slopes[parent])
        return end(slopes, order) if end else slopes[order[-1]]

    return forward_slope


def _add_product(so_far, slope, of_parent):
    return so_far + slope * of_parent


def _first_parent_only(order, start):
    slopes = {}
    for value in order:
        slopes[value] = 1.0 if value is start else 0.0
        for parent, slope in value.parents[:1]:
            slopes[value] += slope * slopes[parent]
    return slopes[order[-1]]


def _backward(order, start, *, clear=True):
    if clear:
        for value in order:
            value.grad = 0.0
    order[-1].grad = 1.0
    for value in reversed(order):
        for parent, slope in value.parents:
            parent.grad += value.grad * slope
    return start.grad


def _backward_too_early(order, start):
    for value in order:
        value.grad = 0.0
    order[-1].grad = 1.0
    seen = set()

    def enter(value):
        seen.add(value)
        for parent, slope in value.parents:
            parent.grad += value.grad * slope
            if parent not in seen:
                enter(parent)

    enter(order[-1])
    return start.grad


def _all_ways(order, start):
    def derivative(value):
        if value is start:
            return 1.0
        return sum(slope * derivative(parent) for parent, slope in value.parents)

    return derivative(order[-1])


def _by_places(order, start):
    places = {id(value): place for place, value in enumerate(order)}
    begin = places[id(start)]
    slopes = [0.0] * begin + [1.0]
    for value in order[begin + 1 :]:
        slopes.append(sum(slope * slopes[places[id(parent)]] for parent, slope in value.parents))
    return slopes[-1]


def _in_grad(order, start):
    for value in order:
        value.grad = sum(parent.grad * slope for parent, slope in value.parents)
        if value is start:
            value.grad = 1.0
    return order[-1].grad


add(
    Exercise(
        name="forward_slope",
        chapter="3_further/03_autograd_in_sixty_lines",
        reference=forward_slope,
        checked="9 starts in 4 graphs, 3 of them with diamonds",
        cases=calls(
            {
                "a chain": _from(_chain_graph, 0),
                "a chain, from its middle": _from(_chain_graph, 3),
                "a diamond": _from(_diamond_graph, 0),
                "a diamond, the other start": _from(_diamond_graph, 1),
                "a diamond, from its middle": _from(_diamond_graph, 2),
                "the last value by itself": _from(_diamond_graph, 4),
                "values used twice": _from(_twice_graph, 0),
                "a small network, by an input": _from(_network_graph, 0),
                "a small network, by a weight": _from(_network_graph, 3),
            }
        ),
        slips=(
            Slip(
                "assigned instead of added",
                _forward(step=lambda so_far, slope, of_parent: slope * of_parent),
                "The last parent erases what the others gave. A value with two parents changes because "
                "of both. What has to happen with the two parts?",
            ),
            Slip(
                "first parent only",
                _first_parent_only,
                "Right on a chain. A value with two parents changes because of both, and only the first "
                "of them was asked.",
            ),
            Slip(
                "slopes left out",
                _forward(step=lambda so_far, slope, of_parent: so_far + of_parent),
                "This counts the ways from the start to the end. Each arrow of a way has a slope, which "
                "is there to be multiplied with.",
            ),
            Slip(
                "slopes added",
                _forward(step=lambda so_far, slope, of_parent: so_far + slope + of_parent),
                "Along a way, slopes are multiplied, not added. That is the chain rule. Only what arrives "
                "on different ways is added.",
            ),
            Slip(
                "every start counts",
                _forward(
                    first=lambda value, start: 0.0 if value.parents else 1.0, step=_add_product
                ),
                "All values at the beginning move at once here, so the result is the sum of their "
                "gradients. Only one of them is asked about. How fast do the others change with it?",
            ),
            Slip(
                "start not set to 1",
                _forward(first=lambda value, start: 0.0, step=_add_product),
                "Everything is 0, because nothing ever began to move. How fast does the start change with "
                "itself?",
            ),
            Slip(
                "everything summed",
                _forward(step=_add_product, end=lambda slopes, order: sum(slopes.values())),
                "The derivative of each value is right. Only that of the last one is asked for, not the "
                "sum of all.",
            ),
            Slip(
                "the start by itself",
                lambda order, start: 1.0,
                "This is how fast the start changes with itself: 1, always. The last value in the list is "
                "asked about.",
            ),
            Slip(
                "all derivatives returned",
                _forward(step=_add_product, end=lambda slopes, order: list(slopes.values())),
                "The derivative of each value came back. Only that of the last one is asked for, as one "
                "number.",
            ),
            Slip(
                "old gradients left",
                lambda order, start: _backward(order, start, clear=False),
                "You go backward, which is allowed. But numbers from an earlier walk stand in grad, and "
                "yours were added to them. What should be done first?",
            ),
            Slip(
                "the old gradient",
                lambda order, start: start.grad,
                "This number stood in grad before anything was computed. It belongs to an earlier walk. "
                "Use parents, with their slopes, to find the new one.",
            ),
            Slip(
                "passed on too early",
                _backward_too_early,
                "You go backward, which is allowed. But a value passes its gradient on before all of it "
                "has come. The list is in order: what does that save you?",
            ),
        ),
        variants=(_backward, _all_ways, _by_places, _in_grad),
        hints=(
            "Each value has a derivative with respect to the start: 1 for the start itself, and 0 for what "
            "does not depend on it. Go through the list, and find one after the other.",
            "Keep a dictionary from value to derivative. When you come to a value, its parents are in it. "
            "Each of them contributes its slope times its own derivative, and the contributions are added.",
            "Begin each value with 1.0 if it is the start, else with 0.0. For each parent and slope in "
            "value.parents, add slope times the parent's entry. Return the entry of order[-1].",
        ),
    )
)

# 04_watch_it_learn


def moving_average(losses, width):
    """(steps,) losses -> (steps,) means of each and of up to width - 1 before it."""
    means = []
    for step in range(len(losses)):
        first = max(0, step - width + 1)
        means.append(losses[first : step + 1].mean())
    return torch.stack(means)  # (steps,)


def _windows(bounds, reduce=lambda window, width: window.mean()):
    """Take ``reduce`` of the losses between the two bounds of each step."""

    def moving_average(losses, width):
        means = []
        for step in range(len(losses)):
            first, end = bounds(step, width)
            means.append(reduce(losses[first:end], width))
        return torch.stack(means)

    return moving_average


def _trailing(step, width):
    return max(0, step - width + 1), step + 1


def _average_by_sums(losses, width):
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), losses.double().cumsum(0)])
    ends = torch.arange(1, len(losses) + 1)
    starts = (ends - width).clamp(min=0)
    return ((sums[ends] - sums[starts]) / (ends - starts)).float()


def _average_by_lists(losses, width):
    numbers, means = losses.tolist(), []
    for step in range(len(numbers)):
        window = numbers[: step + 1][-width:]
        means.append(sum(window) / len(window))
    return torch.tensor(means)


def _average_by_queue(losses, width):
    window, means = [], []
    for loss in losses:
        window.append(loss)
        if len(window) > width:
            window.pop(0)
        means.append(sum(window) / len(window))
    return torch.stack(means)


def _average_of_all(losses, width):
    return losses.cumsum(0) / torch.arange(1, len(losses) + 1)


def _whole_windows_only(losses, width):
    return losses.unfold(0, width, 1).mean(dim=1)


def _exponential(losses, width):
    means = [losses[0]]
    for loss in losses[1:]:
        means.append(means[-1] + (loss - means[-1]) / width)
    return torch.stack(means)


def _blocks(losses, width):
    return torch.stack([losses[k : k + width].mean() for k in range(0, len(losses), width)])


add(
    Exercise(
        name="moving_average",
        chapter="3_further/04_watch_it_learn",
        reference=moving_average,
        checked="5 runs, among them one that is shorter than the width",
        cases=calls(
            {
                "12 steps, width 4": lambda: (torch.randn(12), 4),
                "9 steps, width 3": lambda: (torch.rand(9) * 5, 3),
                "7 steps, width 2": lambda: (torch.arange(7.0) ** 2, 2),
                "5 steps, width 1": lambda: (torch.randn(5), 1),
                "4 steps, width 10": lambda: (torch.tensor([4.0, 1.0, 7.0, 2.0]), 10),
            }
        ),
        slips=(
            Slip(
                "zeros before the start",
                _windows(_trailing, lambda window, width: window.sum() / width),
                "Too small at the start. There are fewer losses than the width allows, and the sum was "
                "divided by the width all the same. How many losses are in the sum?",
            ),
            Slip(
                "empty at the start",
                _windows(lambda step, width: (step - width + 1, step + 1)),
                "Right from the first whole window on, and nan or wrong before. There, the slice begins "
                "with a negative number, which Python counts from the end. Where should it begin?",
            ),
            Slip(
                "shorter than the losses",
                _whole_windows_only,
                "Only whole windows were averaged, so the result is shorter, and a run shorter than the "
                "width fails. At the start, take the losses that there are.",
            ),
            Slip(
                "a look into the future",
                _windows(lambda step, width: (max(0, step - width // 2), step + width // 2 + 1)),
                "The window lies around the step, so it takes losses that come later. During training "
                "nobody knows them. Only the step itself and those before it should count.",
            ),
            Slip(
                "only the future",
                _windows(lambda step, width: (step, step + width)),
                "The window begins at the step and goes on, into losses that come later. It should end at "
                "the step.",
            ),
            Slip(
                "one too many",
                _windows(lambda step, width: (max(0, step - width), step + 1)),
                "The window holds width + 1 losses. The step itself is one of them, so how many remain "
                "for those before it?",
            ),
            Slip(
                "one too few",
                _windows(lambda step, width: (max(0, min(step, step - width + 2)), step + 1)),
                "The window holds width - 1 losses. Count: the step itself, and how many before it?",
            ),
            Slip(
                "the step itself left out",
                _windows(lambda step, width: (max(0, step - width), step)),
                "A slice ends before its second number, so the loss of the step itself is missing, and "
                "the first window is empty, which gives nan.",
            ),
            Slip(
                "mean of all so far",
                _average_of_all,
                "This is the mean of everything since the start. The width was never used: the large "
                "losses of the beginning should be forgotten after so many steps.",
            ),
            Slip(
                "exponential average",
                _exponential,
                "This average forgets the past little by little. It is a good one, and another one: here, "
                "each of the last losses counts the same, and what is older does not count.",
            ),
            Slip(
                "one mean a block",
                _blocks,
                "There is one mean for each block of the given width. A moving average has one for each "
                "step: its window moves on by a single step.",
            ),
            Slip(
                "not divided",
                _windows(_trailing, lambda window, width: window.sum()),
                "These are sums. What has to be done with each, so that it becomes a mean?",
            ),
            Slip(
                "a list",
                lambda losses, width: list(moving_average(losses, width)),
                "The numbers are right, but they came as a list. One tensor of shape (steps,) is asked "
                "for. Which function stacks tensors?",
            ),
        ),
        variants=(
            _windows(_trailing),
            _average_by_sums,
            _average_by_lists,
            _average_by_queue,
        ),
        hints=(
            "For each step, cut out the losses that count, and take their mean. The window ends at the "
            "step. At the start of the run there is less to take, and the mean is of what there is.",
            "The result has one entry a step. The window of a step has at most width losses, itself among "
            "them, and it must not begin before 0.",
            "With first = max(0, …), losses[first : step + 1].mean() is one entry. The dots: the step, less "
            "the width, plus 1. Collect them in a list, and stack it.",
        ),
    )
)


def settled_at(answers):
    """(frames, images) answers -> (images,) frames from which they stay as they end."""
    differs = answers != answers[-1]  # (frames, images)
    counted = torch.arange(1, len(answers) + 1)[:, None]  # (frames, 1)
    return (differs * counted).amax(dim=0)  # (images,)


def _frames(of_image):
    """Find a frame for each image by a function of the list of its answers."""

    def settled_at(answers):
        return torch.tensor([of_image(column) for column in answers.T.tolist()])

    return settled_at


def _settled_by_walking_back(column):
    frame = len(column) - 1
    while frame > 0 and column[frame - 1] == column[-1]:
        frame -= 1
    return frame


def _last_change(column):
    changes = [k for k in range(1, len(column)) if column[k] != column[k - 1]]
    return changes[-1] if changes else 0


def _first_change(column):
    changes = [k for k in range(1, len(column)) if column[k] != column[k - 1]]
    return changes[0] if changes else 0


def _settled_by_products(answers):
    stays = (answers == answers[-1]).flip(0).long().cumprod(0)  # (frames, images)
    return len(answers) - stays.sum(0)


def _along_the_images(answers):
    differs = answers != answers[:, -1:]
    return (differs * torch.arange(1, answers.shape[1] + 1)).amax(dim=1)


def _run():
    """Make 9 frames of 6 images: settled at 0, at the end, early and late, with returns."""
    return (
        torch.tensor(
            [
                [3, 3, 3, 3, 3, 3, 3, 3, 3],
                [1, 1, 1, 1, 1, 1, 1, 1, 7],
                [5, 2, 2, 2, 2, 2, 2, 2, 2],
                [4, 9, 4, 9, 9, 4, 4, 4, 4],
                [6, 6, 0, 6, 8, 6, 6, 6, 6],
                [2, 7, 7, 1, 1, 0, 7, 7, 7],
            ]
        ).T.contiguous(),
    )


add(
    Exercise(
        name="settled_at",
        chapter="3_further/04_watch_it_learn",
        reference=settled_at,
        checked="4 recordings, among them a square one and one of a single frame",
        cases=calls(
            {
                "9 frames, 6 images": _run,
                "5 frames, 8 images": lambda: (torch.randint(0, 3, (5, 8)),),
                "6 frames, 6 images": lambda: (torch.randint(0, 2, (6, 6)),),
                "a single frame": lambda: (torch.tensor([[4, 1, 8]]),),
            }
        ),
        slips=(
            Slip(
                "first time it appears",
                _frames(lambda column: column.index(column[-1])),
                "This is where the last answer shows up first. Some images leave it again and come back. "
                "From which frame on does nothing change any more?",
            ),
            Slip(
                "one too early",
                _frames(lambda column: max(0, _last_change(column) - 1)),
                "This is the last frame with another answer. The one after it is asked for.",
            ),
            Slip(
                "counted from 1",
                _frames(lambda column: _last_change(column) + 1),
                "Every number is too large by 1. Frames are counted from 0, as in an index.",
            ),
            Slip(
                "first change",
                _frames(_first_change),
                "This is the first frame that differs from the one before. Later ones may differ, too. "
                "Which change is the one after which there is rest?",
            ),
            Slip(
                "number of changes",
                lambda answers: (answers[1:] != answers[:-1]).sum(dim=0),
                "This counts how often the answer changed. Asked for is when it did so for the last time.",
            ),
            Slip(
                "number of other answers",
                lambda answers: (answers != answers[-1]).sum(dim=0),
                "This counts the frames with another answer than the last. Right where they all come "
                "first. But an image may show the last answer in between, for a while.",
            ),
            Slip(
                "how long it stays",
                _frames(lambda column: len(column) - _last_change(column)),
                "This counts the frames from the last change to the end. Asked for is the place where "
                "that stretch begins.",
            ),
            Slip(
                "frames and images mixed up",
                _along_the_images,
                "Each frame was compared with its last image. Frames lie along dimension 0: the answers to "
                "compare with are the last row.",
            ),
            Slip(
                "one number for all",
                lambda answers: settled_at(answers).amax(),
                "One number came back: the frame from which no answer changes any more. Each image has a "
                "frame of its own.",
            ),
            Slip(
                "a list",
                lambda answers: settled_at(answers).tolist(),
                "The numbers are right, but they came as a list. A tensor of shape (images,) is asked for.",
            ),
            Slip(
                "floats",
                lambda answers: settled_at(answers).float(),
                "The numbers are right, but a frame's number is a whole one: int64, as everything that "
                "counts or indexes.",
            ),
        ),
        variants=(
            _frames(_settled_by_walking_back),
            _frames(_last_change),
            _settled_by_products,
        ),
        hints=(
            "Walk backward from the last frame, as long as the answer stays the same. Or look for the last "
            "frame that differs from the end: the one after it is asked for.",
            "answers != answers[-1] has the shape (frames, images): where an image differs from its own "
            "end. Of each column, find the last yes. Some columns have none.",
            "Multiply that by the frames' numbers counted from 1, as a column of shape (frames, 1), and take "
            "amax(dim=0). Where nothing differs, that is 0. Else it is one after the last difference.",
        ),
    )
)
