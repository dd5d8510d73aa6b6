import gc
import hashlib
import json
import pickle
import re
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import platformdirs
import pytest
import torch
from idx_files import examples, write_dataset
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset
from torch.utils.data.distributed import DistributedSampler
from torchvision.datasets import MNIST, FashionMNIST
from torchvision.transforms import v2

from firstlayers.data import (
    DATASETS,
    Digits,
    as_tensors,
    load_dataset,
    make_loader,
    split,
)


@pytest.fixture(scope="module")
def originals() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits, (1797, 8, 8), 0 to 16, and their labels, (1797,)."""
    digits = load_digits()
    return torch.from_numpy(digits.images).float(), torch.from_numpy(digits.target)


@pytest.fixture(scope="module")
def test_positions(originals: tuple[Tensor, Tensor]) -> list[int]:
    """The places in scikit-learn's order of every class's fifth, tenth, ... image."""
    seen = [0] * 10
    positions = []
    for position, label in enumerate(originals[1].tolist()):
        seen[label] += 1
        if seen[label] % 5 == 0:
            positions.append(position)
    return positions


@pytest.fixture(scope="module")
def digits() -> tuple[Digits, Digits]:
    return Digits(train=True), Digits(train=False)


@pytest.fixture(scope="module")
def all_images(digits: tuple[Digits, Digits], test_positions: list[int]) -> Tensor:
    """Both parts together in scikit-learn's order, (1797, 28, 28)."""
    train_set, test_set = digits
    is_test = torch.zeros(1797, dtype=torch.bool)
    is_test[test_positions] = True
    images = torch.zeros(1797, 28, 28)
    images[is_test] = test_set.data.float()
    images[~is_test] = train_set.data.float()
    return images


def test_digits_have_1442_training_and_355_test_images(digits: tuple[Digits, Digits]) -> None:
    assert [len(part) for part in digits] == [1442, 355]
    for part in digits:
        assert part.data.shape == (len(part), 28, 28)
        assert part.data.dtype == torch.uint8
        assert part.targets.shape == (len(part),)
        assert part.targets.dtype == torch.int64
        assert part.classes == list("0123456789")


def test_every_fifth_image_of_a_class_is_a_test_image(
    digits: tuple[Digits, Digits], originals: tuple[Tensor, Tensor], test_positions: list[int]
) -> None:
    train_set, test_set = digits
    labels = originals[1]
    training = sorted(set(range(1797)) - set(test_positions))
    assert torch.equal(test_set.targets, labels[test_positions])
    assert torch.equal(train_set.targets, labels[training])


