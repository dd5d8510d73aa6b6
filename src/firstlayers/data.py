"""Three data sets of small gray images behind one call."""

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Sampler, Subset, TensorDataset
from torchvision.datasets import MNIST, VisionDataset
from torchvision.datasets.mnist import read_image_file, read_label_file
from torchvision.transforms import v2

from firstlayers.download import (
    KINDS,
    DatasetDamaged,
    DatasetUnavailable,
    data_folder,
    fetch,
)

__all__ = [
    "DATASETS",
    "DatasetDamaged",
    "DatasetUnavailable",
    "Digits",
    "as_tensors",
    "load_dataset",
    "make_loader",
    "split",
]

DATASETS = ("digits", *KINDS)
"""The names that :func:`load_dataset` knows."""

DIGIT_NAMES = [str(digit) for digit in range(10)]


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
        images, labels = _bundled_digits()  # (1797, 28, 28), (1797,)
        is_test = torch.zeros(len(labels), dtype=torch.bool)
        for label in range(10):
            is_test[torch.nonzero(labels == label).flatten()[4::5]] = True
        chosen = ~is_test if train else is_test
        self.data = images[chosen]  # (N, 28, 28), a copy
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


@cache
def _bundled_digits() -> tuple[Tensor, Tensor]:
    """Read scikit-learn's file once: it is text, and takes longer than all the rest."""
    digits = load_digits()
    pixels = torch.from_numpy(digits.images).float()  # (1797, 8, 8), 0 to 16
    return _like_mnist(pixels * (255 / 16)), torch.from_numpy(digits.target).to(torch.int64)


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
    download: bool = True,
    *,
    transform: Callable[[Any], Any] | None = None,
) -> tuple[VisionDataset, VisionDataset]:
    """Load the training set and the test set of one of the course's data sets.

    MNIST and Fashion-MNIST are looked for in ``root``, and downloaded where they are missing. At
    every moment the folder holds either nothing or the whole, checked data set: a download is made
    ready beside it and renamed, one process at a time. What is damaged is repaired, and the damaged
    files are set aside. A folder with good files may be read-only.

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
    download : bool
        Whether to download what is missing or damaged.
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
        If the files are not in the folder and could not be downloaded, or not be stored.
    DatasetDamaged
        If the files in the folder are damaged, and ``download=False`` forbids to repair them.
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
    folder = data_folder(root)
    fetch(name, folder, download=download)
    kind = KINDS[name]
    train_set = kind(folder, train=True, transform=transform)
    test_set = kind(folder, train=False, transform=transform)
    for part, file in ((train_set, "train"), (test_set, "t10k")):
        if Path(part.processed_folder).exists():
            # torchvision prefers what its versions before 0.9 left there, and nobody checks that.
            raw = Path(part.raw_folder)
            part.data = read_image_file(str(raw / f"{file}-images-idx3-ubyte"))
            part.targets = read_label_file(str(raw / f"{file}-labels-idx1-ubyte"))
        if kind is MNIST:
            part.classes = list(DIGIT_NAMES)  # torchvision's: "0 - zero", ...
    return train_set, test_set


def as_tensors(
    dataset: VisionDataset | Subset[Any],
    *,
    mean: float = 0.0,
    std: float = 1.0,
    device: torch.device | str | None = None,
) -> tuple[Tensor, Tensor]:
    """Turn a whole data set into one tensor of images and one of labels.

    This is what the default transform makes of every image, done once for all of them, and with
    `mean` and `std` what :class:`torchvision.transforms.v2.Normalize` makes of that: bit for bit
    the same. It takes the memory of the result and, while it works, that of the raw pixels, a
    quarter more. The data set's own ``transform`` is not applied.

    Parameters
    ----------
    dataset : torchvision.datasets.VisionDataset or torch.utils.data.Subset
        A data set from :func:`load_dataset`, or a part of one from :func:`split`.
    mean, std : float
        Each pixel, between 0 and 1, becomes ``(pixel - mean) / std``.
    device : torch.device or str, optional
        Where the tensors shall be. The default leaves them where the data set's are.

    Returns
    -------
    images : torch.Tensor
        Shape (N, 1, 28, 28), float32, pixels between 0 and 1 unless `mean` and `std` say otherwise.
    labels : torch.Tensor
        Shape (N,), int64.

    Raises
    ------
    ValueError
        If `std` is 0.
    """
    if std == 0:
        raise ValueError("std must not be 0: every pixel would be divided by it")
    pixels, labels = _pixels_and_labels(dataset)
    # To the device first: the raw pixels are a quarter of the size.
    images = pixels.to(device).unsqueeze(1).to(torch.float32)
    # Not div_(255): v2.ToDtype multiplies, and the two differ in the last bit.
    images.mul_(1 / 255)
    if (mean, std) != (0.0, 1.0):
        images.sub_(mean).div_(std)
    return images, labels.to(device, copy=True)


def make_loader(
    images: Tensor,
    labels: Tensor,
    batch_size: int = 64,
    *,
    shuffle: bool = False,
    seed: int | None = None,
    drop_last: bool = False,
    sampler: Sampler[int] | None = None,
    batch_sampler: Sampler[list[int]] | None = None,
) -> DataLoader[tuple[Tensor, ...]]:
    """Make a loader that takes each batch out of the tensors in one go.

    A :class:`torch.utils.data.DataLoader` usually asks its data set for one example after the other
    and stacks them. If the data set has a method ``__getitems__``, it hands over the whole list of
    places instead. The batches are the same, and come many times faster.

    Parameters
    ----------
    images, labels : torch.Tensor
        Shapes (N, ...) and (N,), as :func:`as_tensors` gives them, on any device. The batches come
        from the same one.
    batch_size : int
        How many examples a batch has. The last one has what is left.
    shuffle : bool
        Whether each pass goes through the examples in another random order.
    seed : int, optional
        Makes the orders the same each time a loader is made. The default draws them with PyTorch's
        global generator, which :func:`torch.manual_seed` sets.
    drop_last : bool
        Whether to leave out a last batch that is not full.
    sampler : torch.utils.data.Sampler, optional
        What decides on the order in place of `shuffle`, such as a
        :class:`torch.utils.data.distributed.DistributedSampler`.
    batch_sampler : torch.utils.data.Sampler, optional
        What decides on the batches themselves, such as
        :class:`firstlayers.distributed.ShareOfBatches`. `batch_size` then counts for nothing.

    Returns
    -------
    torch.utils.data.DataLoader
        Gives pairs of images (batch, ...) and labels (batch,); ``len`` of it is the number of
        batches.

    Raises
    ------
    ValueError
        If images and labels differ in number, `batch_size` is not positive, both `shuffle` and
        `sampler` are given, or anything that orders or cuts beside `batch_sampler`.
    """
    if len(images) != len(labels):
        raise ValueError(f"there are {len(images):,} images, but {len(labels):,} labels")
    if sampler is not None and shuffle:
        raise ValueError("a sampler decides on the order itself: leave shuffle=True out")
    if batch_sampler is not None:
        if shuffle or drop_last or sampler is not None or seed is not None:
            raise ValueError(
                "a batch sampler decides on order and batches itself: leave shuffle, seed, "
                "drop_last and sampler out"
            )
        return DataLoader(
            _WholeBatches(images, labels), batch_sampler=batch_sampler, collate_fn=_as_it_is
        )
    return DataLoader(
        _WholeBatches(images, labels),
        batch_size,
        shuffle=shuffle,
        sampler=sampler,
        drop_last=drop_last,
        generator=None if seed is None else torch.Generator().manual_seed(seed),
        collate_fn=_as_it_is,
    )


class _WholeBatches(TensorDataset):
    """Pairs of image and label that can be asked for by the batch."""

    def __getitems__(self, places: list[int]) -> tuple[Tensor, ...]:
        # The dtype is said because a process's share of a batch may be empty.
        where = torch.tensor(places, dtype=torch.int64, device=self.tensors[0].device)
        # index_select(0, where) is [where], but takes half the time.
        return tuple(tensor.index_select(0, where) for tensor in self.tensors)


def _as_it_is(batch: Any) -> Any:
    """Stand in for the function that stacks examples. A lambda could not be sent to workers."""
    return batch


def split(
    dataset: Dataset[Any], fractions: Sequence[float] = (0.8, 0.2), seed: int = 0
) -> list[Subset[Any]]:
    """Divide a data set into parts in which every class has its share.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        A data set from :func:`load_dataset`, a part of one, or a
        :class:`torch.utils.data.TensorDataset` whose last tensor holds the labels.
    fractions : sequence of float
        How large each part is: positive numbers that sum to 1.
    seed : int
        Another seed gives another division. The same one gives the same division on every machine.

    Returns
    -------
    list of torch.utils.data.Subset
        The parts, which together hold each example once, in the order of the data set.

    Raises
    ------
    ValueError
        If the fractions are not positive or do not sum to 1, or a class is too small to be divided.
    TypeError
        If the data set does not say its labels.
    """
    if len(fractions) == 0 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f"fractions must be positive and sum to 1, got {tuple(fractions)}")
    labels = _labels(dataset).cpu().numpy()
    ends = np.round(np.cumsum(fractions) * len(labels)).astype(int)
    left = np.arange(len(labels))
    parts = []
    for count in np.diff(ends, prepend=0)[:-1]:
        # scikit-learn's division rests on NumPy's RandomState, whose numbers never change.
        part, left = train_test_split(
            left, train_size=int(count), stratify=labels[left], random_state=seed
        )
        parts.append(part)
    return [Subset(dataset, sorted(part.tolist())) for part in (*parts, left)]


def _pixels_and_labels(dataset: VisionDataset | Subset[Any]) -> tuple[Tensor, Tensor]:
    """Find the raw pixels, (N, H, W) uint8, and the labels, (N,) int64."""
    if isinstance(dataset, Subset):
        pixels, labels = _pixels_and_labels(dataset.dataset)
        places = torch.as_tensor(dataset.indices)
        return pixels[places], labels[places]
    return dataset.data, dataset.targets


def _labels(dataset: Dataset[Any]) -> Tensor:
    if isinstance(dataset, Subset):
        return _labels(dataset.dataset)[torch.as_tensor(dataset.indices)]
    if isinstance(dataset, TensorDataset):
        return dataset.tensors[-1]
    if hasattr(dataset, "targets"):
        return torch.as_tensor(dataset.targets)
    raise TypeError(f"cannot find the labels of a {type(dataset).__name__}: it has no `targets`")
