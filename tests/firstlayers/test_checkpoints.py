"""Checkpoints: a run goes on exactly, a file is whole at every moment, and bad ones change nothing."""

import copy
import errno
import io
import json
import os
import pickle
import random
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from torch.utils.data import DataLoader

from firstlayers import checkpoints
from firstlayers.checkpoints import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    remove_leftovers,
    save_checkpoint,
)
from firstlayers.data import make_loader
from firstlayers.models import NeuralNetwork
from firstlayers.training import History, fit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "last.pt"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """These networks are tiny: a second thread would only wait."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def small_model() -> nn.Module:
    """It has all that a state can be: weights, buffers of two dtypes, and random numbers."""
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
    )


def two_groups(model: nn.Module) -> list[dict[str, Any]]:
    named = list(model.named_parameters())
    weights = [parameter for name, parameter in named if name.endswith("weight")]
    biases = [parameter for name, parameter in named if name.endswith("bias")]
    return [{"params": weights, "weight_decay": 0.1}, {"params": biases, "lr": 0.03}]


@dataclass
class Run:
    """A training run: fresh, with other random weights each time."""

    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler | None
    loader: DataLoader

    def train(self, epochs: int) -> History:
        return fit(
            self.model, self.loader, optimizer=self.optimizer, epochs=epochs,
            scheduler=self.scheduler,
        )  # fmt: skip

    @property
    def generator(self) -> Generator | None:
        return self.loader.generator

    def save(self, path: Path, **about: Any) -> None:
        parts = (self.model, self.optimizer, self.scheduler)
        save_checkpoint(path, *parts, generator=self.generator, **about)

    def load(self, path: Path, **settings: Any) -> Checkpoint:
        parts = (self.model, self.optimizer, self.scheduler)
        return load_checkpoint(path, *parts, generator=self.generator, **settings)

    def states(self) -> dict[str, Any]:
        """A copy of all that may change."""
        parts = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}
        states = {name: part.state_dict() for name, part in parts.items() if part is not None}
        states["mode"] = self.model.training
        states["generator"] = None if self.generator is None else self.generator.get_state()
        return copy.deepcopy(states | {"random": random_states()})


def random_states() -> list[Any]:
    _, keys, *rest = np.random.get_state()  # noqa: NPY002
    return [torch.get_rng_state(), random.getstate(), keys.tolist(), rest]


def random_numbers() -> list[float]:
    return [torch.rand(()).item(), random.random(), float(np.random.rand())]  # noqa: NPY002


def new_run(
    optimizer: Callable[[nn.Module], Optimizer] = lambda model: SGD(
        model.parameters(), lr=0.1, momentum=0.9
    ),
    scheduler: Callable[[Optimizer], LRScheduler] | None = None,
    *,
    seed: int | None = 0,
    make_model: Callable[[], nn.Module] = small_model,
) -> Run:
    generator = Generator().manual_seed(1)
    inputs = torch.randn(23, 6, generator=generator)
    labels = torch.randint(3, (23,), generator=generator)
    model = make_model()
    made = optimizer(model)
    loader = make_loader(inputs, labels, batch_size=5, shuffle=True, seed=seed)
    return Run(model, made, None if scheduler is None else scheduler(made), loader)


def assert_same(one: Any, other: Any) -> None:
    """Equal to the last bit, tensors in dictionaries and lists included."""
    torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def assert_equal(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    elif isinstance(one, torch.Tensor):
        assert_same(one, other)
    else:
        assert one == other


# A run goes on


RUNS: dict[str, Callable[..., Run]] = {
    "SGD with momentum": lambda **how: new_run(**how),
    "Adam with a scheduler": lambda **how: new_run(
        lambda model: Adam(model.parameters(), lr=0.01),
        lambda optimizer: CosineAnnealingLR(optimizer, T_max=6),
        **how,
    ),
    "AdamW with amsgrad, two groups and steps": lambda **how: new_run(
        lambda model: AdamW(two_groups(model), lr=0.01, amsgrad=True),
        lambda optimizer: StepLR(optimizer, 2),
        **how,
    ),
    "SGD with Nesterov and one cycle": lambda **how: new_run(
        lambda model: SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True),
        lambda optimizer: OneCycleLR(optimizer, 0.2, total_steps=8),
        **how,
    ),
    "SGD with two schedulers after one another": lambda **how: new_run(
        lambda model: SGD(model.parameters(), lr=0.1),
        lambda optimizer: SequentialLR(
            optimizer, [LinearLR(optimizer), StepLR(optimizer, 1)], milestones=[3]
        ),
        **how,
    ),
}


@pytest.mark.parametrize("seed", [0, None], ids=["its own generator", "the global one"])
@pytest.mark.parametrize("kind", RUNS)
def test_resumed_run_ends_exactly_as_the_uninterrupted_one(
    path: Path, kind: str, seed: int | None
) -> None:
    torch.manual_seed(5)
    uninterrupted = RUNS[kind](seed=seed)
    whole = uninterrupted.train(5)
    numbers = random_numbers()

    torch.manual_seed(5)
    first = RUNS[kind](seed=seed)
    history = first.train(2)
    first.save(path, epoch=2, history=history)
    torch.manual_seed(6)  # another day: other weights, other random numbers
    resumed = RUNS[kind](seed=seed)
    resumed.train(1)
    random_numbers()
    found = resumed.load(path)
    rest = resumed.train(5 - found.epoch)

    expected, got = uninterrupted.states(), resumed.states()
    for part in ("model", "optimizer", "scheduler", "generator"):
        if part in expected:
            assert_equal(got[part], expected[part])
    assert found.history.train_loss + rest.train_loss == whole.train_loss
    assert found.history.learning_rate + rest.learning_rate == whole.learning_rate
    assert torch.rand(()).item() == numbers[0]


def test_scheduler_of_the_validation_loss_goes_on(path: Path) -> None:
    def plateau(optimizer: Optimizer) -> LRScheduler:
        return ReduceLROnPlateau(optimizer, patience=1)

    run, other = new_run(scheduler=plateau), new_run(scheduler=plateau)
    for loss in (1.0, 2.0):
        run.scheduler.step(loss)
    run.save(path)
    other.load(path)
    for each in (run, other):
        each.scheduler.step(3.0)
    assert run.optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    assert_equal(other.scheduler.state_dict(), run.scheduler.state_dict())
    assert_equal(other.optimizer.state_dict(), run.optimizer.state_dict())


def test_all_random_numbers_go_on(path: Path) -> None:
    run = new_run()
    run.save(path)
    numbers, order = random_numbers(), [labels.tolist() for _, labels in run.loader]
    other = new_run(seed=7)
    other.load(path)
    assert random_numbers() == numbers
    assert [labels.tolist() for _, labels in other.loader] == order


class StandIn:
    """An accelerator's random numbers, on the CPU."""

    generator = Generator()

    def get_rng_state(self, device: torch.device) -> torch.Tensor:
        return self.generator.get_state()

    def set_rng_state(self, state: torch.Tensor, device: torch.device) -> None:
        self.generator.set_state(state)


