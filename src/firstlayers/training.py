"""Train a classifier, and find out how good it is.

The loops are those that the chapter on training writes out line by line. They know nothing of
data sets: a loader is anything that gives batches of inputs and labels.

A model in :class:`torch.nn.parallel.DistributedDataParallel` is trained by several processes
together, each of which calls the same functions with its share of the batches.
"""

import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from firstlayers.checkpoints import load_checkpoint, save_checkpoint
from firstlayers.distributed import (
    is_main,
    is_shared,
    on_main,
    set_epoch,
    share_weight,
    sum_over_processes,
    unwrap,
)
from firstlayers.history import History
from firstlayers.progress import progress_bar

__all__ = [
    "Evaluation",
    "History",
    "deterministic",
    "evaluate",
    "fit",
    "predict",
    "train_epoch",
]

Batches = Iterable[tuple[Tensor, Tensor]]
LossFunction = Callable[[Tensor, Tensor], Tensor]
Weights = dict[str, Any]


class Evaluation(NamedTuple):
    """How a model does on a set of examples."""

    loss: float
    """The mean loss over all examples."""
    accuracy: float
    """The fraction of examples whose class was predicted right, between 0 and 1."""


def train_epoch(
    model: nn.Module,
    loader: Batches,
    optimizer: Optimizer,
    loss_fn: LossFunction = F.cross_entropy,
    *,
    clip_norm: float | None = None,
    scheduler: LRScheduler | None = None,
) -> float:
    """Show the model every batch once, with one optimizer step a batch.

    Parameters
    ----------
    model : torch.nn.Module
        The model; it is put into training mode. Batches are moved to its device. In
        :class:`torch.nn.parallel.DistributedDataParallel`, each process shows its share of every
        batch, and each share counts by its size: the step is that of the whole batch.
    loader : iterable of (inputs, labels)
        Usually a :class:`torch.utils.data.DataLoader`.
    optimizer : torch.optim.Optimizer
        The optimizer of this model's parameters.
    loss_fn : callable
        Takes logits and labels, returns the *mean* loss of the batch.
    clip_norm : float, optional
        Shortens the gradient, all parameters' taken as one vector, to this length where it is longer.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        Stepped after each batch. One that counts epochs is for :func:`fit`.

    Returns
    -------
    float
        The mean loss over all examples, each batch weighted by its size, measured while the
        weights were changing. With several processes, over the examples of all.

    Raises
    ------
    ValueError
        If the loader gives no batch, or `clip_norm` is not positive.
    """
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm must be positive, got {clip_norm}")
    shared = is_shared(model)
    model.train()
    device = _device(model)
    # They stay on the device: reading one as a number would make every step wait for it.
    losses: list[Tensor] = []
    counts: list[int] = []
    for inputs, labels in loader:
        inputs, labels = _move(inputs, device), _move(labels, device)
        optimizer.zero_grad()
        logits = model(inputs)
        # The mean over the empty share of a small batch would be nan; a sum over nothing is zero.
        loss = loss_fn(logits, labels) if len(labels) else logits.sum()
        weighted = loss * share_weight(len(labels), device) if shared else loss
        weighted.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        losses.append(loss.detach())
        counts.append(len(labels))
    sizes = torch.tensor(counts, dtype=torch.float64)
    total = torch.stack(losses).cpu().double() @ sizes if losses else sizes.sum()
    sums = torch.stack([total, sizes.sum()])
    if shared:
        sums = sum_over_processes(sums.to(device))
    if sums[1] == 0:
        raise ValueError(NO_BATCH)
    return (sums[0] / sums[1]).item()


def evaluate(
    model: nn.Module, loader: Batches, loss_fn: LossFunction = F.cross_entropy
) -> Evaluation:
    """Measure the mean loss and the accuracy without changing the model.

    Parameters
    ----------
    model : torch.nn.Module
        The model. It is put into evaluation mode, and each of its parts back
        into the mode it was in.
    loader : iterable of (inputs, labels)
        The examples. Batches are moved to the model's device.
    loss_fn : callable
        Takes logits and labels, returns the *mean* loss of the batch.

    Returns
    -------
    Evaluation
        A named pair, ``loss`` and ``accuracy``.

    Raises
    ------
    ValueError
        If the loader gives no batch.
    """
    logits, labels = predict(model, loader)
    return Evaluation(
        loss=loss_fn(logits, labels).item(),
        accuracy=(logits.argmax(dim=1) == labels).sum().item() / len(labels),
    )


