"""The network for drawings, trained on the real MNIST, reads drawings."""

import os
import re
import subprocess
import sys
from pathlib import Path

from chapters import TUTORIALS


def test_drawings_are_read_with_weights_from_mnist(real_mnist: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", TUTORIALS / "2_digits" / "11_draw_a_digit.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        cwd=tmp_path,
        env=os.environ
        | {
            "FIRSTLAYERS_DATASET": "mnist",
            "FIRSTLAYERS_DATA": str(real_mnist),
            "MPLBACKEND": "Agg",
            "OMP_NUM_THREADS": "1",  # as on the site; waiting threads steal time
        },
    )
    assert done.returncode == 0, done.stderr
    read = re.search(r"both prepared, and variants +(\d+\.\d)% of the drawings", done.stdout)
    assert read is not None
    assert float(read[1]) >= 95