def test_random_numbers_of_the_models_devices_go_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = StandIn()
    monkeypatch.setattr(torch, "get_device_module", lambda device: stand_in)
    monkeypatch.setattr(
        "firstlayers.random_states._accelerators", lambda model: [torch.device("cuda:0")]
    )
    run = new_run()
    run.save(path)
    number = torch.rand((), generator=stand_in.generator)
    run.load(path)
    assert torch.rand((), generator=stand_in.generator) == number
    # A run that moved to a device that the file does not know.
    monkeypatch.setattr(
        "firstlayers.random_states._accelerators", lambda model: [torch.device("cuda:1")]
    )
    state = stand_in.generator.get_state()
    run.load(path)
    assert torch.equal(stand_in.generator.get_state(), state)


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="there is no accelerator")
def test_run_on_an_accelerator_goes_on(path: Path) -> None:
    device = torch.accelerator.current_accelerator()
    run = new_run(make_model=lambda: small_model().to(device))
    run.train(2)
    run.save(path)
    output = run.model(torch.ones(5, 6, device=device))  # with dropout
    other = new_run(make_model=lambda: small_model().to(device))
    other.load(path)
    assert torch.equal(other.model(torch.ones(5, 6, device=device)), output)
    on_the_cpu = new_run()
    on_the_cpu.load(path)
    for name, value in run.model.state_dict().items():
        if "running" not in name and "num_batches" not in name:
            assert torch.equal(on_the_cpu.model.state_dict()[name], value.cpu())


