"""The files of MNIST and Fashion-MNIST, whatever the network, the disk and other processes do."""

import gzip
import hashlib
import json
import logging
import multiprocessing
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import bad_server
import pytest
import torch
from bad_server import Misbehavior, Server, once, serve
from downloading_process import load
from idx_files import compress_all, examples, images_file, labels_file, to_idx, write_dataset
from torchvision.datasets import MNIST, FashionMNIST

from firstlayers import data, download
from firstlayers.data import DatasetDamaged, DatasetUnavailable, load_dataset

FILES = [images_file("train"), labels_file("train"), images_file("t10k"), labels_file("t10k")]
WAYS_ON = ("Three ways on:", "FIRSTLAYERS_DATASET=digits", "put its four files", "try again")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait before the next try."""
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0, 0.0))


def impatient(monkeypatch: pytest.MonkeyPatch, misbehavior: Misbehavior) -> bool:
    """Where waiting is what is tested, wait for a third of a second rather than for fifteen."""
    if misbehavior in (bad_server.stall_at_once, bad_server.stall_halfway, bad_server.drip):
        monkeypatch.setattr(download, "TIMEOUT", 0.3)
        return True
    return False


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that offers a small MNIST, and torchvision's class told to ask it."""
    resources = compress_all(write_dataset(tmp_path / "original"), tmp_path / "served")
    monkeypatch.setattr(MNIST, "resources", resources)
    with serve(tmp_path / "served") as server:
        monkeypatch.setattr(MNIST, "mirrors", [server.address])
        yield server


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def assert_good(root: Path, kind: type = MNIST, seed: int = 0) -> None:
    """The four files are those that `write_dataset` writes, and torchvision reads them."""
    raw = root / kind.__name__ / "raw"
    for part, train in (("train", True), ("t10k", False)):
        images, labels = examples(part, seed)
        assert (raw / images_file(part)).read_bytes() == to_idx(images)
        assert (raw / labels_file(part)).read_bytes() == to_idx(labels)
        dataset = kind(root, train=train)
        assert torch.equal(dataset.data, images)
        assert torch.equal(dataset.targets, labels)


def is_empty(root: Path, kind: type = MNIST) -> bool:
    """There is nothing that anybody could take for the data set."""
    return not (root / kind.__name__ / "raw").exists()


def unavailable(root: Path, name: str = "mnist", **settings: bool) -> str:
    with pytest.raises(DatasetUnavailable) as caught:
        load_dataset(name, root, **settings)
    message = str(caught.value)
    assert all(way in message for way in WAYS_ON)
    assert str(root / download.KINDS[name].__name__ / "raw") in message
    assert f"python -m firstlayers download {name} --root {root}" in message
    return message


# The network


@pytest.mark.parametrize(("name", "kind"), [("mnist", MNIST), ("fashion-mnist", FashionMNIST)])
def test_each_file_is_asked_for_once_and_never_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path, name: str, kind: type
) -> None:
    resources = compress_all(write_dataset(tmp_path / "original", kind.__name__), tmp_path / "s")
    monkeypatch.setattr(kind, "resources", resources)
    with serve(tmp_path / "s") as server:
        monkeypatch.setattr(kind, "mirrors", [server.address])
        load_dataset(name, root)
        assert sorted(server.requested) == sorted(file for file, _ in resources)
        load_dataset(name, root)
        assert len(server.requested) == 4
    load_dataset(name, root, download=False)
    assert_good(root, kind)


