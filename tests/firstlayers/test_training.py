import copy
import math
import os
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR, StepLR
from torch.utils.data import DataLoader, SequentialSampler, TensorDataset

from firstlayers.checkpoints import load_checkpoint
from firstlayers.data import as_tensors, load_dataset
from firstlayers.progress import _is_notebook
from firstlayers.training import (
    Evaluation,
    History,
    deterministic,
    evaluate,
    fit,
    predict,
    train_epoch,
)


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def small_loader(count: int = 23, batch_size: int = 5) -> DataLoader:
    """Batches of 5, 5, 5, 5 and 3 by default."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 6, generator=generator)
    labels = torch.randint(3, (count,), generator=generator)
    return DataLoader(TensorDataset(inputs, labels), batch_size=batch_size)


def sgd(model: nn.Module, lr: float = 0.1) -> SGD:
    return SGD(model.parameters(), lr=lr, momentum=0.9)


class Echo(nn.Module):
    """Its inputs are its logits."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs


class ModeLog(nn.Module):
    """Writes down in which mode it was called, and whether gradients were tracked."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.training_when_called: list[bool] = []
        self.grad_when_called: list[bool] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.training_when_called.append(self.training)
        self.grad_when_called.append(torch.is_grad_enabled())
        return self.linear(inputs)


class Failing(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        raise RuntimeError("this model always fails")


# train_epoch


def test_train_epoch_does_what_a_loop_by_hand_does() -> None:
    loader = small_loader()
    by_hand = small_model()
    model = copy.deepcopy(by_hand)
    optimizer = sgd(by_hand)
    total = 0.0
    for inputs, labels in loader:
        loss = F.cross_entropy(by_hand(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)

    mean_loss = train_epoch(model, loader, sgd(model))

    for ours, expected in zip(model.parameters(), by_hand.parameters(), strict=True):
        assert torch.equal(ours, expected)
    assert mean_loss == pytest.approx(total / 23, rel=1e-6)


def test_stale_gradients_do_no_harm() -> None:
    clean, stale = small_model(), small_model()
    for parameter in stale.parameters():
        parameter.grad = torch.full_like(parameter, 1000.0)
    for model in (clean, stale):
        train_epoch(model, small_loader(), sgd(model))
    for ours, expected in zip(stale.parameters(), clean.parameters(), strict=True):
        assert torch.equal(ours, expected)


def test_loss_of_an_epoch_is_weighted_by_batch_size() -> None:
    # With a learning rate of zero, the loss of the epoch is that of all examples at once.
    loader = small_loader()
    model = small_model()
    inputs, labels = loader.dataset.tensors
    expected = F.cross_entropy(model(inputs), labels).item()
    batch_losses = [F.cross_entropy(model(x), y).item() for x, y in loader]
    assert abs(sum(batch_losses) / len(batch_losses) - expected) > 1e-3  # it would be noticed
    assert train_epoch(model, loader, sgd(model, lr=0)) == pytest.approx(expected, rel=1e-6)


def test_train_epoch_trains_in_training_mode_and_stays_in_it() -> None:
    model = ModeLog().eval()
    loss = train_epoch(model, small_loader(), sgd(model))
    assert model.training_when_called == [True] * 5
    assert model.training
    assert type(loss) is float


def test_train_epoch_uses_the_given_loss() -> None:
    model = nn.Linear(6, 3)
    inputs = torch.randn(8, 6)
    targets = torch.randn(8, 3)
    loss = train_epoch(model, [(inputs, targets)], sgd(model, lr=0), F.mse_loss)
    assert loss == pytest.approx(F.mse_loss(model(inputs), targets).item())


# evaluate and predict


def test_accuracy_and_loss_are_exact() -> None:
    logits = torch.tensor([[2.0, 0, 0], [0, 2, 0], [0, 0, 2], [2, 0, 0], [0, 2, 0]])
    labels = torch.tensor([0, 1, 2, 1, 1])
    loader = DataLoader(TensorDataset(logits, labels), batch_size=2)  # 2, 2 and 1
    right = math.log(math.exp(2) + 2) - 2
    wrong = math.log(math.exp(2) + 2)
    result = evaluate(Echo(), loader)
    assert isinstance(result, Evaluation)
    assert result.accuracy == 4 / 5
    assert result.loss == pytest.approx((4 * right + wrong) / 5, rel=1e-6)
    assert [type(number) for number in result] == [float, float]


def test_evaluate_uses_the_given_loss() -> None:
    logits = torch.eye(3)
    loader = [(logits, torch.arange(3))]
    doubled = evaluate(Echo(), loader, lambda x, y: 2 * F.cross_entropy(x, y))
    assert doubled.loss == pytest.approx(2 * evaluate(Echo(), loader).loss)


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_measures_in_evaluation_mode_and_puts_the_mode_back(training: bool) -> None:
    model = ModeLog().train(training)
    evaluate(model, small_loader())
    assert model.training_when_called == [False] * 5
    assert model.grad_when_called == [False] * 5
    assert model.training is training
    assert model.linear.training is training


@pytest.mark.parametrize("training", [True, False])
def test_mode_is_put_back_where_the_model_fails(training: bool) -> None:
    model = Failing().train(training)
    with pytest.raises(RuntimeError, match="always fails"):
        evaluate(model, small_loader())
    assert model.training is training


def test_evaluate_changes_neither_weights_nor_gradients() -> None:
    model = small_model()
    before = copy.deepcopy(model.state_dict())
    evaluate(model, small_loader())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_predict_keeps_the_order_of_the_examples() -> None:
    inputs = torch.arange(23.0)[:, None].expand(23, 3)
    loader = DataLoader(TensorDataset(inputs, torch.arange(23)), batch_size=5)
    outputs, labels = predict(Echo(), loader)
    assert torch.equal(outputs, inputs)
    assert torch.equal(labels, torch.arange(23))
    assert not outputs.requires_grad


def test_batches_move_to_the_device_of_the_model() -> None:
    outputs, labels = predict(small_model().to("meta"), small_loader())
    assert (outputs.device.type, labels.device.type) == ("meta", "meta")
    assert outputs.shape == (23, 3)


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="this machine has no accelerator")
def test_training_works_on_an_accelerator() -> None:
    device = torch.accelerator.current_accelerator()
    model, reference = small_model().to(device), small_model()
    loss, accuracy = evaluate(model, small_loader())
    assert loss == pytest.approx(evaluate(reference, small_loader()).loss, rel=1e-4)
    assert 0 <= accuracy <= 1
    expected = train_epoch(reference, small_loader(), sgd(reference))
    assert train_epoch(model, small_loader(), sgd(model)) == pytest.approx(expected, rel=1e-4)


def test_epoch_of_empty_batches_is_an_error() -> None:
    model = small_model()
    inputs, labels = next(iter(small_loader()))
    with pytest.raises(ValueError, match="the loader gave no batch"):
        train_epoch(model, [(inputs[:0], labels[:0])], sgd(model))


@pytest.mark.parametrize("loader", [[], DataLoader([(0, 0)] * 3, batch_size=4, drop_last=True)])
def test_loader_without_a_batch_is_an_error(loader) -> None:
    model = small_model()
    no_batch = r"the loader gave no batch: is the data set empty, or smaller"
    for call in (
        lambda: train_epoch(model, loader, sgd(model)),
        lambda: evaluate(model, loader),
        lambda: predict(model, loader),
        lambda: fit(model, loader, optimizer=sgd(model), epochs=1),
        lambda: fit(model, small_loader(), loader, optimizer=sgd(model), epochs=1),
    ):
        with pytest.raises(ValueError, match=no_batch):
            call()


# fit


def test_fit_repeats_epochs_and_keeps_a_record() -> None:
    model, by_hand = small_model(), small_model()
    optimizer = sgd(by_hand)
    losses, results = [], []
    for _ in range(3):
        losses.append(train_epoch(by_hand, small_loader(), optimizer))
        results.append(evaluate(by_hand, small_loader(11)))
    history = fit(model, small_loader(), small_loader(11), optimizer=sgd(model), epochs=3)
    assert len(history) == 3
    assert history == History(
        train_loss=losses,
        valid_loss=[loss for loss, _ in results],
        valid_accuracy=[accuracy for _, accuracy in results],
        learning_rate=[0.1] * 3,
    )
    for ours, expected in zip(model.parameters(), by_hand.parameters(), strict=True):
        assert torch.equal(ours, expected)


def test_without_validation_its_entries_stay_empty() -> None:
    model = small_model()
    history = fit(model, small_loader(), optimizer=sgd(model), epochs=2)
    assert len(history) == len(history.train_loss) == len(history.learning_rate) == 2
    assert history.valid_loss == history.valid_accuracy == []


def test_fit_uses_the_given_loss_in_training_and_validation() -> None:
    def doubled(logits: Tensor, labels: Tensor) -> Tensor:
        return 2 * F.cross_entropy(logits, labels)

    def first_losses(loss_fn) -> tuple[float, float]:
        model = small_model()
        history = fit(
            model,
            small_loader(),
            small_loader(),
            optimizer=sgd(model, 0),
            epochs=1,
            loss_fn=loss_fn,
        )
        return history.train_loss[0], history.valid_loss[0]

    single = first_losses(F.cross_entropy)
    assert first_losses(doubled) == pytest.approx([2 * loss for loss in single])


def test_scheduler_steps_once_an_epoch_and_its_rates_are_recorded() -> None:
    model = small_model()
    optimizer = sgd(model, lr=1.0)
    scheduler = StepLR(optimizer, step_size=2, gamma=0.1)
    history = fit(model, small_loader(), optimizer=optimizer, epochs=5, scheduler=scheduler)
    assert history.learning_rate == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert scheduler.last_epoch == 5


def test_zero_epochs_change_nothing() -> None:
    model = small_model()
    history = fit(model, small_loader(), optimizer=sgd(model), epochs=0)
    assert len(history) == 0
    assert history == History()
    for ours, expected in zip(model.parameters(), small_model().parameters(), strict=True):
        assert torch.equal(ours, expected)


def test_negative_epochs_are_refused() -> None:
    model = small_model()
    with pytest.raises(ValueError, match="epochs must be 0 or more, got -1"):
        fit(model, small_loader(), optimizer=sgd(model), epochs=-1)


# Clipping, schedules, patience, checkpoints, sameness


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    for ours, expected in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, expected)


def test_gradients_are_clipped_to_the_norm_and_shorter_ones_left() -> None:
    model, by_hand = small_model(), small_model()
    batch = next(iter(small_loader()))
    F.cross_entropy(by_hand(batch[0]), batch[1]).backward()
    norm = torch.cat([p.grad.flatten() for p in by_hand.parameters()]).norm().item()
    before = copy.deepcopy(model)
    train_epoch(model, [batch], SGD(model.parameters(), lr=1), clip_norm=norm / 4)
    step = torch.cat(
        [(p - q).flatten() for p, q in zip(model.parameters(), before.parameters(), strict=True)]
    )
    assert step.norm().item() == pytest.approx(norm / 4, rel=1e-4)
    loose, plain = small_model(), small_model()
    fit(loose, [batch], optimizer=sgd(loose), epochs=2, clip_norm=1000)
    fit(plain, [batch], optimizer=sgd(plain), epochs=2)
    assert_same_weights(loose, plain)


def test_scheduler_of_steps_is_stepped_after_each_batch() -> None:
    model = small_model()
    optimizer = sgd(model)
    scheduler = OneCycleLR(optimizer, 0.1, total_steps=3 * 5)
    rates = OneCycleLR(sgd(small_model()), 0.1, total_steps=3 * 5)
    expected = []
    for step in range(15):
        if step % 5 == 0:
            expected.append(rates.get_last_lr()[0])
        rates.optimizer.step()
        rates.step()
    history = fit(
        model,
        small_loader(),
        optimizer=optimizer,
        epochs=3,
        scheduler=scheduler,
        step_scheduler="step",
    )
    assert history.learning_rate == expected
    assert scheduler.last_epoch == 15


def falling_then_rising(model: nn.Module, losses: list[float]):
    """A loss whose validation values are those of a list, and the weights after each epoch."""
    kept: list[nn.Module] = []

    def loss_fn(logits: Tensor, labels: Tensor) -> Tensor:
        if logits.requires_grad:
            return F.cross_entropy(logits, labels)
        kept.append(copy.deepcopy(model))
        return torch.tensor(losses[len(kept) - 1])

    return loss_fn, kept


def test_training_stops_when_patience_is_at_its_end_with_the_best_weights() -> None:
    model = small_model()
    loss_fn, kept = falling_then_rising(model, [4, 2, 3, 2, math.nan, 1])
    history = fit(
        model,
        small_loader(),
        small_loader(),
        optimizer=sgd(model),
        epochs=10,
        loss_fn=loss_fn,
        patience=3,
    )
    assert len(history) == 5
    assert history.best_epoch == 2  # the first of two that are as good
    assert_same_weights(model, kept[1])


def test_with_patience_the_best_weights_are_kept_also_where_all_epochs_are_done() -> None:
    model = small_model()
    loss_fn, kept = falling_then_rising(model, [4, 2, 3])
    how = {"optimizer": sgd(model), "epochs": 3, "loss_fn": loss_fn}
    history = fit(model, small_loader(), small_loader(), patience=3, **how)
    assert (len(history), history.best_epoch) == (3, 2)
    assert_same_weights(model, kept[1])


def test_best_epoch_is_none_where_no_validation_loss_is_a_number() -> None:
    assert History().best_epoch is None
    assert History(valid_loss=[math.nan]).best_epoch is None


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("patience", [None, 3])
@pytest.mark.parametrize("done", [1, 2, 5])
def test_interrupted_fit_goes_on_to_the_same_weights_and_history(
    tmp_path: Path, patience: int | None, done: int
) -> None:
    def run(path: Path | None, stop_after: int | None = None) -> tuple[nn.Module, History]:
        model = nn.Sequential(small_model(), nn.Dropout(0.2))
        optimizer = sgd(model)
        loader = small_loader()
        shuffled = DataLoader(
            loader.dataset, 5, shuffle=True, generator=torch.Generator().manual_seed(2)
        )
        losses = iter([9, 1, 2, 3, 2, 0][0 if stop_after or path is None else done :])
        validations = 0

        def loss_fn(logits: Tensor, labels: Tensor) -> Tensor:
            nonlocal validations
            if logits.requires_grad:
                if validations == stop_after:
                    raise Interrupted
                return F.cross_entropy(logits, labels)
            validations += 1
            return torch.tensor(float(next(losses)))

        history = fit(
            model,
            shuffled,
            small_loader(11),
            optimizer=optimizer,
            epochs=6,
            loss_fn=loss_fn,
            scheduler=OneCycleLR(optimizer, 0.1, total_steps=30),
            step_scheduler="step",
            patience=patience,
            checkpoint=path,
            extra={"note": "mine"},
        )
        return model, history

    torch.manual_seed(5)
    expected, expected_history = run(None)
    assert expected_history.best_epoch == (2 if patience else 6)
    path = tmp_path / "run.pt"
    torch.manual_seed(5)
    if done < len(expected_history):
        with pytest.raises(Interrupted):
            run(path, stop_after=done)
    else:
        run(path, stop_after=99)
    torch.manual_seed(6)
    model, history = run(path)
    assert history == expected_history
    assert_same_weights(model, expected)
    # Whoever loads the model alone gets the weights that fit returned, and what was given is there.
    read = nn.Sequential(small_model(), nn.Dropout(0.2))
    assert load_checkpoint(path, read).extra["note"] == "mine"
    assert_same_weights(read, expected)


def test_sampler_is_told_the_number_of_each_epoch_also_after_an_interruption(
    tmp_path: Path,
) -> None:
    told: list[int] = []
    sampler = SequentialSampler(range(23))
    sampler.set_epoch = told.append
    loader = DataLoader(small_loader().dataset, 5, sampler=sampler)
    for epochs in (2, 4):
        model = small_model()
        fit(model, loader, optimizer=sgd(model), epochs=epochs, checkpoint=tmp_path / "run.pt")
    assert told == [0, 1, 2, 3]


def test_run_without_patience_cannot_go_on_with_it(tmp_path: Path) -> None:
    model, loaders = small_model(), (small_loader(), small_loader())
    fit(model, *loaders, optimizer=sgd(model), epochs=1, checkpoint=tmp_path / "run.pt")
    with pytest.raises(ValueError, match=r"run\.pt was saved without patience"):
        fit(
            model,
            *loaders,
            optimizer=sgd(model),
            epochs=2,
            patience=1,
            checkpoint=tmp_path / "run.pt",
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clip_norm": 0.0}, "clip_norm must be positive, got 0.0"),
        ({"patience": 0}, "patience must be 1 or more epochs, got 0"),
        ({"patience": 1}, "patience watches the validation loss: give a validation loader"),
        ({"step_scheduler": "batch"}, 'step_scheduler must be "epoch" or "step", got \'batch\''),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, message: str) -> None:
    model = small_model()
    with pytest.raises(ValueError, match=message):
        fit(model, small_loader(), optimizer=sgd(model), epochs=1, **settings)


def test_deterministic_block_gives_the_same_numbers_and_puts_the_settings_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)

    def numbers() -> list[float]:
        with deterministic(seed=4):
            assert torch.are_deterministic_algorithms_enabled()
            assert not torch.backends.cudnn.benchmark
            assert "CUBLAS_WORKSPACE_CONFIG" in os.environ
            return [torch.rand(()).item(), random.random(), np.random.rand()]  # noqa: NPY002

    assert numbers() == numbers()
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    with pytest.raises(Interrupted), deterministic():
        raise Interrupted
    assert torch.backends.cudnn.benchmark
    assert not torch.are_deterministic_algorithms_enabled()
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ


@pytest.fixture
def process_group() -> Iterator[None]:
    """This process as the only one of a group."""
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
def test_distributed_model_of_one_process_learns_the_same(tmp_path: Path) -> None:
    model, plain = small_model(), small_model()
    shared = DistributedDataParallel(model)
    path = tmp_path / "run.pt"
    history = fit(
        shared, small_loader(), small_loader(), optimizer=sgd(shared), epochs=2, checkpoint=path
    )
    expected = fit(plain, small_loader(), small_loader(), optimizer=sgd(plain), epochs=2)
    assert history.train_loss == pytest.approx(expected.train_loss)
    assert history.valid_loss == expected.valid_loss
    assert_same_weights(model, plain)
    read = small_model()
    load_checkpoint(path, read)  # the names are those of the model itself
    assert_same_weights(read, plain)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small steps are quickest with one thread, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_fit_learns_to_read_digits() -> None:
    torch.manual_seed(0)
    train_set, test_set = (TensorDataset(*as_tensors(part)) for part in load_dataset())
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
    history = fit(
        model,
        DataLoader(train_set, batch_size=64, shuffle=True),
        DataLoader(test_set, batch_size=64),
        optimizer=sgd(model),
        epochs=3,
    )
    assert history.valid_accuracy[-1] > 0.9
    assert history.train_loss[-1] < history.train_loss[0]
    assert history.valid_loss[-1] < history.valid_loss[0]


# The progress bar


def fit_two_epochs(progress: bool | None = None, validate: bool = True) -> None:
    model = small_model()
    valid_loader = small_loader() if validate else None
    fit(model, small_loader(), valid_loader, optimizer=sgd(model), epochs=2, progress=progress)


def test_progress_bar_shows_epochs_loss_and_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    fit_two_epochs(progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err
    assert "epoch" in err
    assert "loss=" in err
    assert "valid_accuracy=" in err
    fit_two_epochs(progress=True, validate=False)
    err = capsys.readouterr().err
    assert "loss=" in err
    assert "valid_accuracy=" not in err


@pytest.mark.parametrize("progress", [False, None])
def test_no_progress_bar_where_not_wanted_or_output_goes_to_a_file(
    capsys: pytest.CaptureFixture[str], progress: bool | None
) -> None:
    fit_two_epochs(progress)
    assert capsys.readouterr() == ("", "")


def test_progress_bar_is_shown_in_a_real_kernel_and_nowhere_else(tmp_path: Path) -> None:
    cell = (
        "from firstlayers.progress import progress_bar\nfor _ in progress_bar(range(3)):\n    pass"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    environment = {
        **{name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"},
        "IPYTHONDIR": str(tmp_path),
        "JUPYTER_RUNTIME_DIR": str(tmp_path),
    }
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=environment)
    assert "3/3" in str(notebook.cells[0].outputs)
    import ipykernel  # noqa: F401  # imported, as by whoever runs notebooks, and this is no kernel

    assert not _is_notebook()


# Without an epoch the bar is drawn too, and no optimizer is needed. Making one would import
# PyTorch's compiler, which takes seconds.
IN_A_TERMINAL = """
import sys
from torch import nn
from firstlayers.training import fit
assert sys.stderr.isatty()
fit(nn.Linear(2, 2), [], optimizer=None, epochs=0)
print("done")
"""


class Terminal:
    """A Python process in a pseudo-terminal of its own."""

    def __init__(self, code: str, **environment: str) -> None:
        pty = pytest.importorskip("pty", reason="this platform has no pseudo-terminals")
        self.ours, theirs = pty.openpty()
        termios = pytest.importorskip("termios")
        # A new pseudo-terminal is no column wide.
        size = struct.pack("HHHH", 24, 80, 0, 0)
        pytest.importorskip("fcntl").ioctl(theirs, termios.TIOCSWINSZ, size)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **environment},
        )
        os.close(theirs)

    def output(self) -> str:
        """Wait for its end and return all that it wrote."""
        pieces = []
        while True:
            try:
                piece = os.read(self.ours, 4096)
            except OSError:  # on Linux: the process has closed its end
                piece = b""
            if not piece:
                break
            pieces.append(piece)
        os.close(self.ours)
        assert self.process.wait(timeout=60) == 0, b"".join(pieces).decode()
        return b"".join(pieces).decode()


@pytest.fixture(scope="module")
def terminals() -> Iterator[dict[str, Terminal]]:
    """Two processes at a time, since importing PyTorch takes seconds."""
    found = {
        "as it is": Terminal(IN_A_TERMINAL),
        "TQDM_DISABLE=1": Terminal(IN_A_TERMINAL, TQDM_DISABLE="1"),
    }
    yield found
    for terminal in found.values():
        terminal.process.kill()
        terminal.process.wait()


def test_progress_bar_is_shown_in_a_terminal(terminals: dict[str, Terminal]) -> None:
    output = terminals["as it is"].output()
    assert "done" in output
    assert "0epoch [00:00" in output


def test_progress_bar_is_silenced_by_tqdms_own_switch(terminals: dict[str, Terminal]) -> None:
    assert terminals["TQDM_DISABLE=1"].output().split() == ["done"]


def test_a_part_in_evaluation_mode_stays_in_it() -> None:
    frozen = nn.BatchNorm1d(3)
    model = nn.Sequential(frozen, nn.Linear(3, 2))
    model.train()
    frozen.eval()
    evaluate(model, [(torch.rand(4, 3), torch.tensor([0, 1, 0, 1]))])
    assert model.training
    assert model[1].training
    assert not frozen.training
