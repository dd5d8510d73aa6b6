"""What one chapter changes, the next does not see; warnings fail the build."""

import re
import warnings
from pathlib import Path

import pytest
from gallery_reset import reset
from mini_gallery import MiniGallery

LEAVE_A_MESS = """
import random
import numpy as np
import torch
torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.set_grad_enabled(False)
mode = torch.inference_mode()
mode.__enter__()
torch.autograd.set_detect_anomaly(True)
torch.set_num_threads(torch.get_num_threads() + 1)
torch.use_deterministic_algorithms(True)
torch.set_float32_matmul_precision("medium")
torch.set_printoptions(precision=2, sci_mode=True)
np.set_printoptions(precision=2)
torch.manual_seed(99)
np.random.seed(99)
random.seed(99)
"""

PRINT_STATE = """
import random
import numpy as np
import torch
print(torch.get_default_dtype(), torch.get_default_device())
print(torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled())
print(torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
print(torch.get_float32_matmul_precision())
print(torch.tensor([1 / 3, 1e-6]), np.array([1 / 3]))
print(torch.rand(1), np.random.rand(1), random.random())
"""


@pytest.fixture
def gallery(mini_gallery: MiniGallery) -> MiniGallery:
    mini_gallery.configure(
        reset_modules=("matplotlib", "gallery_reset.reset"), reset_modules_order="both"
    )
    return mini_gallery


def printed(page: Path) -> list[str]:
    """What the chapter's cells printed."""
    html = page.read_text(encoding="utf-8")
    return re.findall(r"sphx-glr-script-out.*?<pre>(.*?)</pre>", html, flags=re.DOTALL)


def test_chapter_prints_the_same_alone_and_after_another(gallery: MiniGallery) -> None:
    chapter = gallery.html / "02_print.html"
    gallery.write("02_print", PRINT_STATE)
    status, log = gallery.build()
    assert status == 0, log
    alone = printed(chapter)
    assert len(alone) == 1
    assert "torch.float32 cpu" in alone[0]

    gallery.write("01_mess", LEAVE_A_MESS)
    (gallery.section / "02_print.py.md5").unlink()
    status, log = gallery.build()
    assert status == 0, log
    assert (gallery.section / "01_mess.py.md5").exists()
    assert printed(chapter) == alone


@pytest.mark.parametrize("category", ["UserWarning", "FutureWarning", "DeprecationWarning"])
def test_warning_in_a_chapter_fails_the_build(gallery: MiniGallery, category: str) -> None:
    gallery.write("01_warn", f"import warnings\nwarnings.warn('look here', {category})")
    status, log = gallery.build()
    assert status != 0
    assert f"{category}: look here" in log


def test_deprecated_import_inside_a_library_passes(
    gallery: MiniGallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = gallery.docs / "old_library.py"
    library.write_text("import warnings\nwarnings.warn('old', DeprecationWarning)\n")
    monkeypatch.syspath_prepend(gallery.docs)
    gallery.write("01_import", "import old_library")
    status, log = gallery.build()
    assert status == 0, log


def test_deprecated_function_of_a_library_fails_the_build(
    gallery: MiniGallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though Python hides it from readers, because the chapter is not where the warning is."""
    library = gallery.docs / "library_with_old_function.py"
    library.write_text(
        "import warnings\n\ndef old(category):\n    warnings.warn('goes away', category)\n"
    )
    monkeypatch.syspath_prepend(gallery.docs)
    for number, category in enumerate(("DeprecationWarning", "PendingDeprecationWarning"), 1):
        gallery.write(
            f"0{number}_call",
            f"import library_with_old_function\n\nlibrary_with_old_function.old({category})",
        )
    status, log = gallery.build("--keep-going")
    assert status != 0
    assert set(re.findall(r"(\w+): goes away", log)) == {
        "DeprecationWarning",
        "PendingDeprecationWarning",
    }


def test_showing_a_figure_passes(gallery: MiniGallery, monkeypatch: pytest.MonkeyPatch) -> None:
    # With a display, matplotlib warns that the gallery's backend opens no window.
    monkeypatch.setenv("DISPLAY", ":0")
    gallery.write("01_plot", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    status, log = gallery.build()
    assert status == 0, log


def test_warnings_are_errors_only_while_a_chapter_runs() -> None:
    before = list(warnings.filters)
    reset({}, "01_chapter.py", "before")
    with pytest.raises(UserWarning, match="look here"):
        warnings.warn("look here", UserWarning, stacklevel=1)
    reset({}, "01_chapter.py", "after")
    assert warnings.filters == before