def test_every_class_is_in_both_parts_in_proportion(digits: tuple[Digits, Digits]) -> None:
    train_counts, test_counts = (torch.bincount(part.targets) for part in digits)
    assert torch.equal(test_counts, (train_counts + test_counts) // 5)


def test_no_image_is_in_both_parts(digits: tuple[Digits, Digits]) -> None:
    both = torch.cat([part.data for part in digits])
    assert len(torch.unique(both, dim=0)) == 1797


def test_each_image_made_small_again_is_the_original(
    all_images: Tensor, originals: tuple[Tensor, Tensor]
) -> None:
    # The mean over areas, 20 pixels to 8, as a matrix at each of the nine places of the box.
    shrink = F.interpolate(torch.eye(20)[None], size=8, mode="area")[0].T  # (8, 20)
    places = torch.cat([F.pad(shrink, (left, 8 - left)) for left in range(9)])  # (72, 28)
    small = places @ all_images @ places.T  # (1797, 72, 72)
    small = small.unflatten(1, (9, 8)).unflatten(3, (9, 8)).transpose(2, 3).reshape(-1, 81, 64)
    expected = originals[0].reshape(-1, 1, 64)
    likeness = F.cosine_similarity(
        small - small.mean(dim=2, keepdim=True),
        expected - expected.mean(dim=2, keepdim=True),
        dim=2,
    )  # (1797, 81)
    best = likeness.amax(dim=1)
    assert best.min() > 0.94
    assert best.median() > 0.97


def test_ink_is_as_dark_as_in_the_originals(
    all_images: Tensor, originals: tuple[Tensor, Tensor]
) -> None:
    ink = all_images.sum(dim=(1, 2))
    expected = originals[0].sum(dim=(1, 2)) * (255 / 16) * (20 * 20) / (8 * 8)
    ratio = ink / expected
    assert ratio.min() > 0.95
    assert ratio.max() < 1.1
    assert all_images.amax() == 255
    assert all_images.amax(dim=(1, 2)).min() > 230


def test_center_of_mass_is_the_middle_of_the_image(all_images: Tensor) -> None:
    places = torch.arange(28.0)
    ink = all_images.sum(dim=(1, 2))
    rows = (all_images.sum(dim=2) @ places) / ink
    columns = (all_images.sum(dim=1) @ places) / ink
    assert (rows - 13.5).abs().max() < 0.6
    assert (columns - 13.5).abs().max() < 0.6


def test_no_ink_touches_the_frame(all_images: Tensor) -> None:
    assert all_images[:, [0, -1], :].max() == 0
    assert all_images[:, :, [0, -1]].max() == 0


def test_digits_are_the_same_on_each_call(digits: tuple[Digits, Digits]) -> None:
    torch.manual_seed(99)
    again = Digits(train=True)
    assert torch.equal(again.data, digits[0].data)
    assert torch.equal(again.targets, digits[0].targets)


def test_changing_one_digits_leaves_the_next_alone(digits: tuple[Digits, Digits]) -> None:
    changed = Digits(train=False)
    changed.data.zero_()
    changed.targets.zero_()
    changed.classes.clear()
    assert torch.equal(Digits(train=False).data, digits[1].data)
    assert Digits(train=False).classes == digits[1].classes


def test_a_digit_without_transform_is_a_gray_pil_image(digits: tuple[Digits, Digits]) -> None:
    image, label = digits[1][3]
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size) == ("L", (28, 28))
    assert list(image.tobytes()) == digits[1].data[3].flatten().tolist()
    assert label == digits[1].targets[3]
    assert type(label) is int


def test_transforms_of_image_and_label_are_applied() -> None:
    plain = Digits(train=False)
    digits = Digits(
        train=False,
        transform=lambda image: image.getpixel((14, 14)),
        target_transform=lambda label: f"a {label}",
    )
    assert digits[7] == (int(plain.data[7, 14, 14]), f"a {int(plain.targets[7])}")


def test_printing_digits_names_the_part(digits: tuple[Digits, Digits]) -> None:
    assert "Number of datapoints: 1442" in repr(digits[0])
    assert "Split: Train" in repr(digits[0])
    assert "Split: Test" in repr(digits[1])


def test_digits_are_the_default_and_need_no_folder(tmp_path: Path) -> None:
    for sets in (load_dataset(), load_dataset("digits", root=tmp_path / "not there")):
        assert [type(part) for part in sets] == [Digits, Digits]
        assert [part.train for part in sets] == [True, False]
    assert list(tmp_path.iterdir()) == []


def test_default_transform_gives_pixels_from_0_to_1() -> None:
    for part in load_dataset():
        image, label = part[0]
        assert type(image) is not Image.Image
        assert image.shape == (1, 28, 28)
        assert image.dtype == torch.float32
        assert image.min() == 0
        assert 0.9 < image.max() <= 1
        assert torch.allclose(image[0] * 255, part.data[0].float())
        assert label == part.targets[0]


