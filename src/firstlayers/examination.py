"""Run a copy of a model on a few images, and write down what happens.

:func:`firstlayers.diagnose` draws its conclusions from these notes. Model and optimizer are copied
together and the images are cloned, so that nothing of the caller's is used up or changed.
"""

import copy
import inspect
import math
import random
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn import functional as F
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from firstlayers.distributed import unwrap
from firstlayers.random_states import random_states, set_random_states

__all__ = [
    "Examination",
    "attributes",
    "class_numbers",
    "difference",
    "in_range",
    "is_one_hot",
    "is_plain",
    "layer",
    "overwritten_methods",
]

SEED = 0
MOST = 128  # images; more of them cost more time and show no more
STEPS = 5  # Adam's first step is as long as its later ones, but it goes wherever the signs point
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)

# What leaves an autograd graph as linear as it was. In front of the number of its version.
SHAPING = {
    "View",
    "UnsafeView",
    "ReshapeAlias",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "T",
    "Permute",
}
STILL_LINEAR = SHAPING | {"Clone", "Alias", "NativeDropout", "NativeBatchNorm", "CudnnBatchNorm"}


class Call(NamedTuple):
    """One call of a module in the forward pass."""

    name: str
    """The module's name, as ``named_modules`` gives it."""
    module: nn.Module
    rms: float
    """The root mean square of its input; nan if that is no tensor."""
    before: Node | None
    """What made its input, in autograd's graph."""
    after: Node | None
    """What made its output."""
    finite: bool
    """Whether its output has neither nan nor inf."""

    @property
    def layer(self) -> str:
        """The module's name and kind: ``fc1 (Linear)``."""
        return layer(self.name, self.module)


class Units(NamedTuple):
    """What an activation function gave."""

    kind: str
    """``Relu``, ``Sigmoid`` or ``Tanh``."""
    place: str
    """The module, or for a function ``relu after fc1 (Linear)``."""
    values: Tensor
    """Its output, images first."""

    @property
    def rows(self) -> Tensor:
        """One column a unit, whatever else there is in the rows: shape (images ·, units)."""
        # The channels of a convolution's images are axis 1, all other units the last axis.
        axis = 1 if self.values.ndim == 4 else -1
        return self.values.movedim(axis, -1).flatten(0, -2)


