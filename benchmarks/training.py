"""Time training: the loop of most tutorials against ours, and a step of ours against its floor.

    nox -s bench -- training                # MNIST, about ten minutes on two cores
    nox -s bench -- training digits         # a try, in half a minute
    nox -s bench -- training --keep         # writes docs/measured/training.json

The network is always 784-128-64-10. Both loops run in turn, in one process, so what counts are the ratios.
"The source" takes each image by itself through `ToTensor` and `Normalize`, stacks 64 of them, steps with SGD
and a learning rate of 0.01, and reads the loss as a number in each step. A stopwatch stands still while the
accuracy is measured. The floor of a step are its matrix products alone, with the same threads.
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import _measure as measure
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader
from torchvision import transforms

from firstlayers import plotting
from firstlayers.data import DATASETS, DatasetUnavailable, as_tensors, load_dataset, make_loader
from firstlayers.models import Network
from firstlayers.progress import progress_bar
from firstlayers.training import train_epoch

Batches = Iterator[tuple[Tensor, Tensor]]
LEVELS = (0.925, 0.97)
EPOCHS = 6  # in which ours should reach the last level


def fresh(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return Network()


def seconds_to(
    model: nn.Module,
    batches: Batches,
    step: Callable[[Tensor, Tensor], None],
    test: tuple[Tensor, Tensor],
    every: int,
    already: float,
    levels: tuple[float, ...] = LEVELS,
) -> dict[float, tuple[float, int]]:
    """Train until the accuracy on the test images has passed each level.

    Returns the seconds and the steps that it took to reach each; the time to measure does not count.
    """
    reached: dict[float, tuple[float, int]] = {}
    seconds, started = already, time.perf_counter()
    for steps, (images, labels) in enumerate(batches, start=1):
        step(images, labels)
        if steps % every:
            continue
        seconds += time.perf_counter() - started
        with torch.inference_mode():
            accuracy = (model(test[0]).argmax(1) == test[1]).float().mean().item()
        for level in levels:
            if accuracy >= level and level not in reached:
                reached[level] = (seconds, steps)
        if len(reached) == len(levels):
            break
        started = time.perf_counter()
    return reached


def plain_step(model: nn.Module, optimizer: Optimizer) -> Callable[[Tensor, Tensor], None]:
    def step(images: Tensor, labels: Tensor) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def source_step(model: nn.Module, optimizer: Optimizer) -> Callable[[Tensor, Tensor], None]:
    def step(images: Tensor, labels: Tensor) -> None:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()  # for the running loss that it prints

    return step


@torch.no_grad()
def epoch_by_hand(model: Network, loader: DataLoader, rate: float) -> None:
    """Do what `train_epoch` does with SGD, with the formulas of this network in place of autograd."""
    layers = [model.fc1, model.fc2, model.fc3]
    for images, labels in loader:
        inputs = [images.flatten(1)]  # of each layer
        for layer in layers[:-1]:
            inputs.append(F.linear(inputs[-1], layer.weight, layer.bias).relu_())
        logits = F.linear(inputs[-1], layers[-1].weight, layers[-1].bias)
        gradient = (logits.softmax(1) - F.one_hot(labels, 10)) / len(labels)  # of the loss, by them
        for layer, values in zip(reversed(layers), reversed(inputs), strict=True):
            below = None if layer is layers[0] else (gradient @ layer.weight).mul_(values > 0)
            layer.weight.addmm_(gradient.T, values, alpha=-rate)
            layer.bias.sub_(gradient.sum(0), alpha=rate)
            gradient = below


def products(model: Network, batch_size: int) -> Callable[[], None]:
    """Return what does the matrix products of a step, forward and backward, and nothing else."""
    weights = [layer.weight.detach() for layer in (model.fc1, model.fc2, model.fc3)]
    inputs = [torch.randn(batch_size, w.shape[1]) for w in weights]
    gradients = [torch.randn(batch_size, w.shape[0]) for w in weights]

    def compute() -> None:
        for weight, values, gradient in zip(weights, inputs, gradients, strict=True):
            values @ weight.T  # the output
            gradient.T @ values  # the gradient of the weight
            if weight is not weights[0]:
                gradient @ weight  # the gradient of the input

    return compute


def seconds_to_compile(step: Callable[[], None]) -> float | None:
    """Take a first step, which compiles; return how long it took, or None where that does not work."""
    started = time.perf_counter()
    try:
        step()
    except RuntimeError as error:  # without a C++ compiler, for example
        print(f"torch.compile does not work here: {error}", file=sys.stderr)
        return None
    return time.perf_counter() - started


class Bench:
    """Images, and all that is measured with them."""

    def __init__(self, name: str, repeat: int, compile: bool) -> None:
        self.repeat, self.compile = repeat, compile
        each = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
        self.train_set, self.test_set = load_dataset(name, download=False, transform=each)
        self.images, self.labels = as_tensors(self.train_set, mean=0.5, std=0.5)

    def source_loader(self) -> DataLoader:
        """Give batches as the source does."""
        return DataLoader(self.train_set, batch_size=64, shuffle=True)

    def loader(self, batch_size: int) -> DataLoader:
        """Give batches as the course does."""
        return make_loader(self.images, self.labels, batch_size, shuffle=True)

    def epochs(self) -> dict[str, Any]:
        """Compare an epoch of both loops, with the same batches and the same optimizer."""
        model = fresh()
        step = source_step(model, SGD(model.parameters(), 0.01))

        def source() -> None:
            for images, labels in self.source_loader():
                step(images, labels)

        def ours(**how: bool) -> Callable[[], object]:
            model = fresh()
            optimizer = SGD(model.parameters(), 0.01, **how)
            return lambda: train_epoch(model, self.loader(64), optimizer)

        formulas = fresh()

        def by_hand() -> None:
            epoch_by_hand(formulas, self.loader(64), 0.01)

        loops = {
            "the source: image by image": source,
            "ours: train_epoch": ours(),
            "ours, with SGD(fused=True)": ours(fused=True),
            "this network's formulas, without autograd": by_hand,
        }
        # The machine's bad moments last longer than an epoch, so many rounds are needed.
        found = measure.medians_in_turn(loops, 3 * self.repeat, 1)
        slow = found["the source: image by image"]
        rows = []
        for name, seconds in found.items():
            rate = f"{len(self.images) / seconds:,.0f}"
            rows.append([name, f"{seconds:.2f}", rate, f"{slow / seconds:.1f}"])
        header = ["loop", "seconds", "images per second", "times as fast"]
        return measure.table("An epoch: batch size 64, SGD", header, rows)

    def accuracies(self) -> dict[str, Any]:
        """Compare how long it takes to a certain accuracy on the test images."""
        model = fresh()
        step = source_step(model, SGD(model.parameters(), 0.01))
        forever = itertools.chain.from_iterable(self.source_loader() for _ in range(40))
        test = as_tensors(self.test_set, mean=0.5, std=0.5)
        source = seconds_to(model, forever, step, test, 50, 0.0, LEVELS[:1])
        started = time.perf_counter()
        some = self.train_set.data[::10] / 255  # more would hardly change the two numbers
        scale = {"mean": some.mean().item(), "std": some.std().item()}
        images, labels = as_tensors(self.train_set, **scale)
        converting = time.perf_counter() - started
        test = as_tensors(self.test_set, **scale)
        found = []
        for seed in progress_bar(range(self.repeat), unit="training run"):
            mine = fresh(seed)
            loader = make_loader(images, labels, 256, shuffle=True)
            fused = AdamW(mine.parameters(), fused=True)
            rate = OneCycleLR(fused, max_lr=0.01, total_steps=EPOCHS * len(loader), pct_start=0.05)
            take = plain_step(mine, fused)

            def step(images: Tensor, labels: Tensor, take=take, rate=rate) -> None:
                take(images, labels)
                rate.step()

            batches = itertools.chain.from_iterable(loader for _ in range(EPOCHS))
            found.append((len(loader), seconds_to(mine, batches, step, test, 10, converting)))
        rows = []
        for level in LEVELS:
            reached = [(len_, runs[level]) for len_, runs in found if level in runs]
            theirs = f"{source[level][0]:.1f}" if level in source else "not measured"
            if len(reached) < len(found):
                rows.append([f"{level:.1%}", theirs, "not reached", "", ""])
                continue
            seconds = statistics.median(taken for _, (taken, _) in reached)
            epochs = statistics.median(steps / len_ for len_, (_, steps) in reached)
            ratio = f"{source[level][0] / seconds:.0f}" if level in source else ""
            rows.append([f"{level:.1%}", theirs, f"{seconds:.2f}", f"{epochs:.1f}", ratio])
        header = ["accuracy on the test images", "the source, seconds", "ours, seconds", "ours, epochs", "times as fast"]  # fmt: skip
        caption = (
            "To an accuracy: the source as above; ours with standardized images, batch size 256, AdamW "
            f"and OneCycleLR, median of {self.repeat} runs, with the {converting:.2f} s that it takes to "
            "make the tensors and to standardize them"
        )
        return measure.table(caption, header, rows)

    def floor(self) -> dict[str, Any]:
        """Compare a step with its matrix products alone."""
        rows = []
        for batch_size in progress_bar((64, 128, 256, 512, 1024), unit="batch size"):
            model = fresh()
            step = plain_step(model, AdamW(model.parameters(), fused=True))
            images = torch.randn(batch_size, 1, 28, 28)
            labels = torch.randint(10, (batch_size,))
            calls = {
                "step": lambda s=step, i=images, c=labels: s(i, c),
                "products": products(model, batch_size),
            }
            taken, bare = measure.medians_in_turn(calls, 5, 20 * self.repeat).values()
            rows.append(
                [
                    str(batch_size),
                    f"{1000 * taken:.2f}",
                    f"{1000 * bare:.2f}",
                    f"{taken / bare:.2f}",
                ]
            )
        header = ["batch size", "a step, ms", "its matrix products, ms", "ratio"]
        return measure.table("A training step against its floor", header, rows)

    def sizes(self) -> dict[str, Any]:
        """Time an epoch with batches of several sizes."""
        loaders = {size: self.loader(size) for size in (16, 32, 64, 128, 256, 512, 1024)}

        def epoch(loader: DataLoader) -> Callable[[], object]:
            model = fresh()
            optimizer = AdamW(model.parameters(), fused=True)
            return lambda: train_epoch(model, loader, optimizer)

        calls = {str(size): epoch(loader) for size, loader in loaders.items()}
        found = measure.medians_in_turn(calls, self.repeat, 1)
        rows = []
        for (size, loader), seconds in zip(loaders.items(), found.values(), strict=True):
            rate = f"{len(self.images) / seconds:,.0f}"
            rows.append([str(size), str(len(loader)), f"{seconds:.3f}", rate])
        header = ["batch size", "steps", "seconds an epoch", "images per second"]
        return measure.table("Batch sizes, with AdamW", header, rows)

    def optimizers(self) -> dict[str, Any]:
        """Time a step with several optimizers, and with a compiled model."""
        images, labels = self.images[:256], self.labels[:256]
        kinds: dict[str, Callable[[nn.Module], Optimizer]] = {
            "SGD": lambda m: SGD(m.parameters(), 0.01, foreach=False),
            "SGD with momentum": lambda m: SGD(m.parameters(), 0.01, momentum=0.9, foreach=False),
            "SGD, fused": lambda m: SGD(m.parameters(), 0.01, fused=True),
            "AdamW, one parameter at a time": lambda m: AdamW(m.parameters(), foreach=False),
            "AdamW, foreach": lambda m: AdamW(m.parameters(), foreach=True),
            "AdamW, fused": lambda m: AdamW(m.parameters(), fused=True),
        }

        def step_with(make: Callable[[nn.Module], Optimizer]) -> Callable[[], None]:
            model = fresh()
            step = plain_step(model, make(model))
            return lambda: step(images, labels)

        calls = {name: step_with(make) for name, make in kinds.items()}
        before = dict.fromkeys(calls, "")
        if self.compile:
            compiled = fresh()
            optimizer = AdamW(compiled.parameters(), fused=True)
            # What an earlier run compiled is still on the disk, and would be found.
            afresh = torch.compile(compiled, options={"force_disable_caches": True})
            step = plain_step(afresh, optimizer)
            name = "AdamW, fused, torch.compile"
            seconds = seconds_to_compile(lambda: step(images, labels))
            before[name] = "does not work here" if seconds is None else f"{seconds:.1f} s"
            if seconds is not None:
                calls[name] = lambda: step(images, labels)
        found = measure.medians_in_turn(calls, 5, 20 * self.repeat)
        rows = [
            [name, f"{1000 * found[name]:.2f}" if name in found else "", words]
            for name, words in before.items()
        ]
        header = ["optimizer", "a step of 256 images, ms", "before the first step"]
        return measure.table("Optimizers", header, rows)


def draw(tables: dict[str, dict[str, Any]]) -> Figure:
    """Draw what the tables on batch sizes and on the floor say."""
    plotting.use_style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
    columns = list(zip(*tables["sizes"]["rows"], strict=True))
    batch_sizes = [int(cell) for cell in columns[0]]
    rates = [float(cell.replace(",", "")) for cell in columns[3]]
    left.plot(batch_sizes, rates, "o-")
    left.set(title="Images per second", xlabel="batch size", ylim=(0, None))
    columns = list(zip(*tables["floor"]["rows"], strict=True))
    steps = [int(cell) for cell in columns[0]]
    for column, words in ((1, "a training step"), (2, "its matrix products")):
        right.plot(steps, [float(cell) for cell in columns[column]], "o-", label=words)
    right.set(title="Milliseconds", xlabel="batch size", ylim=(0, None))
    right.legend()
    for ax, ticks in ((left, batch_sizes), (right, steps)):
        ax.set_xscale("log", base=2)
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
    return plotting.describe(
        fig,
        "Left, images per second over the batch size, a curve that rises and flattens. Right, "
        "milliseconds of a training step and of its matrix products alone, over the batch size.",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", nargs="?", default="mnist", choices=DATASETS)
    parser.add_argument("--repeat", type=int, default=3, help="how often (default: 3)")
    parser.add_argument(
        "--no-compile", dest="compile", action="store_false", help="do without torch.compile"
    )
    measure.add_keep(parser)
    chosen = parser.parse_args()
    try:
        bench = Bench(chosen.name, chosen.repeat, chosen.compile)
    except DatasetUnavailable as error:
        sys.exit(str(error))
    with measure.Record("training", chosen.keep) as record:
        tables = {}
        for part in (bench.epochs, bench.accuracies, bench.floor, bench.sizes, bench.optimizers):
            tables[part.__name__] = part()
            record.add(tables[part.__name__])
        record.figures["batch_sizes"] = draw(tables)


if __name__ == "__main__":
    main()
