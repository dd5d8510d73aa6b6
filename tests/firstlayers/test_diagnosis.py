"""The doctor finds each planted fault by its name, says nothing of healthy networks, touches nothing."""

import copy
import inspect
import math
import random
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import firstlayers
from firstlayers.data import as_tensors, load_dataset
from firstlayers.diagnosis import CHECKS, WIDTH, Check, Finding, diagnose
from firstlayers.models import Network, NeuralNetwork

SEEDS = range(5)

train_images, train_labels = as_tensors(load_dataset("digits")[0])
test_images, test_labels = as_tensors(load_dataset("digits")[1])
MEAN, STD = train_images.mean(), train_images.std()

SCALINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "0 to 1": lambda images: images,
    "-1 to 1": lambda images: (images - 0.5) / 0.5,
    "standardized": lambda images: (images - MEAN) / STD,
}


def batch(seed: int = 0, count: int = 64) -> tuple[Tensor, Tensor]:
    order = torch.randperm(len(train_images), generator=torch.Generator().manual_seed(seed))
    return train_images[order[:count]], train_labels[order[:count]]


def sgd(model: nn.Module, lr: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr)


def mlp(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), *layers)


def plain() -> nn.Sequential:
    return mlp(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))


# Healthy networks


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(784, 32)
        block = [nn.LayerNorm(32), nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32)]
        self.blocks = nn.ModuleList(nn.Sequential(*copy.deepcopy(block)) for _ in range(2))
        self.last = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        features = self.first(images.flatten(1))
        for block in self.blocks:
            features = features + block(features)
        return self.last(features)


class ByHand(nn.Module):
    """No layers, only parameters; and it keeps what its hidden layer was, as learners do."""

    def __init__(self) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(784, 64) / 28)
        self.b1 = nn.Parameter(torch.zeros(64))
        self.w2 = nn.Parameter(torch.randn(64, 10) / 8)
        self.hidden = torch.zeros(())

    def forward(self, images: Tensor) -> Tensor:
        self.hidden = (images.flatten(1) @ self.w1 + self.b1).clamp(min=0)
        return self.hidden @ self.w2


class SoftmaxInEvaluation(nn.Module):
    """Logits for the loss, probabilities for people."""

    def __init__(self) -> None:
        super().__init__()
        self.body = plain()

    def forward(self, images: Tensor) -> Tensor:
        logits = self.body(images)
        return logits if self.training else logits.softmax(dim=1)


class Frozen(nn.Sequential):
    """A part that stays in evaluation mode, on purpose."""

    def train(self, mode: bool = True) -> "Frozen":
        return super().train(False)


def xavier(model: nn.Sequential) -> nn.Sequential:
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


def zeros_last() -> nn.Module:
    """A last layer of zeros; its first step makes them different."""
    model = plain()
    nn.init.zeros_(model[-1].weight)
    return model


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(784, 10),
    )


def normed_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Dropout2d(0.2),
        nn.Conv2d(8, 16, 3),
        nn.BatchNorm2d(16),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


HEALTHY: dict[str, Callable[[], nn.Module]] = {
    "the course's first network": NeuralNetwork,
    "the course's second network": Network,
    "one layer": lambda: mlp(nn.Linear(784, 10)),
    "MLP": plain,
    "MLP with batch norm": lambda: mlp(
        nn.Linear(784, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)
    ),
    "MLP with dropout": lambda: mlp(
        nn.Dropout(0.1), nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)
    ),
    "sigmoid, Xavier": lambda: xavier(
        mlp(nn.Linear(784, 64), nn.Sigmoid(), nn.Linear(64, 32), nn.Sigmoid(), nn.Linear(32, 10))
    ),
    "tanh, Xavier": lambda: xavier(mlp(nn.Linear(784, 64), nn.Tanh(), nn.Linear(64, 10))),
    "GELU": lambda: mlp(nn.Linear(784, 64), nn.GELU(), nn.Linear(64, 10)),
    "log-softmax at the end": lambda: mlp(
        nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10), nn.LogSoftmax(dim=1)
    ),
    "batch norm first": lambda: mlp(nn.BatchNorm1d(784), nn.Linear(784, 10)),
    "bottleneck": lambda: mlp(nn.Linear(784, 5, bias=False), nn.Linear(5, 10)),
    "weight norm": lambda: mlp(
        nn.utils.parametrizations.weight_norm(nn.Linear(784, 32)), nn.ReLU(), nn.Linear(32, 10)
    ),
    "lazy layers": lambda: mlp(nn.LazyLinear(32), nn.ReLU(), nn.LazyLinear(10)),
    "CNN": cnn,
    "CNN with batch norm and dropout": normed_cnn,
    "residual": Residual,
    "by hand": ByHand,
    "softmax in evaluation": SoftmaxInEvaluation,
    "a part that is not trained": lambda: mlp(
        Frozen(nn.BatchNorm1d(784)), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10)
    ),
}


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("make", HEALTHY.values(), ids=HEALTHY.keys())
def test_nothing_is_said_of_a_healthy_network(make: Callable[[], nn.Module], scaling: str) -> None:
    for seed in SEEDS:
        images, labels = batch(seed)
        torch.manual_seed(seed)
        model = make()
        assert diagnose(model, SCALINGS[scaling](images), labels).findings == ()