def test_what_was_given_comes_back(path: Path) -> None:
    history = History([2.0, 1.0], [2.5, 1.5], [0.1, 0.2], [0.3, 0.3])
    extra = {"dataset": "digits", "sizes": (784, [10, None]), "best": {3: torch.arange(3)}}
    save_checkpoint(path, small_model(), epoch=2, history=history, extra=extra)
    found = load_checkpoint(path, small_model())
    assert isinstance(found, Checkpoint)
    assert found.epoch == 2
    assert found.history == history
    assert_equal(found.extra, extra)


def test_nothing_given_is_nothing_found(path: Path) -> None:
    save_checkpoint(path, small_model())
    assert load_checkpoint(path, small_model()) == Checkpoint(0, History(), {})


def test_saving_changes_nothing(path: Path) -> None:
    run = new_run(scheduler=lambda optimizer: StepLR(optimizer, 2))
    run.train(1)
    before = run.states()
    run.save(path)
    assert_equal(run.states(), before)


def test_settings_of_the_file_count(path: Path) -> None:
    new_run(lambda model: SGD(model.parameters(), lr=0.3, momentum=0.5)).save(path)
    other = new_run()
    other.load(path)
    group = other.optimizer.param_groups[0]
    assert (group["lr"], group["momentum"]) == (0.3, 0.5)


def test_file_keeps_what_the_model_was_when_it_was_saved(path: Path) -> None:
    run = new_run()
    run.save(path)
    saved = run.states()["model"]
    run.train(1)
    run.load(path)
    assert_equal(run.states()["model"], saved)


# A model to predict with


@pytest.mark.parametrize("training", [True, False])
def test_model_alone_is_loaded_and_nothing_else_is_touched(path: Path, training: bool) -> None:
    run = new_run(scheduler=lambda optimizer: StepLR(optimizer, 2))
    run.train(2)
    run.save(path, epoch=2)
    other = new_run()
    other.model.train(training)
    before = other.states()
    found = load_checkpoint(path, other.model)
    after = other.states()
    assert found.epoch == 2
    assert_equal(after.pop("model"), run.states()["model"])
    before.pop("model")
    assert_equal(after, before)


def test_buffers_are_loaded(path: Path) -> None:
    model = small_model()
    model(torch.randn(9, 6))
    save_checkpoint(path, model)
    other = small_model()
    load_checkpoint(path, other)
    assert other[1].num_batches_tracked == 1
    assert torch.equal(other[1].running_mean, model[1].running_mean)
    assert other[1].running_mean.any()


def test_network_of_the_course_predicts_the_same(path: Path) -> None:
    model, other = NeuralNetwork(), NeuralNetwork()
    images = torch.rand(4, 1, 28, 28)
    assert not torch.equal(other(images), model(images))
    save_checkpoint(path, model)
    load_checkpoint(path, other)
    assert torch.equal(other(images), model(images))


def test_parameters_are_filled_in_place(path: Path) -> None:
    run = new_run()
    run.save(path)
    parameters = list(run.model.parameters())
    run.load(path)
    assert all(a is b for a, b in zip(run.model.parameters(), parameters, strict=True))
    assert all(parameter.requires_grad for parameter in parameters)


# Devices


