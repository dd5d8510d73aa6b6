"""Save a training run to a file, and go on with it later as if it had never stopped.

A checkpoint holds numbers, strings, lists, dictionaries and tensors, and nothing else, so that
reading one runs no code. At every moment its place holds either the old file or the new one, whole:
a new one is written beside it and then renamed. When one is read, all of it is checked before
anything is changed: first its check sums, then whether it fits.
"""

import copy
import io
import os
import pickle
import re
import secrets
import textwrap
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.serialization import get_unsafe_globals_in_checkpoint

from firstlayers.history import History
from firstlayers.random_states import random_states, set_random_states

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "load_checkpoint",
    "remove_leftovers",
    "save_checkpoint",
]

FORMAT = "firstlayers checkpoint, version 1"
SHOWN = 3  # names in a list in a message; the others are counted


class CheckpointError(ValueError):
    """A checkpoint cannot be made, is damaged, is none, or does not fit."""


class Checkpoint(NamedTuple):
    """What a checkpoint says besides the states that were put back."""

    epoch: int
    """How many epochs were done."""
    history: History
    """What had been measured by then; empty if none was given."""
    extra: dict[str, Any]
    """What else was given."""


class _Fault(Exception):
    """What is wrong with a file; the caller knows its path."""


def save_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: Optimizer | None = None,
    scheduler: LRScheduler | None = None,
    *,
    epoch: int = 0,
    history: History | None = None,
    generator: Generator | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Save all that a run needs to go on exactly where it is; to be called between two epochs.

    The states of the random numbers are always saved: Python's, NumPy's and PyTorch's, of the CPU
    and of the devices that the model is on.

    A file that is there already is replaced once the new one is complete and on the disk. A process
    that is killed on the way leaves the old file as it was, and beside it perhaps a hidden one whose
    name ends in ``.part``. A full disk leaves the old file alone.

    Parameters
    ----------
    path : path
        The file, such as ``"runs/last.pt"``. Missing folders are made.
    model : torch.nn.Module
        The model, on any device but ``meta``.
    optimizer : torch.optim.Optimizer, optional
        The optimizer of this model's parameters, with its momentum and the like.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        The scheduler of this optimizer.
    epoch : int
        How many epochs are done.
    history : firstlayers.training.History, optional
        What was measured so far.
    generator : torch.Generator, optional
        What shuffles the batches: ``loader.generator``. That is None where the loader was made
        without a seed. Such a loader follows PyTorch's random numbers, which are saved anyway.
    extra : dict, optional
        Anything else that is made of numbers, strings, lists, dictionaries and tensors.

    Raises
    ------
    CheckpointError
        If the optimizer is not the model's or the scheduler not the optimizer's, if something given
        could not be loaded again, or if the model has no numbers, as on the device ``meta``.
    OSError
        If the file cannot be written.
    """
    run = _Run(model, optimizer, scheduler, generator)
    run.check()
    content = {
        "format": FORMAT,
        "epoch": epoch,
        "history": asdict(history or History()),
        "extra": dict(extra or {}),
        "states": run.collect(),
    }
    written = io.BytesIO()
    try:
        torch.save(content, written)
        _read(written, torch.device("meta"))  # all but the tensors' numbers
    except _Fault as fault:
        raise CheckpointError(f"Nothing was saved, because the file {fault}") from fault.__cause__
    except Exception as error:
        raise CheckpointError(f"Nothing was saved: {_why(error)}. {PLAIN}") from error
    _replace(Path(path), written)


def load_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: Optimizer | None = None,
    scheduler: LRScheduler | None = None,
    *,
    generator: Generator | None = None,
    map_location: torch.device | str | None = None,
) -> Checkpoint:
    """Put back what :func:`save_checkpoint` saved, all of it or nothing.

    To predict, give the model alone: its weights and buffers are loaded, and nothing else is
    touched. To go on training, give all that was given when the file was saved: then the random
    numbers, too, go on where they were. The learning rate and other settings of optimizer and
    scheduler are those of the file. The model's mode, ``train()`` or ``eval()``, stays as it is.

    A run that goes on ends with exactly the weights that it would have had without the
    interruption. That takes the same data, the same kind of device, the same version of PyTorch, and
    operations that are deterministic, as they are on the CPU.

    Only numbers and plain data are loaded (``weights_only=True``), so a file from somebody else can
    run no code.

    Parameters
    ----------
    path : path
        The file.
    model : torch.nn.Module
        A model of the saved architecture, on any device but ``meta``. Its parameters are changed in
        place, so they stay those of its optimizer.
    optimizer : torch.optim.Optimizer, optional
        An optimizer of the saved kind, made of this model's parameters in the same groups.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        A scheduler of the saved kind, made of this optimizer.
    generator : torch.Generator, optional
        What shall shuffle the batches: ``loader.generator``.
    map_location : torch.device or str, optional
        Where the file's tensors are put to be checked, before their numbers are copied into the
        model, wherever that is. The default is the CPU: a file from a machine with a GPU can then be
        read on one without.

    Returns
    -------
    Checkpoint
        ``epoch``, ``history`` and ``extra`` as they were saved.

    Raises
    ------
    CheckpointError
        If the file is damaged, holds something else, or does not fit. Nothing is changed then.
    OSError
        If the file cannot be opened: ``FileNotFoundError`` where there is none.
    """
    run = _Run(model, optimizer, scheduler, generator)
    run.check()
    device = torch.device("cpu" if map_location is None else map_location)
    if device.type == "meta":
        raise CheckpointError('map_location="meta" leaves all numbers out: name another device.')
    with Path(path).open("rb") as file:
        try:
            content = _read(file, device)
            states = content["states"]
            run.compare(states)
        except _Fault as fault:
            raise CheckpointError(f"{path} {fault}") from fault.__cause__
    before = copy.deepcopy(run.collect())
    try:
        run.put_back(states)
    except BaseException as error:
        run.put_back(before)
        if not isinstance(error, Exception):
            raise  # Ctrl+C, for one
        raise CheckpointError(
            f"{path} could not be put in place, and all is as it was before: {_why(error)}"
        ) from error
    return Checkpoint(content["epoch"], History(**content["history"]), content["extra"])


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove what processes that were killed while they saved have left beside a file.

    To be called where no other process saves to this place.

    Parameters
    ----------
    path : path
        The file that was to be saved. It is not touched itself, whether it is there or not.
    """
    path = Path(path)
    given_by_replace = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for file in path.parent.glob(".*.part"):
        if given_by_replace.fullmatch(file.name):
            file.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Run:
    """What was given to be saved or to be loaded into."""

    model: nn.Module
    optimizer: Optimizer | None
    scheduler: LRScheduler | None
    generator: Generator | None

    @property
    def rest(self) -> dict[str, Any]:
        """The parts beside the model. Where none is given, the model shall only predict."""
        parts = {
            "optimizer": self.optimizer,
            "scheduler": self.scheduler,
            "generator": self.generator,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def check(self) -> None:
        """See to it that the parts belong together."""
        if any(tensor.is_meta for tensor in _tensors(self.model.state_dict()).values()):
            raise CheckpointError(
                "The model is on the device meta, so it has shapes but no numbers. Give it memory "
                'first: model.to_empty(device="cpu").'
            )
        if any("" in names for names in self.groups()):
            raise CheckpointError(
                "The optimizer has parameters that are not the model's: it was made of another "
                "model, perhaps of one that had the same name before. Make a new optimizer."
            )
        if self.scheduler is not None and self.scheduler.optimizer is not self.optimizer:
            raise CheckpointError(
                "The scheduler was not made of this optimizer. Give the two that belong together."
            )

    def groups(self) -> list[list[str]]:
        """Name the parameters in each of the optimizer's groups; a stranger has no name."""
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        groups = self.optimizer.param_groups if self.optimizer is not None else []
        return [[names.get(id(parameter), "") for parameter in group["params"]] for group in groups]

    def collect(self) -> dict[str, Any]:
        """Take the states of all parts. The tensors are their own, not copies."""
        states = {"model": self.model.state_dict(), "random": random_states(self.model)}
        for name, part in self.rest.items():
            state = part.get_state() if name == "generator" else part.state_dict()
            states[name] = {"kind": type(part).__name__, "state": state}
        if self.optimizer is not None:
            states["optimizer"]["groups"] = self.groups()
        return states

    def put_back(self, states: Mapping[str, Any]) -> None:
        """Give all parts their states."""
        self.model.load_state_dict(states["model"])
        for name, part in self.rest.items():
            state = states[name]["state"]
            if name == "generator":
                part.set_state(state.cpu())
            else:
                part.load_state_dict(state)
        if self.rest:
            set_random_states(states["random"], self.model)

    def compare(self, states: Mapping[str, Any]) -> None:
        """See to it that all parts can take their states."""
        _compare_models(states["model"], self.model.state_dict())
        if not self.rest:
            return
        for name in ("optimizer", "scheduler", "generator"):
            saved, part = states.get(name), self.rest.get(name)
            if saved is None and part is not None:
                raise _Fault(f"holds no {name}: it was saved without one. {TWO_WAYS}")
            if saved is not None and part is None:
                raise _Fault(
                    f"holds the state of {'an' if name == 'optimizer' else 'a'} {name}, and none was "
                    f"given: the run would go on differently. {TWO_WAYS}"
                )
            if saved is not None and saved["kind"] != type(part).__name__:
                raise _Fault(
                    f"was saved with the {name} {saved['kind']}, not {type(part).__name__}. "
                    f"Make the {name} as it was made then."
                )
        if self.optimizer is not None and states["optimizer"]["groups"] != self.groups():
            raise _Fault(
                "was saved with an optimizer of other parameters.\n"
                f"  groups in the file: {_sizes(states['optimizer']['groups'])}\n"
                f"  groups given: {_sizes(self.groups())}\n"
                "Give it the same parameters, in the same groups and order."
            )


TWO_WAYS = (
    "To go on training, give all that was given when it was saved; to predict, the model alone."
)


def _compare_models(saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Compare names, shapes and dtypes."""
    found = {
        "missing in the file": [name for name in own if name not in saved],
        "not in the model": [name for name in saved if name not in own],
        "different": [
            f"{name} is {_look(saved[name])} in the file, {_look(own[name])} in the model"
            for name in own
            if name in saved and _look(saved[name]) != _look(own[name])
        ],
    }
    lines = [f"  {what}: {_shorten(names)}" for what, names in found.items() if names]
    if lines:
        told = "\n".join(["was saved from another architecture.", *lines])
        raise _Fault(f"{told}\nBuild the model as it was when it was saved.")


def _tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


# The file


def _read(file: IO[bytes], device: torch.device) -> dict[str, Any]:
    """Read a file, once its check sums and the names of all that it would call have been checked."""
    _check_sums(file)
    try:
        file.seek(0)
        strangers = get_unsafe_globals_in_checkpoint(file)  # looks for names and calls nothing
    except Exception as error:
        raise _Fault(f"is damaged, or no checkpoint: {_why(error)}. {GIVE}") from error
    if strangers:
        raise _Fault(
            f"holds Python objects ({_shorten(sorted(strangers))}), not only numbers and plain data. "
            f"Loading such objects can run any code, so it is refused. {PLAIN}"
        )
    try:
        file.seek(0)
        content = torch.load(file, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:  # its message tells how to do it all the same
        raise _Fault(f"holds more than numbers and plain data: it is refused. {PLAIN}") from error
    except Exception as error:
        raise _Fault(f"cannot be read: {_why(error)}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _Fault(
            f"is no checkpoint, or one of another version. {GIVE} A bare state_dict is loaded with "
            "model.load_state_dict(torch.load(path, weights_only=True))."
        )
    return content


GIVE = "Give a file that save_checkpoint wrote."
PLAIN = "Save numbers, strings, lists, dictionaries and tensors, such as a state_dict."


def _check_sums(file: IO[bytes]) -> None:
    """Compare the check sum of each record: torch.save writes them, torch.load does not compare."""
    file.seek(0)
    start = file.read(4)
    if not start:
        raise _Fault("is empty. Take an older file.")
    if start != b"PK\x03\x04":  # torch.save writes zip archives
        raise _Fault(f"is no checkpoint: it does not begin as one. {GIVE}")
    try:
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
    except Exception as error:
        what = _why(error).replace("File is not a zip file", "its end is missing")
        raise _Fault(f"is damaged: {what}. Take an older file.") from error
    if damaged is not None:
        raise _Fault(f"is damaged: the check sum of {damaged} is wrong. Take an older file.")


def _replace(path: Path, content: io.BytesIO) -> None:
    """Write beside the place, then rename: whatever happens, the old or the new file is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two processes that save to one place must not write into one file.
    begun = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    begun.touch(exist_ok=False)
    try:
        with begun.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave a renamed, empty file
        begun.replace(path)
    except BaseException:
        with suppress(OSError):
            begun.unlink()
        raise


# What to tell


def _look(value: Any) -> str:
    """Tell what of an entry has to agree: ``(10, 512) float32``."""
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    return type(value).__name__


def _sizes(groups: list[list[str]]) -> str:
    return "; ".join(f"{len(names)} parameters ({_shorten(names)})" for names in groups)


def _shorten(names: list[str]) -> str:
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join([*names[:SHOWN], *more])


def _why(error: BaseException) -> str:
    """Tell a message in one line."""
    told = str(error) or type(error).__name__
    return textwrap.shorten(told, 240, placeholder=" …").rstrip(".")
