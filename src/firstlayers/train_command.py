"""``python -m firstlayers train``: train one of the course's networks from the command line."""

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from firstlayers import models
from firstlayers.checkpoints import CheckpointError, load_checkpoint, remove_leftovers
from firstlayers.data import DATASETS, as_tensors, load_dataset, make_loader, split
from firstlayers.distributed import (
    OtherProcessFailed,
    ShareOfBatches,
    TooFewDevices,
    is_main,
    launched,
    on_main,
    processes,
    restarts,
    together,
    unwrap,
    will_restart,
    world_size,
)
from firstlayers.download import DatasetDamaged, DatasetUnavailable
from firstlayers.training import History, deterministic, evaluate, fit

__all__ = ["add_arguments"]

LEARNING_RATES = {"adamw": 0.003, "sgd": 0.1}
INTERRUPTED = 130  # what shells expect of a program that Ctrl+C ended

DESCRIPTION = """\
Train one of the course's networks, and find out how good it is.

The training images are divided: the network learns from 80 % of them and is
validated on the other 20 % after each epoch, the same division each time. The
test images are asked once, at the end. Without a word from you, AdamW with one
cycle of the learning rate and batches of 256 images reads more than 97 % of
MNIST's test images right after 6 epochs, some seconds on a laptop.
"""

EXAMPLES = """\
examples:
  The bundled digits, with all defaults:
    python -m firstlayers train

  Twenty epochs at most; stop when the validation loss has not fallen for
  three, and keep the best weights in a file:
    python -m firstlayers train --epochs 20 --patience 3 --save digits.pt

  Go on with that run where it was interrupted:
    python -m firstlayers train --epochs 20 --patience 3 --save digits.pt --resume

  The smaller network with gradient descent, the same bits each time:
    python -m firstlayers train --model Network --optimizer sgd --deterministic

  Two processes that share each batch. If one dies, all are started again, at
  most three times, and go on from the last checkpoint:
    torchrun --nproc-per-node 2 --max-restarts 3 \\
      -m firstlayers train --save two.pt --resume

other images:
  --dataset mnist or --dataset fashion-mnist. They are downloaded once.

several machines:
  The same command on each of two; FILE must be on a disk that both see:
    torchrun --nnodes 2 --nproc-per-node 8 \\
      --rdzv-backend c10d --rdzv-endpoint HOST:29400 \\
      -m firstlayers train --save FILE --resume
  The batch size is that of all processes together, so the result is that of
  one process, but for rounding.

exit status:
  0; 1 if it could not be done; 2 if the options are wrong; 130 after Ctrl+C
"""

DATA_FAULTS = (DatasetUnavailable, DatasetDamaged)


class _Refused(Exception):
    """Something that the user can put right; the message says what."""


