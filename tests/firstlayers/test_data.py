import gc
import os
import socket
import socketserver
import threading
import warnings
from pathlib import Path

import platformdirs
import pytest
import torch
from idx_files import compress_all, examples, images_file, labels_file, serve, to_idx, write_dataset
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F
from torchvision.datasets import MNIST, FashionMNIST

from firstlayers.data import (
    DATASETS,
    DatasetDamaged,
    DatasetUnavailable,
    Digits,
    as_tensors,
    load_dataset,
)

# Read before the fixture `no_settings` removes it.
REAL_DATA = os.environ.get("FIRSTLAYERS_DATA")


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
    before = test_set.data.clone()
    images, _ = as_tensors(test_set)
    images.zero_()
    assert torch.equal(test_set.data, before)


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


# Damaged files


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


def wrong_magic(raw: Path, file: str) -> None:
    whole = bytearray((raw / file).read_bytes())
    whole[2] = 13  # float instead of unsigned bytes
    (raw / file).write_bytes(bytes(whole))


@pytest.mark.parametrize(
    "file",
    [images_file("train"), labels_file("train"), images_file("t10k"), labels_file("t10k")],
)
@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (cut_off, r"bytes; its header promises"),
        (too_long, r"bytes; its header promises"),
        (empty, r"not an IDX file"),
        (cut_in_the_header, r"not an IDX file"),
        (web_page, r"not an IDX file"),
        (wrong_magic, r"not an IDX file"),
    ],
)
def test_damaged_file_is_named_with_what_to_do(tmp_path: Path, file: str, damage, what) -> None:
    raw = write_dataset(tmp_path)
    damage(raw, file)
    assert_damaged(tmp_path, raw / file, what)


def assert_damaged(root: Path, path: Path, what: str) -> None:
    with pytest.raises(DatasetDamaged, match=what) as caught:
        load_dataset("mnist", root)
    message = str(caught.value)
    assert message.startswith(f"{path} is damaged: ")
    assert f"Delete the folder {path.parent}" in message
    assert "FIRSTLAYERS_DATASET=digits" in message


def test_sizes_in_the_message_are_the_real_ones(tmp_path: Path) -> None:
    raw = write_dataset(tmp_path)
    cut_off(raw, images_file("train"))
    assert_damaged(
        tmp_path, raw / images_file("train"), r"has 15,691 bytes; its header promises 15,696"
    )


def test_images_and_labels_swapped_are_noticed(tmp_path: Path) -> None:
    raw = write_dataset(tmp_path)
    (raw / images_file("train")).write_bytes((raw / labels_file("train")).read_bytes())
    assert_damaged(tmp_path, raw / images_file("train"), "not an IDX file of the expected kind")


def test_more_labels_than_images_are_noticed(tmp_path: Path) -> None:
    raw = write_dataset(tmp_path)
    (raw / labels_file("t10k")).write_bytes(to_idx(torch.zeros(11)))
    assert_damaged(tmp_path, raw / images_file("t10k"), "has 10 images, but there are 11 labels")


def test_label_above_9_is_noticed(tmp_path: Path) -> None:
    raw = write_dataset(tmp_path)
    (raw / labels_file("train")).write_bytes(to_idx(torch.tensor([3, 11] * 10)))
    assert_damaged(tmp_path, raw / labels_file("train"), "the label 11; labels go from 0 to 9")


@pytest.mark.parametrize("size", [(28, 27), (27, 28), (14, 56)])
def test_images_of_another_size_are_noticed(tmp_path: Path, size: tuple[int, int]) -> None:
    raw = write_dataset(tmp_path)
    (raw / images_file("t10k")).write_bytes(to_idx(torch.zeros(10, *size)))
    assert_damaged(
        tmp_path, raw / images_file("t10k"), f"images are {size[0]} x {size[1]} pixels, not 28 x 28"
    )


def test_a_damaged_data_set_is_a_value_error_and_an_unavailable_one_an_os_error() -> None:
    assert issubclass(DatasetDamaged, ValueError)
    assert issubclass(DatasetUnavailable, OSError)


# Downloads, from a server on this machine


