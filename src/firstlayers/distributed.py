"""What training needs where several processes share it: PyTorch's own means, and little around them.

``torchrun`` starts the processes, :class:`torch.nn.parallel.DistributedDataParallel` averages their
gradients. The module sees to it that the result is that of one process: every process takes its
share of each batch, and each share counts by its number of examples.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import BatchSampler
from torch.utils.data.distributed import DistributedSampler

__all__ = [
    "OtherProcessFailed",
    "ShareOfBatches",
    "TooFewDevices",
    "is_main",
    "is_shared",
    "launched",
    "on_main",
    "processes",
    "restarts",
    "set_epoch",
    "share_weight",
    "sum_over_processes",
    "together",
    "unwrap",
    "will_restart",
    "world_size",
]

Result = TypeVar("Result")


class OtherProcessFailed(RuntimeError):
    """Another process could not do its part; the message is that of its error."""


class TooFewDevices(ValueError):
    """A machine has fewer devices than processes."""


class ShareOfBatches(BatchSampler):
    """The places of one process's share of every batch, all of them in the order of one process.

    With N processes, process `rank` gets the examples `rank`, `rank` + N, … of each batch. Together
    the shares are exactly the batches that one process would take, also the smaller last one. Where
    a batch has fewer examples than there are processes, some shares are empty, so that all
    processes do the same number of steps.

    Parameters
    ----------
    examples : torch.Tensor or torch.utils.data.Dataset
        A data set, a tensor, anything that has a length: only that matters.
    batch_size : int
        The examples of all processes together in one step.
    seed : int
        Makes the order of each epoch, together with the epoch's number.
    shuffle : bool
        Whether each epoch has another random order.
    rank, world_size : int, optional
        Which process this is, and of how many. By default those of the process group, and 0 of 1
        where there is none.
    """

    def __init__(
        self,
        examples: Sized,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        # DistributedSampler is asked for the whole order, and the batches are divided here. Left to
        # divide the order itself, it would repeat examples until all processes have the same
        # number, and these would count twice; and it could only make batches of a size that the
        # processes divide evenly.
        order: DistributedSampler[Any] = DistributedSampler(
            examples,  # type: ignore[arg-type]  # it asks for the length only
            num_replicas=1,
            rank=0,
            shuffle=shuffle,
            seed=seed,
        )
        super().__init__(order, batch_size, drop_last=False)
        self.order = order
        self.rank = _rank() if rank is None else rank
        self.world_size = _world_size() if world_size is None else world_size

    def __iter__(self) -> Iterator[list[int]]:
        for batch in super().__iter__():
            yield batch[self.rank :: self.world_size]

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, counted from 0: its order depends on that and the seed."""
        self.order.set_epoch(epoch)


def set_epoch(loader: Any, epoch: int) -> None:
    """Tell the sampler of a loader which epoch comes next, where it wants to know.

    Parameters
    ----------
    loader : iterable of (inputs, labels)
        A :class:`torch.utils.data.DataLoader`, or anything else: then nothing happens.
    epoch : int
        The number of the epoch, counted from 0.
    """
    for name in ("sampler", "batch_sampler"):
        told = getattr(getattr(loader, name, None), "set_epoch", None)
        if told is not None:
            told(epoch)


# The processes


def launched() -> bool:
    """Tell whether ``torchrun`` started this process."""
    return distributed.is_available() and distributed.is_torchelastic_launched()


def world_size() -> int:
    """Tell how many processes train together: 1 where there is no process group."""
    return _world_size()


def is_main() -> bool:
    """Tell whether this is the process that prints and saves: the first, or the only one."""
    if launched():
        return os.environ["RANK"] == "0"  # known before there is a process group
    return _rank() == 0


def restarts() -> int:
    """Tell how often ``torchrun`` has started the processes again after one of them failed."""
    return int(os.environ["TORCHELASTIC_RESTART_COUNT"]) if launched() else 0


def will_restart() -> bool:
    """Tell whether ``torchrun`` will start the processes again if one of them fails now."""
    return launched() and restarts() < int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0"))


