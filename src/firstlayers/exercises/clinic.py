"""The exercises of the track "The clinic".

One block an exercise: the course's answer, whose source learners can read, and below it what an answer
is asked, wrong answers that have a name, further right ones, and hints.
"""

import itertools
import re

import torch

from firstlayers.exercises.observation import freeze
from firstlayers.exercises.registry import Exercise, Slip, add

# 01_common_mistakes


# 02_error_messages


def broadcast_shape(first, second):
    """Two shapes -> the shape of a sum of such tensors, or None if they do not fit."""
    axes = max(len(first), len(second))
    first = (1,) * (axes - len(first)) + tuple(first)
    second = (1,) * (axes - len(second)) + tuple(second)
    result = []
    for one, other in zip(first, second, strict=True):
        if one != other and 1 not in (one, other):
            return None
        result.append(other if one == 1 else one)
    return tuple(result)


def _look_at_shape(first, second):
    return lambda answer: freeze(answer(first, second))


def _broadcast(
    *,
    align=lambda shape, axes: (1,) * (axes - len(shape)) + tuple(shape),
    fits=lambda one, other: one == other or 1 in (one, other),
    pick=max,
    where=slice(None),
    wrong=None,
    give=lambda result, first, second: result,
):
    def broadcast_shape(first, second):
        axes = max(len(first), len(second))
        pairs = [*zip(align(first, axes), align(second, axes), strict=False)]
        if not all(fits(one, other) for one, other in pairs[where]):
            return wrong
        return give(tuple(pick(one, other) for one, other in pairs), first, second)

    return broadcast_shape


def _from_the_end(first, second):
    pairs = itertools.zip_longest(reversed(first), reversed(second), fillvalue=1)
    result = ()
    for one, other in pairs:
        if one != other and one != 1 and other != 1:
            return None
        result = (max(one, other), *result)
    return result


def _ask_torch(first, second):
    try:
        return tuple(torch.broadcast_shapes(first, second))
    except RuntimeError:
        return None


def _add_tensors_without_numbers(first, second):
    try:
        return (torch.empty(first, device="meta") + torch.empty(second, device="meta")).shape
    except RuntimeError:
        return None


def _common_axes_only(first, second):
    result = []
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other and 1 not in (one, other):
            return None
        result.insert(0, max(one, other))
    return tuple(result)


def _equal_lengths_only(first, second):
    return _from_the_end(first, second) if len(first) == len(second) else None


def _product_shape(first, second):
    return (*first[:-1], *second[1:]) if first and second and first[-1] == second[0] else None


_SHAPES = (
    ((64, 10), (64, 1)),
    ((64, 10), (64,)),
    ((64, 10), (10,)),
    ((10,), (64, 10)),
    ((64, 10), (64, 9)),
    ((10, 10), (10,)),
    ((3, 4), (4, 3)),
    ((3, 1, 5), (4, 1)),
    ((2, 5, 3), (3, 5, 3)),
    ((64, 1, 28, 28), (1, 28)),
    ((6, 3), (2, 3)),
    ((), (5,)),
)