FOR_GOOD = [
    (bad_server.status(403), "answered 403 Forbidden"),
    (bad_server.status(404), "answered 404 Not Found"),
    (bad_server.web_page, "sent a web page instead of the file"),
    (bad_server.redirect_in_circles, "answered 302"),
    (bad_server.too_much, "sent far more than the file"),
]
TRANSIENT = [
    (bad_server.status(500), "answered 500 Internal Server Error"),
    (bad_server.status(429), "answered 429 Too Many Requests"),
    (bad_server.web_page_in_disguise, "sent another file: its MD5 is"),
    (bad_server.truncated, "sent another file: its MD5 is"),
    (bad_server.flipped_byte, "sent another file: its MD5 is"),
    (bad_server.end_halfway_without_length, "sent another file: its MD5 is"),
    (bad_server.end_halfway, "broke off after"),
    (bad_server.reset_halfway, "broke off"),
    (bad_server.reset_at_once, "broke off"),
    (bad_server.no_http, "broke off"),
    (bad_server.stall_halfway, "had not sent more of the file after 0.3 seconds"),
    (bad_server.stall_at_once, "had not sent an answer after 0.3 seconds"),
    (bad_server.drip, "had not sent more of the file after 0.3 seconds"),
]


def name_of(case: object) -> str | None:
    return getattr(case, "__qualname__", "").removesuffix(".<locals>.<lambda>") or None


@pytest.mark.parametrize("only", ["", "train-labels"], ids=["every file", "the last file"])
@pytest.mark.parametrize(("misbehavior", "answer"), FOR_GOOD + TRANSIENT, ids=name_of)
def test_bad_answer_is_told_and_the_next_call_succeeds(
    offered: Server,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    misbehavior: Misbehavior,
    answer: str,
    only: str,
) -> None:
    monkeypatch.setattr(download, "LARGEST", 2**20)
    patience = download.TIMEOUT
    impatient(monkeypatch, misbehavior)
    offered.misbehave, offered.only = misbehavior, only
    message = unavailable(root)
    assert message.startswith(f"mnist is not in {root}.\n")
    assert f"\n  {offered.host} {answer}" in message
    file = "train-labels-idx1-ubyte.gz" if only else "t10k-images-idx3-ubyte.gz"
    assert f"\n{file} could not be downloaded" in message
    assert is_empty(root)
    failed = [file for file in offered.requested if only in file]
    if misbehavior is not bad_server.redirect_in_circles:
        assert len(failed) == (3 if (misbehavior, answer) in TRANSIENT else 1)
    done = [file for file in offered.requested if only not in file]
    assert len(done) == (3 if only else 0)
    offered.behave()
    monkeypatch.setattr(download, "TIMEOUT", patience)
    load_dataset("mnist", root)
    assert_good(root)
    assert not set(offered.requested) & set(done)  # what had come already is not asked for again
    assert [path.name for path in root.iterdir() if path.name[0] != "."] == ["MNIST"]
    assert not (root / ".MNIST.incomplete").exists()


@pytest.mark.parametrize(("misbehavior", "answer"), TRANSIENT, ids=name_of)
def test_transient_trouble_is_overcome(
    offered: Server,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    misbehavior: Misbehavior,
    answer: str,
) -> None:
    waited = impatient(monkeypatch, misbehavior)
    offered.misbehave = once(misbehavior)
    load_dataset("mnist", root)
    assert_good(root)
    # An impatient client may have asked once more than needed on a busy machine.
    assert len(offered.requested) == 5 or (waited and len(offered.requested) > 5)


@pytest.mark.parametrize(("misbehavior", "answer"), FOR_GOOD[:3] + TRANSIENT[:1], ids=name_of)
def test_next_mirror_is_asked(
    offered: Server,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    misbehavior: Misbehavior,
    answer: str,
) -> None:
    offered.misbehave = misbehavior
    with serve(tmp_path / "served") as second:
        monkeypatch.setattr(MNIST, "mirrors", [offered.address, second.address])
        second.misbehave = bad_server.status(410)
        message = unavailable(root)
        assert f"\n  {offered.host} {answer}" in message
        assert f"\n  {second.host} answered 410 Gone" in message
        second.behave()
        load_dataset("mnist", root)
    assert_good(root)