class _Examples(NamedTuple):
    images: Tensor
    labels: Tensor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of the command, and what it runs.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command ``train``. What it parses has the attribute ``run``, a function
        that takes what was parsed and returns the exit status.
    """
    parser.description, parser.epilog = DESCRIPTION, EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter

    group = parser.add_argument_group("what is learned")
    group.add_argument(
        "--dataset", choices=DATASETS, metavar="NAME",
        help="digits, mnist or fashion-mnist (default: $FIRSTLAYERS_DATASET, or digits)",
    )  # fmt: skip
    group.add_argument(
        "--data-root", metavar="FOLDER",
        help="the folder that holds the data sets (default: $FIRSTLAYERS_DATA, or the user's cache "
        "folder)",
    )  # fmt: skip
    group.add_argument(
        "--model", choices=models.__all__, default="NeuralNetwork",
        help="NeuralNetwork is 784-512-512-10, Network is 784-128-64-10 (default: %(default)s)",
    )  # fmt: skip

    group = parser.add_argument_group("how")
    group.add_argument(
        "--epochs", type=_count, default=6, metavar="N",
        help="how often every training image is shown (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--batch-size", type=_count, default=256, metavar="N",
        help="images a step, of all processes together (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--optimizer", choices=list(LEARNING_RATES), default="adamw",
        help="sgd has momentum 0.9 (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--learning-rate", type=_positive, metavar="X",
        help="with the schedule onecycle, the highest (default: 0.003 for adamw, 0.1 for sgd)",
    )  # fmt: skip
    group.add_argument(
        "--schedule", choices=["onecycle", "constant"], default="onecycle",
        help="onecycle raises the learning rate from a 25th, then lowers it to almost nothing, step "
        "by step (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--clip-norm", type=_positive, metavar="X",
        help="shorten gradients that are longer than this (default: leave them)",
    )  # fmt: skip
    group.add_argument(
        "--patience", type=_count, metavar="N",
        help="stop when the validation loss has not fallen for N epochs, and keep the weights of the "
        "best epoch (default: train all epochs, keep the last weights)",
    )  # fmt: skip
    group.add_argument(
        "--seed", type=_seed, default=0, metavar="N",
        help="decides on the first weights and the order of the images (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--deterministic", action="store_true",
        help="take only algorithms that give the same bits each time",
    )  # fmt: skip
    group.add_argument(
        "--device", metavar="NAME",
        help="cpu, cuda, mps, … (default: the machine's accelerator, or else cpu)",
    )  # fmt: skip
    group.add_argument(
        "--threads", type=_count, metavar="N",
        help="threads of each process (default: PyTorch's choice; under torchrun the machine's cores "
        "are divided among its processes, unless OMP_NUM_THREADS is more than 1)",
    )  # fmt: skip

    group = parser.add_argument_group("the file")
    group.add_argument(
        "--save", type=Path, metavar="FILE",
        help="save the run after each epoch; a file that is there already is not overwritten",
    )  # fmt: skip
    group.add_argument(
        "--resume", action="store_true",
        help="go on with the run in that file if it is there; give the same options as before",
    )  # fmt: skip
    parser.set_defaults(run=lambda chosen: _run(parser, chosen))


def _run(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    """Train under torchrun's eyes if it started us, and say in a sentence what goes wrong."""
    if chosen.resume and chosen.save is None:
        parser.error("--resume needs --save FILE: the file to go on with")
    if not launched():
        return _guarded(chosen)
    from torch.distributed.elastic.multiprocessing.errors import record

    # Tells torchrun of errors that nobody expected; its report then shows them.
    return record(_guarded)(chosen) or 0


def _guarded(chosen: argparse.Namespace) -> int:
    try:
        with processes(_device(chosen.device), chosen.threads) as device:
            try:
                _train(chosen, device)
            except (OtherProcessFailed, _Refused, CheckpointError, *DATA_FAULTS) as error:
                return _fail(str(error))
            except OSError as error:
                return _fail(f"{error.filename or chosen.save}: {error.strerror or error}.")
        return 0
    except (_Refused, TooFewDevices) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        if launched():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # torchrun sends another one
        _fail(f"\nInterrupted. {_how_to_go_on(chosen)}")
        return INTERRUPTED
    except RuntimeError as error:
        if not (launched() and _is_loss_of_a_process(error)):
            raise
        on = "torchrun starts all again." if will_restart() else _how_to_go_on(chosen)
        _fail(f"Another process of this run has ended, so this one ends, too. {on}")
        # torchrun takes the process that ends first for the cause. It shall be the other one.
        time.sleep(PAUSE)
        return 1


PAUSE = 5  # seconds; torchrun looks several times a second


