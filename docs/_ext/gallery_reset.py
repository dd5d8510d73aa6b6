"""Process state that one chapter may change and the next must not see.

sphinx-gallery executes all chapters in one process. List :func:`reset` in its configuration, after
its own reset of matplotlib::

    reset_modules=("matplotlib", "gallery_reset.reset"),
    reset_modules_order="both",

The style of the plots is not touched here: a chapter asks for it itself, so that it looks the same
outside the gallery.
"""

import atexit
import gc
import inspect
import random
import warnings
from contextlib import ExitStack
from os import PathLike
from typing import Any

import numpy as np

# One on every machine: the number of threads changes the last digits of sums. These networks are too
# small to gain much from more, and lose a lot where another process wants the same core.
_NUM_THREADS = 1
_NUMPY_PRINT_OPTIONS = np.get_printoptions()

# What is entered here is left at the next reset, even if the chapter failed.
_chapter = ExitStack()

# Or some of what was frozen complains at the end that nobody has cleared it away.
atexit.register(gc.unfreeze)


def reset(gallery_conf: dict[str, Any], fname: str | PathLike[str] | None, when: str) -> None:
    """Put torch, NumPy and Python's random numbers back, and be strict about warnings.

    Everything is put back both before and after a chapter. Warnings are errors only while a chapter
    runs: Sphinx itself and its other extensions are not ours to be strict with.

    Parameters
    ----------
    gallery_conf : dict
        sphinx-gallery's configuration; not used.
    fname : str or path-like or None
        The chapter; not used.
    when : {"before", "after"}
        Whether the chapter is about to run or has run.
    """
    # Here, because it takes seconds, which a build without a changed chapter does without.
    import torch

    _chapter.close()
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    # An inference mode that was never left ends by itself, with the chapter's variables.
    torch.set_grad_enabled(True)
    torch.autograd.set_detect_anomaly(False)
    torch.set_num_threads(_NUM_THREADS)
    # Asked first, because the call imports torch's compiler, which takes seconds.
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("highest")
    torch.set_printoptions(profile="default")  # type: ignore[no-untyped-call]
    np.set_printoptions(**_NUMPY_PRINT_OPTIONS)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 (chapters may use the global generator)
    random.seed(0)
    if when == "before":
        # What is there by now, PyTorch above all, stays: it need not be looked through for garbage
        # again and again, which takes a quarter of a second each time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 50, 50)  # figures are full of cycles, and a chapter is short
        _chapter.enter_context(warnings.catch_warnings())
        _turn_warnings_into_errors()


def _turn_warnings_into_errors() -> None:
    """Let a chapter fail on every warning: what is deprecated today fails its readers tomorrow.

    Only what is deprecated in an import passes, unless the chapter itself or the course's package
    imports it: what libraries import is theirs to change, and readers do not see it.
    """
    warnings.simplefilter("error")
    for hidden in (ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", hidden)
    # A filter asks the place of its module, usually a compiled pattern, whether it matches.
    for category in (DeprecationWarning, PendingDeprecationWarning):
        in_import = ("ignore", None, category, _InImport(), 0)
        warnings.filters.insert(0, in_import)  # type: ignore[attr-defined]
        warnings.filterwarnings("error", category=category, module=r"(__main__|firstlayers)\b")
    # plt.show() has no window here. sphinx-gallery ignores this too, but our "error" comes first.
    warnings.filterwarnings("ignore", message=".*non-interactive, and thus cannot be shown")


class _InImport:
    """Matches while a module is being imported, whatever the name of the module that warns."""

    def match(self, module: str) -> bool:
        frame = inspect.currentframe()
        while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
            frame = frame.f_back
        return frame is not None