def test_nobody_there_is_told(offered: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host = f"127.0.0.1:{closed.getsockname()[1]}"
    good, nobody = MNIST.mirrors, [f"http://{host}/", "http://no-such-host.invalid/"]
    monkeypatch.setattr(MNIST, "mirrors", nobody)
    message = unavailable(root)
    assert f"\n  {host} could not be reached: " in message
    assert "\n  no-such-host.invalid could not be reached: " in message
    assert is_empty(root)
    monkeypatch.setattr(MNIST, "mirrors", good)
    load_dataset("mnist", root)
    assert_good(root)


def test_a_proxy_is_used(offered: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The server takes the proxy's part: it is asked for the file of a host that does not exist.
    monkeypatch.setattr(MNIST, "mirrors", ["http://mirror.invalid/mnist/"])
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("http_proxy", offered.address)
    monkeypatch.setattr(urllib.request, "_opener", None)  # or it would remember: no proxy
    load_dataset("mnist", root)
    assert_good(root)


def test_trouble_of_one_host_costs_a_second_request_only_for_one_file(
    offered: Server, root: Path
) -> None:
    offered.misbehave, offered.only = once(bad_server.reset_halfway), "train-labels"
    load_dataset("mnist", root)
    assert sorted(offered.requested) == sorted([f"{f}.gz" for f in FILES] + [f"{FILES[1]}.gz"])


# What is in the archives, although their check sums are right


def wrong_magic(raw: Path) -> None:
    whole = bytearray((raw / FILES[0]).read_bytes())
    whole[2] = 13  # float instead of unsigned bytes
    (raw / FILES[0]).write_bytes(bytes(whole))


def label_of_11(raw: Path) -> None:
    (raw / FILES[3]).write_bytes(to_idx(torch.tensor([3, 11] * 5)))


def more_labels_than_images(raw: Path) -> None:
    (raw / FILES[3]).write_bytes(to_idx(torch.zeros(11)))


def promising_more_than_there_is(raw: Path) -> None:
    (raw / FILES[2]).write_bytes((raw / FILES[2]).read_bytes()[:-5])


def without_examples(raw: Path) -> None:
    (raw / FILES[1]).write_bytes(to_idx(torch.zeros(0)))


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (wrong_magic, "it is not an IDX file of the expected kind"),
        (label_of_11, "it holds the label 11; labels go from 0 to 9"),
        (more_labels_than_images, "it has 10 images, but there are 11 labels"),
        (promising_more_than_there_is, "it has 7,851 bytes; its header promises 7,856"),
        (without_examples, "it is an IDX file without any example"),
    ],
)
def test_archive_with_bad_content_is_refused_and_the_next_call_succeeds(
    offered: Server,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], None],
    what: str,
) -> None:
    good = MNIST.resources
    raw = write_dataset(tmp_path / "bad")
    damage(raw)
    monkeypatch.setattr(MNIST, "resources", compress_all(raw, tmp_path / "bad served"))
    offered.folder = tmp_path / "bad served"
    assert what in unavailable(root)
    assert is_empty(root)
    monkeypatch.setattr(MNIST, "resources", good)
    offered.folder = tmp_path / "served"
    load_dataset("mnist", root)
    assert_good(root)


# What is in the folder


def cut_off(raw: Path, file: str) -> None:
    (raw / file).write_bytes((raw / file).read_bytes()[:-5])


def too_long(raw: Path, file: str) -> None:
    (raw / file).write_bytes((raw / file).read_bytes() + b"\0")


def empty(raw: Path, file: str) -> None:
    (raw / file).write_bytes(b"")


def cut_in_the_header(raw: Path, file: str) -> None:
    (raw / file).write_bytes((raw / file).read_bytes()[:7])


def web_page(raw: Path, file: str) -> None:
    (raw / file).write_text("<!doctype html><title>Please log in</title>" * 20)