def test_a_transform_replaces_the_default_in_both_parts(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    for sets in (
        load_dataset(transform=lambda image: image.size),
        load_dataset("mnist", tmp_path, transform=lambda image: image.size),
    ):
        assert [part[0][0] for part in sets] == [(28, 28), (28, 28)]


def test_as_tensors_is_all_items_stacked() -> None:
    _, test_set = load_dataset()
    images, labels = as_tensors(test_set)
    assert images.shape == (355, 1, 28, 28)
    assert images.dtype == torch.float32
    assert torch.equal(images, torch.stack([image for image, _ in test_set]))
    assert labels.tolist() == [label for _, label in test_set]
    assert labels.dtype == torch.int64


def test_as_tensors_leaves_the_data_set_as_it_was() -> None:
    _, test_set = load_dataset()
    before, labels_before = test_set.data.clone(), test_set.targets.clone()
    images, labels = as_tensors(test_set)
    images.zero_()
    labels.zero_()
    assert torch.equal(test_set.data, before)
    assert torch.equal(test_set.targets, labels_before)


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_unknown_name_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    name = "cifar"
    if how == "environment":
        monkeypatch.setenv("FIRSTLAYERS_DATASET", "cifar")
        name = None
    with pytest.raises(ValueError, match=r"no data set 'cifar'.*FIRSTLAYERS_DATASET") as caught:
        load_dataset(name)
    assert all(known in str(caught.value) for known in DATASETS)


# MNIST and Fashion-MNIST from small files that have their format


def assert_holds(sets: tuple, kind: type, seed: int = 0) -> None:
    for part, dataset in zip(("train", "t10k"), sets, strict=True):
        images, labels = examples(part, seed)
        assert type(dataset) is kind
        assert torch.equal(dataset.data, images)
        assert torch.equal(dataset.targets, labels)
        assert dataset.targets.dtype == torch.int64


@pytest.mark.parametrize(("name", "kind"), [("mnist", MNIST), ("fashion-mnist", FashionMNIST)])
def test_files_in_the_folder_are_loaded(tmp_path: Path, name: str, kind: type) -> None:
    write_dataset(tmp_path, kind.__name__)
    sets = load_dataset(name, root=tmp_path)
    assert_holds(sets, kind)
    image, label = sets[0][12]
    assert torch.allclose(image, examples("train")[0][12][None] / 255)
    assert label == 2
    for part in sets:
        images, labels = as_tensors(part)
        assert torch.equal(images, torch.stack([image for image, _ in part]))
        assert torch.equal(labels, part.targets)


def test_classes_have_short_names(tmp_path: Path) -> None:
    write_dataset(tmp_path, "MNIST")
    write_dataset(tmp_path, "FashionMNIST")
    for part in load_dataset("mnist", tmp_path):
        assert part.classes == list("0123456789")
    for part in load_dataset("fashion-mnist", tmp_path):
        assert part.classes[0] == "T-shirt/top"
        assert len(part.classes) == 10
    assert MNIST.classes[0] == "0 - zero"  # torchvision's own stay as they are


def test_root_may_be_a_string_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dataset(tmp_path / "here")
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path))
    assert_holds(load_dataset("mnist", "~/here"), MNIST)


def test_environment_names_data_set_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path, "FashionMNIST")
    monkeypatch.setenv("FIRSTLAYERS_DATASET", "fashion-mnist")
    monkeypatch.setenv("FIRSTLAYERS_DATA", str(tmp_path))
    assert_holds(load_dataset(), FashionMNIST)


def test_arguments_come_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path / "environment", seed=1)
    write_dataset(tmp_path / "argument", seed=2)
    monkeypatch.setenv("FIRSTLAYERS_DATASET", "fashion-mnist")
    monkeypatch.setenv("FIRSTLAYERS_DATA", str(tmp_path / "environment"))
    assert_holds(load_dataset("mnist"), MNIST, seed=1)
    assert_holds(load_dataset("mnist", tmp_path / "argument"), MNIST, seed=2)
    assert type(load_dataset("digits")[0]) is Digits


def test_empty_environment_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLAYERS_DATASET", "")
    assert type(load_dataset()[0]) is Digits


def test_default_folder_is_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = platformdirs.user_cache_path("firstlayers")
    if not cache.is_relative_to(tmp_path):
        pytest.skip("the user's cache folder cannot be moved on this platform")
    write_dataset(cache)
    assert_holds(load_dataset("mnist"), MNIST)


def test_files_of_very_old_versions_are_not_preferred(tmp_path: Path) -> None:
    # torchvision would take them, unchecked, in place of the raw files.
    write_dataset(tmp_path)
    processed = tmp_path / "MNIST" / "processed"
    processed.mkdir()
    for part in ("training", "test"):
        torch.save((torch.zeros(2, 28, 28), torch.zeros(2)), processed / f"{part}.pt")
    assert_holds(load_dataset("mnist", tmp_path), MNIST)


# All images at once


def test_as_tensors_normalizes_bit_for_bit_like_torchvision() -> None:
    _, test_set = load_dataset()
    images, _ = as_tensors(test_set, mean=0.1307, std=0.3081)
    normalize = v2.Normalize((0.1307,), (0.3081,))
    assert torch.equal(images, torch.stack([normalize(image) for image, _ in test_set]))


def test_as_tensors_refuses_a_spread_of_zero() -> None:
    with pytest.raises(ValueError, match="std must not be 0"):
        as_tensors(Digits(train=False), std=0)