def predict(model: nn.Module, loader: Batches) -> tuple[Tensor, Tensor]:
    """Compute the model's output for every example, without tracking gradients.

    Parameters
    ----------
    model : torch.nn.Module
        The model. It is put into evaluation mode, and each of its parts back
        into the mode it was in.
    loader : iterable of (inputs, labels)
        The examples, in the order in which they are wanted.

    Returns
    -------
    outputs : torch.Tensor
        All outputs, shape (N, ...), on the model's device.
    labels : torch.Tensor
        All labels, shape (N,), on the same device.

    Raises
    ------
    ValueError
        If the loader gives no batch.
    """
    # Each part by itself: a frozen part may be in evaluation mode while the rest trains.
    modes = {module: module.training for module in model.modules()}
    device = _device(model)
    model.eval()
    try:
        with torch.inference_mode():
            batches = [
                (model(_move(inputs, device)), _move(labels, device)) for inputs, labels in loader
            ]
    finally:
        for module, training in modes.items():
            module.training = training
    if not batches:
        raise ValueError(NO_BATCH)
    outputs, labels = zip(*batches, strict=True)
    return torch.cat(outputs), torch.cat(labels)


def fit(
    model: nn.Module,
    train_loader: Batches,
    valid_loader: Batches | None = None,
    *,
    optimizer: Optimizer,
    epochs: int,
    loss_fn: LossFunction = F.cross_entropy,
    scheduler: LRScheduler | None = None,
    step_scheduler: Literal["epoch", "step"] = "epoch",
    clip_norm: float | None = None,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    extra: Mapping[str, Any] | None = None,
    progress: bool | None = None,
) -> History:
    """Train for a number of epochs and keep a record.

    With several processes, that is with a model in
    :class:`torch.nn.parallel.DistributedDataParallel`, every process calls this function. The first
    one measures the validation loss, saves, and shows the progress bar; all return the same record.

    Parameters
    ----------
    model : torch.nn.Module
        The model, on the device where it shall be trained.
    train_loader : iterable of (inputs, labels)
        What the model learns from. A sampler that wants to know the epoch, such as
        :class:`torch.utils.data.distributed.DistributedSampler`, is told.
    valid_loader : iterable of (inputs, labels), optional
        What it is measured on after each epoch.
    optimizer : torch.optim.Optimizer
        The optimizer of this model's parameters.
    epochs : int
        How often every training example is shown, all in all: those that a checkpoint has behind
        it count.
    loss_fn : callable
        Takes logits and labels, returns the mean loss of the batch.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        What changes the learning rate.
    step_scheduler : {"epoch", "step"}
        Whether the scheduler is stepped once after each epoch or after each batch. It depends on
        what its settings count: ``StepLR(optimizer, step_size=2)`` usually means epochs,
        ``OneCycleLR(optimizer, 0.1, total_steps=epochs * len(train_loader))`` means batches.
    clip_norm : float, optional
        Shortens the gradient, all parameters' taken as one vector, to this length where it is longer.
    patience : int, optional
        Ends the training when the validation loss has not fallen for this number of epochs. The
        model then has the weights of the epoch with the lowest validation loss,
        ``history.best_epoch``, also if the training was not ended early.
    checkpoint : path, optional
        Where the run is saved after each epoch, with :func:`firstlayers.checkpoints.save_checkpoint`.
        If the file is there already, the run goes on from it, to the same weights as without the
        interruption. With `patience`, the file's model has the best weights so far, and the last
        ones stand in its ``extra["last"]``. With processes on several machines, the file must be on
        a disk that all of them see.
    extra : dict, optional
        What else shall be in the checkpoint: numbers, strings, lists, dictionaries and tensors.
    progress : bool, optional
        Whether to show a progress bar. By default there is one in terminals and notebooks, and
        none where the output goes to a file.

    Returns
    -------
    History
        The losses, validation accuracies and learning rates, one entry an epoch, including those
        from before the checkpoint.

    Raises
    ------
    ValueError
        If a setting is out of range, a loader gives no batch, there is patience but nothing to
        validate on, or a checkpoint was saved without patience and shall go on with it.
    firstlayers.checkpoints.CheckpointError
        If the checkpoint is damaged or does not fit.
    OSError
        If it cannot be read or written.
    """
    _check(epochs, step_scheduler, patience, valid_loader)
    once = on_main if is_shared(model) else _call
    run = _Checkpoints(checkpoint, unwrap(model), optimizer, scheduler, train_loader, extra or {})
    start, history, best = 0, History(), None
    if checkpoint is not None and once(Path(checkpoint).exists):
        start, history, best = run.load(patience is not None)
    shown = progress if is_main() or not is_shared(model) else False
    bar = progress_bar(
        range(start, epochs), progress=shown, unit="epoch", initial=start, total=epochs
    )
    for epoch in bar:
        if patience is not None and len(history) - (history.best_epoch or 0) >= patience:
            break
        set_epoch(train_loader, epoch)
        history.learning_rate.append(optimizer.param_groups[0]["lr"])
        each_step = scheduler if step_scheduler == "step" else None
        history.train_loss.append(
            train_epoch(
                model, train_loader, optimizer, loss_fn, clip_norm=clip_norm, scheduler=each_step
            )
        )
        told = {"loss": f"{history.train_loss[-1]:.4f}"}
        if valid_loader is not None:
            # Not by every process: on different machines the last bits might differ, and then the
            # decision when to stop.
            loss, accuracy = once(lambda: evaluate(unwrap(model), valid_loader, loss_fn))
            history.valid_loss.append(loss)
            history.valid_accuracy.append(accuracy)
            told["valid_accuracy"] = f"{accuracy:.1%}"
        if scheduler is not None and step_scheduler == "epoch":
            scheduler.step()
        if patience is not None and history.best_epoch == len(history):
            best = _weights(unwrap(model))
        if checkpoint is not None:
            once(lambda: run.save(epoch + 1, history, best, patience is not None))  # noqa: B023
        bar.set_postfix(told)
    bar.close()
    if best is not None:
        unwrap(model).load_state_dict(best)
    return history


