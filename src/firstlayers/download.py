"""The files of MNIST and Fashion-MNIST: found, checked, downloaded, repaired.

torchvision knows where the files are offered and their check sums, and reads them. What it lacks is
here: time-outs, a second try, the next mirror, a lock between processes, and a folder that at every
moment holds either nothing or the whole, checked data set. New files are made ready in a folder
beside it, which is then renamed.
"""

import filecmp
import gzip
import hashlib
import logging
import math
import os
import shlex
import shutil
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import platformdirs
from filelock import FileLock, Timeout
from torchvision.datasets import MNIST, FashionMNIST

from firstlayers import __version__
from firstlayers.progress import progress_bar

__all__ = [
    "DatasetDamaged",
    "DatasetUnavailable",
    "Inventory",
    "check",
    "data_folder",
    "fetch",
    "take_stock",
]

KINDS: dict[str, type[MNIST]] = {"mnist": MNIST, "fashion-mnist": FashionMNIST}
"""torchvision's class for each data set that comes in files."""

PARTS = ("train", "t10k")  # as the files name the training set and the test set
FILES = [f"{part}-{kind}" for part in PARTS for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]

# MNIST as it was published: the size of each file in bytes, and its SHA-256.
MNIST_FILES = {
    "train-images-idx3-ubyte": (
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte": (
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte": (
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte": (
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
# The check sums of what was installed, in the format of the command sha256sum.
SUMS = "SHA256SUMS"

TIMEOUT = 15.0  # seconds to wait for a connection, and for each next piece of a file
SLOWEST = 1_000  # bytes a second, on average: what is slower counts as no answer
PAUSES = (0.0, 1.0, 4.0)  # seconds before the first, the second and the third try
LARGEST = 2**26  # bytes; no archive has half of that

logger = logging.getLogger(__name__)


class DatasetUnavailable(OSError):
    """The data set is neither in its folder nor could it be downloaded."""


class DatasetDamaged(ValueError):
    """A file of the data set is not what its name says."""


class Inventory(NamedTuple):
    """What there is of a data set in a folder."""

    folder: Path
    """Where the four files are, or belong."""
    size: int
    """What lies there, in bytes."""
    state: str
    """``"verified"``, ``"complete, but nothing to verify it by"``, ``"not there"``, or what is
    wrong."""


class _Fault(Exception):
    """What is wrong with a file; the caller knows which one."""


class _NoAnswer(Exception):
    """What a host did instead of sending the file, and whether it is worth asking again."""

    def __init__(self, what: str, *, transient: bool) -> None:
        super().__init__(what)
        self.transient = transient


def data_folder(root: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder in which data sets are looked for.

    Parameters
    ----------
    root : path, optional
        The folder itself. The default is the environment variable ``FIRSTLAYERS_DATA``, and the
        user's cache folder where that is not set.

    Returns
    -------
    pathlib.Path
        The folder, which need not exist.
    """
    chosen = root or os.environ.get("FIRSTLAYERS_DATA")
    return Path(chosen or platformdirs.user_cache_path("firstlayers")).expanduser()


def fetch(name: str, root: Path, *, download: bool = True) -> None:
    """See to it that the four files of a data set are in their folder, whole and checked.

    They are taken from, in this order: their folder; files with these names, compressed or not, in
    ``root`` or in the folder that torchvision keeps in it; the hosts that torchvision names. What
    is damaged is set aside once something better is ready.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
        The data set.
    root : pathlib.Path
        The folder that holds ``MNIST/raw`` or ``FashionMNIST/raw``, or will hold it.
    download : bool
        Whether hosts may be asked.

    Raises
    ------
    DatasetUnavailable
        If the files are not there and could not be had, or could not be stored.
    DatasetDamaged
        If the files are damaged, there is nothing to repair them with, and `download` is false.
    """
    raw = _raw_folder(name, root)
    try:
        damage = _wrong_with(name, raw)
        if damage is None:
            return
        if not download and not all(_candidates(name, root, file) for file in FILES):
            raise _not_to_be_had(name, root, damage)
        root.mkdir(parents=True, exist_ok=True)
        with _lock(root / f".{KINDS[name].__name__}.lock", name):
            # Another process may have brought the files while this one waited.
            if (damage := _wrong_with(name, raw)) is not None:
                _install(name, root, raw, damage, download)
    except DatasetUnavailable:
        raise
    except OSError as error:
        raise _unavailable(name, root, f"The folder cannot be used: {error}.") from error


def check(name: str, raw: Path) -> bool:
    """Check the four files of a data set.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
        The data set.
    raw : pathlib.Path
        The folder that holds them.

    Returns
    -------
    bool
        Whether the check sum of each is known, and right.

    Raises
    ------
    DatasetDamaged
        If a file is not what its name says, or two do not belong together.
    FileNotFoundError
        If one is missing.
    """
    sums = _read_sums(raw)
    verified, counts = [], {}
    for file in FILES:
        path = raw / file
        try:
            digest, counts[file] = _check_file(name, path, file)
            _compare(digest, sums.get(file))
        except _Fault as fault:
            raise DatasetDamaged(f"{path} is damaged: {fault}.") from None
        verified.append(file in sums or _is_published(name, file, digest))
    for part in PARTS:
        images, labels = (file for file in FILES if file.startswith(part))
        if counts[images] != counts[labels]:
            raise DatasetDamaged(
                f"{raw / images} is damaged: it has {counts[images]:,} images, but there are "
                f"{counts[labels]:,} labels."
            )
    return all(verified)


def take_stock(name: str, root: Path) -> Inventory:
    """Say what there is of a data set, without changing anything.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
        The data set.
    root : pathlib.Path
        The folder that holds ``MNIST/raw`` or ``FashionMNIST/raw``.

    Returns
    -------
    Inventory
        Where, how large, and whether it is verified.
    """
    raw = _raw_folder(name, root)
    size = 0
    try:
        size = sum(path.stat().st_size for path in raw.iterdir() if path.is_file())
        state = "verified" if check(name, raw) else "complete, but nothing to verify it by"
    except (FileNotFoundError, NotADirectoryError):
        found = [file for file in FILES if _candidates(name, root, file)]
        state = f"{len(found)} of its 4 files are there" if found else "not there"
    except (DatasetDamaged, OSError) as error:
        state = str(error)
    return Inventory(raw, size, state)


# What is in a folder


def _raw_folder(name: str, root: Path) -> Path:
    return root / KINDS[name].__name__ / "raw"


def _wrong_with(name: str, raw: Path) -> str | None:
    """Say what is damaged, ``""`` where files are missing, or None where all is well."""
    try:
        check(name, raw)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except DatasetDamaged as error:
        return str(error)
    return None


def _candidates(name: str, root: Path, file: str) -> list[Path]:
    """List where a file may already be: as published, compressed, or with a dot in its name."""
    kind = KINDS[name].__name__
    names = [file, f"{file}.gz"]
    names += [dotted.replace("-idx", ".idx") for dotted in names]
    folders = [_staging(name, root), root / kind / "raw", root / kind, root]
    return [path for folder in folders for n in names if (path := folder / n).is_file()]


def _check_file(name: str, path: Path, file: str) -> tuple[str, int]:
    """Check one file by itself; return its SHA-256 and how many examples it holds."""
    shape = _idx_shape(path, file)
    if len(shape) == 3 and shape[1:] != (28, 28):
        raise _Fault(f"its images are {shape[1]} x {shape[2]} pixels, not 28 x 28")
    if shape[0] == 0:
        raise _Fault("it is an IDX file without any example")
    if len(shape) == 1 and (largest := max(path.read_bytes()[8:])) > 9:
        raise _Fault(f"it holds the label {largest}; labels go from 0 to 9")
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    size, published = MNIST_FILES[file]
    # A set of another size is somebody's own, in the format of MNIST.
    if name == "mnist" and path.stat().st_size == size and digest != published:
        raise _Fault(f"it is not MNIST's file: its SHA-256 is {digest}, not {published}")
    if name != "mnist" and digest == published:
        raise _Fault(f"it is MNIST's file, not one of {name}")
    return digest, shape[0]


def _idx_shape(path: Path, file: str) -> tuple[int, ...]:
    """Read the shape from the header of an IDX file and compare it with the file's size."""
    dimensions = 3 if "images" in file else 1
    header_size = 4 + 4 * dimensions
    with path.open("rb") as opened:
        header = opened.read(header_size)
    # IDX: two zero bytes, 8 for unsigned bytes, the number of dimensions, then each one's size.
    if len(header) < header_size or header[:4] != bytes([0, 0, 8, dimensions]):
        raise _Fault("it is not an IDX file of the expected kind")
    shape = struct.unpack(f">{dimensions}I", header[4:])
    expected = header_size + math.prod(shape)
    if (size := path.stat().st_size) != expected:
        raise _Fault(f"it has {size:,} bytes; its header promises {expected:,}")
    return shape


def _is_published(name: str, file: str, digest: str) -> bool:
    return name == "mnist" and digest == MNIST_FILES[file][1]


def _compare(digest: str, expected: str | None) -> None:
    if expected not in (None, digest):
        raise _Fault(f"it has changed: its SHA-256 is {digest}, not {expected} as {SUMS} says")


def _read_sums(folder: Path) -> dict[str, str]:
    """Read the check sums of the files in a folder; where there are none, none."""
    try:
        lines = (folder / SUMS).read_text(encoding="ascii", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    pairs = [line.split(maxsplit=1) for line in lines]
    # A line that was cut off is none.
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2 and len(pair[0]) == 64}


# Making it whole


def _install(
    name: str, root: Path, raw: Path, damage: str, download: bool, *, local: bool = True
) -> None:
    """Make the four files ready beside their folder, then put them in its place."""
    staging = _staging(name, root)
    staging.mkdir(exist_ok=True)
    try:
        for archive, md5 in KINDS[name].resources:
            file = archive.removesuffix(".gz")
            for source in _candidates(name, root, file) if local else []:
                try:
                    _stage(name, root, source, file, md5)
                    break
                except _Fault as fault:
                    damage = damage or f"{source} is damaged: {fault}."
            else:
                if not download:
                    raise _not_to_be_had(name, root, damage)
                _download(name, root, archive, md5, damage)
        misfit = _wrong_with(name, staging)
    except DatasetUnavailable:
        with suppress(OSError):
            staging.rmdir()  # if it is empty: files that are ready stay for the next try
        raise
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)  # a full disk is not left full
        raise
    if misfit is not None:
        shutil.rmtree(staging)
        if local and download:  # each was good by itself, but they are not of one data set
            return _install(name, root, raw, damage, download, local=False)
        if not download:
            raise _not_to_be_had(name, root, damage or misfit)
        raise _unavailable(
            name, root, f"What was downloaded does not fit together: {misfit}", damage
        )
    for path in staging.iterdir():
        if path.name not in (*FILES, SUMS):
            path.unlink()  # what a killed process had begun
    _put_in_place(staging, raw)
    return None


def _staging(name: str, root: Path) -> Path:
    return root / f".{KINDS[name].__name__}.incomplete"


def _stage(name: str, root: Path, source: Path, file: str, md5: str) -> None:
    """Copy or unpack one file into the staging folder, and check it there."""
    staging = _staging(name, root)
    packed = source.suffix == ".gz"
    begun = staging / f"{file}.part"
    try:
        with gzip.open(source) if packed else source.open("rb") as given, begun.open("wb") as made:
            shutil.copyfileobj(given, made, 2**20)
            made.flush()
            os.fsync(made.fileno())  # or a power cut could leave a renamed, empty file
        digest, _ = _check_file(name, begun, file)
        expected = _read_sums(source.parent).get(file) if source.name == file else None
        _compare(digest, expected)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _Fault(f"it cannot be unpacked: {error}") from error
    if expected or _is_published(name, file, digest) or (packed and _md5(source) == md5):
        sums = _read_sums(staging) | {file: digest}
        text = "".join(f"{sums[key]}  {key}\n" for key in sorted(sums))
        (staging / SUMS).write_text(text, encoding="ascii")
    begun.replace(staging / file)


def _md5(path: Path) -> str:
    with path.open("rb") as opened:
        # MD5 is what torchvision knows of the archives.
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _put_in_place(staging: Path, raw: Path) -> None:
    """Rename the finished folder, and put aside what was there before."""
    raw.parent.mkdir(exist_ok=True)
    aside, number = raw.with_name("raw.damaged"), 1
    while aside.exists():
        number += 1
        aside = raw.with_name(f"raw.damaged-{number}")
    if raw.exists():
        raw.rename(aside)
    staging.rename(raw)
    if not aside.exists():
        return
    # Only what is damaged stays aside. The folder may also hold archives, or a reader's own files.
    with suppress(OSError):  # the data set is in place, whatever becomes of the rest
        for path in aside.iterdir():
            if path.name not in (*FILES, SUMS):
                shutil.move(path, raw / path.name)
            elif path.name == SUMS or filecmp.cmp(path, raw / path.name, shallow=False):
                path.unlink()
        aside.rmdir()
    if aside.exists():
        logger.warning("the damaged files were set aside in %s", aside)


@contextmanager
def _lock(path: Path, name: str) -> Iterator[None]:
    """Let one process at a time work on a data set; the system frees the lock of a dead one."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("waiting for another process that is bringing %s to %s", name, path.parent)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


# Asking hosts


def _download(name: str, root: Path, archive: str, md5: str, damage: str) -> None:
    """Bring one file from the first mirror that has it, with further tries where that may help."""
    packed = _staging(name, root) / f"{archive}.part"
    mirrors = list(KINDS[name].mirrors)
    answers = dict.fromkeys(mirrors, "")
    for pause in PAUSES:
        time.sleep(pause)
        for mirror in list(mirrors):
            try:
                _retrieve(f"{mirror}{archive}", packed, md5)
                whole = packed.replace(packed.with_suffix(""))
                try:
                    _stage(name, root, whole, archive.removesuffix(".gz"), md5)
                finally:
                    whole.unlink()
                return
            except _NoAnswer as answer:
                answers[mirror] = str(answer)
                if not answer.transient:
                    mirrors.remove(mirror)
            except _Fault as fault:
                answers[mirror] = f"sent a damaged file: {fault}"
                mirrors.remove(mirror)
        if not mirrors:
            break
    packed.unlink(missing_ok=True)
    told = "".join(f"\n  {urlsplit(mirror).netloc} {answers[mirror]}" for mirror in answers)
    raise _unavailable(name, root, f"{archive} could not be downloaded:{told}", damage)


def _retrieve(url: str, path: Path, md5: str) -> None:
    """Download one archive and compare its MD5 with the one that torchvision knows."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        for piece in _pieces(url):
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != md5:
        raise _NoAnswer(
            f"sent another file: its MD5 is {digest.hexdigest()}, not {md5}", transient=True
        )


def _pieces(url: str) -> Iterator[bytes]:
    """Ask a host for a file, and give it piece by piece."""
    request = Request(url, headers={"User-Agent": f"firstlayers/{__version__}"})
    waiting_for = "an answer"
    try:
        with urlopen(request, timeout=TIMEOUT) as response:
            if response.headers.get_content_type() == "text/html":
                raise _NoAnswer(
                    "sent a web page instead of the file, as networks do that want you to log in",
                    transient=False,
                )
            waiting_for = "more of the file"
            file, total, size = urlsplit(url).path.split("/")[-1], response.length, 0
            started = time.monotonic()
            with progress_bar(total=total, desc=file, unit="B", unit_scale=True) as bar:
                # read1 gives what has arrived, read would wait for a full buffer.
                while piece := response.read1(2**16):
                    yield piece
                    bar.update(len(piece))
                    size += len(piece)
                    if size > LARGEST:
                        raise _NoAnswer("sent far more than the file", transient=False)
                    if size < SLOWEST * (time.monotonic() - started - TIMEOUT):
                        raise TimeoutError
            if total is not None and size < total:
                raise _NoAnswer(f"broke off after {size:,} of {total:,} bytes", transient=True)
    except HTTPError as error:
        with error:
            # 408 and 429 ask for patience, 500 and above are the host's own trouble.
            transient = error.code in (408, 429) or error.code >= 500
            raise _NoAnswer(f"answered {error.code} {error.reason}", transient=transient) from error
    except TimeoutError as error:
        what = f"had not sent {waiting_for} after {TIMEOUT:g} seconds"
        raise _NoAnswer(what, transient=True) from error
    except URLError as error:  # no connection: the name is not known, or nobody listens
        raise _NoAnswer(f"could not be reached: {error.reason}", transient=False) from error
    except (OSError, HTTPException, ValueError) as error:
        what = f"broke off: {str(error) or type(error).__name__}"
        raise _NoAnswer(what, transient=True) from error


# What to tell


def _not_to_be_had(name: str, root: Path, damage: str) -> DatasetUnavailable | DatasetDamaged:
    """Make the error for files that are missing or damaged while no host may be asked."""
    error = _unavailable(name, root, "A download was not asked for (download=False).", damage)
    return DatasetDamaged(str(error)) if damage else error


def _unavailable(name: str, root: Path, why: str, damage: str = "") -> DatasetUnavailable:
    """Make the error that says what is wrong, what was tried, and how to go on."""
    raw = _raw_folder(name, root)
    state = f"{name} is damaged in {root}. {damage}" if damage else f"{name} is not in {root}."
    return DatasetUnavailable(
        f"{state}\n{why}\n"
        "Three ways on:\n"
        "  use the bundled digits, which need no network: set FIRSTLAYERS_DATASET=digits\n"
        f"  put its four files, as they are or as .gz, into {raw}: {', '.join(FILES)}\n"
        f"  try again with a network: python -m firstlayers download {name} --root "
        f"{shlex.quote(str(root))}"
    )