@pytest.mark.parametrize("count", [2, 4, 8, 16])
@pytest.mark.parametrize("name", ["MLP", "MLP with batch norm", "GELU", "CNN", "sigmoid, Xavier"])
def test_nothing_is_said_of_a_healthy_network_on_few_images(name: str, count: int) -> None:
    for seed in SEEDS:
        torch.manual_seed(seed)
        assert diagnose(HEALTHY[name](), *batch(seed, count)).findings == ()


def train(model: nn.Module, images: Tensor, optimizer: torch.optim.Optimizer) -> None:
    model.train()
    for _ in range(4):
        for start in range(0, 640, 64):
            optimizer.zero_grad()
            logits = model(images[start : start + 64])
            F.cross_entropy(logits, train_labels[start : start + 64]).backward()
            optimizer.step()


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize(
    "name",
    [
        "the course's second network",
        "MLP with batch norm",
        "MLP with dropout",
        "sigmoid, Xavier",
        "log-softmax at the end",
        "CNN with batch norm and dropout",
        "residual",
        "by hand",
    ],
)
def test_nothing_is_said_of_a_trained_network(name: str, scaling: str) -> None:
    scale = SCALINGS[scaling]
    for seed in SEEDS:
        torch.manual_seed(seed)
        model = HEALTHY[name]()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        train(model, scale(train_images), optimizer)
        seen = diagnose(
            model, scale(train_images[:64]), train_labels[:64], training=True, optimizer=optimizer
        )
        assert seen.findings == ()
        model.eval()
        unseen = diagnose(model, scale(test_images[:64]), test_labels[:64], training=False)
        assert unseen.findings == ()


@pytest.mark.parametrize("training", [None, True])
@pytest.mark.parametrize("lr", [0.1, 0.01])
def test_usual_learning_rates_are_healthy(lr: float, training: bool | None) -> None:
    for make, optimizer, factor in [
        (plain, torch.optim.SGD, 1),
        (cnn, torch.optim.SGD, 1),
        (plain, torch.optim.Adam, 0.1),
        (normed_cnn, torch.optim.AdamW, 0.1),
    ]:
        for seed in SEEDS:
            torch.manual_seed(seed)
            model = make()
            chosen = optimizer(model.parameters(), lr=lr * factor)
            found = diagnose(model, *batch(seed), training=training, optimizer=chosen)
            assert found.findings == ()


def test_soft_labels_are_healthy() -> None:
    images, labels = batch()
    soft = 0.9 * F.one_hot(labels, 10) + 0.01
    assert diagnose(plain(), images, soft).findings == ()


def test_a_model_may_convert_its_images_itself() -> None:
    class Converts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = plain()

        def forward(self, images: Tensor) -> Tensor:
            return self.body(images.float() / 255)

    images, labels = batch()
    assert diagnose(Converts(), (images * 255).byte(), labels).findings == ()
    assert diagnose(Converts(), images.double() * 255, labels).findings == ()


# Planted faults


@dataclass
class Case:
    """What is handed to the doctor; a planted fault changes one of its parts."""

    model: nn.Module = field(default_factory=plain)
    images: Tensor = field(default_factory=lambda: batch()[0])
    labels: Tensor = field(default_factory=lambda: batch()[1])
    more: dict[str, Any] = field(default_factory=dict)


class Ends(nn.Module):
    """The plain network, and what a function makes of its logits."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.body = plain()
        self.function = function

    def forward(self, images: Tensor) -> Any:
        return self.function(self.body(images))


class Begins(nn.Module):
    """A function of the images, and then the plain network."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.body = plain()

    def forward(self, images: Tensor) -> Tensor:
        return self.body(self.function(images))


class Middle(nn.Module):
    """A function of the hidden layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 64)
        self.fc2 = nn.Linear(64, 10)
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        return self.fc2(self.function(self.fc1(images.flatten(1))))


class InAList(nn.Module):
    def __init__(self, container: Callable[[list[nn.Module]], Any]) -> None:
        super().__init__()
        self.layers = container([nn.Linear(784, 64), nn.Linear(64, 32)])
        self.last = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        features = images.flatten(1)
        for layer in self.layers.values() if isinstance(self.layers, dict) else self.layers:
            features = torch.relu(layer(features))
        return self.last(features)


class Scaled(nn.Module):
    """A tensor that should be a parameter."""

    def __init__(self, requires_grad: bool) -> None:
        super().__init__()
        self.body = plain()
        self.scale = torch.ones(10, requires_grad=requires_grad)

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images) * self.scale


def in_a_closure() -> nn.Module:
    hidden = torch.full((64,), 0.1, requires_grad=True)
    return Middle(lambda features: torch.relu(features) + hidden)


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = plain()
        self.extra = nn.Linear(64, 64)

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images)


def without_gradient(features: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.relu(features)


def edited(change: Callable[[nn.Sequential], object]) -> nn.Module:
    model = plain()
    with torch.no_grad():
        change(model)
    return model


def zero_all(model: nn.Module) -> None:
    for parameter in model.parameters():
        parameter.zero_()


def randn_all(model: nn.Module) -> None:
    for parameter in model.parameters():
        parameter.normal_()


class WrongGradient(torch.autograd.Function):
    """The right numbers forward, and the gradient with the wrong sign."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient


def overwritten(features: Tensor) -> Tensor:
    hidden = torch.sigmoid(features)
    hidden += 1
    return hidden


def with_optimizer(lr: float, model: nn.Module | None = None, kind: Any = torch.optim.SGD) -> Case:
    model = model or plain()
    return Case(model, more={"optimizer": kind(model.parameters(), lr=lr)})


def partly_held() -> Case:
    model = plain()
    optimizer = sgd(model)
    model[-1] = nn.Linear(64, 10)
    return Case(model, more={"optimizer": optimizer})


def flattened_batch() -> nn.Module:
    return nn.Sequential(nn.Flatten(0), nn.Linear(64 * 784, 10))


def raw(images: Tensor) -> Tensor:
    return (images * 255).byte()


class WithoutSuper(nn.Module):
    def __init__(self) -> None:
        pass

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :10]


class TrainsItself(nn.Module):
    """A learner's method with the name of one of PyTorch's."""

    def __init__(self) -> None:
        super().__init__()
        self.body = plain()

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images)

    def train(self, images: Tensor, epochs: int) -> None:  # type: ignore[override]
        raise AssertionError("nobody asked for this")


FAULTS: dict[str, tuple[list[str], Callable[[], Case]]] = {
    "no super().__init__()": (["super().__init__() forgotten"], lambda: Case(WithoutSuper())),
    "a method called train": (
        ["a method of nn.Module overwritten"],
        lambda: Case(nn.Sequential(TrainsItself())),
    ),
    "an attribute called modules": (
        ["a method of nn.Module overwritten"],
        lambda: Case(edited(lambda m: vars(m).update(modules=[]))),
    ),
    "a lock in the model": (
        ["the model cannot be copied"],
        lambda: Case(edited(lambda m: setattr(m, "lock", threading.Lock()))),
    ),
    "the model on another device": (["two devices"], lambda: Case(plain().to("meta"))),
    "raw pixels": (["images are whole numbers"], lambda: Case(images=raw(batch()[0]))),
    "pixels of int64": (
        ["images are whole numbers"],
        lambda: Case(images=raw(batch()[0]).long()),
    ),
    "images of float64": (["two dtypes"], lambda: Case(images=batch()[0].double())),
    "one layer of float64": (
        ["two dtypes"],
        lambda: Case(edited(lambda m: m[1].double())),
    ),
    "sizes that do not fit": (
        ["the forward pass stops"],
        lambda: Case(mlp(nn.Linear(784, 64), nn.ReLU(), nn.Linear(32, 10))),
    ),
    "images shifted in place": (
        ["images changed in place"],
        lambda: Case(Begins(lambda images: images.sub_(0.5))),
    ),
    "images resized in place": (
        ["images changed in place"],
        lambda: Case(Begins(lambda images: images.resize_(len(images), 784))),
    ),
    "floats up to 255": (["pixels not normalized"], lambda: Case(images=batch()[0] * 255)),
    "divided by 255 twice": (["pixels not normalized"], lambda: Case(images=batch()[0] / 255)),
    "one-hot, int64": (["one-hot labels"], lambda: Case(labels=F.one_hot(batch()[1], 10))),
    "one-hot, float32": (
        ["one-hot labels"],
        lambda: Case(labels=F.one_hot(batch()[1], 10).float()),
    ),
    "a column of labels": (["wrong shape of labels"], lambda: Case(labels=batch()[1][:, None])),
    "labels of float32": (
        ["labels are no class numbers"],
        lambda: Case(labels=batch()[1].float()),
    ),
    "labels of int32": (["labels are no class numbers"], lambda: Case(labels=batch()[1].int())),
    "labels between classes": (
        ["labels are no class numbers"],
        lambda: Case(labels=batch()[1] + 0.5),
    ),
    "classes counted from 1": (["labels out of range"], lambda: Case(labels=batch()[1] + 1)),
    "a class of -1": (["labels out of range"], lambda: Case(labels=batch()[1] - 1)),
    "too few outputs": (
        ["labels out of range"],
        lambda: Case(mlp(nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 5))),
    ),
    "sorted by class": (
        ["labels in order"],
        lambda: Case(
            images=batch()[0][batch()[1].argsort()], labels=batch()[1][batch()[1].argsort()]
        ),
    ),
    "layers in a list": (["layers not registered"], lambda: Case(InAList(list))),
    "layers in a dictionary": (
        ["layers not registered"],
        lambda: Case(InAList(lambda layers: dict(enumerate(layers)))),
    ),
    "a tensor in an attribute": (["a tensor instead of a parameter"], lambda: Case(Scaled(False))),
    "a tensor that requires a gradient": (
        ["a tensor instead of a parameter"],
        lambda: Case(Scaled(True)),
    ),
    "a tensor in a closure": (
        ["a tensor instead of a parameter"],
        lambda: Case(in_a_closure()),
    ),
    "frozen": (["frozen parameters"], lambda: Case(edited(lambda m: m[1].requires_grad_(False)))),
    "all frozen": (["frozen parameters"], lambda: Case(plain().requires_grad_(False))),
    "no activation": (
        ["linear layers in a row"],
        lambda: Case(mlp(nn.Linear(784, 64), nn.Dropout(0.1), nn.Linear(64, 10))),
    ),
    "nan in a weight": (
        ["nan or inf"],
        lambda: Case(edited(lambda m: m[1].weight[0].fill_(torch.nan))),
    ),
    "nan in an image": (
        ["nan or inf"],
        lambda: Case(images=batch()[0].where(torch.arange(64)[:, None, None, None] > 0, torch.nan)),
    ),
    "logarithm of 0": (["nan or inf"], lambda: Case(Middle(lambda x: torch.relu(x).log()))),
    "nan in a gradient": (
        ["nan or inf"],
        lambda: Case(Ends(lambda x: torch.where(x > 9, x.sqrt(), x))),
    ),
    "no return": (["output is no tensor of floats"], lambda: Case(Ends(lambda x: None))),
    "two outputs": (["output is no tensor of floats"], lambda: Case(Ends(lambda x: (x, x)))),
    "classes returned": (
        ["output is no tensor of floats"],
        lambda: Case(Ends(lambda x: x.argmax(dim=1))),
    ),
    "one axis more": (["wrong output shape"], lambda: Case(Ends(lambda x: x[:, None]))),
    "one axis less": (["wrong output shape"], lambda: Case(Ends(lambda x: x.max(dim=1).values))),
    "transposed": (["wrong output shape"], lambda: Case(Ends(lambda x: x.T))),
    "batch flattened": (["wrong output shape"], lambda: Case(flattened_batch())),
    "softmax": (["softmax on the output"], lambda: Case(Ends(lambda x: x.softmax(dim=1)))),
    "softmax by hand": (
        ["softmax on the output"],
        lambda: Case(Ends(lambda x: x.exp() / x.exp().sum(dim=1, keepdim=True))),
    ),
    "softmax over the batch": (
        ["softmax over the batch"],
        lambda: Case(Ends(lambda x: x.softmax(dim=0))),
    ),
    "log-softmax over the batch": (
        ["softmax over the batch"],
        lambda: Case(Ends(lambda x: x.log_softmax(dim=0))),
    ),
    "sigmoid at the end": (["sigmoid on the output"], lambda: Case(Ends(torch.sigmoid))),
    "tanh at the end": (["tanh on the output"], lambda: Case(Ends(torch.tanh))),
    "ReLU at the end": (["ReLU on the output"], lambda: Case(Ends(torch.relu))),
    "clamp at the end": (["ReLU on the output"], lambda: Case(Ends(lambda x: x.clamp(min=0)))),
    "all zeros": (["all weights alike"], lambda: Case(edited(zero_all))),
    "all one hundredth": (
        ["all weights alike"],
        lambda: Case(edited(lambda m: [nn.init.constant_(p, 0.01) for p in m.parameters()])),
    ),
    "a bias of -100": (["dead ReLUs"], lambda: Case(edited(lambda m: m[1].bias.fill_(-100.0)))),
    "weights below 0 on pixels above 0": (
        ["dead ReLUs"],
        lambda: Case(edited(lambda m: m[1].weight.abs_().neg_())),
    ),
    "saturated sigmoids": (
        ["saturated units"],
        lambda: Case(
            mlp(edited(randn_all)[1], nn.Sigmoid(), nn.Linear(64, 10)),
        ),
    ),
    "saturated tanh": (
        ["saturated units"],
        lambda: Case(mlp(edited(randn_all)[1], nn.Tanh(), nn.Linear(64, 10))),
    ),
    "multiplied by 0": (
        ["same output for all images"],
        lambda: Case(Ends(lambda x: x * 0 + torch.arange(10.0))),
    ),
    "weights from N(0, 1)": (["loss far above ln C"], lambda: Case(edited(randn_all))),
    "overwritten in place": (["the backward pass stops"], lambda: Case(Middle(overwritten))),
    "a layer not called": (["unused parameters"], lambda: Case(Unused())),
    "detached": (["gradient cut off"], lambda: Case(Middle(lambda x: torch.relu(x).detach()))),
    "under no_grad": (["gradient cut off"], lambda: Case(Middle(without_gradient))),
    "all detached": (["gradient cut off"], lambda: Case(Ends(lambda x: x.detach()))),
    "wrong sign": (["no step lowers the loss"], lambda: Case(Ends(WrongGradient.apply))),
    "dropout without training": (
        ["random in evaluation mode"],
        lambda: Case(Middle(lambda x: F.dropout(torch.relu(x), 0.5))),
    ),
    "batch size typed in": (
        ["one batch size only"],
        lambda: Case(Begins(lambda images: images.view(64, 784))),
    ),
    "squeeze without dim": (["one batch size only"], lambda: Case(Ends(lambda x: x.squeeze()))),
    "view of a permuted tensor": (
        ["images influence each other"],
        lambda: Case(Begins(lambda i: i.permute(1, 2, 3, 0).reshape(len(i), 784))),
    ),
    "mean of the batch": (
        ["images influence each other"],
        lambda: Case(Ends(lambda x: x - x.mean(dim=0))),
    ),
    "dropout in eval, about to train": (
        ["evaluation mode in training"],
        lambda: Case(HEALTHY["MLP with dropout"]().eval(), more={"training": True}),
    ),
    "dropout on, about to predict": (
        ["training mode in prediction"],
        lambda: Case(HEALTHY["MLP with dropout"](), more={"training": False}),
    ),
    "batch norm on, about to predict": (
        ["training mode in prediction"],
        lambda: Case(HEALTHY["MLP with batch norm"](), more={"training": False}),
    ),
    "another network's optimizer": (
        ["stale optimizer"],
        lambda: Case(more={"optimizer": sgd(plain())}),
    ),
    "a layer made anew": (["stale optimizer"], partly_held),
    "SGD with 100": (["learning rate too high"], lambda: with_optimizer(100.0)),
    "Adam with 0.1": (
        ["learning rate too high"],
        lambda: with_optimizer(0.1, NeuralNetwork(), torch.optim.Adam),
    ),
    "SGD with 1e-6": (["learning rate too low"], lambda: with_optimizer(1e-6)),
    "Adam with 1e-6": (
        ["learning rate too low"],
        lambda: with_optimizer(1e-6, kind=torch.optim.Adam),
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found_by_its_name_and_no_other(fault: str, seed: int) -> None:
    expected, make = FAULTS[fault]
    torch.manual_seed(seed)
    case = make()
    found = diagnose(case.model, case.images, case.labels, **case.more)
    assert found.names == expected


def test_every_finding_is_planted() -> None:
    planted = {name for names, _ in FAULTS.values() for name in names}
    assert planted == {check.name for check in CHECKS}


def test_faults_that_come_together_are_all_found() -> None:
    model = nn.Sequential(InAList(list), nn.Softmax(dim=1)).eval()
    images, labels = batch()
    found = diagnose(
        model, raw(images), labels[:, None], training=True, optimizer=sgd(nn.Linear(2, 2))
    )
    assert found.names == [
        "images are whole numbers",
        "wrong shape of labels",
        "layers not registered",
        "softmax on the output",
        "stale optimizer",
    ]


def finding(fault: str) -> Finding:
    """The one finding of a planted fault."""
    torch.manual_seed(0)
    case = FAULTS[fault][1]()
    (found,) = diagnose(case.model, case.images, case.labels, **case.more).findings
    return found


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("raw pixels", "uint8, from 0 to 255"),
        ("images of float64", "the images are float64, the parameters float32"),
        ("images resized in place", "changed the shape"),
        ("floats up to 255", "go from 0 to 255"),
        ("a column of labels", "(64, 1) instead of (64,)"),
        ("classes counted from 1", "from 1 to 10"),
        ("layers in a list", "layers[0] and layers[1]"),
        ("a tensor in an attribute", "depends on scale"),
        ("a tensor in a closure", "depends on a tensor of shape (64,)"),
        ("frozen", "1.weight and 1.bias"),
        ("no activation", "1 (Linear) and 3 (Linear)"),
        ("nan in a weight", "784 of 50,176 numbers in 1.weight"),
        ("logarithm of 0", "comes out of fc2 (Linear)"),
        ("two outputs", "returns tuple"),
        ("transposed", "(10, 64) instead of (64, classes)"),
        ("softmax", "1.4612"),
        ("all zeros", "1 (Linear) and 3 (Linear)"),
        ("a bias of -100", "in 2 (ReLU), 64 of 64 units"),
        ("saturated tanh", "in 2 (Tanh), "),
        ("weights from N(0, 1)", "ln 10 = 2.30. 1.weight is 19.7 times"),
        ("a layer not called", "extra.weight and extra.bias"),
        ("detached", "fc1.weight and fc1.bias"),
        ("a layer made anew", "3.weight and 3.bias"),
        ("SGD with 100", "lr=100"),
    ],
)
def test_finding_says_what_was_measured_and_where(fault: str, told: str) -> None:
    assert told in finding(fault).measured