class Examination:
    """What a copy of a model did with a few images. What could not be observed is not there.

    Parameters
    ----------
    model : torch.nn.Module
        The model. It is not touched.
    images : torch.Tensor
        Shape (N, ...).
    labels : torch.Tensor
        One label an image.
    optimizer : torch.optim.Optimizer, optional
        What trains the model. It is not touched either.
    training : bool, optional
        Whether the model is about to be trained; ``None`` if nobody said so.
    """

    uncopied = ""
    """What Python said when the copy failed."""
    stopped = ""
    """What PyTorch said when the forward pass failed, and in which module."""
    refused = ""
    """What it said to the images, before they were given the model's dtype and device."""
    fails_alone = ""
    """What it said to a single image."""
    backward_stopped = ""
    """What it said to the loss and its gradients."""
    model: nn.Module
    """The copy."""
    images: Tensor
    """The images, as far as need be with the dtype and on the device of the model."""
    classes: Tensor
    """The labels as class numbers, shape (N,)."""
    begun: dict[str, Tensor]
    """The parameters before any step."""
    changed: float
    """Which part of the pixels that it got the model overwrote; inf if their shape is another."""
    output: Any
    """What it returned in training mode."""
    logits: Tensor
    """The same as (N, C)."""
    in_eval: Tensor
    """The logits in evaluation mode."""
    in_eval_again: Tensor
    """The same, with other random numbers."""
    alone: Tensor
    """The same, of the first image alone, shape (1, C)."""
    as_it_is: Tensor
    """The logits in the mode that the model is in."""
    plain: list[str]
    """Where plain tensors are kept on which the output depends."""
    last_operation: str
    """What made the logits, such as ``Sigmoid``."""
    loss: Tensor
    """The cross-entropy."""
    gradients: dict[str, Tensor | None]
    """Of the parameters that can have one; ``None`` where it does not reach."""
    matters: dict[str, bool]
    """Of those without a gradient: whether the output changes when they do."""
    small_steps: list[float]
    """The losses after shorter and shorter steps against the gradient."""
    trained: list[float]
    """The losses before and after each of the optimizer's steps."""
    moved: float
    """How far these steps moved the weight matrix that they moved most, relative to its size."""

    def __init__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        optimizer: Optimizer | None = None,
        training: bool | None = None,
    ) -> None:
        self.given = unwrap(getattr(model, "_orig_mod", model))  # a compiled model is slow to copy
        self.given_optimizer = optimizer
        self.training = training
        self.given_images, self.given_labels = images[:MOST], labels[:MOST]
        self.within: list[str] = []  # the modules that have begun and not ended
        self.noting = False
        self.calls: list[Call] = []
        self.units: list[Units] = []
        self._note(classes=class_numbers(self.given_labels))
        self.is_set_up = "_modules" in vars(self.given)  # by super().__init__()
        self.overwritten = overwritten_methods(self.given)
        if self.overwritten or not self.is_set_up:
            return  # there is no telling what a call of train() or modules() would do
        states = random_states(self.given)
        try:
            with torch.inference_mode(False), torch.enable_grad():
                pair, self.uncopied = _try(self._copy)
                if pair is not None:
                    self.model, self.optimizer = pair
                    self.images = self.given_images.detach().clone()
                    self._observe()
        finally:
            set_random_states(states, self.given)

    def _note(self, **found: Any) -> None:
        for name, value in found.items():
            if value is not None:
                setattr(self, name, value)

    def _copy(self) -> tuple[nn.Module, Optimizer | None]:
        """Copy model and optimizer together, so that the one holds the parameters of the other."""
        # Python refuses to copy tensors in the middle of a graph, such as a hidden layer that was kept.
        kept = [value for _, value in attributes(self.given) if isinstance(value, Tensor)]
        within = {
            id(value): value.detach().clone()
            for value in [*kept, *self.given.buffers()]
            if value.grad_fn is not None
        }
        model, optimizer = copy.deepcopy((self.given, self.given_optimizer), within)
        own = {id(parameter) for parameter in self.given.parameters()}
        if any(id(parameter) in own for parameter in model.parameters()):
            raise TypeError("the copy has the same parameters, not copies of them")
        return model, optimizer

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The parameters of the copy, by name; a lazy layer has none before its first call."""
        lazy: Callable[[Tensor], bool] = is_lazy
        return {name: found for name, found in self.model.named_parameters() if not lazy(found)}

    # The runs

    def _observe(self) -> None:
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002 (models use the global generator)
        # Not torch.manual_seed: it would also seed accelerators that have nothing to do with this.
        torch.default_generator.manual_seed(SEED)
        self.start = random_states(self.model)
        self._watch()
        modes = {module: module.training for module in self.model.modules()}
        self._set_mode(training=False)
        with torch.no_grad():
            output = self._first_call()
            self.begun = {name: p.detach().clone() for name, p in self.parameters.items()}
            if self.stopped or any(p.is_meta for p in self.begun.values()):
                return  # on the device meta, there are shapes without numbers
            self._note(in_eval=self._as_logits(output))
            self._note(in_eval_again=self._as_logits(_try(self._call)[0]))
            one, self.fails_alone = self._try_forward(self.images[:1])
            self._note(alone=self._as_logits(one, count=1))
            self.plain = [place for place, tensor in self._plain_tensors() if self._matters(tensor)]
            for module, training in modes.items():
                module.training = training
            self._note(as_it_is=self._as_logits(_try(self._rewound)[0]))
        self._set_mode(training=True)
        self._call_in_training()
        if hasattr(self, "logits"):
            self._backward()

    def _set_mode(self, training: bool) -> None:
        _, message = _try(lambda: self.model.train(training))
        if message:  # a method train of the model's own
            for module in self.model.modules():
                module.training = training

    def _first_call(self) -> Any:
        """Call the copy, if need be with images of its dtype and on its device."""
        given = self.images
        output, self.stopped = self._try_forward()
        wanted = next((p for p in self.parameters.values() if p.is_floating_point()), None)
        if not self.stopped or wanted is None:
            return output
        scale = 1 if given.is_floating_point() else 255  # raw pixels are whole numbers up to 255
        self.images = given.to(wanted.device, wanted.dtype) / scale
        output, message = self._try_forward()
        if message:
            self.images = given
        else:
            self.refused, self.stopped = self.stopped, ""
        return output

    def _call(self, images: Tensor | None = None) -> Any:
        """Call the copy with a clone of the images, and note whether it writes into it."""
        images = self.images if images is None else images
        handed = images.clone()
        output = self.model(handed)
        if not handed.is_meta:
            changed = math.inf
            if handed.shape == images.shape:
                changed = (handed.nan_to_num() != images.nan_to_num()).float().mean().item()
            self.changed = max(changed, getattr(self, "changed", 0.0))
        return output

    def _rewound(self, images: Tensor | None = None) -> Any:
        """Call with the same random numbers each time, so that dropout takes the same units."""
        set_random_states(self.start, self.model)
        return self._call(images)

    def _call_in_training(self) -> None:
        """Call the copy as in a training step, and take note of the modules on the way."""
        self.noting = True
        self.output, self.stopped = self._try_forward()
        self.noting = False
        self._note(logits=self._as_logits(self.output))
        if hasattr(self, "logits"):
            self._look_at_the_graph()

    def _watch(self) -> None:
        """See to it that every module tells when it begins and ends."""
        names = {module: name for name, module in self.model.named_modules()}

        def begin(module: nn.Module, inputs: Any) -> None:
            self.within.append(layer(names[module], module))

        def end(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            del self.within[-1:]
            if not self.noting:
                return
            given = inputs[0] if inputs and isinstance(inputs[0], Tensor) else None
            rms = math.nan if given is None else _rms(given)
            finite = not isinstance(output, Tensor) or bool(output.detach().isfinite().all())
            before, after = getattr(given, "grad_fn", None), getattr(output, "grad_fn", None)
            self.calls.append(Call(names[module], module, rms, before, after, finite))

        for module in names:
            module.register_forward_pre_hook(begin)
            module.register_forward_hook(end)

    def _try_forward(self, images: Tensor | None = None) -> tuple[Any, str]:
        """Call the copy; if it fails, say in which module."""
        self.within.clear()
        output, message = _try(lambda: self._rewound(images))
        if message and len(self.within) > 1:  # the first is the model itself
            message = f"in {self.within[-1]}, {message}"
        return output, message

    def _backward(self) -> None:
        """Compute the loss and its gradients, and take steps."""
        soft = self.given_labels.is_floating_point() and self.given_labels.ndim == 2
        if soft and self.given_labels.shape == self.logits.shape:
            targets = self.given_labels
        elif hasattr(self, "classes") and in_range(self.classes, self.logits.shape[1]):
            targets = self.classes
        else:
            return  # on a GPU, a label out of range would end all that this process can do there
        self.targets = targets.clone().to(self.logits.device)  # maybe made in inference mode
        loss, self.backward_stopped = _try(lambda: F.cross_entropy(self.logits, self.targets))
        self._note(loss=loss)
        if loss is None:
            return
        gradients, self.backward_stopped = _try(lambda: self._gradients(loss))
        self._note(gradients=gradients)
        if gradients is None:
            return
        with torch.no_grad():
            self._set_mode(training=False)  # in training mode, batch norm may take a change back
            without = [name for name, found in gradients.items() if found is None]
            self.matters = {name: self._matters(self.parameters[name]) for name in without}
            self._set_mode(training=True)
            self._note(small_steps=_try(self._take_small_steps)[0])
        if self.optimizer is not None:
            self._note(trained=_try(self._train)[0])

    def _gradients(self, loss: Tensor) -> dict[str, Tensor | None]:
        """Compute all gradients; not by ``backward``, which would also leave them with strangers."""
        wanted = {name: p for name, p in self.parameters.items() if p.requires_grad}
        if not loss.requires_grad or not wanted:
            return dict.fromkeys(wanted)
        found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
        return dict(zip(wanted, found, strict=True))

    def _plain_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Find attributes that are neither parameters nor buffers nor in the middle of a graph."""
        for place, value in attributes(self.model):
            if isinstance(value, Tensor) and value.is_floating_point() and value.grad_fn is None:
                yield place, value

    def _matters(self, tensor: Tensor) -> bool:
        """Tell whether the output changes when a tensor does, gradient or not."""
        if not is_plain(tensor) or not tensor.numel():
            return False
        old = tensor.detach().clone()
        before = self._rewound()
        change = 1 + old.abs().max() + torch.rand_like(old)
        _, refused = _try(lambda: tensor.add_(change))
        if refused:  # an expanded one, whose numbers share their memory
            return False
        after = _try(self._rewound)[0]
        tensor.copy_(old)
        return isinstance(after, Tensor) and not torch.equal(before, after)

    def _take_small_steps(self) -> list[float]:
        """Go against the gradient, by what should take 10 %, 1 %, ... off the loss, and come back."""
        pairs = [(name, found) for name, found in self.gradients.items() if found is not None]
        steepness = sum(found.square().sum().item() for _, found in pairs) or 1.0
        losses = []
        for part in (0.1, 0.01, 1e-3, 1e-4):
            for name, gradient in pairs:
                self.parameters[name].sub_(part * self.loss.item() / steepness * gradient)
            losses.append(self._loss_again().item())
            for name, _ in pairs:
                self.parameters[name].copy_(self.begun[name])
            if losses[-1] < self.loss:
                break
        return losses

    def _train(self) -> list[float]:
        """Let the copy of the optimizer take steps, all on these images."""
        assert self.optimizer is not None
        losses = []
        for _ in range(STEPS):
            loss = self._loss_again()
            losses.append(loss.item())
            for name, gradient in self._gradients(loss).items():
                self.parameters[name].grad = gradient
            self.optimizer.step()
        distances = [
            ((weight.detach() - self.begun[name]).norm() / weight.norm().clamp(min=1e-12)).item()
            for name, weight in self.parameters.items()
            if weight.ndim > 1
        ]
        self._note(moved=max(distances, default=None))
        return [*losses, self._loss_again().item()]

    def _loss_again(self) -> Tensor:
        logits = self._as_logits(self._rewound())
        assert logits is not None
        return F.cross_entropy(logits, self.targets)

    # Notes

    def _as_logits(self, output: Any, count: int | None = None) -> Tensor | None:
        """Return an output as (N, C), without axes of length 1, if it can be seen so."""
        count = len(self.images) if count is None else count
        if not is_plain(output) or not output.is_floating_point() or not output.numel():
            return None
        if output.ndim > 2 and len(output) == count:
            output = output.reshape(count, *(size for size in output.shape[1:] if size > 1))
        found: Tensor | None = output if output.ndim == 2 and len(output) == count else None
        return found

    def _look_at_the_graph(self) -> None:
        """Find ReLU, sigmoid and tanh in the graph, whether they are modules or functions."""
        last = _follow(self.logits.grad_fn, SHAPING)
        self.last_operation = _kind(last) if last is not None else ""
        names: dict[Node, str] = {}
        for call in self.calls:
            if call.after is not None and call.name:
                names.setdefault(call.after, call.layer)  # inner modules end first
        for node in reversed(_nodes(self.logits.grad_fn)):
            kind = _kind(node)
            if kind in ("Relu", "Sigmoid", "Tanh") and node is not last:
                # Autograd does not give it out where the model wrote over it.
                values, _ = _try(lambda: node._saved_result.detach())  # type: ignore[attr-defined]  # noqa: B023
                if values is not None and values.ndim > 1:
                    place = names.get(node) or f"{kind.lower()} after {_nearest(node, names)}"
                    self.units.append(Units(kind, place, values))

    def pairs_of_linear_layers(self) -> list[tuple[Call, Call]]:
        """List linear layers whose input comes from another one, with nothing in between."""
        linear = [call for call in self.calls if isinstance(call.module, nn.Linear)]
        made = {call.after: call for call in linear if call.after is not None}
        found = []
        for second in linear:
            node = second.before
            while node is not None and node not in made:
                node = _step(node, STILL_LINEAR)
            if node is not None:
                found.append((made[node], second))
        return found

    def strangers(self) -> list[Tensor]:
        """List what gets a gradient in the graph and is neither parameter nor attribute."""
        own = {id(parameter) for parameter in self.model.parameters()}
        own |= {id(tensor) for _, tensor in self._plain_tensors()}
        leaves = (getattr(node, "variable", None) for node in _nodes(self.logits.grad_fn))
        return [leaf for leaf in leaves if leaf is not None and id(leaf) not in own]


