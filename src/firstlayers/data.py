"""Three data sets of small gray images behind one call."""

import os
import struct
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import platformdirs
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F
from torchvision.datasets import MNIST, FashionMNIST, VisionDataset
from torchvision.transforms import v2

__all__ = [
    "DATASETS",
    "DatasetDamaged",
    "DatasetUnavailable",
    "Digits",
    "as_tensors",
    "load_dataset",
]

DATASETS = ("digits", "mnist", "fashion-mnist")
"""The names that :func:`load_dataset` knows."""

DIGIT_NAMES = [str(digit) for digit in range(10)]
PARTS = ("train", "t10k")  # as the files of MNIST and Fashion-MNIST name them


class DatasetUnavailable(OSError):
    """The data set is neither in its folder nor could it be downloaded."""


class DatasetDamaged(ValueError):
    """A file of the data set is not what its name says."""


class Digits(VisionDataset):  # type: ignore[misc]  # torchvision ships no types
    """The 1,797 handwritten digits that come with scikit-learn, dressed like MNIST.

    Each digit was written by a person and scanned; scikit-learn holds it as 8 x 8 pixels with 17
    gray levels. As in MNIST, the digit here fills a box of 20 x 20 pixels (bicubic interpolation)
    whose center of mass lies in the middle of a black image of 28 x 28 pixels.

    Within each class, every fifth image in scikit-learn's order is a test image. This is the same
    split on every machine: 1,442 training images and 355 test images, every class in proportion.
    The digits do not say who wrote them, so some writers appear in both parts.

    Parameters
    ----------
    train : bool
        The training images, or else the test images.
    transform : callable, optional
        Takes a PIL image, returns what indexing the data set gives.
    target_transform : callable, optional
        The same for the label.

    Attributes
    ----------
    data : torch.Tensor
        The images, shape (N, 28, 28), uint8, 0 is the paper and 255 is ink.
    targets : torch.Tensor
        The labels, shape (N,), int64, 0 to 9.
    classes : list of str
        The name of each class.

    References
    ----------
    E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49 (CC BY 4.0).
    """

    def __init__(
        self,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.train = train
        self.classes = list(DIGIT_NAMES)
        digits = load_digits()
        labels = torch.from_numpy(digits.target).to(torch.int64)  # (1797,)
        is_test = torch.zeros(len(labels), dtype=torch.bool)
        for label in range(10):
            is_test[torch.nonzero(labels == label).flatten()[4::5]] = True
        chosen = ~is_test if train else is_test
        pixels = torch.from_numpy(digits.images).float()[chosen]  # (N, 8, 8), 0 to 16
        self.data = _like_mnist(pixels * (255 / 16))  # (N, 28, 28)
        self.targets = labels[chosen]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = Image.fromarray(self.data[index].numpy())
        label: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def extra_repr(self) -> str:
        """Name the part in what ``print`` shows."""
        return f"Split: {'Train' if self.train else 'Test'}"


def _like_mnist(small: Tensor) -> Tensor:
    """Bring digits of (N, 8, 8) pixels, 0 to 255, into MNIST's frame of (N, 28, 28), uint8."""
    scaled = F.interpolate(small[:, None], size=(20, 20), mode="bicubic", align_corners=False)
    framed = F.pad(scaled[:, 0], (4, 4, 4, 4)).clamp(0, 255)  # (N, 28, 28)
    ink = framed.sum(dim=(1, 2))
    places = torch.arange(28.0)
    rows = (framed.sum(dim=2) @ places) / ink  # (N,) center of mass
    columns = (framed.sum(dim=1) @ places) / ink
    # The margin is four pixels wide: a shift of at most four never wraps ink around.
    down = (13.5 - rows).round().clamp(-4, 4).int().tolist()
    right = (13.5 - columns).round().clamp(-4, 4).int().tolist()
    centered = [
        torch.roll(image, shifts, dims=(0, 1))
        for image, shifts in zip(framed, zip(down, right, strict=True), strict=True)
    ]
    return torch.stack(centered).round().to(torch.uint8)


def load_dataset(
    name: str | None = None,
    root: str | os.PathLike[str] | None = None,
    transform: Callable[[Any], Any] | None = None,
) -> tuple[VisionDataset, VisionDataset]:
    """Load the training set and the test set of one of the course's data sets.

    Parameters
    ----------
    name : str, optional
        ``"digits"`` (bundled with scikit-learn, needs no network), ``"mnist"`` or
        ``"fashion-mnist"``. The default is the environment variable ``FIRSTLAYERS_DATASET``, and
        ``"digits"`` where that is not set.
    root : path, optional
        The folder that holds MNIST or Fashion-MNIST, or will hold them after the download. The
        default is the environment variable ``FIRSTLAYERS_DATA``, and the user's cache folder where
        that is not set. The bundled digits need no folder.
    transform : callable, optional
        What happens to each image on its way out, from a PIL image. The default makes a float32
        tensor of shape (1, 28, 28) with pixels between 0 and 1.

    Returns
    -------
    train_set, test_set : torchvision.datasets.VisionDataset
        Both with ``data`` (uint8, shape (N, 28, 28)), ``targets`` (int64, shape (N,)), ``classes``
        and ``transform``; ``train_set[i]`` is a pair of image and label.

    Raises
    ------
    ValueError
        If the name is none of :data:`DATASETS`.
    DatasetUnavailable
        If the files are not in the folder and could not be downloaded.
    DatasetDamaged
        If a file in the folder is not what its name says.
    """
    name = name or os.environ.get("FIRSTLAYERS_DATASET") or "digits"
    if name not in DATASETS:
        raise ValueError(
            f"There is no data set {name!r}: choose one of {', '.join(DATASETS)}, by argument or "
            "with the environment variable FIRSTLAYERS_DATASET."
        )
    if transform is None:
        transform = v2.Compose(
            [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.ToPureTensor()]
        )
    if name == "digits":
        return Digits(train=True, transform=transform), Digits(train=False, transform=transform)
    kind = MNIST if name == "mnist" else FashionMNIST
    folder = Path(root or os.environ.get("FIRSTLAYERS_DATA") or _cache_folder()).expanduser()
    _fetch(name, kind, folder)
    for part in PARTS:
        _check_pair(folder / kind.__name__ / "raw", part)
    train_set = kind(folder, train=True, transform=transform)
    test_set = kind(folder, train=False, transform=transform)
    if kind is MNIST:
        train_set.classes = test_set.classes = list(DIGIT_NAMES)  # torchvision's: "0 - zero", ...
    return train_set, test_set


def as_tensors(dataset: VisionDataset) -> tuple[Tensor, Tensor]:
    """Turn a whole data set into one tensor of images and one of labels.

    This is what the default transform makes of every image, done once for all of them: a loader
    over ``TensorDataset(*as_tensors(dataset))`` gives the same batches, and gives them faster.

    Parameters
    ----------
    dataset : torchvision.datasets.VisionDataset
        A data set from :func:`load_dataset`.

    Returns
    -------
    images : torch.Tensor
        Shape (N, 1, 28, 28), float32, pixels between 0 and 1.
    labels : torch.Tensor
        Shape (N,), int64.
    """
    # Not div_(255): v2.ToDtype multiplies, and the two differ in the last bit.
    return dataset.data.unsqueeze(1).float().mul_(1 / 255), dataset.targets


def _cache_folder() -> Path:
    return platformdirs.user_cache_path("firstlayers")


def _fetch(name: str, kind: type[MNIST], folder: Path) -> None:
    """Download the data set with torchvision unless its files are there."""
    raw = folder / kind.__name__ / "raw"
    files = [raw / file for part in PARTS for file in _files(part)]
    if all(file.is_file() for file in files):
        return
    try:
        kind(folder, download=True)
        # torchvision is content with the files of its versions before 0.9; we read only raw ones.
        for file in files:
            file.stat()
    except (OSError, RuntimeError, HTTPException) as error:
        raise DatasetUnavailable(
            f"{name} is not in {folder}, and could not be downloaded: {error}\n"
            "Three ways on:\n"
            "  use the bundled digits: set FIRSTLAYERS_DATASET=digits\n"
            f"  put its four files into {raw}\n"
            "  try again later, with a network"
        ) from error


def _files(part: str) -> tuple[str, str]:
    return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"


def _check_pair(raw: Path, part: str) -> None:
    """Check that the images and the labels of one part are whole and belong together."""
    images_path, labels_path = (raw / file for file in _files(part))
    images = _idx_shape(images_path, dimensions=3)
    labels = _idx_shape(labels_path, dimensions=1)
    if images[1:] != (28, 28):
        raise _damaged(images_path, f"its images are {images[1]} x {images[2]} pixels, not 28 x 28")
    if images[0] != labels[0]:
        raise _damaged(
            images_path, f"it has {images[0]:,} images, but there are {labels[0]:,} labels"
        )
    if (largest := max(labels_path.read_bytes()[8:], default=0)) > 9:
        raise _damaged(labels_path, f"it holds the label {largest}; labels go from 0 to 9")


def _idx_shape(path: Path, dimensions: int) -> tuple[int, ...]:
    """Read the shape from the header of an IDX file and compare it with the file's size."""
    header_size = 4 + 4 * dimensions
    with path.open("rb") as file:
        header = file.read(header_size)
    # IDX: two zero bytes, 8 for unsigned bytes, the number of dimensions, then each one's size.
    if len(header) < header_size or header[:4] != bytes([0, 0, 8, dimensions]):
        raise _damaged(path, "it is not an IDX file of the expected kind")
    shape = struct.unpack(f">{dimensions}I", header[4:])
    expected = header_size + torch.Size(shape).numel()
    if (size := path.stat().st_size) != expected:
        raise _damaged(path, f"it has {size:,} bytes; its header promises {expected:,}")
    return shape


def _damaged(path: Path, what: str) -> DatasetDamaged:
    return DatasetDamaged(
        f"{path} is damaged: {what}. Delete the folder {path.parent} and load the data set again, or "
        "set FIRSTLAYERS_DATASET=digits to go on with the bundled digits."
    )
