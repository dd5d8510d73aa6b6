"""PyTorch's public names, and where its documentation keeps each of them.

The names come from the installed torch and torchvision, so that no link can lead to something
that is not there. PyTorch gives most names a page of their own; the tables hold the others
(checked against the pages' sources, docs/source in pytorch/pytorch and pytorch/vision).
"""

from __future__ import annotations

import inspect
import pkgutil
import sys
from collections.abc import Iterator

import torch
from inventories import Entry

# Modules and classes to look into.
_TORCH_NAMESPACES = """
    torch torch.accelerator torch.autograd torch.cuda torch.distributed torch.linalg torch.nn
    torch.nn.functional torch.nn.init torch.nn.parallel torch.nn.utils torch.optim
    torch.optim.lr_scheduler torch.utils.data torch.utils.data.distributed
    torch.Generator torch.Tensor torch.nn.Module torch.optim.Optimizer
    torch.optim.lr_scheduler.LRScheduler
"""
_TORCHVISION_NAMESPACES = """
    torchvision.datasets torchvision.transforms.v2 torchvision.transforms.v2.functional
"""

_OVERVIEWS = {
    "torch": "torch",
    "torch.accelerator": "accelerator",
    "torch.autograd": "autograd",
    "torch.cuda": "cuda",
    "torch.distributed": "distributed",
    "torch.linalg": "linalg",
    "torch.nn": "nn",
    "torch.nn.functional": "nn.functional",
    "torch.nn.init": "nn.init",
    "torch.optim": "optim",
    "torch.utils.data": "data",
    "torchvision.datasets": "datasets",
    "torchvision.transforms.v2": "transforms",
}
# What is not on generated/NAME.html: all members of these share a page ...
_PAGE_OF_MEMBERS = {
    "torch.Generator": "generated/torch.Generator",
    "torch.distributed": "distributed",
    "torch.nn.Module": "generated/torch.nn.Module",
    "torch.nn.init": "nn.init",
    "torch.optim.lr_scheduler.LRScheduler": "generated/torch.optim.lr_scheduler.LRScheduler",
    "torch.utils.data": "data",
    "torch.utils.data.distributed": "data",
}
# ... these names are on a page with others ...
_PAGE_OF_NAME = {
    name: page
    for page, names in {
        "amp": "torch.autocast",
        "autograd": "torch.autograd.Function torch.autograd.detect_anomaly",
        "optim": "torch.optim.Optimizer",
        "size": "torch.Size",
        "tensor_attributes": "torch.device torch.dtype torch.layout torch.memory_format",
        "tensors": "torch.Tensor torch.Tensor.H torch.Tensor.T torch.Tensor.mH torch.Tensor.mT",
    }.items()
    for name in names.split()
}
# ... and these are documented under another name.
_DOCUMENTED_AS = {
    "torch.autograd.gradcheck": "torch.autograd.gradcheck.gradcheck",
    "torch.autograd.gradgradcheck": "torch.autograd.gradcheck.gradgradcheck",
    "torch.inference_mode": "torch.autograd.grad_mode.inference_mode",
    "torch.nn.Buffer": "torch.nn.parameter.Buffer",
    "torch.nn.Flatten": "torch.nn.modules.flatten.Flatten",
    "torch.nn.Parameter": "torch.nn.parameter.Parameter",
    "torch.nn.Unflatten": "torch.nn.modules.flatten.Unflatten",
    "torch.nn.parallel.DataParallel": "torch.nn.DataParallel",
    "torch.set_grad_enabled": "torch.autograd.grad_mode.set_grad_enabled",
}

# Names with a docstring that the documentation leaves out.
_WITHOUT_PAGE = """
    torch.fork torch.is_inference torch.typename torch.wait torch.Tensor.exp2 torch.Tensor.index
    torch.Tensor.is_cpu torch.Tensor.is_mps torch.Tensor.kron torch.Tensor.put
"""


def _is_documented(namespace: str, name: str, member: object) -> bool:
    full = f"{namespace}.{name}"
    if full in _PAGE_OF_NAME or full in _PAGE_OF_MEMBERS:
        return True
    if full in _WITHOUT_PAGE.split() or not getattr(member, "__doc__", None):
        return False
    if namespace == "torch" and not inspect.isclass(member):
        # torch also exposes F's functions, in-place variants and views' copies, without a page.
        same = getattr(torch.nn.functional, name, None) is member
        return not same and not name.endswith(("_", "_copy"))
    if namespace == "torch.autograd":
        return getattr(torch, name, None) is not member  # no_grad and others have torch's page
    if namespace == "torch.nn.init":  # "normal" is an old name of "normal_"
        return name.endswith("_") or name == "calculate_gain"
    return namespace != "torch.nn.parallel" or inspect.isclass(member)


def _role(owner: object, member: object) -> str | None:
    if inspect.isclass(owner):
        return "method" if callable(member) else "attribute"
    home = getattr(member, "__module__", None) or "torch"
    if inspect.isclass(member):  # a class that a module merely imports is documented elsewhere
        own = home.startswith(owner.__name__)  # type: ignore[attr-defined]
        kind = "exception" if issubclass(member, BaseException) else "class"
        return kind if own else None
    if callable(member) and home.startswith("torch"):
        return "function"
    return None


def _address(name: str) -> str:
    name = _DOCUMENTED_AS.get(name, name)
    owner = name.rpartition(".")[0]
    page = _PAGE_OF_NAME.get(name) or _PAGE_OF_MEMBERS.get(owner) or f"generated/{name}"
    return f"{page}.html#{name}"


def _entries(namespaces: list[str], words: set[str]) -> Iterator[Entry]:
    for namespace in namespaces:
        if namespace in _OVERVIEWS:
            yield Entry(namespace, "module", f"{_OVERVIEWS[namespace]}.html")
        owner = pkgutil.resolve_name(namespace)
        for name in sorted(words.intersection(dir(owner))):
            full, member = f"{namespace}.{name}", getattr(owner, name)
            if isinstance(member, torch.dtype) and namespace == "torch":
                yield Entry(full, "data", "tensor_attributes.html#torch.dtype")
            elif not (name.startswith("_") or inspect.ismodule(member)):
                role = _role(owner, member)
                if role and _is_documented(namespace, name, member):
                    yield Entry(full, role, _address(full))
                    home = getattr(member, "__module__", None) or ""
                    if inspect.isclass(member) and hasattr(sys.modules.get(home), name):
                        # autodoc shows a base class under the name of its home.
                        yield Entry(f"{home}.{name}", role, _address(full))


def _distinct(entries: Iterator[Entry]) -> list[Entry]:
    return list({entry.name: entry for entry in entries}.values())


def torch_names(words: set[str]) -> list[Entry]:
    """List the public names of torch of which the last part is among some words.

    Parameters
    ----------
    words : set of str
        The words of the sources that will link to the documentation.

    Returns
    -------
    list of Entry
        In a fixed order; addresses are relative to PyTorch's site.
    """
    return _distinct(_entries(_TORCH_NAMESPACES.split(), words))


def torchvision_names(words: set[str]) -> list[Entry]:
    """List torchvision's names as `torch_names` does; addresses are relative to its site."""
    return _distinct(_entries(_TORCHVISION_NAMESPACES.split(), words))