def _train(chosen: argparse.Namespace, device: torch.device) -> None:
    """Load, train, test, and tell."""
    say: Callable[..., None] = print if is_main() else _say_nothing
    if chosen.batch_size < world_size():
        raise _Refused(
            f"--batch-size {chosen.batch_size} is too small for {world_size()} processes: each "
            "needs an image of every batch."
        )
    resume = chosen.resume or restarts() > 0
    _look_at_place(chosen.save, resume)
    if world_size() > 1:
        on_main(lambda: _download(chosen))  # the others wait, and find what it has brought
    train, valid, test = together(lambda: _load(chosen, device))
    with deterministic(chosen.seed) if chosen.deterministic else nullcontext():
        torch.manual_seed(chosen.seed)  # every process makes the same model
        model: nn.Module = getattr(models, chosen.model)().to(device)
        train_loader = make_loader(
            train.images,
            train.labels,
            batch_sampler=ShareOfBatches(train.labels, chosen.batch_size, seed=chosen.seed),
        )
        optimizer = _optimizer(chosen, model)
        scheduler = _scheduler(chosen, optimizer, len(train_loader))
        done = together(lambda: _epochs_done(chosen, model)) if resume and chosen.save else 0
        say(
            f"{_dataset(chosen)}: {len(train.labels):,} images to learn from, "
            f"{len(valid.labels):,} to validate on, {len(test.labels):,} to test with"
        )
        say(f"{chosen.model}: {_count_parameters(model):,} parameters, on {_places(device)}")
        if done:
            say(f"Going on with {chosen.save} after {_epochs(done)}")
        # Its first call imports PyTorch's compiler. That takes seconds, and is no training.
        optimizer.zero_grad()
        began = time.perf_counter()
        history = fit(
            DistributedDataParallel(model) if world_size() > 1 else model,
            train_loader,
            make_loader(*valid, batch_size=1000),
            optimizer=optimizer,
            epochs=chosen.epochs,
            scheduler=scheduler,
            step_scheduler="step",
            clip_norm=chosen.clip_norm,
            patience=chosen.patience,
            checkpoint=chosen.save,
            extra={"settings": _settings(chosen)},
        )
        seconds = time.perf_counter() - began
        test_loader = make_loader(*test, batch_size=1000)
        accuracy = on_main(lambda: evaluate(unwrap(model), test_loader).accuracy)
    error = math.sqrt(accuracy * (1 - accuracy) / len(test.labels))
    say("\n" + _table(history, chosen.patience))
    say(
        f"Test accuracy: {accuracy:.2%} ± {error:.2%} (one standard error, {len(test.labels):,} images)"
    )
    say(f"Time: {seconds:.1f} s for {_epochs(len(history) - done)}")
    if chosen.save is not None:
        say(f"Saved in {chosen.save}. To use it:\n{_usage(chosen)}")
    if not math.isfinite(history.train_loss[-1]):
        raise _Refused("The loss is no longer a number: take a smaller --learning-rate.")


# What to train, and how


def _download(chosen: argparse.Namespace) -> None:
    load_dataset(chosen.dataset, chosen.data_root)


def _load(chosen: argparse.Namespace, device: torch.device) -> list[_Examples]:
    """Load the images to learn from, to validate on and to test with."""
    whole, test_set = load_dataset(chosen.dataset, chosen.data_root, download=is_main())
    return [_Examples(*as_tensors(part, device=device)) for part in (*split(whole), test_set)]


def _optimizer(chosen: argparse.Namespace, model: nn.Module) -> Optimizer:
    rate = _learning_rate(chosen)
    # fused: all of an optimizer's arithmetic in one pass over the parameters.
    if chosen.optimizer == "sgd":
        return SGD(model.parameters(), lr=rate, momentum=0.9, fused=True)
    return AdamW(model.parameters(), lr=rate, fused=True)


def _scheduler(chosen: argparse.Namespace, optimizer: Optimizer, steps: int) -> LRScheduler | None:
    if chosen.schedule == "constant":
        return None
    return OneCycleLR(optimizer, _learning_rate(chosen), total_steps=chosen.epochs * steps)


def _learning_rate(chosen: argparse.Namespace) -> float:
    rate: float = chosen.learning_rate or LEARNING_RATES[chosen.optimizer]
    return rate


def _device(name: str | None) -> torch.device:
    """Find the device that was asked for, or the best there is."""
    if name is None:
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError):
        found = torch.accelerator.current_accelerator(check_available=True)
        there = "cpu" if found is None else f"cpu and {found.type}"
        raise _Refused(f"There is no device {name!r} on this machine, only {there}.") from None
    return device


# The file