@pytest.fixture(params=[("mnist", MNIST), ("fashion-mnist", FashionMNIST)], ids=lambda p: p[0])
def named_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """A data set's name and its class. Loopback addresses bypass a proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return request.param


def assert_unavailable(name: str, kind: type, folder: Path) -> None:
    with warnings.catch_warnings():
        # torchvision drops a refused connection without closing it.
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(DatasetUnavailable) as caught:
            load_dataset(name, folder)
        message = str(caught.value)
        assert isinstance(caught.value.__cause__, (OSError, RuntimeError))
        del caught
        gc.collect()
    assert message.startswith(f"{name} is not in {folder}, and could not be downloaded: ")
    for way in (
        "Three ways on:",
        "FIRSTLAYERS_DATASET=digits",
        f"put its four files into {folder / kind.__name__ / 'raw'}",
        "try again later, with a network",
    ):
        assert way in message


def test_download_brings_the_files_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_kind: tuple[str, type]
) -> None:
    name, kind = named_kind
    served = tmp_path / "served"
    served.mkdir()
    resources = compress_all(write_dataset(tmp_path / "original", kind.__name__), served)
    monkeypatch.setattr(kind, "resources", resources)
    with serve(served) as (address, requested):
        monkeypatch.setattr(kind, "mirrors", [address])
        assert_holds(load_dataset(name, tmp_path / "new"), kind)
        assert set(requested) == {f"/{file}" for file, _ in resources}
        requested.clear()
        assert_holds(load_dataset(name, tmp_path / "new"), kind)
        assert requested == []


def test_one_missing_file_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_kind: tuple[str, type]
) -> None:
    name, kind = named_kind
    served = tmp_path / "served"
    served.mkdir()
    raw = write_dataset(tmp_path, kind.__name__)
    monkeypatch.setattr(kind, "resources", compress_all(raw, served))
    (raw / labels_file("t10k")).unlink()
    with serve(served) as (address, _):
        monkeypatch.setattr(kind, "mirrors", [address])
        assert_holds(load_dataset(name, tmp_path), kind)


def test_server_without_the_files_leaves_three_ways_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_kind: tuple[str, type]
) -> None:
    name, kind = named_kind
    (tmp_path / "served").mkdir()
    with serve(tmp_path / "served") as (address, requested):
        monkeypatch.setattr(kind, "mirrors", [address])
        assert_unavailable(name, kind, tmp_path / "empty")
        assert requested


def test_files_with_other_content_leave_three_ways_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_kind: tuple[str, type]
) -> None:
    # torchvision compares the MD5 sums that it knows.
    name, kind = named_kind
    served = tmp_path / "served"
    served.mkdir()
    compress_all(write_dataset(tmp_path / "original", kind.__name__), served)
    with serve(served) as (address, _):
        monkeypatch.setattr(kind, "mirrors", [address])
        assert_unavailable(name, kind, tmp_path / "empty")


def test_no_server_leaves_three_ways_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_kind: tuple[str, type]
) -> None:
    name, kind = named_kind
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(kind, "mirrors", [f"http://127.0.0.1:{port}/"])
    assert_unavailable(name, kind, tmp_path / "empty")


def test_folder_that_cannot_be_made_leaves_three_ways_on(
    tmp_path: Path, named_kind: tuple[str, type]
) -> None:
    name, kind = named_kind
    (tmp_path / "file").write_text("no folder")
    assert_unavailable(name, kind, tmp_path / "file")


def test_answer_that_is_no_http_leaves_three_ways_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_kind: tuple[str, type]
) -> None:
    class Garbage(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1024)
            self.request.sendall(b"welcome to the wireless network of this hotel\r\n\r\n")

    name, kind = named_kind
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Garbage) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        monkeypatch.setattr(kind, "mirrors", [f"http://127.0.0.1:{server.server_address[1]}/"])
        with pytest.raises(DatasetUnavailable, match="Three ways on"):
            load_dataset(name, tmp_path / "empty")
        server.shutdown()
        thread.join()


def test_files_of_very_old_versions_are_not_taken_for_the_data_set(tmp_path: Path) -> None:
    processed = tmp_path / "MNIST" / "processed"
    processed.mkdir(parents=True)
    for part in ("training", "test"):
        torch.save((torch.zeros(2, 28, 28), torch.zeros(2)), processed / f"{part}.pt")
    with pytest.raises(DatasetUnavailable, match="put its four files into"):
        load_dataset("mnist", tmp_path)


# The real MNIST, where it is


@pytest.mark.skipif(
    not (REAL_DATA and (Path(REAL_DATA) / "MNIST").is_dir()),
    reason="FIRSTLAYERS_DATA names no folder that holds MNIST",
)
def test_real_mnist_has_60000_training_and_10000_test_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIRSTLAYERS_DATA", str(REAL_DATA))
    train_set, test_set = load_dataset("mnist")
    assert [len(part) for part in (train_set, test_set)] == [60_000, 10_000]
    # As often stated: the mean and the standard deviation of the training pixels.
    pixels = as_tensors(train_set)[0]
    assert pixels.shape == (60_000, 1, 28, 28)
    assert abs(pixels.mean().item() - 0.1307) < 1e-4
    assert abs(pixels.std().item() - 0.3081) < 1e-4
    assert train_set.targets[:5].tolist() == [5, 0, 4, 1, 9]
    assert torch.bincount(test_set.targets, minlength=10).min() > 800