# Labels


def class_numbers(labels: Tensor) -> Tensor | None:
    """Read labels as class numbers, whatever they look like.

    Parameters
    ----------
    labels : torch.Tensor
        Shape (N,), (N, 1), or (N, C) with one-hot rows or probabilities, of any dtype.

    Returns
    -------
    torch.Tensor or None
        Shape (N,), int64; ``None`` where they are no class numbers.
    """
    if labels.ndim == 2 and labels.shape[1] > 1:
        return labels.to(torch.float32).argmax(dim=1)
    if labels.numel() != len(labels):
        return None
    numbers = labels.detach().reshape(-1)
    whole = numbers.to(torch.int64)
    return whole if bool((whole == numbers).all()) else None


def is_one_hot(labels: Tensor) -> bool:
    """Tell whether every row is a 1 among zeros.

    Parameters
    ----------
    labels : torch.Tensor
        Any shape.

    Returns
    -------
    bool
        False where the shape is not (N, C), with two classes at least.
    """
    if labels.ndim != 2 or labels.shape[1] < 2:
        return False
    ones = labels == 1
    return bool((ones | (labels == 0)).all() and (ones.sum(dim=1) == 1).all())


IGNORED = -100  # cross_entropy's ignore_index


def in_range(labels: Tensor, count: int) -> bool:
    """Tell whether class numbers fit a number of classes; those that the loss ignores do.

    Parameters
    ----------
    labels : torch.Tensor
        Shape (N,), int64.
    count : int
        How many classes there are.

    Returns
    -------
    bool
        Whether all of them are between 0 and `count` - 1.
    """
    return bool(((labels == IGNORED) | ((labels >= 0) & (labels < count))).all())


