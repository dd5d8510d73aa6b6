"""Small files in the IDX format of MNIST."""

import gzip
import hashlib
import struct
from pathlib import Path

import torch
from torch import Tensor

COUNTS = {"train": 20, "t10k": 10}


def images_file(part: str) -> str:
    return f"{part}-images-idx3-ubyte"


def labels_file(part: str) -> str:
    return f"{part}-labels-idx1-ubyte"


def to_idx(values: Tensor) -> bytes:
    """Encode whole numbers from 0 to 255."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return header + values.to(torch.uint8).numpy().tobytes()


def examples(part: str, seed: int = 0, times: int = 1) -> tuple[Tensor, Tensor]:
    """Make images of noise, (N, 28, 28), and labels from 0 to 9, (N,)."""
    count = COUNTS[part] * times
    generator = torch.Generator().manual_seed(seed * 1000 + count)
    images = torch.randint(256, (count, 28, 28), dtype=torch.uint8, generator=generator)
    return images, torch.arange(count) % 10


def write_dataset(root: Path, kind: str = "MNIST", seed: int = 0, times: int = 1) -> Path:
    """Write the four files where torchvision looks for them, and return their folder."""
    raw = root / kind / "raw"
    raw.mkdir(parents=True)
    for part in COUNTS:
        images, labels = examples(part, seed, times)
        (raw / images_file(part)).write_bytes(to_idx(images))
        (raw / labels_file(part)).write_bytes(to_idx(labels))
    return raw


def compress_all(raw: Path, served: Path) -> list[tuple[str, str]]:
    """Write each file of `raw` compressed into `served`; return names and MD5 sums."""
    served.mkdir(parents=True, exist_ok=True)
    resources = []
    for path in sorted(raw.iterdir()):
        packed = gzip.compress(path.read_bytes())
        (served / f"{path.name}.gz").write_bytes(packed)
        md5 = hashlib.md5(packed, usedforsecurity=False).hexdigest()
        resources.append((f"{path.name}.gz", md5))
    return resources