@contextmanager
def processes(device: torch.device, threads: int | None = None) -> Iterator[torch.device]:
    """Join the other processes that ``torchrun`` started; alone, set the threads at most.

    Parameters
    ----------
    device : torch.device
        The kind of device to train on. gloo connects processes on CPUs, nccl those on GPUs.
    threads : int, optional
        How many threads each process has. By default the processes of a machine divide its cores
        among them, unless ``OMP_NUM_THREADS`` says more than 1: ``torchrun`` itself sets it to 1
        where it is not set.

    Yields
    ------
    torch.device
        The device of this process: on a machine with several GPUs, each process has its own.

    Raises
    ------
    TooFewDevices
        If the machine has fewer devices of this kind than processes.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if not launched():
        yield device
        return
    local_rank = int(os.environ["LOCAL_RANK"])
    local_world_size = int(os.environ["LOCAL_WORLD_SIZE"])
    if threads is None and os.environ.get("OMP_NUM_THREADS", "1") == "1":
        torch.set_num_threads(max(1, _cores() // local_world_size))
    backend = "gloo"
    if device.type != "cpu":
        count = torch.accelerator.device_count()
        if local_world_size > count:
            raise TooFewDevices(
                f"{local_world_size} processes on a machine with {count} {device.type} devices: "
                f"start at most {count} with --nproc-per-node, or train with --device cpu."
            )
        backend = distributed.get_default_backend_for_device(device)
        device = torch.device(device.type, local_rank)
        torch.accelerator.set_device_index(local_rank)
    store, rank, count = next(distributed.rendezvous("env://"))  # type: ignore[attr-defined]
    distributed.init_process_group(
        backend, store=_fresh_part(store, rank, count), rank=rank, world_size=count
    )
    yield device
    # Not after an error: on GPUs, this could wait for a process that is gone.
    distributed.destroy_process_group()


def on_main(work: Callable[[], Result]) -> Result:
    """Do something in the main process alone, and give all processes its result.

    To be called in every process. The others wait.

    Parameters
    ----------
    work : callable
        Takes nothing; its result must be one that can be pickled.

    Returns
    -------
    object
        What `work` returned.

    Raises
    ------
    OtherProcessFailed
        In the other processes, if `work` failed. The main process gets the error itself.
    """
    if world_size() == 1:
        return work()
    outcome: list[Any] = [None, None]
    failure: Exception | None = None
    if is_main():
        try:
            outcome = [work(), None]
        except Exception as error:  # noqa: BLE001 (the others are told of it, then it is raised)
            failure, outcome = error, [None, str(error)]
    distributed.broadcast_object_list(outcome, src=0)
    if failure is not None:
        raise failure
    if outcome[1] is not None:
        raise OtherProcessFailed(outcome[1])
    result: Result = outcome[0]
    return result


def together(work: Callable[[], Result]) -> Result:
    """Do something in every process; where one fails, all do.

    Parameters
    ----------
    work : callable
        Takes nothing.

    Returns
    -------
    object
        What `work` returned in this process.

    Raises
    ------
    OtherProcessFailed
        Where `work` failed in another process. Where it failed in this one, its own error.
    """
    if world_size() == 1:
        return work()
    failure: Exception | None = None
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 (the others are told of it, then it is raised)
        failure = error
    told: list[Any] = [None] * world_size()
    distributed.all_gather_object(told, None if failure is None else str(failure))
    if failure is not None:
        raise failure
    for message in told:
        if message is not None:
            raise OtherProcessFailed(message)
    return result


# The model


def is_shared(model: nn.Module) -> bool:
    """Tell whether several processes train this model together."""
    return isinstance(model, DistributedDataParallel)


def unwrap(model: nn.Module) -> nn.Module:
    """Take the model itself out of ``DistributedDataParallel``; another one is returned as it is."""
    inner: nn.Module = model.module if isinstance(model, DistributedDataParallel) else model
    return inner


def share_weight(count: int, device: torch.device) -> Tensor:
    """Tell by what to multiply the mean loss of this process's share of a batch.

    ``DistributedDataParallel`` takes the plain mean of all processes' gradients. It is the gradient
    of the whole batch's mean loss if each share counts by its size. Shares of the same size have
    the weight 1.

    Parameters
    ----------
    count : int
        How many examples this process's share has.
    device : torch.device
        The device of the model.

    Returns
    -------
    torch.Tensor
        Shape (), float32: the size of this share over the mean size of all.
    """
    return count * world_size() / sum_over_processes(torch.tensor(float(count), device=device))


def sum_over_processes(values: Tensor) -> Tensor:
    """Add up a tensor over all processes, in place; every process gets the sums."""
    distributed.all_reduce(values)
    return values


def _fresh_part(store: Any, rank: int, count: int) -> Any:
    """Give all processes the same part of the store, one that no process has used before.

    ``torchrun`` keeps one store for all restarts. Left to themselves, processes that are started
    again can find the addresses of those that were there before them, and wait for the dead. How
    often they were restarted does not tell them apart: on several machines the counts differ.
    """
    own = secrets.token_hex(8)
    part = distributed.distributed_c10d.PrefixStore
    if rank > 0:
        store.set(f"hello/{rank}", own)
        start = store.get(
            f"answer/{own}"
        ).decode()  # waits for it; only this first process knows it
        store.set(f"joined/{start}/{rank}", "")
        return part(start, store)
    deadline = time.monotonic() + store.timeout.total_seconds()
    missing = set(range(1, count))
    while missing:
        if time.monotonic() > deadline:
            raise distributed.DistStoreError(f"processes {sorted(missing)} have not come")
        for other in sorted(missing):
            if store.check([f"joined/{own}/{other}"]):
                missing.remove(other)
            elif store.check([f"hello/{other}"]):  # perhaps that of one who is gone: ask again
                store.set("answer/" + store.get(f"hello/{other}").decode(), own)
        time.sleep(0.01)
    return part(own, store)


def _has_group() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _world_size() -> int:
    return distributed.get_world_size() if _has_group() else 1


def _rank() -> int:
    return distributed.get_rank() if _has_group() else 0


def _cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