def test_as_tensors_takes_parts_and_parts_of_parts() -> None:
    _, test_set = load_dataset()
    part = Subset(Subset(test_set, range(100, 200)), [5, 3, 99])
    images, labels = as_tensors(part)
    assert torch.equal(images, torch.stack([image for image, _ in part]))
    assert labels.tolist() == [label for _, label in part]


def test_as_tensors_puts_both_on_a_device() -> None:
    images, labels = as_tensors(Digits(train=False), device="meta")
    assert images.device.type == labels.device.type == "meta"
    assert images.dtype == torch.float32
    assert images.shape == (355, 1, 28, 28)


# Whole batches


@pytest.fixture(scope="module")
def tensors() -> tuple[Tensor, Tensor]:
    """The test images of the digits, (355, 1, 28, 28), and their labels, (355,)."""
    return as_tensors(Digits(train=False))


def assert_same_batches(loader, other) -> None:
    batches, others = list(loader), list(other)
    assert len(batches) == len(others) == len(loader)
    for (images, labels), (other_images, other_labels) in zip(batches, others, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 64, 355, 1000])
def test_loader_gives_the_batches_of_an_ordinary_one(
    tensors: tuple[Tensor, Tensor], batch_size: int, drop_last: bool
) -> None:
    ordinary = DataLoader(TensorDataset(*tensors), batch_size=batch_size, drop_last=drop_last)
    ours = make_loader(*tensors, batch_size, drop_last=drop_last)
    assert type(ours) is DataLoader
    assert_same_batches(ours, ordinary)


def test_loader_shuffles_with_a_generator_like_an_ordinary_one(
    tensors: tuple[Tensor, Tensor],
) -> None:
    generator = torch.Generator().manual_seed(3)
    examples = TensorDataset(*tensors)
    ordinary = DataLoader(examples, batch_size=64, shuffle=True, generator=generator)
    ours = make_loader(*tensors, shuffle=True, seed=3)
    for _ in range(2):
        assert_same_batches(ours, ordinary)


def test_loader_is_the_same_under_a_seed_and_another_in_each_pass(
    tensors: tuple[Tensor, Tensor],
) -> None:
    def two_passes(**settings: int) -> list[list[int]]:
        loader = make_loader(tensors[0], torch.arange(355), shuffle=True, **settings)
        return [torch.cat([labels for _, labels in loader]).tolist() for _ in range(2)]

    first, second = two_passes(seed=1)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(355))
    torch.manual_seed(5)
    assert two_passes(seed=1) == [first, second]
    assert two_passes(seed=2) != [first, second]
    # Without a seed, PyTorch's own.
    torch.manual_seed(5)
    unseeded = two_passes()
    torch.manual_seed(5)
    assert two_passes() == unseeded


def test_loader_stays_on_the_device_of_its_tensors() -> None:
    loader = make_loader(torch.zeros(10, 1, 28, 28, device="meta"), torch.zeros(10, device="meta"))
    ((images, labels),) = loader
    assert images.device.type == labels.device.type == "meta"


def test_loader_can_be_sent_to_workers(tensors: tuple[Tensor, Tensor]) -> None:
    loader = pickle.loads(pickle.dumps(make_loader(*tensors)))
    assert_same_batches(loader, make_loader(*tensors))


def test_loader_divides_the_work_with_a_distributed_sampler(
    tensors: tuple[Tensor, Tensor],
) -> None:
    places = torch.arange(355)
    seen = []
    for rank in range(2):
        sampler = DistributedSampler(places, num_replicas=2, rank=rank, shuffle=True, seed=0)
        loader = make_loader(tensors[0], places, sampler=sampler)
        passes = []
        for epoch in range(2):
            sampler.set_epoch(epoch)
            batches = [labels for _, labels in loader]
            assert [len(labels) for labels in batches] == [64, 64, 50]
            passes.append(torch.cat(batches).tolist())
        assert passes[0] != passes[1]
        seen.append(passes[0])
    assert set(seen[0]) | set(seen[1]) == set(range(355))
    assert len(set(seen[0]) & set(seen[1])) == 1  # the sampler repeats one to make two equal halves


