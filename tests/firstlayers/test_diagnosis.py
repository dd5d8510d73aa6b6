"""The doctor finds each planted fault by its name, says nothing of healthy networks, touches nothing."""

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from firstlayers.data import as_tensors, load_dataset
from firstlayers.diagnosis import diagnose
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
        "GELU",
        "log-softmax at the end",
        "CNN",
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

    def __init__(self) -> None:
        super().__init__()
        self.body = plain()
        self.scale = torch.ones(10, requires_grad=True)

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


FAULTS: dict[str, tuple[list[str], Callable[[], Case]]] = {
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
    "a tensor in an attribute": (["a tensor instead of a parameter"], lambda: Case(Scaled())),
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