add(
    Exercise(
        name="broadcast_shape",
        chapter="4_clinic/02_error_messages",
        reference=broadcast_shape,
        checked=f"{len(_SHAPES)} pairs of shapes, five of which do not fit",
        cases={f"{first} and {second}": _look_at_shape(first, second) for first, second in _SHAPES},
        slips=(
            Slip(
                "aligned at the start",
                _broadcast(align=lambda shape, axes: tuple(shape) + (1,) * (axes - len(shape))),
                "The shapes are compared from their first axis on. They are aligned at their ends: the "
                "last axis meets the last one. Where do missing axes belong then?",
            ),
            Slip(
                "as many axes wanted",
                _equal_lengths_only,
                "Shapes with different numbers of axes are refused. (64, 10) and (10,) fit, though. "
                "What size may an axis be taken to have that is not there?",
            ),
            Slip(
                "1 does not stretch",
                _broadcast(fits=lambda one, other: one == other),
                "Only equal sizes are accepted. There is one size that fits every other one.",
            ),
            Slip(
                "everything fits",
                _broadcast(fits=lambda one, other: True),
                "Nothing is ever refused: of two sizes, the larger one is taken. When is there no "
                "result?",
            ),
            Slip(
                "last axis only",
                _broadcast(where=slice(-1, None)),
                "Only the last sizes are compared. (2, 5, 3) and (3, 5, 3) fail at an earlier axis.",
            ),
            Slip(
                "first axis only",
                _broadcast(where=slice(0, 1)),
                "Only the first sizes are compared, after alignment. A later axis can fail, too.",
            ),
            Slip(
                "leading axes lost",
                _common_axes_only,
                "The axes that only one of the two has are missing in the result. They stay as they are.",
            ),
            Slip(
                "yes or no",
                _broadcast(give=lambda result, first, second: True, wrong=False),
                "It says whether they fit. Asked for is the shape that comes out, and None only where "
                "nothing does.",
            ),
            Slip(
                "the first one's shape",
                _broadcast(give=lambda result, first, second: tuple(first)),
                "It gives the first shape back. But the second one may be the larger, or both may "
                "stretch, each along another axis.",
            ),
            Slip(
                "the smaller size",
                _broadcast(pick=min),
                "Of two sizes the smaller one was taken. An axis of size 1 is stretched, so which one "
                "is left?",
            ),
            Slip(
                "matrix product",
                _product_shape,
                "This is the rule for @: inner sizes are equal, and vanish. Here the tensors are added, "
                "entry by entry.",
            ),
            Slip(
                "multiples fit",
                _broadcast(fits=lambda one, other: max(one, other) % min(one, other) == 0),
                "Sizes are accepted when one is a multiple of the other. PyTorch repeats an axis only if "
                "it has a certain size.",
            ),
            Slip(
                "0 for no shape",
                _broadcast(wrong=()),
                "Where the two do not fit, it returns (), which is the shape of a single number. Asked "
                "for is None.",
            ),
            Slip(
                "error not caught",
                lambda first, second: tuple(torch.broadcast_shapes(first, second)),
                "PyTorch was asked, and that is fine. But if two shapes do not fit, its error comes "
                "through. What should the function do with it?",
            ),
        ),
        variants=(_broadcast(), _from_the_end, _ask_torch, _add_tensors_without_numbers),
        hints=(
            "Write the two shapes below each other, so that they end together. Then look at each column "
            "by itself.",
            "Two tuples go in, and a tuple as long as the longer one comes out. Put as many ones in front "
            "of the shorter one as it lacks; then every column has two sizes.",
            "(1,) * (axes - len(shape)) + shape makes both equally long. In each pair, the sizes must be "
            "equal or one of them 1, else return None. The result has the other one's size.",
        ),
    )
)


def last_line(text):
    """The text of a traceback -> the error's type, and its message."""
    line = text.strip().splitlines()[-1]
    kind, _, message = line.partition(": ")
    return kind.rpartition(".")[2], message


_TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 21, in <module>
    train(batches)
  File "train.py", line 14, in train
    {code}
