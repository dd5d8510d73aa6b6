"""The data set that was asked for is there before the first chapter runs, or the build stops.

A chapter that could not get its data would fail with a traceback, and so would the next ones. Here
the data set is loaded once, before all of them. If it cannot be had, the build ends with the message
that says why and how to go on. It never goes on with another data set.
"""

import os
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError, SphinxError
from sphinx.util import logging

logger = logging.getLogger(__name__)


class DatasetError(SphinxError):
    """The data set that was asked for cannot be had."""

    category = "The data set is not there"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the check, before sphinx-gallery executes anything (at 500, the default)."""
    app.connect("builder-inited", load_asked_for, priority=90)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def load_asked_for(app: Sphinx) -> None:
    """Load what the environment variable ``FIRSTLAYERS_DATASET`` names."""
    name = os.environ.get("FIRSTLAYERS_DATASET") or "digits"
    if name == "digits" or not app.config.sphinx_gallery_conf["plot_gallery"]:
        return  # always there; and a build in which nothing changed need not import PyTorch
    from firstlayers.data import DatasetUnavailable, load_dataset

    logger.info("loading the data set %s ...", name)
    try:
        load_dataset(name)
    except DatasetUnavailable as error:
        raise DatasetError(str(error)) from error
    except ValueError as error:
        raise ConfigError(str(error)) from error