def _look_at_place(path: Path | None, resume: bool) -> None:
    """See whether the run may be saved there, before it has taken any time."""
    if path is None:
        return

    def look() -> None:
        if path.is_dir():
            raise _Refused(f"{path} is a folder: give --save the name of a file.")
        if path.exists() and not resume:
            raise _Refused(
                f"{path} is there already: add --resume to go on with it, or choose another name."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)

    on_main(look)


def _settings(chosen: argparse.Namespace) -> dict[str, Any]:
    """Take what decides on the result."""
    return {
        "dataset": _dataset(chosen),
        "model": chosen.model,
        "epochs": chosen.epochs,
        "batch_size": chosen.batch_size,
        "optimizer": chosen.optimizer,
        "learning_rate": _learning_rate(chosen),
        "schedule": chosen.schedule,
        "clip_norm": chosen.clip_norm,
        "patience": chosen.patience,
        "seed": chosen.seed,
        "deterministic": chosen.deterministic,
    }


def _epochs_done(chosen: argparse.Namespace, model: nn.Module) -> int:
    """See whether the run in the file is this one, and tell how many epochs are done."""
    path = chosen.save
    if not on_main(path.exists):
        return 0
    found = load_checkpoint(path, model)
    saved, settings = found.extra.get("settings"), _settings(chosen)
    if saved is None:
        raise _Refused(f"{path} was not saved by this command, which cannot go on with it.")
    if saved["schedule"] == "constant":
        saved = {**saved, "epochs": settings["epochs"]}  # nothing was planned for that number
    other = [
        f"{name.replace('_', ' ')} {saved.get(name)} in the file, {value} now"
        for name, value in settings.items()
        if saved.get(name) != value
    ]
    if other:
        raise _Refused(
            f"{path} holds another run ({'; '.join(other)}): give the same options, or another file."
        )
    return found.epoch


def _how_to_go_on(chosen: argparse.Namespace) -> str:
    if chosen.save is None:
        return "Nothing was saved: --save FILE saves a run after each epoch."
    if not chosen.save.exists():
        return f"{chosen.save} is not there yet: it is saved after each epoch."
    return (
        f"{chosen.save} has all epochs that were done. To go on, give the same command"
        f"{' again' if chosen.resume else ' with --resume'}."
    )


# What to tell


def _fail(message: str) -> int:
    if is_main():
        print(message, file=sys.stderr)
    return 1


def _say_nothing(*_: object) -> None:
    """Stand in for print in all processes but the first."""


def _is_loss_of_a_process(error: RuntimeError) -> bool:
    """Tell whether gloo or nccl lost the connection to another process."""
    return isinstance(error, torch.distributed.DistError) or any(
        words in str(error) for words in ("closed by peer", "reset by peer", "gloo", "NCCL")
    )


def _table(history: History, patience: int | None) -> str:
    """Show one line an epoch."""
    lines = ["epoch  train loss  valid loss  valid accuracy  learning rate"]
    rows = zip(
        history.train_loss,
        history.valid_loss,
        history.valid_accuracy,
        history.learning_rate,
        strict=True,
    )
    for epoch, (train_loss, valid_loss, accuracy, rate) in enumerate(rows, start=1):
        line = f"{epoch:5}{train_loss:12.4f}{valid_loss:12.4f}{accuracy:16.2%}{rate:15.3g}"
        kept = patience is not None and epoch == history.best_epoch
        lines.append(line + ("  best, kept" if kept else ""))
    return "\n".join(lines)


def _usage(chosen: argparse.Namespace) -> str:
    return (
        "    from firstlayers import checkpoints, models\n"
        f"    model = models.{chosen.model}()\n"
        f"    checkpoints.load_checkpoint({str(chosen.save)!r}, model)"
    )


def _dataset(chosen: argparse.Namespace) -> str:
    name: str = chosen.dataset or os.environ.get("FIRSTLAYERS_DATASET") or "digits"
    return name


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"


def _places(device: torch.device) -> str:
    count = world_size()
    return device.type if count == 1 else f"{device.type}, in {count} processes"


def _count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


# What options may be


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2**32 - 1")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number