def other_kind(raw: Path, file: str) -> None:
    other = FILES[0] if "labels" in file else FILES[1]
    (raw / file).write_bytes((raw / other).read_bytes())


DAMAGES = [
    (cut_off, "bytes; its header promises"),
    (too_long, "bytes; its header promises"),
    (empty, "not an IDX file"),
    (cut_in_the_header, "not an IDX file"),
    (web_page, "not an IDX file"),
    (other_kind, "not an IDX file"),
]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(("damage", "what"), DAMAGES, ids=name_of)
def test_damaged_file_is_never_used_and_is_repaired(
    offered: Server,
    root: Path,
    caplog: pytest.LogCaptureFixture,
    file: str,
    damage: Callable[[Path, str], None],
    what: str,
) -> None:
    raw = write_dataset(root)
    damage(raw, file)
    damaged = (raw / file).read_bytes()

    with pytest.raises(DatasetDamaged, match=what) as caught:
        load_dataset("mnist", root, download=False)
    message = str(caught.value)
    assert message.startswith(f"mnist is damaged in {root}. {raw / file} is damaged: ")
    assert all(way in message for way in WAYS_ON)
    assert (raw / file).read_bytes() == damaged

    offered.misbehave = bad_server.status(404)
    message = unavailable(root)
    assert what in message
    assert f"{offered.host} answered 404" in message
    assert (raw / file).read_bytes() == damaged

    offered.behave()
    load_dataset("mnist", root)
    assert_good(root)
    assert offered.requested == [f"{file}.gz"]  # the other three are good
    aside = root / "MNIST" / "raw.damaged"
    assert [path.name for path in aside.iterdir()] == [file]
    assert (aside / file).read_bytes() == damaged
    assert f"the damaged files were set aside in {aside}" in caplog.text


def test_sizes_in_the_message_are_the_real_ones(root: Path) -> None:
    cut_off(write_dataset(root), FILES[0])
    with pytest.raises(DatasetDamaged, match=r"has 15,691 bytes; its header promises 15,696"):
        load_dataset("mnist", root, download=False)


@pytest.mark.parametrize("size", [(28, 27), (27, 28), (14, 56)])
def test_images_of_another_size_are_noticed(root: Path, size: tuple[int, int]) -> None:
    raw = write_dataset(root)
    (raw / FILES[2]).write_bytes(to_idx(torch.zeros(10, *size)))
    what = f"images are {size[0]} x {size[1]} pixels, not 28 x 28"
    with pytest.raises(DatasetDamaged, match=what):
        load_dataset("mnist", root, download=False)


def test_files_that_do_not_belong_together_are_brought_anew(offered: Server, root: Path) -> None:
    more_labels_than_images(write_dataset(root))
    with pytest.raises(DatasetDamaged, match="10 images, but there are 11 labels"):
        load_dataset("mnist", root, download=False)
    load_dataset("mnist", root)
    assert_good(root)
    assert len(offered.requested) == 4


def test_one_changed_byte_of_an_installed_file_is_noticed(offered: Server, root: Path) -> None:
    load_dataset("mnist", root)
    offered.requested.clear()
    path = root / "MNIST" / "raw" / FILES[0]
    changed = bytearray(path.read_bytes())
    changed[500] ^= 1
    path.write_bytes(bytes(changed))
    with pytest.raises(DatasetDamaged, match=r"it has changed: its SHA-256 is .* SHA256SUMS says"):
        load_dataset("mnist", root, download=False)
    load_dataset("mnist", root)
    assert_good(root)
    assert offered.requested == [f"{FILES[0]}.gz"]


def test_check_sums_have_the_format_of_sha256sum(offered: Server, root: Path) -> None:
    load_dataset("mnist", root)
    raw = root / "MNIST" / "raw"
    assert (raw / "SHA256SUMS").read_text(encoding="ascii").splitlines() == [
        f"{hashlib.sha256((raw / file).read_bytes()).hexdigest()}  {file}" for file in sorted(FILES)
    ]