def test_dead_unit_after_a_function_is_named_by_the_layer_before() -> None:
    model = Network()
    with torch.no_grad():
        model.fc2.bias.fill_(-100.0)
    (found,) = diagnose(model, *batch()).findings
    assert found.measured == "in relu after fc2 (Linear), 64 of 64 units are 0 for all images."


def test_model_that_raises_is_reported_in_the_words_of_pytorch() -> None:
    model = mlp(nn.Linear(784, 64), nn.ReLU(), nn.Linear(32, 10))
    images, labels = batch()
    with pytest.raises(RuntimeError) as raised:
        model(images)
    (found,) = diagnose(model, images, labels).findings
    assert found.measured == f"in 3 (Linear), RuntimeError: {raised.value}"


@pytest.mark.parametrize(
    ("fault", "entry"),
    [
        ("sizes that do not fit", "#error-mat1"),
        ("batch size typed in", "#error-invalid-shape"),
        ("overwritten in place", "#error-inplace"),
        ("a lock in the model", ""),
    ],
)
def test_message_of_pytorch_leads_to_its_entry_in_the_clinic(fault: str, entry: str) -> None:
    assert finding(fault).see == f"4_clinic/02_error_messages{entry}"


@pytest.mark.parametrize("error", [ValueError, KeyError, RecursionError, AssertionError])
def test_model_that_raises_anything_is_reported(error: type[Exception]) -> None:
    def fail(images: Tensor) -> Tensor:
        raise error("this model always fails")

    (found,) = diagnose(Begins(fail), *batch()).findings
    assert found.name == "the forward pass stops"
    assert error.__name__ in found.measured
    assert "this model always fails" in found.measured


