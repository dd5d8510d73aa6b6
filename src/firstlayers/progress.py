"""Progress bars: where somebody is watching, and only there."""

import sys
import warnings
from collections.abc import Iterable
from typing import Any

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # In a notebook without the package ipywidgets, tqdm's bar is one of text, which does as well.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm

__all__ = ["progress_bar"]


def progress_bar(
    iterable: Iterable[Any] | None = None, *, progress: bool | None = None, **settings: Any
) -> Any:
    """Make a progress bar.

    Parameters
    ----------
    iterable : iterable, optional
        What the bar counts. Without one, call its method ``update``.
    progress : bool, optional
        Whether to show the bar. By default there is one in terminals and notebooks, and none where
        the output goes to a file.
    **settings
        Passed on to tqdm, such as ``unit`` and ``total``.

    Returns
    -------
    tqdm.tqdm
        The bar, to be iterated over or used as a context manager.
    """
    if progress is None:
        progress = sys.stderr.isatty() or _is_notebook()
    # No word from us leaves the last one to tqdm's own switch, the environment variable TQDM_DISABLE.
    return tqdm(iterable, **settings, **({} if progress else {"disable": True}))


def _is_notebook() -> bool:
    """Tell whether this process is a Jupyter kernel, without importing Jupyter."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and hasattr(get_ipython(), "kernel")