# Outputs and attributes


def _rms(values: Tensor) -> float:
    return values.detach().float().square().mean().sqrt().item()


def is_plain(value: Any) -> bool:
    """Tell whether something is a tensor of numbers that can be looked at one by one.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool
        False for what is no tensor, and for sparse ones, complex ones and those on the device meta.
    """
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not value.is_complex()
        and not value.is_meta
    )


def difference(one: Tensor, other: Tensor) -> float:
    """Measure how far apart two outputs are.

    Parameters
    ----------
    one, other : torch.Tensor
        Two outputs.

    Returns
    -------
    float
        The largest difference of two entries as a part of the largest entry; inf where the shapes
        differ.
    """
    if one.shape != other.shape:
        return float("inf")
    one, other = one.detach().float(), other.detach().float()
    return float((one - other).abs().max() / one.abs().max().clamp(min=1e-12))


def layer(name: str, module: nn.Module) -> str:
    """Name a module, and say what it is.

    Parameters
    ----------
    name : str
        Its name in the model; in an ``nn.Sequential``, that is a number.
    module : torch.nn.Module
        The module.

    Returns
    -------
    str
        ``fc1 (Linear)``.
    """
    return f"{name} ({type(module).__name__})".strip()


OWN_TO_MODULES = set(vars(nn.Module()))
METHODS = {
    name: method
    for name, method in vars(nn.Module).items()
    if callable(method) and not name.startswith("_") and name not in ("forward", "extra_repr")
}