@pytest.mark.parametrize("location", [None, "cpu", torch.device("cpu")], ids=str)
def test_device_may_be_named(path: Path, location: Any) -> None:
    run, other = new_run(), new_run()
    run.train(1)
    run.save(path)
    other.load(path, map_location=location)
    assert_equal(other.states()["model"], run.states()["model"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU")
def test_file_from_a_gpu_is_read_without_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, other = new_run(), new_run()
    run.train(1)
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        run.save(path)
    with pytest.raises(RuntimeError, match="deserialize object on a CUDA device"):
        torch.load(path, weights_only=True)
    other.load(path)
    assert_equal(other.states()["model"], run.states()["model"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU")
def test_device_that_is_not_there_is_told(path: Path) -> None:
    with refused(path, "cannot be read: .* CUDA device", map_location="cuda"):
        new_run().save(path)


def test_device_meta_has_no_numbers(path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"device meta.*model\.to_empty"):
        save_checkpoint(path, small_model().to("meta"))
    assert not path.exists()
    model = small_model()
    save_checkpoint(path, model)
    empty = small_model().to("meta")
    with pytest.raises(CheckpointError, match=r"device meta.*model\.to_empty"):
        load_checkpoint(path, empty)
    with refused(path, "leaves all numbers out", map_location="meta"):
        pass
    load_checkpoint(path, empty.to_empty(device="cpu"))
    assert_equal(dict(empty.state_dict()), dict(model.state_dict()))


# Refusals change nothing


@contextmanager
def refused(path: Path, message: str, run: Run | None = None, **settings: Any) -> Iterator[None]:
    """After the block, loading raises this message, and changes nothing."""
    run = run or new_run()
    run.train(1)
    yield
    before = run.states()
    with pytest.raises(CheckpointError, match=message):
        run.load(path, **settings)
    assert_equal(run.states(), before)


def test_error_is_one_that_programs_catch() -> None:
    assert issubclass(CheckpointError, ValueError)


def test_missing_file_is_told(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"last\.pt"):
        load_checkpoint(path, small_model())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"last\.pt is empty\. Take an older file"),
        (bytes(30_000), r"last\.pt is no checkpoint: it does not begin as one"),
        (b"<!DOCTYPE html>", r"last\.pt is no checkpoint: it does not begin as one"),
        (pickle.dumps({"a": 1}), r"last\.pt is no checkpoint: it does not begin as one"),
        (b"PK\x03\x04" + bytes(100), r"last\.pt is damaged: its end is missing"),
    ],
    ids=["empty", "zeros", "web page", "pickle", "begun"],
)
def test_other_content_is_told(path: Path, content: bytes, message: str) -> None:
    with refused(path, message):
        path.write_bytes(content)


def test_another_zip_file_is_told(path: Path) -> None:
    with refused(path, "is damaged, or no checkpoint"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "Dear reader")


def test_program_saved_by_torch_export_is_told(path: Path) -> None:
    with refused(path, "is damaged, or no checkpoint"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02K\x01.")
        archive.writestr("archive/constants.pkl", b"\x80\x02K\x01.")  # as TorchScript has it


def test_file_cut_off_anywhere_is_told(path: Path) -> None:
    new_run().save(path)
    content = path.read_bytes()
    lengths = [*range(0, len(content), len(content) // 25), len(content) - 1]
    run = new_run()
    before = run.states()
    for length in lengths:
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"is damaged|is empty"):
            run.load(path)
    assert_equal(run.states(), before)


def test_changed_bit_is_told_or_does_no_harm(path: Path) -> None:
    saved = new_run()
    saved.train(1)
    saved.save(path, epoch=1)
    content = path.read_bytes()
    expected, run, told = saved.states(), new_run(), 0
    numbers = random.Random(0)
    # The end of a zip file, its list of contents, is where most things can go wrong.
    places = [*numbers.sample(range(len(content)), 100), *range(len(content) - 60, len(content))]
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1 << numbers.randrange(8)
        path.write_bytes(changed)
        before = run.states()
        try:
            found = run.load(path)
        except CheckpointError:
            told += 1
            assert_equal(run.states(), before)
        else:  # a time stamp, or what fills the gaps between two records
            assert found.epoch == 1
            got = run.states()
            assert_equal(got["model"], expected["model"])
            assert_equal(got["optimizer"], expected["optimizer"])
            run = new_run()
    assert told > len(places) / 2


def test_changed_weight_is_told_by_its_check_sum(path: Path) -> None:
    with refused(path, r"is damaged: the check sum of \S+/data/\d+ is wrong\. Take an older file"):
        run = new_run()
        run.save(path)
        content = path.read_bytes()
        weight = run.model[0].weight.detach().numpy().tobytes()
        assert content.count(weight) == 1
        place = content.index(weight) + 3
        path.write_bytes(content[:place] + b"?" + content[place + 1 :])
        torch.load(path, weights_only=True)  # which does not notice


def test_pickled_module_is_refused_and_the_reason_told(path: Path) -> None:
    message = (
        r"holds Python objects \(firstlayers\.models\.NeuralNetwork, torch\.nn\.modules\.\S+, "
    )
    message += (
        r"torch\S+, and 2 more\), not only numbers and plain data\. Loading such objects can "
    )
    with refused(path, message + r"run any code, so it is refused\. Save .* state_dict"):
        torch.save(NeuralNetwork(), path)


@dataclass
class MakesFolder:
    """Unpickled, it makes a folder."""

    folder: Path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_file_cannot_run_code(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made by a file"
    with refused(path, r"holds Python objects \(\S+\.mkdir\)"):
        new_run().save(path)
        content = torch.load(path, weights_only=True)
        content["extra"] = MakesFolder(folder)
        torch.save(content, path)
    assert not folder.exists()
    torch.load(path, weights_only=False)
    assert folder.exists()  # it would have


def test_file_cannot_run_code_even_where_its_names_are_not_found(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "get_unsafe_globals_in_checkpoint", lambda file: [])
    folder = tmp_path / "made by a file"
    with refused(path, r"holds more than numbers and plain data: it is refused\. Save"):
        torch.save({"format": checkpoints.FORMAT, "extra": MakesFolder(folder)}, path)
    assert not folder.exists()


def test_legacy_pickle_is_refused(path: Path) -> None:
    with refused(path, "is no checkpoint: it does not begin as one"):
        torch.save({"a": 1}, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    "content",
    [small_model().state_dict(), [1, 2], {"format": "firstlayers checkpoint, version 2"}],
    ids=["state_dict", "list", "next version"],
)
def test_other_data_is_told_with_the_way_to_load_a_state_dict(path: Path, content: Any) -> None:
    message = r"is no checkpoint, or one of another version\. .*model\.load_state_dict\(torch\.load"
    with refused(path, message):
        torch.save(content, path)


def other_model() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 9), nn.Linear(9, 3), *(nn.Linear(3, 3) for _ in range(4)))


def test_another_architecture_is_told_by_names_and_shapes(path: Path) -> None:
    save_checkpoint(path, other_model())
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, small_model())
    assert str(caught.value).splitlines() == [
        f"{path} was saved from another architecture.",
        "  missing in the file: 1.running_mean, 1.running_var, 1.num_batches_tracked",
        "  not in the model: 2.weight, 2.bias, 3.weight, and 3 more",
        (
            "  different: 0.weight is (9, 6) float32 in the file, (8, 6) float32 in the model, "
            "0.bias is (9,) float32 in the file, (8,) float32 in the model, "
            "1.weight is (3, 9) float32 in the file, (8,) float32 in the model, and 2 more"
        ),
        "Build the model as it was when it was saved.",
    ]


@pytest.mark.parametrize(
    ("make_model", "message"),
    [
        (other_model, "missing in the file: .*\n  not in the model"),
        (lambda: small_model().double(), r"0\.weight is \(8, 6\) float64 in the file, \(8, 6\) fl"),
        (lambda: nn.Sequential(*small_model()[:4]), "missing in the file: 4.weight, 4.bias\n"),
        (lambda: nn.Sequential(*small_model(), nn.Linear(3, 3)), "not in the model: 5.weight"),
    ],
    ids=["other", "dtype", "shorter", "longer"],
)
def test_another_architecture_changes_nothing(
    path: Path, make_model: Callable[[], nn.Module], message: str
) -> None:
    with refused(path, message):
        save_checkpoint(path, make_model())


def step(optimizer: Optimizer) -> LRScheduler:
    return StepLR(optimizer, 2)


def adam(model: nn.Module) -> Optimizer:
    return Adam(model.parameters())


def backwards(model: nn.Module) -> Optimizer:
    return SGD(list(model.parameters())[::-1], lr=0.1)


@pytest.mark.parametrize(
    ("saved", "given", "message"),
    [
        (
            {"optimizer": adam},
            {},
            r"was saved with the optimizer Adam, not SGD\. Make the optimizer as it was made then",
        ),
        (
            {"optimizer": lambda model: SGD(two_groups(model), lr=0.1)},
            {},
            (
                r"other parameters\.\n  groups in the file: 3 parameters \(0.weight, 1.weight, 4.we"
                r"ight\); 3 parameters \(.*\n  groups given: 6 parameters \(0.weight, 0.bias, 1.we"
            ),
        ),
        ({"optimizer": backwards}, {}, r"in the file: 6 parameters \(4.bias, 4.weight, 1.bias, and"),
        (
            {"scheduler": step},
            {"scheduler": lambda optimizer: CosineAnnealingLR(optimizer, 5)},
            r"was saved with the scheduler StepLR, not CosineAnnealingLR\. Make the scheduler as",
        ),
        ({}, {"scheduler": step}, r"holds no scheduler: it was saved without one\. To go on train"),
        (
            {"scheduler": step},
            {},
            r"holds the state of a scheduler, and none was given: the run would go on differently",
        ),
        ({"seed": None}, {}, r"holds no generator: it was saved without one"),
        ({}, {"seed": None}, r"holds the state of a generator, and none was given"),
    ],
    ids=[
        "kind of optimizer", "groups", "order", "kind of scheduler", "no scheduler in the file",
        "scheduler in the file", "no generator in the file", "generator in the file",
    ],
)  # fmt: skip
def test_other_parts_are_told(
    path: Path, saved: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    with refused(path, message, new_run(**given)):
        run = new_run(**saved)
        run.train(1)
        run.save(path)


def test_optimizer_is_asked_for_where_only_the_generator_is_given(path: Path) -> None:
    run = new_run()
    run.save(path)
    with pytest.raises(CheckpointError, match="holds the state of an optimizer, and none"):
        load_checkpoint(path, run.model, generator=run.generator)
    save_checkpoint(path, run.model)
    with pytest.raises(CheckpointError, match="holds no optimizer"):
        load_checkpoint(path, run.model, run.optimizer)


def test_parts_that_do_not_belong_together_are_told(path: Path) -> None:
    run, other = new_run(scheduler=step), new_run(scheduler=step)
    run.save(path)
    content = path.read_bytes()
    for call in (save_checkpoint, load_checkpoint):
        with pytest.raises(CheckpointError, match="parameters that are not the model's"):
            call(path, run.model, other.optimizer)
        for optimizer in (run.optimizer, None):
            with pytest.raises(CheckpointError, match="scheduler was not made of this optimizer"):
                call(path, run.model, optimizer, other.scheduler)
    assert path.read_bytes() == content


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("late", ["model", "optimizer", "scheduler"])
def test_failure_halfway_is_undone(path: Path, late: str, error: BaseException) -> None:
    def fail(*_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise error

    class Late(StepLR):
        def load_state_dict(self, state: dict[str, Any]) -> None:
            super().load_state_dict(state)
            if late == "scheduler":
                fail()

    def make_late(optimizer: Optimizer) -> LRScheduler:
        return Late(optimizer, 2)

    calls = 0
    saved, run = new_run(scheduler=make_late), new_run(scheduler=make_late)
    saved.train(3)
    saved.save(path)
    run.train(1)
    before = run.states()
    if late == "model":
        run.model[4].register_load_state_dict_pre_hook(fail)  # the others have theirs by then
    elif late == "optimizer":
        run.optimizer.register_load_state_dict_post_hook(fail)
    kind = CheckpointError if isinstance(error, Exception) else KeyboardInterrupt
    with pytest.raises(kind) as caught:
        run.load(path)
    assert calls == 2  # the second undoes the first
    assert_equal(run.states(), before)
    if kind is CheckpointError:
        assert str(caught.value) == (
            f"{path} could not be put in place, and all is as it was before: no"
        )


def test_state_that_a_generator_does_not_take_is_undone(path: Path) -> None:
    with refused(path, "could not be put in place, and all is as it was before"):
        new_run().save(path)
        content = torch.load(path, weights_only=True)
        content["states"]["generator"]["state"] = torch.zeros(3, dtype=torch.uint8)
        torch.save(content, path)


# What cannot be saved


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"best": np.float64(0.5)}, r"holds Python objects \(.*numpy.*scalar.*Save numbers"),
        ({"path": Path("x")}, r"holds Python objects \(pathlib\.\w+\)"),
        ({"f": lambda: 0}, r"Nothing was saved: .*lambda.*Save numbers"),
        ({"lock": threading.Lock()}, r"Nothing was saved: .*lock.*Save numbers"),
    ],
    ids=["NumPy number", "path", "function", "lock"],
)
def test_what_could_not_be_loaded_is_told_before_anything_is_written(
    path: Path, extra: dict[str, Any], message: str
) -> None:
    save_checkpoint(path, small_model(), epoch=1)
    with pytest.raises(CheckpointError, match=message):
        save_checkpoint(path, small_model(), epoch=2, extra=extra)
    assert load_checkpoint(path, small_model()).epoch == 1
    assert names_in(path.parent) == ["last.pt"]


