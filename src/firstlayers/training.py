"""Train a classifier, and find out how good it is.

The loops are those that the chapter on training writes out line by line. They know nothing of
data sets: a loader is anything that gives batches of inputs and labels.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from firstlayers.progress import progress_bar

__all__ = ["Evaluation", "History", "evaluate", "fit", "predict", "train_epoch"]

Batches = Iterable[tuple[Tensor, Tensor]]
LossFunction = Callable[[Tensor, Tensor], Tensor]


class Evaluation(NamedTuple):
    """How a model does on a set of examples."""

    loss: float
    """The mean loss over all examples."""
    accuracy: float
    """The fraction of examples whose class was predicted right, between 0 and 1."""


@dataclass
class History:
    """What :func:`fit` measured, one entry an epoch.

    The validation entries stay empty where there was no validation loader.
    """

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    valid_accuracy: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.train_loss)


def train_epoch(
    model: nn.Module,
    loader: Batches,
    optimizer: Optimizer,
    loss_fn: LossFunction = F.cross_entropy,
) -> float:
    """Show the model every batch once, with one optimizer step a batch.

    Parameters
    ----------
    model : torch.nn.Module
        The model; it is put into training mode. Batches are moved to its device.
    loader : iterable of (inputs, labels)
        Usually a :class:`torch.utils.data.DataLoader`.
    optimizer : torch.optim.Optimizer
        The optimizer of this model's parameters.
    loss_fn : callable
        Takes logits and labels, returns the *mean* loss of the batch.

    Returns
    -------
    float
        The mean loss over all examples, each batch weighted by its size, measured while the
        weights were changing.

    Raises
    ------
    ValueError
        If the loader gives no batch.
    """
    model.train()
    device = _device(model)
    # The sum stays on the device: reading it as a number would make every step wait for it.
    total = torch.zeros((), device=device)
    count = 0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach() * len(labels)
        count += len(labels)
    return _mean(total, count)


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
            batches = [(model(inputs.to(device)), labels.to(device)) for inputs, labels in loader]
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
    progress: bool | None = None,
) -> History:
    """Train for a number of epochs and keep a record.

    Parameters
    ----------
    model : torch.nn.Module
        The model, on the device where it shall be trained.
    train_loader : iterable of (inputs, labels)
        What the model learns from.
    valid_loader : iterable of (inputs, labels), optional
        What it is measured on after each epoch.
    optimizer : torch.optim.Optimizer
        The optimizer of this model's parameters.
    epochs : int
        How often every training example is shown.
    loss_fn : callable
        Takes logits and labels, returns the mean loss of the batch.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        Stepped once after each epoch.
    progress : bool, optional
        Whether to show a progress bar. By default there is one in terminals and notebooks, and
        none where the output goes to a file.

    Returns
    -------
    History
        The losses, validation accuracies and learning rates, one entry an epoch.

    Raises
    ------
    ValueError
        If the number of epochs is negative, or a loader gives no batch.
    """
    if epochs < 0:
        raise ValueError(f"epochs must be 0 or more, got {epochs}")
    history = History()
    bar = progress_bar(range(epochs), progress=progress, unit="epoch")
    for _ in bar:
        history.learning_rate.append(optimizer.param_groups[0]["lr"])
        history.train_loss.append(train_epoch(model, train_loader, optimizer, loss_fn))
        shown = {"loss": f"{history.train_loss[-1]:.4f}"}
        if valid_loader is not None:
            loss, accuracy = evaluate(model, valid_loader, loss_fn)
            history.valid_loss.append(loss)
            history.valid_accuracy.append(accuracy)
            shown["valid_accuracy"] = f"{accuracy:.1%}"
        if scheduler is not None:
            scheduler.step()
        bar.set_postfix(shown)
    return history


NO_BATCH = "the loader gave no batch: is the data set empty, or smaller than a dropped last batch?"


def _mean(total: Tensor, count: int) -> float:
    if count == 0:
        raise ValueError(NO_BATCH)
    return total.item() / count


def _device(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))
