"""Time an epoch on the processor and on an accelerator (a GPU), for small and larger networks.

    nox -s bench -- accelerator             # needs one: the build of PyTorch in the lock file is for any
    nox -s bench -- accelerator --keep      # writes docs/measured/accelerator.json

60,000 images of MNIST's size, whose pixels are random numbers: time does not depend on what is on them.
They lie on the device before the stopwatch starts, and it stops when the device is done.
"""

import argparse
import sys
from typing import Any

import _measure as measure
import torch
from torch import nn
from torch.optim import AdamW

from firstlayers.data import make_loader
from firstlayers.models import Network, NeuralNetwork
from firstlayers.progress import progress_bar
from firstlayers.training import train_epoch

COUNT = 60_000


def convolutional() -> nn.Module:
    """Make a network with two convolutional layers: nine times as many products, few weights."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


KINDS = {
    "784-128-64-10": Network,
    "784-512-512-10": NeuralNetwork,
    "two convolutional layers": convolutional,
}


def epochs(device: torch.device, repeat: int) -> dict[str, Any]:
    rows = []
    images, labels = torch.rand(COUNT, 1, 28, 28), torch.randint(10, (COUNT,))
    cases = [(name, size) for name in KINDS for size in (64, 512, 4096)]
    for name, batch_size in progress_bar(cases, unit="case"):
        seconds = []
        for place in (torch.device("cpu"), device):
            # On the processor, the slowest of them would take minutes: a part says as much.
            count = COUNT if place == device or name == "784-128-64-10" else COUNT // 6
            model = KINDS[name]().to(place)
            loader = make_loader(
                images[:count].to(place), labels[:count].to(place), batch_size, shuffle=True
            )
            optimizer = AdamW(model.parameters(), fused=True)

            def epoch(model=model, loader=loader, optimizer=optimizer) -> None:
                train_epoch(model, loader, optimizer)  # reads the loss, so it waits for the device

            seconds.append(measure.median_seconds(epoch, repeat) * COUNT / count)
        slow, fast = seconds
        rows.append([name, batch_size, f"{slow:.2f}", f"{fast:.2f}", f"{slow / fast:.1f}"])
    header = ["network", "batch size", "processor, seconds", f"{device.type}, seconds", "times as fast"]  # fmt: skip
    return measure.table(f"An epoch of {COUNT:,} images on two devices, with AdamW", header, rows)


def waiting(device: torch.device, repeat: int) -> dict[str, Any]:
    """Compare reading the loss in every step with reading it once."""
    rows = []
    images = torch.rand(512, 1, 28, 28, device=device)
    labels = torch.randint(10, (512,), device=device)
    for name, make in KINDS.items():
        model = make().to(device)
        optimizer = AdamW(model.parameters(), fused=True)

        def steps(read: bool, model=model, optimizer=optimizer) -> None:
            for _ in range(200):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(images), labels)
                loss.backward()
                optimizer.step()
                if read:
                    loss.item()
            loss.item()

        once, each = (
            measure.median_seconds(lambda read=read, run=steps: run(read), repeat) / 200
            for read in (False, True)
        )
        rows.append([name, f"{1000 * once:.3f}", f"{1000 * each:.3f}"])
    header = ["network", "read once, ms a step", "read in each step, ms a step"]
    return measure.table(f"Steps of 512 images on {device.type}: the loss is read once, or in each step", header, rows)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=3, help="how often (default: 3)")
    measure.add_keep(parser)
    chosen = parser.parse_args()
    device = torch.accelerator.current_accelerator(check_available=True)
    if device is None:
        sys.exit("PyTorch finds no accelerator on this machine, so there is nothing to compare.")
    with measure.Record("accelerator", chosen.keep) as record:
        record.add(epochs(device, chosen.repeat))
        record.add(waiting(device, chosen.repeat))


if __name__ == "__main__":
    main()