def overwritten_methods(module: nn.Module) -> list[str]:
    """List methods that a model has in common with ``nn.Module`` and that do something else.

    Parameters
    ----------
    module : torch.nn.Module
        The model.

    Returns
    -------
    list of str
        Attributes such as ``modules``, and methods that cannot be called as those of ``nn.Module``.
    """
    found = [name for name in vars(module) if name in METHODS]
    for name, method in METHODS.items():
        theirs = getattr(type(module), name)
        if theirs is not method and not (getattr(theirs, "__module__", None) or "").startswith(
            "torch"
        ):
            known = set(inspect.signature(method).parameters)
            asked = inspect.signature(theirs).parameters.values() if callable(theirs) else ()
            anything = any(p.kind is p.VAR_POSITIONAL for p in asked)
            needed = {p.name for p in asked if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
            if not anything and not (known <= {p.name for p in asked} and needed <= known):
                found.append(name)
    for part in vars(module).get("_modules", {}).values():
        found += overwritten_methods(part) if part is not None else []
    return found


def attributes(model: nn.Module) -> Iterator[tuple[str, nn.Module | Tensor]]:
    """Find the modules and tensors that are plain attributes, or in lists and dictionaries there.

    Parameters
    ----------
    model : torch.nn.Module
        A model. What it has registered is not an attribute in this sense.

    Yields
    ------
    (str, torch.nn.Module or torch.Tensor)
        Where it was found, such as ``layers[0]``, and what.
    """
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if attribute not in OWN_TO_MODULES:
                yield from _inside(f"{name}.{attribute}".lstrip("."), value, depth=3)


def _inside(place: str, value: Any, depth: int) -> Iterator[tuple[str, nn.Module | Tensor]]:
    if isinstance(value, (nn.Module, Tensor)):
        yield place, value
    elif isinstance(value, (list, tuple, dict)) and depth:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in list(pairs):
            yield from _inside(f"{place}[{key!r}]", inner, depth - 1)


def _try(call: Callable[[], Any]) -> tuple[Any, str]:
    """Call something of the caller's: what it gives, and what it says if it fails."""
    try:
        return call(), ""
    except Exception as error:  # noqa: BLE001  # a sick model may raise anything
        told = f"{type(error).__name__}: {error}".rstrip(": ")
        return None, textwrap.shorten(told, 200, placeholder=" …")


# Autograd's graph


def _kind(node: Node) -> str:
    return node.name().partition("Backward")[0]


def _nodes(root: Node | None) -> list[Node]:
    """List all nodes from which there is a way to the root, the root first."""
    found: dict[Node, None] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop(0)
        if node is not None and node not in found:
            found[node] = None
            waiting += [before for before, _ in node.next_functions]
    return list(found)


def _step(node: Node, kinds: set[str]) -> Node | None:
    """Go to what comes before a node of one of these kinds; other nodes have nothing before them."""
    before = [earlier for earlier, _ in node.next_functions]
    # Dropout multiplies by a mask, and a scale is a number: only one factor has a gradient.
    scaled = _kind(node) in ("Mul", "Div") and before[1:] in ([], [None])
    return before[0] if before and (scaled or _kind(node) in kinds) else None


def _follow(node: Node | None, kinds: set[str]) -> Node | None:
    """Go back through nodes of these kinds, to the first of another kind."""
    while node is not None and _kind(node) in kinds:
        node = node.next_functions[0][0]
    return node


def _nearest(node: Node, names: dict[Node, str]) -> str:
    """Name the module that is the last one before a node."""
    named = (names[before] for before in _nodes(node)[1:] if before in names)
    return next(named, "the images")