@contextmanager
def deterministic(seed: int = 0) -> Iterator[None]:
    """Let a block of code give the same numbers each time, down to the last bit.

    At its beginning the random numbers of PyTorch, NumPy and Python are seeded. Within it PyTorch
    takes only algorithms that always add in the same order
    (:func:`torch.use_deterministic_algorithms`), and raises an error where there is none.
    Afterwards these settings are as they were; the random numbers go on from where they are.

    The numbers are the same on the same kind of machine, with the same version of PyTorch and the
    same number of threads. On a CPU most are the same without this. On a GPU it takes some speed.

    Parameters
    ----------
    seed : int
        Where the random numbers begin, between 0 and 2**32 - 1.

    Examples
    --------
    >>> with deterministic(seed=0):
    ...     first = torch.rand(3)
    >>> with deterministic(seed=0):
    ...     assert torch.equal(torch.rand(3), first)
    """
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    try:
        # cuBLAS reads this when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False  # its choice depends on measured times
        torch.use_deterministic_algorithms(True)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (the global generator is meant)
        torch.manual_seed(seed)
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
        if workspace is None:
            os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


class _Checkpoints(NamedTuple):
    """Where a run is saved, and all of it that is the same at every epoch."""

    path: str | os.PathLike[str] | None
    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler | None
    loader: Batches
    extra: Mapping[str, Any]

    def save(self, epoch: int, history: History, best: Weights | None, patient: bool) -> None:
        """Save the run; with patience, such that whoever loads the model gets the best weights."""
        assert self.path is not None
        last = _weights(self.model) if patient else None
        try:
            if best is not None:
                self.model.load_state_dict(best)
            save_checkpoint(
                self.path,
                self.model,
                self.optimizer,
                self.scheduler,
                epoch=epoch,
                history=history,
                generator=getattr(self.loader, "generator", None),
                extra={**self.extra, **({} if last is None else {"last": last})},
            )
        finally:
            if last is not None:
                self.model.load_state_dict(last)

    def load(self, patient: bool) -> tuple[int, History, Weights | None]:
        """Put the run back: how many epochs are done, what was measured, and the best weights."""
        assert self.path is not None
        found = load_checkpoint(
            self.path,
            self.model,
            self.optimizer,
            self.scheduler,
            generator=getattr(self.loader, "generator", None),
        )
        last = found.extra.get("last")
        if patient and last is None:
            raise ValueError(
                f"{self.path} was saved without patience, so the best weights so far are not in it: "
                "go on without patience, or begin a new run."
            )
        best = None
        if last is not None:
            if patient and found.history.best_epoch is not None:
                best = _weights(self.model)
            self.model.load_state_dict(last)
        return found.epoch, found.history, best


NO_BATCH = "the loader gave no batch: is the data set empty, or smaller than a dropped last batch?"


def _check(
    epochs: int, step_scheduler: str, patience: int | None, valid_loader: Batches | None
) -> None:
    if epochs < 0:
        raise ValueError(f"epochs must be 0 or more, got {epochs}")
    if step_scheduler not in ("epoch", "step"):
        raise ValueError(f'step_scheduler must be "epoch" or "step", got {step_scheduler!r}')
    if patience is not None and patience < 1:
        raise ValueError(f"patience must be 1 or more epochs, got {patience}")
    if patience is not None and valid_loader is None:
        raise ValueError("patience watches the validation loss: give a validation loader, too")


def _call(work: Callable[[], Any]) -> Any:
    return work()


def _weights(model: nn.Module) -> Weights:
    """Copy the model's weights and buffers."""
    return {
        name: value.clone() if isinstance(value, Tensor) else value
        for name, value in model.state_dict().items()
    }


def _move(batch: Tensor, device: torch.device) -> Tensor:
    # From pinned memory a copy need not be waited for. On a CPU there is nothing to copy or to ask.
    return batch.to(device, non_blocking=device.type != "cpu" and batch.is_pinned())


def _device(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))