# The disk


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_what_was_checked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    real = checkpoints._read
    monkeypatch.setattr(
        checkpoints, "_read", lambda file, device: (checked.append(file), real(file, device))[1]
    )
    save_checkpoint(path, small_model())
    (file,) = checked
    assert isinstance(file, io.BytesIO)
    assert file.getvalue() == path.read_bytes()


def test_file_is_replaced_and_nothing_else_is_left(path: Path) -> None:
    for epoch in (1, 2):
        save_checkpoint(str(path), small_model(), epoch=epoch)
        assert load_checkpoint(str(path), small_model()).epoch == epoch
    assert names_in(path.parent) == ["last.pt"]


def test_leftovers_of_this_file_alone_are_removed(path: Path) -> None:
    save_checkpoint(path, small_model())
    name = path.name
    others = [
        f".{name}.part",
        f".{name}.12345678.part.txt",
        f".other{name}.12345678.part",
        ".a.part",
    ]
    for other in (*others, f".{name}.0123abcd.part", f".{name}.ffffffff.part"):
        path.with_name(other).touch()
    remove_leftovers(path)
    assert names_in(path.parent) == sorted([name, *others])
    remove_leftovers(path.parent / "not there" / "run.pt")


def test_missing_folders_are_made(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "runs" / "first" / "last.pt", small_model())
    assert names_in(tmp_path / "runs" / "first") == ["last.pt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_others_may_read_the_file_if_they_may_read_new_files(path: Path, tmp_path: Path) -> None:
    save_checkpoint(path, small_model())
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    assert path.stat().st_mode == ordinary.stat().st_mode


def test_what_is_in_the_way_is_told_and_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for place in (tmp_path / "folder", tmp_path / "file" / "last.pt"):
        with pytest.raises(OSError, match=r"folder|file"):
            save_checkpoint(place, small_model())
    assert names_in(tmp_path) == ["file", "folder"]
    assert names_in(tmp_path / "folder") == []


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()], ids=repr
)
def test_failure_while_writing_leaves_the_old_file_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException
) -> None:
    save_checkpoint(path, small_model(), epoch=1)
    content = path.read_bytes()

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with pytest.raises(type(error)):
            save_checkpoint(path, small_model(), epoch=2)
    assert path.read_bytes() == content
    assert names_in(path.parent) == ["last.pt"]


