"""Where the random numbers stand: take note of it, and let them go on from there."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ["random_states", "set_random_states"]


def random_states(model: nn.Module) -> dict[str, Any]:
    """Take the states of Python's, NumPy's and PyTorch's random numbers, as plain data.

    Parameters
    ----------
    model : torch.nn.Module
        The random numbers of the devices that it is on are among them.

    Returns
    -------
    dict
        The states by name, for :func:`set_random_states`.
    """
    numpy = np.random.get_state(legacy=False)  # noqa: NPY002 (the global generator is meant)
    keys, position = numpy["state"]["key"].tolist(), numpy["state"]["pos"]
    states: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": (numpy["bit_generator"], keys, position, numpy["has_gauss"], numpy["gauss"]),
        "cpu": torch.get_rng_state(),
    }
    for device in _accelerators(model):
        states[str(device)] = torch.get_device_module(device).get_rng_state(device)
    return states


def set_random_states(states: Mapping[str, Any], model: nn.Module) -> None:
    """Let the random numbers go on where they were; on a device that is new to the run, as they are.

    Parameters
    ----------
    states : mapping
        What :func:`random_states` gave.
    model : torch.nn.Module
        A model; the devices that it is on count.
    """
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])  # noqa: NPY002 (the global generator is meant)
    torch.set_rng_state(states["cpu"].cpu())
    for device in _accelerators(model):
        if str(device) in states:
            torch.get_device_module(device).set_rng_state(states[str(device)].cpu(), device)


def _accelerators(model: nn.Module) -> list[torch.device]:
    """List the devices that the model is on and that draw numbers, apart from the CPU."""
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    return [device for device in sorted(devices, key=str) if device.type not in ("cpu", "meta")]
