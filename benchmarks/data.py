"""Time one pass over a training set, shuffled, in batches of 64, without training, three ways.

    nox -s bench -- data                    # MNIST
    nox -s bench -- data fashion-mnist
    nox -s bench -- data digits             # needs no download

The ways are the loop of most tutorials (each image through `ToTensor` and `Normalize` by itself, then
stacked by a DataLoader), ours (`as_tensors` once, then whole batches through a DataLoader), and the floor:
bare indexing of the same tensors. All three run in turn, in one process, and all give normalized
images. What counts are the ratios: seconds differ from machine to machine. Each way is timed several
times and its median is shown.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import transforms

from firstlayers.data import DATASETS, DatasetUnavailable, as_tensors, load_dataset, make_loader
from firstlayers.progress import progress_bar

BATCH_SIZE = 64
MEAN, STD = 0.5, 0.5


def bare_slices(images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(images))
    for start in range(0, len(images), BATCH_SIZE):
        places = order[start : start + BATCH_SIZE]
        # Twice as fast as images[places].
        yield images.index_select(0, places), labels.index_select(0, places)


def seconds_of_a_pass(batches: Iterator[tuple[Tensor, Tensor]] | DataLoader, count: int) -> float:
    started = time.perf_counter()
    seen = sum(len(labels) for _, labels in batches)
    elapsed = time.perf_counter() - started
    assert seen == count
    return elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", nargs="?", default="mnist", choices=DATASETS)
    parser.add_argument("--repeat", type=int, default=3, help="how often (default: 3)")
    chosen = parser.parse_args()
    # One thread: the batches are too small to gain from more, and waiting threads steal time.
    torch.set_num_threads(1)
    each = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    try:
        started = time.perf_counter()
        train_set, _ = load_dataset(chosen.name, download=False, transform=each)
        loading = time.perf_counter() - started
    except DatasetUnavailable as error:
        sys.exit(str(error))
    started = time.perf_counter()
    images, labels = as_tensors(train_set, mean=MEAN, std=STD)
    converting = time.perf_counter() - started

    def ways() -> dict[str, Iterator[tuple[Tensor, Tensor]] | DataLoader]:
        return {
            "image by image": DataLoader(train_set, batch_size=BATCH_SIZE, shuffle=True),
            "make_loader": make_loader(images, labels, BATCH_SIZE, shuffle=True),
            "bare slices": bare_slices(images, labels),
        }

    # All of them give the same images.
    stacked = torch.stack([train_set[place][0] for place in range(BATCH_SIZE)])
    torch.testing.assert_close(stacked, images[:BATCH_SIZE])
    times: dict[str, list[float]] = {name: [] for name in ways()}
    with progress_bar(total=chosen.repeat * len(times), unit="pass") as bar:
        for _ in range(chosen.repeat):
            for name, batches in ways().items():
                times[name].append(seconds_of_a_pass(batches, len(train_set)))
                bar.update()

    medians = {name: statistics.median(found) for name, found in times.items()}
    slowest, ours, floor = medians.values()
    print(f"{chosen.name}: {len(train_set):,} images in batches of {BATCH_SIZE}, one thread")
    for name, seconds in medians.items():
        rate = len(train_set) / seconds
        print(f"  {name:15} {seconds:8.3f} s a pass {rate:12,.0f} images a second")
    print(f"make_loader has {slowest / ours:.0f} times the throughput of image by image")
    print(f"make_loader takes {ours / floor:.1f} times as long as bare slices")
    print(f"once: loading and checking {loading:.2f} s, as_tensors {converting:.2f} s")


if __name__ == "__main__":
    main()