ODD_LAYERS: list[Callable[[Tensor], Any]] = [
    lambda x: x / 0,
    lambda x: x.log(),
    lambda x: x[0],
    lambda x: x[:, :0],
    lambda x: x[:, :1],
    lambda x: x.mean(),
    lambda x: x.bool(),
    lambda x: x.half(),
    lambda x: x.tolist(),
    lambda x: x.to("meta"),
    lambda x: x.to_sparse(),
    lambda x: torch.complex(x, x),
    lambda x: x[:, None, None],
    lambda x: x.new_zeros(len(x), 10, requires_grad=True),
    lambda x: F.one_hot(x.argmax(dim=1), 10).float(),
    lambda x: {"logits": x},
    lambda x: torch.randn_like(x),
    lambda x: x.requires_grad_().sigmoid().add_(1),
]
ODD_LABELS: list[Callable[[Tensor], Tensor]] = [
    lambda labels: labels,
    lambda labels: labels + 100,
    lambda labels: torch.full_like(labels, -100),
    lambda labels: labels.float() * math.nan,
    lambda labels: labels > 4,
    lambda labels: labels[:, None, None].expand(-1, 3, 3),
    lambda labels: torch.rand(len(labels), 10),
    lambda labels: torch.rand(len(labels), 7).softmax(dim=1),
    lambda labels: F.one_hot(labels, 12),
]


