"""A message leads to the entry that explains it, however a reader has it."""

import re
import subprocess
import sys

import pytest

from firstlayers.error_index import ENTRIES, Entry, entry_of

OF_OTHERS = {
    "size mismatch, m1: [64 x 100], m2: [784 x 10] at ../aten/src/TH/THTensorMath": "error-mat1",
    "size mismatch, got input (3), mat (3x4), vec (5)": "error-mat1",
    "The expanded size of the tensor (5) must match the existing size (4)": "error-sizes",
    "index out of range in self": "error-index",
    "Assertion `t >= 0 && t < n_classes` failed.": "error-target",
    "expected scalar type Long but found Float": "error-target-dtype",
    "expected scalar type Float but found Double": "error-dtype",
    "expected m1 and m2 to have the same dtype, but got: float != double": "error-dtype",
    "Input type (unsigned char) and bias type (float) should be the same": "error-dtype",
    "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same": "error-device",
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!": "error-device",
    "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long": "error-not-implemented",
    "only one element tensors can be converted to Python scalars": "error-scalar",
    "a leaf Variable that requires grad has been used in an in-place operation.": "error-leaf",
    "unsupported operand type(s) for *: 'float' and 'NoneType'": "error-none",
    "each element in list of batch should be of equal size": "error-stack",
    "cannot assign parameters before Module.__init__() call": "error-init",
}  # fmt: skip

TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 12, in <module>
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
  File "/usr/lib/python3/site-packages/torch/optim/sgd.py", line 67, in __init__
    super().__init__(params, defaults)
ValueError: optimizer got an empty
parameter list"""


@pytest.mark.parametrize("message", OF_OTHERS)
def test_other_words_for_the_same_lead_to_the_entry(message: str) -> None:
    found = entry_of(f"RuntimeError: {message}")
    assert found is not None
    assert found.label == OF_OTHERS[message]


def test_whole_traceback_leads_to_the_entry_even_if_lines_are_broken() -> None:
    found = entry_of(TRACEBACK)
    assert found is not None
    assert found.label == "error-empty-list"


@pytest.mark.parametrize("message", ["", "RuntimeError: ", "KeyError: 'fc1'", "softmax"])
def test_other_words_lead_nowhere(message: str) -> None:
    assert entry_of(message) is None


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.label for entry in ENTRIES])
def test_javascript_can_read_the_patterns(entry: Entry) -> None:
    for pattern in (entry.pattern, *entry.also):
        re.compile(pattern)
        # What Python and JavaScript write differently.
        assert not re.search(r"\(\?(?![:=!])|\\[AZzGhQE]|[+*?}]\+", pattern)


def test_labels_and_headings_are_not_used_twice() -> None:
    assert len({entry.label for entry in ENTRIES}) == len(ENTRIES)
    assert len({entry.heading for entry in ENTRIES}) == len(ENTRIES)


def test_index_is_read_without_pytorch() -> None:
    # The site's search asks it in every build, also in one that executes nothing.
    code = "import sys, firstlayers.error_index; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
