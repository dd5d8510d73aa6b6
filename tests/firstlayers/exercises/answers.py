"""What the tests of the exercises share."""

import pytest

from firstlayers.exercises.registry import exercises

ALL = exercises()
every_exercise = pytest.mark.parametrize("exercise", ALL, ids=[e.name for e in ALL])
every_slip = pytest.mark.parametrize(
    ("exercise", "slip"),
    [pytest.param(e, slip, id=f"{e.name}: {slip.name}") for e in ALL for slip in e.slips],
)

# What a solution may use, and a chapter has imported.
IMPORTS = """
import math
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from torchvision.transforms import v2
"""