@pytest.mark.parametrize("where", ["first", "between", "last"])
@pytest.mark.parametrize("layer", ODD_LAYERS)
def test_doctor_never_raises_for_a_sick_model(layer: Callable[[Tensor], Any], where: str) -> None:
    images, labels = batch(0, 16)
    model = {"first": Begins, "between": Middle, "last": Ends}[where](layer)
    for odd in ODD_LABELS:
        found = diagnose(model, images, odd(labels), optimizer=sgd(plain()))
        assert found.findings
        assert len(str(found).splitlines()) <= 1 + 6 * len(found.findings)


def test_whoever_interrupts_is_obeyed() -> None:
    def interrupt(images: Tensor) -> Tensor:
        raise KeyboardInterrupt

    model = Begins(interrupt)
    state = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        diagnose(model, *batch())
    assert torch.equal(torch.get_rng_state(), state)


class FailsInTraining(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = plain()

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            raise RuntimeError("not while it is trained")
        return self.body(images)


def test_model_that_fails_in_training_mode_only_is_reported() -> None:
    (found,) = diagnose(FailsInTraining(), *batch()).findings
    assert found.name == "the forward pass stops"
    assert "not while it is trained" in found.measured


def test_copy_that_is_none_is_not_used() -> None:
    class Single(nn.Linear):
        def __deepcopy__(self, memo: dict[int, Any]) -> nn.Module:
            return self

    model = mlp(Single(784, 10))
    weight = model[1].weight.detach().clone()
    found = diagnose(model, *batch(), optimizer=sgd(model))
    assert found.names == ["the model cannot be copied"]
    assert torch.equal(model[1].weight, weight)


def test_model_without_parameters_is_no_reason_to_fail() -> None:
    model = mlp(nn.AdaptiveAvgPool1d(10), nn.LayerNorm(10, elementwise_affine=False))
    assert diagnose(model, *batch()).names == ["no step lowers the loss"]


def test_optimizer_that_wants_a_closure_is_not_tried() -> None:
    model = plain()
    optimizer = torch.optim.LBFGS(model.parameters())
    found = diagnose(model, *batch(), optimizer=optimizer)
    assert found.findings == ()
    assert found.waiting == 2


def test_labels_that_the_loss_ignores_are_in_range() -> None:
    images, labels = batch()
    assert diagnose(plain(), images, labels.where(torch.arange(64) > 5, -100)).findings == ()


def test_a_few_wrong_answers_that_cost_much_are_no_finding() -> None:
    """An overfitted network is sure of itself; its loss on unseen images may exceed four times ln C."""
    torch.manual_seed(0)
    model = nn.Linear(10, 10)
    with torch.no_grad():
        model.weight.copy_(50 * torch.eye(10))
    classes = torch.randint(10, (64,))
    images = F.one_hot(classes, 10) - 0.1 + 0.1 * torch.randn(64, 10)
    for wrong, names in [(60, ["loss far above ln C"]), (24, [])]:
        labels = (classes + (torch.arange(64) < wrong)) % 10
        assert F.cross_entropy(model(images), labels) > 4 * math.log(10)
        assert diagnose(model, images, labels).names == names


# Nothing is touched


class Everything(nn.Module):
    """A network with all that a call could change."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(784)
        self.hidden = nn.Linear(784, 32)
        self.dropout = nn.Dropout(0.5)
        self.last = nn.Linear(32, 10)
        self.calls = 0
        self.kept: list[Tensor] = []
        self.register_buffer("total", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        self.total += images.sum()
        random.random()
        np.random.rand()  # noqa: NPY002 (the global generator is meant)
        images += 0.01
        hidden = self.dropout(torch.relu(self.hidden(self.norm(images.flatten(1)))))
        self.kept.append(hidden)
        return self.last(hidden)


def state_of_the_random_numbers() -> tuple[Any, ...]:
    numpy = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), random.getstate(), numpy[1].tolist(), numpy[2:]


def snapshot(model: Everything, optimizer: torch.optim.Optimizer, *tensors: Tensor) -> Any:
    return copy.deepcopy(
        {
            "numbers": {name: value.tolist() for name, value in model.state_dict().items()},
            "gradients": {name: p.grad.tolist() for name, p in model.named_parameters()},
            "same gradients": [id(p.grad) for p in model.parameters()],
            "wanted": [p.requires_grad for p in model.parameters()],
            "versions": [p._version for p in model.parameters()],
            "modes": [module.training for module in model.modules()],
            "hooks": [len(module._forward_hooks) for module in model.modules()],
            "attributes": (model.calls, len(model.kept), model.total.item()),
            "optimizer": str(optimizer.state_dict()),
            "tensors": [(t.tolist(), t._version, t.requires_grad) for t in tensors],
            "random": state_of_the_random_numbers(),
            "grad mode": torch.is_grad_enabled(),
            "threads": torch.get_num_threads(),
            "dtype": torch.get_default_dtype(),
        }
    )


@pytest.mark.parametrize("training", [True, False, None])
@pytest.mark.parametrize("context", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_nothing_of_the_callers_changes(training: bool | None, context: Any) -> None:
    torch.manual_seed(3)
    model = Everything()
    model.dropout.eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    images, labels = batch()
    F.cross_entropy(model(images.clone()), labels).backward()
    optimizer.step()
    with context():
        before = snapshot(model, optimizer, images, labels)
        found = diagnose(model, images, labels, training=training, optimizer=optimizer)
        after = snapshot(model, optimizer, images, labels)
    assert found.names[0] == "images changed in place"
    for what, value in before.items():
        assert after[what] == value, what


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_of_a_sick_model_changes(fault: str) -> None:
    torch.manual_seed(0)
    case = FAULTS[fault][1]()
    images, labels = case.images.clone(), case.labels.clone()
    set_up = "_modules" in vars(case.model)
    parameters = list(case.model.parameters()) if set_up else []
    tensors = dict(case.model.state_dict()) if set_up else {}
    numbers = {name: value.clone() for name, value in tensors.items()}
    random_numbers = state_of_the_random_numbers()
    diagnose(case.model, case.images, case.labels, **case.more)
    assert state_of_the_random_numbers() == random_numbers
    torch.testing.assert_close(case.images, images, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(case.labels, labels)
    for name, value in tensors.items():
        torch.testing.assert_close(value, numbers[name], rtol=0, atol=0, equal_nan=True)
    assert all(parameter.grad is None for parameter in parameters)


def test_tensor_outside_of_the_model_gets_no_gradient() -> None:
    hidden = torch.full((64,), 0.1, requires_grad=True)
    diagnose(Middle(lambda features: torch.relu(features) + hidden), *batch())
    assert hidden.grad is None


def test_tensors_that_were_made_in_inference_mode_will_do() -> None:
    with torch.inference_mode():
        images, labels = (tensor.clone() for tensor in batch())
    assert images.is_inference()
    assert diagnose(plain(), images, labels).findings == ()


def test_model_that_kept_its_last_hidden_layer_can_be_examined() -> None:
    model = ByHand()
    model(batch()[0])
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(model)
    assert diagnose(model, *batch()).findings == ()


def test_diagnosis_depends_on_what_is_asked_and_not_on_chance() -> None:
    model = HEALTHY["MLP with dropout"]()
    model[2].bias.data.fill_(-100.0)
    told = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        told.append(str(diagnose(model, *batch(), training=False)))
    assert len(set(told)) == 1
    assert "✘ dead ReLUs" in told[0]


def test_a_wrapped_model_is_looked_at_itself() -> None:
    class Compiled(nn.Module):  # as torch.compile wraps a model
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self._orig_mod = model

    model = edited(lambda m: m[1].requires_grad_(False))
    (found,) = diagnose(Compiled(model), *batch()).findings
    assert found.measured == "2 of 4 parameters never change: 1.weight and 1.bias."


# What does not make sense


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"model": NeuralNetwork}, TypeError, "not its class: add parentheses"),
        ({"model": torch.relu}, TypeError, "must be a torch.nn.Module"),
        ({"images": np.zeros((64, 784))}, TypeError, "torch.as_tensor"),
        ({"images": [torch.zeros(784)]}, TypeError, "images, labels = next"),
        ({"labels": list(range(64))}, TypeError, "labels must be a tensor"),
        ({"images": torch.zeros(64)}, ValueError, "at least two"),
        ({"images": torch.zeros(1, 784), "labels": torch.zeros(1)}, ValueError, "at least two"),
        ({"images": torch.zeros(64, 0)}, ValueError, "at least two"),
        ({"images": torch.zeros(64, 784, device="meta")}, TypeError, "plain numbers"),
        ({"images": torch.zeros(64, 784).to_sparse()}, TypeError, "plain numbers"),
        ({"labels": torch.zeros(64, dtype=torch.complex64)}, TypeError, "plain numbers"),
        ({"labels": torch.zeros(63)}, ValueError, "one label for each of the 64 images"),
        ({"labels": torch.tensor(3)}, ValueError, "one label for each of the 64 images"),
        ({"training": "yes"}, TypeError, "True, False or None"),
        ({"optimizer": torch.optim.SGD}, TypeError, "must be a torch.optim.Optimizer"),
    ],
)
def test_argument_that_makes_no_sense_is_refused(
    change: dict[str, Any], error: type[Exception], told: str
) -> None:
    images, labels = batch()
    asked = {"model": plain(), "images": images, "labels": labels} | change
    with pytest.raises(error, match=re.escape(told)):
        diagnose(**asked)


# What is printed


def test_healthy_network_is_told_in_one_line() -> None:
    found = diagnose(plain(), *batch())
    assert str(found) == repr(found) == f"nothing looks wrong ({found.checks} checks)"
    assert found.checks >= 30
    assert found.waiting == 0


def test_count_of_checks_says_what_was_possible() -> None:
    model = plain()
    images, labels = batch()
    asked = diagnose(model, images, labels, training=True, optimizer=sgd(model))
    assert asked.checks == diagnose(model, images, labels).checks + 4
    stopped = diagnose(model, images[:, :, :20], labels)
    assert stopped.checks + stopped.waiting == diagnose(model, images, labels).checks
    assert str(stopped).startswith(
        f"1 thing looks wrong ({stopped.checks} checks, {stopped.waiting} more not possible)"
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_finding_is_told_in_at_most_six_lines(fault: str) -> None:
    lines = str(finding(fault)).splitlines()
    assert len(lines) <= 6
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith(f"✘ {finding(fault).name}: ")
    assert lines[-1].startswith("  See ")


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_check_says_why_and_what_helps_in_sentences(check: Check) -> None:
    assert re.match(r"[a-zA-Z_.(]", check.cause)
    assert check.cause.endswith(".")
    assert check.cure.endswith(".")
    earlier = [other.name for other in CHECKS[: CHECKS.index(check)]]
    assert set(check.unless) <= set(earlier)
    assert check.name not in earlier


def test_findings_are_counted() -> None:
    images, labels = batch()
    found = diagnose(nn.Sequential(plain(), nn.Softmax(dim=1)), raw(images), labels)
    assert str(found).startswith(f"2 things look wrong ({found.checks} checks)\n✘ ")


def test_reference_lists_every_check_and_how_it_is_made() -> None:
    page = Path(__file__).parents[2] / "docs" / "api" / "diagnosis.rst"
    table = re.findall(
        r"^   \* - (.+)\n     - (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    how = [inspect.cleandoc(check.measure.__doc__ or "").split("\n\n")[0] for check in CHECKS]
    told = [" ".join(first.split()) for first in how]
    assert table[1:] == list(zip([check.name for check in CHECKS], told, strict=True))


# The short way to it


def test_package_has_it_at_hand() -> None:
    assert firstlayers.diagnose is diagnose
    with pytest.raises(AttributeError, match="diagnosis_of"):
        _ = firstlayers.diagnosis_of


def test_import_of_the_package_does_not_import_pytorch() -> None:
    code = "import sys, firstlayers; assert 'torch' not in sys.modules; firstlayers.diagnose"
    subprocess.run([sys.executable, "-c", code], check=True)
