"""What the chapters of First Layers share: data, models, training and figures.

The modules are flat, one idea each: :mod:`firstlayers.data`, :mod:`firstlayers.models`,
:mod:`firstlayers.training`, :mod:`firstlayers.checkpoints` and :mod:`firstlayers.plotting`, with
:mod:`firstlayers.download` and :mod:`firstlayers.progress` behind them. What a chapter teaches is written out in the chapter; here
stands only what several chapters need.
"""

from importlib.metadata import version

__version__ = version("firstlayers")