"""

_TRACEBACKS = {
    "a message about shapes": _TRACEBACK.format(code="logits = model(images)")
    + "RuntimeError: addmm: mat1 and mat2 shapes cannot be multiplied (64x512 and 256x10)\n",
    "a message with colons": _TRACEBACK.format(code="loss.backward()")
    + "RuntimeError: modified by an inplace operation: [torch.FloatTensor [3]] is at version 1. "
    "Hint: enable anomaly detection",
    "a type with the name of its module": _TRACEBACK.format(code="state = torch.load(path)")
    + "_pickle.UnpicklingError: invalid load key, '<'.\n",
    "an error without a message": _TRACEBACK.format(code="state = torch.load(path)") + "EOFError\n",
    "a dot in the message": _TRACEBACK.format(code='print(state["fc.weight"])')
    + "KeyError: 'fc.weight'\n",
    "an error while another one was handled": _TRACEBACK.format(code="images.view(64, 784)")
    + "RuntimeError: shape '[64, 784]' is invalid for input of size 39200\n\n"
    "During handling of the above exception, another exception occurred:\n\n"
    + _TRACEBACK.format(code="print(image.shape)")
    + "NameError: name 'image' is not defined\n",
    "a line of code with an error's name in it": _TRACEBACK.format(
        code='raise ValueError("TypeError: no")'
    )
    + "ValueError: TypeError: no\n",
    "empty lines at the end": _TRACEBACK.format(code="images[64]")
    + "IndexError: index 64 is out of bounds for dimension 0 with size 64\n\n\n",
}


def _look_at_text(text):
    return lambda answer: freeze(answer(text))


def _reads(
    *,
    line=lambda text: text.strip().splitlines()[-1],
    split=lambda line: line.partition(": ")[::2],
    kind=lambda kind: kind.rpartition(".")[2],
    give=lambda kind, message: (kind, message),
):
    def last_line(text):
        parts = split(line(text))
        return give(kind(parts[0]), parts[1])

    return last_line


def _first_error_line(text):
    return next(line for line in text.splitlines() if re.match(r"[\w.]*Error", line))


def _any_line_with_an_error(text):
    return next(line.strip() for line in text.splitlines() if "Error" in line)


def _read_backward(text):
    for line in reversed(text.splitlines()):
        if line.strip():
            found = re.fullmatch(r"(?:\w+\.)*(\w+)(?:: (.*))?", line)
            return found[1], found[2] or ""
    return None


def _read_by_split(text):
    name, *message = text.rstrip().split("\n")[-1].split(": ", 1)
    return [name.split(".")[-1], "".join(message)]


add(
    Exercise(
        name="last_line",
        chapter="4_clinic/02_error_messages",
        reference=last_line,
        checked=f"{len(_TRACEBACKS)} tracebacks, among them one with two errors",
        cases={label: _look_at_text(text) for label, text in _TRACEBACKS.items()},
        slips=(
            Slip(
                "first line",
                _reads(line=lambda text: text.splitlines()[0]),
                "This is the first line, which is the same in every traceback. Where does it say what "
                "happened?",
            ),
            Slip(
                "cut at the second colon",
                _reads(split=lambda line: (*line.split(": "), "")[:2]),
                "A message can have colons of its own, and all that comes after its first one is "
                "missing. How often should the line be split?",
            ),
            Slip(
                "cut at the last colon",
                _reads(split=lambda line: line.rsplit(": ", 1) if ": " in line else (line, "")),
                "The line was split at its last colon, and a part of the message went to the type. "
                "Which colon parts the two?",
            ),
            Slip(
                "module kept",
                _reads(kind=lambda kind: kind),
                "Some types come with the name of their module in front, as _pickle.UnpicklingError "
                "does. Only what is behind the last dot is asked for.",
            ),
            Slip(
                "last dot of the line",
                _reads(line=lambda text: text.strip().splitlines()[-1].rpartition(".")[2]),
                "The whole line was cut at its last dot, and a message may have dots, too. Which part "
                "of the line should be cut?",
            ),
            Slip(
                "the first error",
                _reads(line=_first_error_line),
                "Where two errors stand in one traceback, this is the first. The program stopped at "
                "another one.",
            ),
            Slip(
                "a line of code",
                _reads(line=_any_line_with_an_error),
                "The first line with an error's name in it was taken. That can be a line of code. Where "
                "does the error itself always stand?",
            ),
            Slip(
                "empty line",
                _reads(line=lambda text: text.split("\n")[-1]),
                "The text may end with a line break, and then the last line is empty. What should be "
                "done to the text first?",
            ),
            Slip(
                "a blank before the message",
                _reads(split=lambda line: line.partition(":")[::2]),
                "The message begins with a blank. The colon and the blank behind it belong together.",
            ),
            Slip(
                "exchanged",
                _reads(give=lambda kind, message: (message, kind)),
                "Both are there, but in the wrong order: first the type, then the message.",
            ),
            Slip(
                "message only",
                _reads(give=lambda kind, message: message),
                "This is the message alone. The type is asked for, too: return both.",
            ),
            Slip(
                "one text",
                _reads(give=lambda kind, message: f"{kind}: {message}" if message else kind),
                "Type and message came back as one text. Two are asked for.",
            ),
            Slip(
                "a message wanted",
                _reads(split=lambda line: line.split(": ", 1)),
                "Some errors have no message, and then there is nothing behind a colon to take. What "
                "should stand for it?",
            ),
            Slip(
                "the line of code",
                _reads(line=lambda text: text.strip().splitlines()[-2].strip()),
                "This is the line before the last one: your code. It says where. What happened stands "
                "below it.",
            ),
        ),
        variants=(_reads(), _read_backward, _read_by_split),
        hints=(
            "Of the whole text you need one line only. Take away the empty space at the end of the text, "
            "then take the last line.",
            "A text goes in, and two texts come out. The first colon with a blank behind it stands "
            "between the type and the message; where there is none, the message is empty.",
            "line.partition(': ') gives three parts, also where there is no colon. Of the type, "
            "rpartition('.') gives what is behind the last dot.",
        ),
    )
)


# 03_old_snippets