def test_loader_refuses_what_cannot_be_meant(tensors: tuple[Tensor, Tensor]) -> None:
    images, labels = tensors
    with pytest.raises(ValueError, match="there are 355 images, but 354 labels"):
        make_loader(images, labels[1:])
    sampler = DistributedSampler(labels, num_replicas=2, rank=0)
    with pytest.raises(ValueError, match="leave shuffle=True out"):
        make_loader(images, labels, shuffle=True, sampler=sampler)
    with pytest.raises(ValueError, match="batch_size"):
        make_loader(images, labels, 0)


# Parts


def test_split_gives_each_class_its_share_in_each_part() -> None:
    train_set = Digits(train=True)
    parts = split(train_set, (0.7, 0.2, 0.1), seed=4)
    assert [len(part) for part in parts] == [1009, 289, 144]
    whole = torch.bincount(train_set.targets)
    for part, fraction in zip(parts, (0.7, 0.2, 0.1), strict=True):
        counts = torch.bincount(train_set.targets[part.indices], minlength=10)
        assert (counts - fraction * whole).abs().max() <= 1
    assert sorted(chain(*(part.indices for part in parts))) == list(range(1442))


def test_split_is_the_same_on_every_machine() -> None:
    parts = split(Digits(train=True))
    indices = json.dumps([part.indices for part in parts]).encode()
    assert hashlib.sha256(indices).hexdigest() == (
        "a765600693fd68685d27d8134f64b2976b891d65c7ecd81d3f945edc40e763ac"
    )


def test_split_depends_on_its_seed_and_on_nothing_else() -> None:
    train_set = Digits(train=True)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    one = split(train_set, seed=1)[1].indices
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    assert split(train_set, seed=1)[1].indices == one
    assert split(train_set, seed=2)[1].indices != one


def test_split_divides_parts_and_tensors_too(tensors: tuple[Tensor, Tensor]) -> None:
    labels = tensors[1]
    from_tensors, _ = split(TensorDataset(*tensors), seed=7)
    from_dataset, _ = split(Digits(train=False), seed=7)
    assert from_tensors.indices == from_dataset.indices
    half, _ = split(from_dataset, (0.5, 0.5))
    assert torch.equal(as_tensors(half)[1], labels[from_dataset.indices][half.indices])


@pytest.mark.parametrize("fractions", [(), (0.5, 0.4), (1.2, -0.2), (0.5, 0.5, 0.5), (1.0, 0.0)])
def test_split_refuses_fractions_that_make_no_whole(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="fractions must be positive and sum to 1"):
        split(Digits(train=False), fractions)


def test_split_into_one_part_is_everything() -> None:
    (whole,) = split(Digits(train=False), (1.0,))
    assert whole.indices == list(range(355))


def test_split_needs_labels() -> None:
    class WithoutLabels(Dataset):
        pass

    with pytest.raises(TypeError, match="labels of a WithoutLabels: it has no `targets`"):
        split(WithoutLabels())


# The real MNIST, where it is


def test_real_mnist_has_60000_training_and_10000_test_images(real_mnist: Path) -> None:
    train_set, test_set = load_dataset("mnist", real_mnist, download=False)
    assert [len(part) for part in (train_set, test_set)] == [60_000, 10_000]
    # As often stated: the mean and the standard deviation of the training pixels.
    pixels = as_tensors(train_set)[0]
    assert pixels.shape == (60_000, 1, 28, 28)
    assert abs(pixels.mean().item() - 0.1307) < 1e-4
    assert abs(pixels.std().item() - 0.3081) < 1e-4
    assert train_set.targets[:5].tolist() == [5, 0, 4, 1, 9]
    assert torch.bincount(test_set.targets, minlength=10).min() > 800


def memory(line: str) -> int:
    """Read a line of what Linux says of this process's memory, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(rf"^{line}:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells and resets a process's peak")
@pytest.mark.parametrize("normalized", [False, True])
def test_real_mnist_as_tensors_needs_little_more_than_the_result(
    real_mnist: Path, normalized: bool
) -> None:
    train_set, _ = load_dataset("mnist", real_mnist, download=False)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak
    before = memory("VmRSS")
    images, _ = as_tensors(train_set, **({"mean": 0.1307, "std": 0.3081} if normalized else {}))
    assert images.nbytes == 60_000 * 28 * 28 * 4
    peak = memory("VmHWM") - before
    assert peak > 0.5 * images.nbytes  # or nothing was measured
    assert peak < 2.5 * images.nbytes