def test_file_is_on_the_disk_before_it_gets_its_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        done.append(("fsync", os.fstat(descriptor).st_size))
        real_sync(descriptor)

    def replace(source: Any, target: Any) -> None:
        done.append(("replace", Path(target)))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    save_checkpoint(path, small_model())
    assert done == [("fsync", path.stat().st_size), ("replace", path)]


def test_two_that_save_to_one_place_do_not_mix(path: Path) -> None:
    def save(number: int) -> None:
        model = nn.Linear(300, 300)
        nn.init.constant_(model.weight, number)
        for _ in range(8):
            save_checkpoint(path, model, epoch=number)

    threads = [threading.Thread(target=save, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    read = 0
    while any(thread.is_alive() for thread in threads):
        model = nn.Linear(300, 300)
        try:
            found = load_checkpoint(path, model)
        except FileNotFoundError:
            continue
        assert (model.weight == found.epoch).all()
        read += 1
    assert read > 0
    assert names_in(path.parent) == ["last.pt"]


# Killed processes

# PyTorch is imported once, and then the process is forked for each death.
KILLED = """
import json, os, random, resource, signal, sys, time
from pathlib import Path

import torch
from torch import nn

from firstlayers import checkpoints

def make(size, value):
    model = nn.Linear(size, size)
    nn.init.constant_(model.weight, value)
    return model

def die_at(step):
    seen = 0

    def count():
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_audit(event, args):  # before a file is touched
        if event.startswith(("open", "os.", "shutil.")):
            count()

    def on_call(frame, event, argument):  # before and after a write, for one
        if event.startswith("c_") and frame.f_code.co_filename == checkpoints.__file__:
            count()

    sys.addaudithook(on_audit)
    sys.setprofile(on_call)

def in_child(work, *arguments):
    child = os.fork()
    if child == 0:
        try:
            work(*arguments)
        except OSError as error:
            os._exit(error.errno)
        finally:
            os._exit(0)
    return child

def end(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def prepare(*names):
    path = Path(sys.argv[1], *names, "last.pt")
    path.parent.mkdir(parents=True)
    path.write_bytes(old)
    return path

said = {}
checkpoints.save_checkpoint(Path(sys.argv[1], "old.pt"), make(20, 1), epoch=1)
old, new = Path(sys.argv[1], "old.pt").read_bytes(), make(20, 2)

def save_and_die(path, step):
    write = checkpoints._replace
    checkpoints._replace = lambda *arguments: (die_at(step), write(*arguments))
    checkpoints.save_checkpoint(path, new, epoch=2)

for step in range(1, 1000):
    path = prepare("steps", str(step))
    if end(in_child(save_and_die, path, step)) != -signal.SIGKILL:
        break
    said["steps"] = step

def save_with_little_room(path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # bytes, less than the file has
    checkpoints.save_checkpoint(path, new, epoch=2)

said["little room"] = end(in_child(save_with_little_room, prepare("little room")))

began = time.monotonic()
checkpoints.save_checkpoint(Path(sys.argv[1], "old.pt"), make(1500, 1), epoch=1)
duration = time.monotonic() - began
old, new = Path(sys.argv[1], "old.pt").read_bytes(), make(1500, 2)
moments, said["at any moment"] = random.Random(0), 0
for number in range(12):
    path = prepare("moments", str(number))
    child = in_child(lambda: checkpoints.save_checkpoint(path, new, epoch=2))
    time.sleep(moments.uniform(0, 1.5 * duration))
    os.kill(child, signal.SIGKILL)
    said["at any moment"] += end(child) == -signal.SIGKILL

print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], Path]:
    """What happened in a process that forked others and killed them, and the folder it did it in."""
    if not hasattr(os, "fork"):
        pytest.skip("killing processes by the dozen needs a system that can fork")
    root = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-c", KILLED, str(root)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=120, env=environment
    )
    return json.loads(done.stdout), root


def old_or_new(path: Path, size: int) -> int:
    """Load the file; return which of the two it is. Only a hidden file may lie beside it."""
    model = nn.Linear(size, size)
    found = load_checkpoint(path, model)
    assert (model.weight == found.epoch).all()
    beside = [name for name in names_in(path.parent) if name != path.name]
    assert len(beside) <= 1
    assert all(name.startswith(".last.pt.") and name.endswith(".part") for name in beside)
    return found.epoch


def test_process_may_be_killed_before_and_after_any_step(killed: tuple[dict, Path]) -> None:
    said, root = killed
    steps = range(1, said["steps"] + 2)  # the last one came to its end
    *found, last = (old_or_new(root / "steps" / str(step) / "last.pt", 20) for step in steps)
    assert len(found) > 12  # so many steps there are
    assert found == sorted(found)  # first the old one, then the new one
    assert found[0] == 1
    assert last == 2


def test_process_may_be_killed_at_any_moment(killed: tuple[dict, Path]) -> None:
    said, root = killed
    found = [old_or_new(folder / "last.pt", 1500) for folder in (root / "moments").iterdir()]
    assert len(found) == 12
    assert said["at any moment"] >= 3


def test_file_that_outgrows_its_place_leaves_the_old_one_alone(killed: tuple[dict, Path]) -> None:
    said, root = killed
    assert said["little room"] == errno.EFBIG
    assert old_or_new(root / "little room" / "last.pt", 20) == 1
    assert names_in(root / "little room") == ["last.pt"]