def test_missing_file_is_brought_and_a_readers_own_files_stay(offered: Server, root: Path) -> None:
    raw = write_dataset(root)
    (raw / FILES[3]).unlink()
    (raw / "notes.txt").write_text("mine", encoding="utf-8")
    (raw / "more").mkdir()
    load_dataset("mnist", root)
    assert_good(root)
    assert offered.requested == [f"{FILES[3]}.gz"]
    assert (raw / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert (raw / "more").is_dir()
    assert not (root / "MNIST" / "raw.damaged").exists()


def test_what_was_set_aside_before_stays(offered: Server, root: Path) -> None:
    for _ in range(2):
        if not is_empty(root):
            shutil.rmtree(root / "MNIST" / "raw")
        cut_off(write_dataset(root / "new"), FILES[0])
        (root / "MNIST").mkdir(exist_ok=True)
        (root / "new" / "MNIST" / "raw").rename(root / "MNIST" / "raw")
        shutil.rmtree(root / "new")
        load_dataset("mnist", root)
    found = sorted(path.name for path in (root / "MNIST").iterdir())
    assert found == ["raw", "raw.damaged", "raw.damaged-2"]


def test_leftovers_of_a_killed_process_do_not_matter(offered: Server, root: Path) -> None:
    staging = root / ".MNIST.incomplete"
    staging.mkdir(parents=True)
    (staging / FILES[0]).write_bytes(b"half a fi")
    (staging / f"{FILES[1]}.gz.part").write_bytes(b"half an arch")
    (staging / "from-an-older-version.part").write_bytes(b"what nobody overwrites")
    (staging / "SHA256SUMS").write_text("0123", encoding="ascii")
    load_dataset("mnist", root)
    assert_good(root)
    found = {path.name for path in (root / "MNIST" / "raw").iterdir()}
    assert found == {*FILES, "SHA256SUMS"}


# Files that somebody already has


def places(kind: str) -> list[tuple[str, Callable[[str], str]]]:
    return [
        (f"{kind}/raw", lambda file: file),
        (f"{kind}/raw", lambda file: f"{file}.gz"),
        (kind, lambda file: file),
        (kind, lambda file: f"{file}.gz"),
        (".", lambda file: file),
        (".", lambda file: f"{file}.gz"),
        (".", lambda file: file.replace("-idx", ".idx")),
        (".", lambda file: file.replace("-idx", ".idx") + ".gz"),
    ]


@pytest.mark.parametrize(("name", "kind"), [("mnist", MNIST), ("fashion-mnist", FashionMNIST)])
@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("may_download", [False, True])
def test_files_that_are_there_need_no_network(
    root: Path, tmp_path: Path, name: str, kind: type, place: int, may_download: bool
) -> None:
    folder, rename = places(kind.__name__)[place]
    (root / folder).mkdir(parents=True)
    for path in write_dataset(tmp_path / "had").iterdir():
        file, content = rename(path.name), path.read_bytes()
        (root / folder / file).write_bytes(
            gzip.compress(content) if file.endswith(".gz") else content
        )
    load_dataset(name, root, download=may_download)
    assert_good(root, kind)
    # They are where they were.
    assert all((root / folder / rename(file)).is_file() for file in FILES)


def test_only_archives_as_published_are_verified(offered: Server, root: Path) -> None:
    root.mkdir()
    for archive in offered.folder.iterdir():
        shutil.copy(archive, root)
    load_dataset("mnist", root, download=False)
    assert download.take_stock("mnist", root).state == "verified"
    shutil.rmtree(root / "MNIST")
    repacked = root / f"{FILES[1]}.gz"
    repacked.write_bytes(gzip.compress(gzip.decompress(repacked.read_bytes()), compresslevel=1))
    load_dataset("mnist", root, download=False)
    assert download.take_stock("mnist", root).state == "complete, but nothing to verify it by"


def test_damaged_archive_is_told_and_the_download_replaces_it(offered: Server, root: Path) -> None:
    root.mkdir()
    for archive in offered.folder.iterdir():
        shutil.copy(archive, root)
    broken = root / f"{FILES[2]}.gz"
    broken.write_bytes(broken.read_bytes()[:-20])
    with pytest.raises(DatasetDamaged, match=r"t10k-images-idx3-ubyte.gz is damaged: it cannot be"):
        load_dataset("mnist", root, download=False)
    assert is_empty(root)
    load_dataset("mnist", root)
    assert_good(root)
    assert offered.requested == [broken.name]


def test_download_false_asks_nobody_and_makes_no_folder(offered: Server, root: Path) -> None:
    assert "(download=False)" in unavailable(root, download=False)
    assert offered.requested == []
    assert not root.exists()


def test_files_of_very_old_versions_are_not_taken_for_the_data_set(root: Path) -> None:
    processed = root / "MNIST" / "processed"
    processed.mkdir(parents=True)
    for part in ("training", "test"):
        torch.save((torch.zeros(2, 28, 28), torch.zeros(2)), processed / f"{part}.pt")
    assert "put its four files into" not in unavailable(root)


def test_errors_have_the_types_that_programs_catch() -> None:
    assert issubclass(DatasetDamaged, ValueError)
    assert issubclass(DatasetUnavailable, OSError)
    assert data.DatasetUnavailable is download.DatasetUnavailable


# The disk


def test_missing_parents_are_made(offered: Server, root: Path) -> None:
    load_dataset("mnist", root / "a" / "b")
    assert_good(root / "a" / "b")


@pytest.mark.parametrize("where", ["", "MNIST", ".MNIST.incomplete"])
def test_file_in_the_way_is_told(offered: Server, root: Path, where: str) -> None:
    obstacle = root / where
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.write_text("no folder")
    assert "The folder cannot be used: " in unavailable(root)
    assert obstacle.read_text() == "no folder"
    obstacle.unlink()
    load_dataset("mnist", root)
    assert_good(root)


SMALL_DISK = """
import json, os, subprocess, sys
from pathlib import Path
from torchvision.datasets import MNIST
from firstlayers import download
from firstlayers.data import load_dataset

root, address, resources = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
MNIST.mirrors, MNIST.resources, download.PAUSES = [address], resources, (0.0,)

def mount(options):
    subprocess.run(["mount", "-o", "remount," + options, root], check=True)

def load():
    try:
        train_set, test_set = load_dataset("mnist", root)
        return f"{len(train_set)} and {len(test_set)}"
    except download.DatasetUnavailable as error:
        return str(error)

said = {"full": load()}
left = os.statvfs(root)
said["left in use"] = (left.f_blocks - left.f_bfree) * left.f_frsize
mount("size=1m")
said["larger"] = load()
mount("ro")
said["read-only"] = load()
mount("rw")
(root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
mount("ro")
said["read-only, incomplete"] = load()
mount("rw")
said["writable again"] = load()
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def unshare() -> list[str]:
    """The command that starts a program which may mount file systems, seen by nobody else."""
    for command in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        try:
            tried = [*command, "mount", "-t", "tmpfs", "none", "/mnt"]
            subprocess.run(tried, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    pytest.skip("this system lets the test mount no small disk")


def test_full_disk_and_read_only_folder_are_told_and_good_files_are_read(
    offered: Server, root: Path, unshare: list[str]
) -> None:
    root.mkdir()
    mounted = f'mount -t tmpfs -o size=20k none "{root}" && exec "$@"'
    resources = json.dumps(MNIST.resources)
    command = [*unshare, "sh", "-c", mounted, "sh", sys.executable, "-c", SMALL_DISK]
    done = subprocess.run(
        [*command, str(root), offered.address, resources],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert "The folder cannot be used: [Errno 28] No space left on device" in said["full"]
    assert all(way in said["full"] for way in WAYS_ON)
    assert said["left in use"] <= 8192  # the root of the file system and the lock
    assert said["larger"] == said["read-only"] == said["writable again"] == "20 and 10"
    assert "Read-only file system" in said["read-only, incomplete"]
    assert all(way in said["read-only, incomplete"] for way in WAYS_ON)


# Other processes


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.BaseContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("killing processes by the dozen needs a system that can fork")
    return multiprocessing.get_context("forkserver")


def start(processes, root: Path, server: Server, die_at: int = 0):
    """Start a process that loads; return it and the connection to it when it is about to begin."""
    ours, theirs = processes.Pipe()
    arguments = (root, server.address, MNIST.resources, theirs, die_at)
    process = processes.Process(target=load, args=arguments)
    process.start()
    theirs.close()
    assert ours.recv() == "ready"
    return process, ours


def assert_nothing_or_everything(root: Path, times: int = 1) -> bool:
    raw = root / "MNIST" / "raw"
    if not raw.exists():
        return False
    for part in ("train", "t10k"):
        images, labels = examples(part, times=times)
        assert (raw / images_file(part)).read_bytes() == to_idx(images)
        assert (raw / labels_file(part)).read_bytes() == to_idx(labels)
    return True


@pytest.mark.parametrize("damaged", [False, True], ids=["nothing there", "damaged files there"])
def test_process_may_be_killed_before_any_step(
    processes, offered: Server, root: Path, damaged: bool
) -> None:
    outcomes = []
    for step in range(1, 1000):
        folder = root / str(step)
        if damaged:
            raw = write_dataset(folder)
            cut_off(raw, FILES[0])
            (raw / "notes.txt").write_text("mine", encoding="utf-8")
        process, connection = start(processes, folder, offered, die_at=step)
        connection.send("begin")
        process.join(30)
        assert process.exitcode in (0, -9)
        if not damaged:
            outcomes.append(assert_nothing_or_everything(folder))
        load_dataset("mnist", folder)
        assert_good(folder)
        if damaged:
            assert [path.read_text("utf-8") for path in folder.rglob("notes.txt")] == ["mine"]
            (aside,) = (folder / "MNIST").glob("raw.damaged*")
            assert len((aside / FILES[0]).read_bytes()) == 15_691
        if process.exitcode == 0:
            break
    assert step > 40  # so many steps there are
    if not damaged:
        assert outcomes == sorted(outcomes)  # first nothing, then everything
        assert set(outcomes) == {False, True}


def test_process_may_be_killed_at_any_moment(
    processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    times = 100
    original = write_dataset(tmp_path / "original", times=times)
    monkeypatch.setattr(MNIST, "resources", compress_all(original, tmp_path / "served"))
    moments = random.Random(0)
    killed = 0
    with serve(tmp_path / "served") as server:
        server.misbehave = bad_server.slowly
        monkeypatch.setattr(MNIST, "mirrors", [server.address])
        process, connection = start(processes, root / "measured", server)
        began = time.monotonic()
        connection.send("begin")
        connection.recv()
        duration = time.monotonic() - began
        process.join(30)
        for number in range(20):
            folder = root / str(number)
            process, connection = start(processes, folder, server)
            connection.send("begin")
            time.sleep(moments.uniform(0, duration))
            process.kill()
            process.join(30)
            killed += process.exitcode == -9
            assert_nothing_or_everything(folder, times)
            load_dataset("mnist", folder)
            assert assert_nothing_or_everything(folder, times)
            shutil.rmtree(folder)
    assert killed >= 10


def test_four_processes_at_once_download_once(processes, offered: Server, root: Path) -> None:
    offered.misbehave = bad_server.slowly
    started = [start(processes, root, offered) for _ in range(4)]
    for _, connection in started:
        connection.send("begin")
    digests = {connection.recv() for _, connection in started}
    for process, _ in started:
        process.join(30)
        assert process.exitcode == 0
    assert len(digests) == 1
    assert sorted(offered.requested) == sorted(file for file, _ in MNIST.resources)
    assert_good(root)


def test_waiting_for_another_process_is_told_and_spares_the_work(
    processes,
    offered: Server,
    root: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def install(*args: object, **settings: object) -> None:
        pytest.fail("the other process had done the work")

    monkeypatch.setattr(download, "_install", install)
    offered.misbehave = bad_server.slowly
    process, connection = start(processes, root, offered)
    connection.send("begin")
    deadline = time.monotonic() + 30
    while not offered.requested and time.monotonic() < deadline:
        time.sleep(0.001)
    load_dataset("mnist", root)
    process.join(30)
    assert f"waiting for another process that is bringing mnist to {root}" in caplog.text
    assert len(offered.requested) == 4


# What the reader sees meanwhile


def test_progress_is_shown_in_a_notebook_and_not_in_a_file(
    offered: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    load_dataset("mnist", tmp_path / "silent")
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    load_dataset("mnist", tmp_path / "shown")
    shown = capfd.readouterr().err
    for file, _ in MNIST.resources:
        assert f"{file}: 100%" in shown


# Stock


def test_stock_tells_where_how_large_and_whether_verified(offered: Server, root: Path) -> None:
    raw = root / "MNIST" / "raw"
    assert download.take_stock("mnist", root) == (raw, 0, "not there")
    assert not root.exists()
    write_dataset(root)
    size = sum(path.stat().st_size for path in raw.iterdir())
    unknown = (raw, size, "complete, but nothing to verify it by")
    assert download.take_stock("mnist", root) == unknown
    (raw / FILES[1]).unlink()
    assert download.take_stock("mnist", root)[2] == "3 of its 4 files are there"
    load_dataset("mnist", root)
    assert download.take_stock("mnist", root)[2] == "complete, but nothing to verify it by"
    shutil.rmtree(raw)
    load_dataset("mnist", root)
    assert download.take_stock("mnist", root)[2] == "verified"
    cut_off(raw, FILES[0])
    assert "promises" in download.take_stock("mnist", root)[2]


# The real MNIST, where it is


def test_real_mnist_is_verified(real_mnist: Path) -> None:
    assert download.check("mnist", real_mnist / "MNIST" / "raw")
    assert download.take_stock("mnist", real_mnist).state == "verified"


def copy_files(given: Path, new: Path) -> None:
    """Copy the contents, but not the modes: the given files may be read-only."""
    new.mkdir(parents=True)
    for path in given.iterdir():
        shutil.copyfile(path, new / path.name)


def test_real_mnist_with_a_changed_byte_is_repaired_from_an_archive(
    real_mnist: Path, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    raw = root / "MNIST" / "raw"
    copy_files(real_mnist / "MNIST" / "raw", raw)
    file = FILES[3]
    good = (raw / file).read_bytes()
    (raw / file).write_bytes(good[:-1] + bytes([(good[-1] + 1) % 10]))  # still a label
    with pytest.raises(DatasetDamaged, match="it is not MNIST's file: its SHA-256 is"):
        load_dataset("mnist", root, download=False)
    (root / f"{file}.gz").write_bytes(gzip.compress(good))
    with caplog.at_level(logging.WARNING):
        load_dataset("mnist", root, download=False)
    assert (raw / file).read_bytes() == good
    assert download.take_stock("mnist", root).state == "verified"


def test_real_mnist_is_not_taken_for_fashion(real_mnist: Path, root: Path) -> None:
    raw = root / "FashionMNIST" / "raw"
    copy_files(real_mnist / "MNIST" / "raw", raw)
    with pytest.raises(DatasetDamaged, match="it is MNIST's file, not one of fashion-mnist"):
        load_dataset("fashion-mnist", root, download=False)
