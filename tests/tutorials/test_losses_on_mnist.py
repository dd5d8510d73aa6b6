"""The training loop of the second track gives the losses that its source reports."""

import ast
from pathlib import Path

import matplotlib as mpl
import pytest
import torch
from chapters import TUTORIALS, Chapter

# SGD with learning rate 0.01, batches of 64, five epochs over all 60,000 training images.
REPORTED = (1.077, 0.391, 0.326, 0.293, 0.268)


def until(code: str, name: str) -> str:
    """The statements of a script up to the loop that fills the list `name`."""
    body = ast.parse(code).body
    last = max(
        number
        for number, node in enumerate(body)
        if isinstance(node, ast.For) and f"{name}.append" in ast.unparse(node)
    )
    return ast.unparse(ast.Module(body[: last + 1], []))


def test_running_losses_on_the_real_mnist(
    real_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLAYERS_DATASET", "mnist")
    monkeypatch.setenv("FIRSTLAYERS_DATA", str(real_mnist))
    mpl.use("Agg")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as on the site; two threads wait for each other on a busy machine
    namespace: dict[str, object] = {}
    code = until(Chapter.read(TUTORIALS / "2_digits" / "09_train.py").code, "running_losses")
    try:
        exec(code, namespace)
    finally:
        torch.set_num_threads(threads)
    assert len(namespace["step_losses"]) == 5 * 938
    assert namespace["running_losses"] == pytest.approx(REPORTED, rel=0.03)
    # A second look, at the mean of all images: nearly the same.
    assert namespace["image_means"] == pytest.approx(REPORTED, rel=0.03)
