"""Several processes that train together, started by ``torchrun`` as a user would.

Importing PyTorch takes each process longer than the training here, so there are few such runs, and
each is looked at from all sides.
"""

import contextlib
import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data.distributed import DistributedSampler

from firstlayers import train_command
from firstlayers.__main__ import main
from firstlayers.checkpoints import load_checkpoint
from firstlayers.data import make_loader
from firstlayers.distributed import ShareOfBatches, set_epoch
from firstlayers.models import Network

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or sys.platform != "linux",
    reason="several processes are tested on Linux",
)

# 1,154 images to learn from: eleven batches of 101, and one of 43. No process of two gets the same
# number as the other, neither of the full batches nor of the last one.
SETTINGS = (
    "train --dataset digits --model Network --optimizer sgd --learning-rate 0.02 --batch-size 101"
)


def start(
    words: str, folder: Path, processes: int = 2, flags: str = "--standalone"
) -> subprocess.Popen[str]:
    """Start torchrun on a free port, in a folder of its own."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", *shlex.split(flags)),
            *("--nproc-per-node", str(processes), "-m", "firstlayers", *shlex.split(words)),
        ],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(run: subprocess.Popen[str], status: int = 0) -> tuple[str, str]:
    """Wait for the end, and give what was written."""
    try:
        out, err = run.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        run.terminate()  # torchrun then ends its workers
        pytest.fail(f"still running: {run.communicate()}")
    assert run.returncode == status, out + err
    return out, err


def weights(path: Path) -> dict[str, Tensor]:
    model = Network()
    load_checkpoint(path, model)
    return model.state_dict()


def assert_close(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    for name, value in one.items():
        assert torch.allclose(value, other[name], rtol=0, atol=1e-6), (
            f"{name}: {(value - other[name]).abs().max():.1e}"
        )


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def workers_of(run: subprocess.Popen[str]) -> list[int]:
    told = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(run.pid)], capture_output=True, check=True
    )
    return [int(word) for word in told.stdout.split()]


def wait_for(what: Callable[[], object], run: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module", autouse=True)
def threads_put_back() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """What one process makes of the same settings: the file that it saves."""
    made: dict[str, Path] = {}

    def run(settings: str) -> Path:
        if settings not in made:
            made[settings] = tmp_path_factory.mktemp("alone") / "run.pt"
            assert main([*settings.split(), "--save", str(made[settings])]) == 0
        return made[settings]

    return run


# The order


def test_shares_together_are_the_batches_of_one_process() -> None:
    for shuffle in (True, False):
        whole = ShareOfBatches(range(23), 5, seed=3, shuffle=shuffle, rank=0, world_size=1)
        shares = [
            ShareOfBatches(range(23), 5, seed=3, shuffle=shuffle, rank=rank, world_size=4)
            for rank in range(4)
        ]
        assert [len(batch) for batch in whole] == [5, 5, 5, 5, 3]
        assert sorted(place for batch in whole for place in batch) == list(range(23))
        assert [len(batch) for batch in shares[3]] == [1, 1, 1, 1, 0]
        for batch, *parts in zip(whole, *shares, strict=True):
            assert sorted(batch) == sorted(place for part in parts for place in part)
        assert len(whole) == len(shares[3]) == 5


def test_each_epoch_has_an_order_of_its_own_and_the_same_each_time() -> None:
    images, labels = torch.arange(23.0)[:, None], torch.arange(23)
    sampler = ShareOfBatches(labels, 5, seed=3)
    loader = make_loader(images, labels, batch_sampler=sampler)
    orders = []
    for epoch in (0, 1, 0):
        set_epoch(loader, epoch)
        orders.append(torch.cat([batch for _, batch in loader]).tolist())
    assert orders[0] == orders[2] != orders[1]
    assert len(loader) == 5


def test_order_is_that_of_distributed_sampler() -> None:
    # Where the processes divide the batches and the data set evenly, its shares are the same.
    for rank in range(2):
        theirs = DistributedSampler(range(20), num_replicas=2, rank=rank, seed=3)
        ours = ShareOfBatches(range(20), 4, seed=3, rank=rank, world_size=2)
        theirs.set_epoch(7)
        ours.set_epoch(7)
        order = list(theirs)
        assert list(ours) == [order[first : first + 2] for first in range(0, 10, 2)]


def test_set_epoch_reaches_the_sampler_of_a_loader_and_lets_others_be() -> None:
    sampler = DistributedSampler(range(4), num_replicas=1, rank=0)
    set_epoch(make_loader(torch.zeros(4, 1), torch.arange(4), sampler=sampler), 5)
    assert sampler.epoch == 5
    set_epoch([], 5)


def test_share_without_an_image_can_be_loaded() -> None:
    sampler = ShareOfBatches(range(3), 2, rank=1, world_size=2)
    loader = make_loader(torch.zeros(3, 1, 28, 28), torch.arange(3), batch_sampler=sampler)
    assert [tuple(images.shape) for images, _ in loader] == [(1, 1, 28, 28), (0, 1, 28, 28)]


# The result


def test_two_processes_make_what_one_makes_and_the_first_alone_prints(
    alone: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = f"{SETTINGS} --epochs 3 --clip-norm 1 --patience 2"
    capsys.readouterr()
    expected = weights(alone(settings))
    told = capsys.readouterr().out
    out, err = end(start(f"{settings} --save run.pt", tmp_path))
    assert err == ""
    assert_close(weights(tmp_path / "run.pt"), expected)
    assert names_in(tmp_path) == ["run.pt"]

    def comparable(text: str) -> list[str]:
        lines = text.replace(str(alone(settings)), "run.pt").splitlines()
        return [line for line in lines if not line.startswith("Time:")]

    assert comparable(out.replace("on cpu, in 2 processes", "on cpu")) == comparable(told)


def test_three_processes_on_two_nodes_make_what_one_makes_where_the_last_batch_has_one_image(
    alone: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = SETTINGS.replace("--batch-size 101", "--batch-size 1153") + " --epochs 4"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = f"--nnodes 2 --rdzv-backend c10d --rdzv-id both --rdzv-endpoint 127.0.0.1:{port}"
    words = f"{settings} --save run.pt"
    nodes = [start(words, tmp_path, processes, flags) for processes in (2, 1)]
    printed = [end(node)[0] for node in nodes]
    assert sorted("Test accuracy" in out for out in printed) == [False, True]
    assert "" in printed
    assert_close(weights(tmp_path / "run.pt"), weights(alone(settings)))


# What goes wrong

# Over 240 steps the rounding of two processes grows apart from that of one, less with small steps.
LONG = f"{SETTINGS} --epochs 20 --learning-rate 0.005"


def kill_a_worker(run: subprocess.Popen[str], folder: Path) -> None:
    """Kill one as soon as the first checkpoint is there: some epoch is then going on."""
    wait_for((folder / "run.pt").exists, run)
    os.kill(workers_of(run)[-1], signal.SIGKILL)


def test_killed_worker_ends_the_run_and_the_file_is_good_to_go_on(
    alone: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = start(f"{LONG} --save run.pt", tmp_path)
    kill_a_worker(run, tmp_path)
    out, err = end(run, status=1)
    assert "Test accuracy" not in out
    # None at all where torchrun ends the others before they notice.
    assert err.count("Another process of this run has ended, so this one ends, too.") <= 1
    cause = err.partition("Root Cause (first observed failure):")[2]
    assert "Signal 9 (SIGKILL) received by PID" in cause

    path = tmp_path / "run.pt"
    capsys.readouterr()
    assert main([*LONG.split(), "--save", str(path), "--resume"]) == 0
    assert f"Going on with {path} after " in capsys.readouterr().out
    assert_close(weights(path), weights(alone(LONG)))
    assert names_in(tmp_path) == ["run.pt"]


def joined(text: io.StringIO) -> str:
    """A command that goes over several lines, in one."""
    return re.sub(r" \\\n +", " ", text.getvalue())


def test_restarted_run_goes_on_from_the_last_checkpoint(
    alone: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    # As a worker leaves it that is killed while it saves.
    leftover = tmp_path / ".run.pt.0123abcd.part"
    help_text = io.StringIO()
    with contextlib.redirect_stdout(help_text), pytest.raises(SystemExit):
        main(["train", "--help"])
    example = re.search(
        r"^ +torchrun (.* train) --save two.pt --resume$", joined(help_text), re.MULTILINE
    )
    assert example is not None
    assert example[1] == "--nproc-per-node 2 --max-restarts 3 -m firstlayers train"
    run = start(f"{LONG} --save run.pt --resume", tmp_path, flags="--standalone --max-restarts 3")
    kill_a_worker(run, tmp_path)
    leftover.touch()
    out, err = end(run)
    assert err.count("Another process of this run has ended") <= 1
    assert "Going on with run.pt after " in out
    assert out.count("Test accuracy") == 1
    assert_close(weights(tmp_path / "run.pt"), weights(alone(LONG)))
    assert names_in(tmp_path) == ["run.pt"]


@pytest.mark.parametrize("restarts", ["0", "1"])
def test_loss_of_another_process_is_told_with_what_comes_next(
    restarts: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def lose(*_: object) -> None:
        raise RuntimeError("[pair.cc:561] Connection closed by peer [127.0.0.1]:10660")

    for name, value in {
        "TORCHELASTIC_RUN_ID": "none",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_MAX_RESTARTS": restarts,
        "RANK": "0",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(train_command, "processes", lose)
    monkeypatch.setattr(train_command, "PAUSE", 0)
    path = tmp_path / "run.pt"
    path.touch()
    assert main(["train", "--save", str(path)]) == 1
    next_step = {
        "0": f"{path} has all epochs that were done. To go on, give the same command with --resume.",
        "1": "torchrun starts all again.",
    }
    assert capfd.readouterr() == (
        "",
        f"Another process of this run has ended, so this one ends, too. {next_step[restarts]}\n",
    )


def test_what_the_first_process_finds_out_ends_all_with_one_message(tmp_path: Path) -> None:
    (tmp_path / "run.pt").touch()
    out, err = end(start(f"{SETTINGS} --save run.pt", tmp_path), status=1)
    assert out == ""
    assert err.count("run.pt is there already: add --resume to go on with it, or choose") == 1
    ours, _, _ = err.partition("Traceback")  # torchrun's own, of what its workers' end means
    assert len([line for line in ours.splitlines() if "torch/distributed" not in line]) == 1


def test_usage_is_explained_by_the_first_process_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    for rank, told in ((0, True), (1, False)):
        monkeypatch.setenv("RANK", str(rank))
        with pytest.raises(SystemExit) as caught:
            main(["train", "--epochs", "0"])
        assert caught.value.code == 2
        assert ("'0' is not a number of 1 or more" in capsys.readouterr().err) is told
