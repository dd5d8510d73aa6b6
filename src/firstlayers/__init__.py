"""What the chapters of First Layers share: data, models, training and figures.

The modules are flat, one idea each: :mod:`firstlayers.data`, :mod:`firstlayers.models`,
:mod:`firstlayers.training`, :mod:`firstlayers.checkpoints` and :mod:`firstlayers.plotting`, with
:mod:`firstlayers.download` and :mod:`firstlayers.progress` behind them. What a chapter teaches is written out in the chapter; here
stands only what several chapters need.

One function is at hand without its module, because one wants it in a hurry:
:func:`firstlayers.diagnose`, the doctor for a network that does not learn.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firstlayers.diagnosis import diagnose

__all__ = ["diagnose"]
__version__ = version("firstlayers")


def __getattr__(name: str) -> Any:
    """Import the doctor when it is asked for: ``import firstlayers`` does not import PyTorch."""
    if name == "diagnose":
        from firstlayers.diagnosis import diagnose

        return diagnose
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
