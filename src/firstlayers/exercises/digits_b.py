"""Exercises, for now in parts."""

import copy
import math
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

from firstlayers.exercises.observation import Thing, attempt, calls, freeze, same
from firstlayers.exercises.registry import Exercise, Slip, add


# 06_sequential


def sequential_named():
    """Return a Sequential for 784-128-64-10 with named layers and a softmax."""
    layers = OrderedDict()
    layers["fc1"] = nn.Linear(784, 128)
    layers["relu1"] = nn.ReLU()
    layers["fc2"] = nn.Linear(128, 64)
    layers["relu2"] = nn.ReLU()
    layers["output"] = nn.Linear(64, 10)
    layers["softmax"] = nn.Softmax(dim=1)
    return nn.Sequential(layers)


_SIX = ("fc1", "relu1", "fc2", "relu2", "output", "softmax")


def _six_layers(names=_SIX, *, last=None, activation=nn.ReLU):
    layers = [nn.Linear(784, 128), activation(), nn.Linear(128, 64), activation()]
    layers += [nn.Linear(64, 10), nn.Softmax(dim=1) if last is None else last]
    return OrderedDict(zip(names, layers, strict=False))  # where there are fewer names: the first


def _look_at_named(answer):
    network = answer()
    if not isinstance(network, nn.Sequential):
        return {"result": freeze(network)}
    found = {
        "result": Thing("Sequential"),
        "names of the layers": ", ".join(network._modules),
    }
    for name, parameter in network.named_parameters():
        found[f"shape of {name}"] = str(tuple(parameter.shape))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape) / 8)
    network.eval()
    for count in (5, 10):
        features = torch.randn(count, 784)
        found[f"probabilities of {count} images"] = attempt(lambda f=features: freeze(network(f)))
    return found


def _named_one_by_one():
    network = nn.Sequential()
    network.add_module("fc1", nn.Linear(28 * 28, 128))
    network.add_module("relu1", nn.ReLU(inplace=True))
    network.add_module("fc2", nn.Linear(128, 64))
    network.add_module("relu2", nn.ReLU(inplace=True))
    network.add_module("output", nn.Linear(64, 10))
    network.add_module("softmax", nn.Softmax(-1))
    return network


add(
    Exercise(
        name="sequential_named",
        chapter="2_digits/06_sequential",
        reference=sequential_named,
        checked="its names, its parameters' shapes, and the probabilities of 15 images",
        cases={"the network": _look_at_named},
        slips=(
            Slip(
                "unnamed",
                lambda: nn.Sequential(*_six_layers().values()),
                "The layers are called 0 to 5: a Sequential numbers layers that come one by one. What "
                "did the chapter hand over instead, so that each layer had a name?",
            ),
            Slip(
                "a key used twice",
                lambda: nn.Sequential(
                    _six_layers(("fc1", "relu1", "fc2", "relu1", "output", "softmax"))
                ),
                "Six entries went in and five layers came out. A dictionary holds each key once, and "
                "relu1 is there twice. So nothing stands between fc2 and output now.",
            ),
            Slip(
                "one name for both ReLUs",
                lambda: nn.Sequential(
                    _six_layers(("fc1", "relu", "fc2", "relu", "output", "softmax"))
                ),
                "Six entries went in and five layers came out: the second relu took the place of the "
                "first. Compare your keys with the six names that are asked for.",
            ),
            Slip(
                "softmax over the batch",
                lambda: nn.Sequential(_six_layers(last=nn.Softmax(dim=0))),
                "Every column sums to 1. A column is one class of all images, but the probabilities of "
                "one image stand in a row. Which axis has the classes?",
            ),
            Slip(
                "log-softmax",
                lambda: nn.Sequential(_six_layers(last=nn.LogSoftmax(dim=1))),
                "All numbers are negative: these are the logarithms of the probabilities. There is a "
                "layer with a shorter name.",
            ),
            Slip(
                "no softmax",
                lambda: nn.Sequential(_six_layers(_SIX[:5])),
                "These are logits: a row does not sum to 1, and some numbers are negative. Of the six "
                "layers the last one is missing.",
            ),
            Slip(
                "fc3 instead of output",
                lambda: nn.Sequential(
                    _six_layers(("fc1", "relu1", "fc2", "relu2", "fc3", "softmax"))
                ),
                "The network is right, but its third linear layer is called fc3, as in the chapter. "
                "Here another name is asked for. Whoever loads its parameters looks for that one.",
            ),
            Slip(
                "sigmoid",
                lambda: nn.Sequential(_six_layers(activation=nn.Sigmoid)),
                "Names and shapes are right, the probabilities are not. Something called relu1 and "
                "relu2 lets negative numbers through as positive ones. Which layers stand there?",
            ),
            Slip(
                "dictionary returned",
                _six_layers,
                "The dictionary has all names and layers, but it is no network: it cannot be called "
                "with features. Who takes such a dictionary and runs its layers in order?",
            ),
        ),
        variants=(
            lambda: nn.Sequential(_six_layers()),
            lambda: nn.Sequential(_six_layers(activation=lambda relu=nn.ReLU(): relu)),
            _named_one_by_one,
        ),
        hints=(
            "A Sequential takes names for its layers from an OrderedDict, which it gets as its only "
            "argument. Each key may appear once.",
            "784-128-64-10 are three linear layers: 784 to 128, 128 to 64, 64 to 10. A ReLU stands "
            "behind the first two, and the softmax, over the classes, behind the third: six entries.",
            'nn.Sequential(OrderedDict([("fc1", nn.Linear(784, 128)), ("relu1", nn.ReLU()), …, '
            '("softmax", nn.Softmax(dim=1))])), and len() of it should be 6.',
        ),
    )
)


def all_but_last(model):
    """Return a Sequential of the layers of a Sequential but the last, sharing them."""
    return model[:-1]


def _three_models():
    relu = nn.ReLU()
    return {
        "five layers": nn.Sequential(
            nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 4)
        ),
        "three layers, with names": nn.Sequential(
            OrderedDict(fc1=nn.Linear(3, 4), relu=nn.ReLU(), output=nn.Linear(4, 2))
        ),
        "one ReLU in two places": nn.Sequential(
            nn.Linear(3, 3), relu, nn.Linear(3, 3), relu, nn.Linear(3, 3), nn.Softmax(dim=1)
        ),
        "a Sequential inside": nn.Sequential(
            nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(4, 3), nn.ReLU()
        ),
    }


def _look_at_front(label):
    def look(answer):
        model = _three_models()[label].eval()
        features = torch.randn(4, 3)
        layers = list(model)
        front = answer(model)
        after = {
            "number of layers of the model you were given": len(model),
            "outputs of the model you were given": attempt(lambda: freeze(model(features))),
        }
        if not isinstance(front, nn.Sequential):
            return {"result": freeze(front), **after}
        found = {
            "result": Thing("Sequential"),
            "places of its layers in the model": ", ".join(
                next((str(k) for k, other in enumerate(layers) if layer is other), "not there")
                for layer in front
            ),
            "outputs": attempt(lambda: freeze(front(features))),
            **after,
        }
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(0.5)
        found["outputs after the model was trained on"] = attempt(lambda: freeze(front(features)))
        return found

    return look


def _cut_in_place(model):
    del model[-1]
    return model


def _identity_at_the_end(model):
    model[-1] = nn.Identity()
    return model


def _front_by_append(model):
    front = nn.Sequential()
    for place, layer in enumerate(model):
        if place < len(model) - 1:
            front.append(layer)
    return front


add(
    Exercise(
        name="all_but_last",
        chapter="2_digits/06_sequential",
        reference=all_but_last,
        checked="4 models, among them one with names and one that uses a ReLU twice",
        cases={label: _look_at_front(label) for label in _three_models()},
        slips=(
            Slip(
                "a copy",
                lambda model: copy.deepcopy(model[:-1]),
                "The outputs are right, but these are copies of the layers. When the model is trained "
                "on, they stay as they were. How do you get at the layers themselves?",
            ),
            Slip(
                "last layer taken from the model",
                _cut_in_place,
                "The model that was given has lost its last layer, and whoever gave it still needs "
                "that. A new Sequential can hold the same layers.",
            ),
            Slip(
                "last layer replaced in the model",
                _identity_at_the_end,
                "The last layer does nothing now, but it is still there, and in the model that was "
                "given its old one is gone. Which object should be new here, and which ones not?",
            ),
            Slip(
                "a fixed number",
                lambda model: model[:4],
                "Right for a model of five layers. How many layers there are differs from model to "
                "model. How do you count from the end?",
            ),
            Slip(
                "only the last",
                lambda model: model[-1:],
                "This is the last layer alone: the one that should be left out. On which side of the "
                "colon does the place stand at which a slice ends?",
            ),
            Slip(
                "first left out",
                lambda model: model[1:],
                "The first layer is missing, and the last is still there. On which side of the colon "
                "does the place stand at which a slice ends?",
            ),
            Slip(
                "two cut off",
                lambda model: model[:-2],
                "One layer too many is gone. The place behind the colon is the first one that a slice "
                "leaves out, and -1 is the last.",
            ),
            Slip(
                "a list",
                lambda model: list(model)[:-1],
                "These are the right layers, in a list, and a list cannot be called with features. In "
                "what do layers run in order?",
            ),
            Slip(
                "a layer in two places lost",
                lambda model: nn.Sequential(*list(model.children())[:-1]),
                "Right while all layers are different objects. But children() names each object once: "
                "of a ReLU that stands in two places, the second place is lost. What else gives the "
                "layers, place by place?",
            ),
            Slip(
                "one inside the other",
                lambda model: nn.Sequential(model[:-1]),
                "This is a Sequential with a single layer, and that layer is a Sequential with the "
                "right ones. One of the two is enough.",
            ),
            Slip(
                "modules() for children",
                lambda model: nn.Sequential(*list(model.modules())[:-1]),
                "The model itself is among the layers now: modules() gives the model, then everything "
                "in it at any depth. Only the layers of the outermost Sequential are wanted.",
            ),
            Slip(
                "the model itself",
                lambda model: model,
                "The last layer is still there: this is the whole model. If a layer was cut off, the "
                "result of that was not returned.",
            ),
        ),
        variants=(
            lambda model: nn.Sequential(*list(model)[:-1]),
            lambda model: nn.Sequential(OrderedDict(list(model._modules.items())[:-1])),
            _front_by_append,
        ),
        hints=(
            "A Sequential can be cut like a list, and what comes out is a Sequential that holds the "
            "very same layers.",
            "Of n layers, those at the places 0 to n - 2 are wanted. Counted from the end, the place "
            "that is left out is -1, whatever n is.",
            "A slice is written model[start:stop], the layer at stop not included, and without a start "
            "it begins at the first.",
        ),
    )
)


# 08_gradients


def weight_grad(features, logits_grad):
    """(N, in) features, (N, out) gradient -> (out, in) gradient of the weight."""
    return logits_grad.transpose(0, 1) @ features  # (out, N) @ (N, in)


add(
    Exercise(
        name="weight_grad",
        chapter="2_digits/08_gradients",
        reference=weight_grad,
        axes=("out", "in"),
        checked="4 batches, among them a square one and one of a single image",
        cases=calls(
            {
                "5 images, 3 features, 4 outputs": lambda: (torch.randn(5, 3), torch.randn(5, 4)),
                "as many images as features and outputs": lambda: (
                    torch.randn(4, 4),
                    torch.randn(4, 4),
                ),
                "one image": lambda: (torch.randn(1, 3), torch.randn(1, 2)),
                "a pixel that is 0 in every image": lambda: (
                    torch.tensor([[0.0, 1, 2], [0, 3, -1]]),
                    torch.tensor([[1.0, -2], [0.5, 4]]),
                ),
            }
        ),
        slips=(
            Slip(
                "(in, out)",
                lambda features, logits_grad: features.T @ logits_grad,
                "The numbers are right, but turned: (in, out). nn.Linear keeps its weight as "
                "(out, in), one row for each output. Which of the two has to give the rows?",
            ),
            Slip(
                "no transpose",
                lambda features, logits_grad: logits_grad @ features,
                "With as many images as outputs and features it goes wrong without a word, and else "
                "the shapes do not fit. The sum has to run over the images: which axis is theirs, "
                "in each of the two?",
            ),
            Slip(
                "mean over the batch",
                lambda features, logits_grad: logits_grad.T @ features / len(features),
                "Divided by the number of images, where a sum is right. If the loss is a mean, that "
                "division is in the gradient of the outputs already.",
            ),
            Slip(
                "summed before multiplied",
                lambda features, logits_grad: torch.outer(
                    logits_grad.sum(dim=0), features.sum(dim=0)
                ),
                "Right for one image. In a batch, every image has a number of its own for its own "
                "picture. Here both were added up first, and then multiplied.",
            ),
            Slip(
                "one picture for each image",
                lambda features, logits_grad: logits_grad[:, :, None] * features[:, None, :],
                "These are the contributions of the images one by one, of shape (N, out, in). What "
                "happens to the contributions of all images of a batch?",
            ),
            Slip(
                "first image only",
                lambda features, logits_grad: torch.outer(logits_grad[0], features[0]),
                "This is what the first image contributes. Every other image of the batch contributes "
                "too, with its own numbers.",
            ),
            Slip(
                "other sign",
                lambda features, logits_grad: -(logits_grad.T @ features),
                "Every sign is the other way round. The gradient itself is asked for; it is the step "
                "that goes against it.",
            ),
        ),
        variants=(
            lambda features, logits_grad: logits_grad.T @ features,
            lambda features, logits_grad: torch.einsum("no,ni->oi", logits_grad, features),
            lambda features, logits_grad: (logits_grad[:, :, None] * features[:, None, :]).sum(
                dim=0
            ),
            lambda features, logits_grad: sum(
                torch.outer(grad, image) for grad, image in zip(logits_grad, features, strict=True)
            ),
        ),
        hints=(
            "An image contributes to the weights of an output its features, times the gradient with "
            "respect to that output. The contributions of all images are added.",
            "For one image it is (out, 1) times (1, in), which gives (out, in). The sum over the "
            "images of such products is one product of matrices: (out, N) with (N, in).",
            "Transpose the gradient of the outputs, so that its images lie along the second axis. "
            "Then multiply with @ by the features.",
        ),
    )
)


def fresh_gradients(model, images, labels):
    """Name -> gradient of the mean cross-entropy; what stands in .grad stays."""
    kept = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()  # sets .grad to None; the kept tensors stay as they are
    F.cross_entropy(model(images), labels).backward()
    fresh = {}
    for name, parameter in model.named_parameters():
        fresh[name] = parameter.grad
        parameter.grad = kept[name]
    return fresh


def _small_model():
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(), fc1=nn.Linear(4, 3), relu=nn.ReLU(), output=nn.Linear(3, 3)
        )
    )


def _by_name(words, result):
    if not isinstance(result, dict):
        return {"result": freeze(result)}
    if not all(isinstance(name, str) for name in result):
        return {"result": Thing("dict, with other keys than names")}
    return {"result": {}} | {f"{words} {name}": freeze(result[name]) for name in sorted(result)}


def _look_at_fresh(before):
    def look(answer):
        model = _small_model()
        images, labels = torch.randn(5, 1, 2, 2), torch.tensor([0, 1, 2, 1, 1])
        if before != "nothing":
            for number, parameter in enumerate(model.parameters()):
                if before == "everywhere" or number % 2:
                    parameter.grad = torch.randn(parameter.shape)
        weights = freeze(dict(model.named_parameters()))
        result = answer(model, images, labels)
        found = _by_name("gradient of", result)
        for name, parameter in model.named_parameters():
            found[f".grad of {name} afterward"] = freeze(parameter.grad)
        found["weights changed"] = not same(weights, freeze(dict(model.named_parameters())), 0, 0)
        if before == "everywhere":
            again = answer(model, images, labels)
            found |= _by_name("second time: gradient of", again)
        return found

    return look


def _fresh(
    *,
    loss=F.cross_entropy,
    clear=lambda model: model.zero_grad(),
    keep=lambda grad: grad,
    restore=True,
    clear_after=False,
    take=lambda grad: grad,
):
    def gradients(model, images, labels):
        kept = {name: keep(p.grad) for name, p in model.named_parameters()}
        clear(model)
        loss(model(images), labels).backward()
        fresh = {name: take(p.grad) for name, p in model.named_parameters()}
        for name, p in model.named_parameters():
            if restore:
                p.grad = kept[name]
            elif clear_after:
                p.grad = None
        return fresh

    return gradients


def _fresh_from_a_copy(model, images, labels):
    twin = copy.deepcopy(model)
    twin.zero_grad()
    nn.CrossEntropyLoss()(twin(images), labels).backward()
    return {name: parameter.grad for name, parameter in twin.named_parameters()}


def _fresh_by_autograd(model, images, labels):
    named = dict(model.named_parameters())
    loss = F.nll_loss(F.log_softmax(model(images), dim=1), labels)
    return dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))


def _fresh_as_a_list(model, images, labels):
    return list(_fresh_by_autograd(model, images, labels).values())


def _cloned(grad):
    return None if grad is None else grad.clone()


def _zeroed_in_place(model):
    model.zero_grad(set_to_none=False)


add(
    Exercise(
        name="fresh_gradients",
        chapter="2_digits/08_gradients",
        reference=fresh_gradients,
        checked="a network without gradients, one with old ones, and one with both",
        cases={
            "a network without gradients": _look_at_fresh("nothing"),
            "a network with old gradients": _look_at_fresh("everywhere"),
            "old gradients for the biases only": _look_at_fresh("biases"),
        },
        slips=(
            Slip(
                "added to the old ones",
                _fresh(clear=lambda model: None, restore=False, take=lambda grad: grad.clone()),
                "Right where nothing stood in .grad. But backward() adds to what stands there, so the "
                "old gradients are in the result, and the new ones were left behind.",
            ),
            Slip(
                "never cleared",
                _fresh(keep=_cloned, clear=lambda model: None, take=lambda grad: grad.clone()),
                "Right where nothing stood in .grad, and what stood there came back. But backward() "
                "adds to it, so the old gradients are in the result. What has to happen before it?",
            ),
            Slip(
                "kept by name only",
                _fresh(clear=lambda model: None, take=lambda grad: grad.clone()),
                "The old gradients got a second name, but stayed in .grad, and backward() added the "
                "new ones to them there. So the kept ones changed as well. What must come between?",
            ),
            Slip(
                "left in .grad",
                _fresh(restore=False, take=lambda grad: grad.clone()),
                "The result is right, but the new gradients stand in .grad now, where others stood "
                "before. Whoever put those there still needs them.",
            ),
            Slip(
                "cleared afterward",
                _fresh(restore=False, clear_after=True),
                "The result is right, but afterward .grad is empty: the gradients that stood there "
                "are gone. Where can they wait meanwhile?",
            ),
            Slip(
                "set to zero in place",
                _fresh(clear=_zeroed_in_place, take=lambda grad: grad.clone()),
                "The old gradients were kept, but not as a copy. Filled with zeros in place, the kept "
                "tensors are zeros, too, and then filled by backward(). What gives a tensor with a "
                "memory of its own?",
            ),
            Slip(
                "sum of the losses",
                _fresh(
                    loss=lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum")
                ),
                "All gradients are too large by one factor, the number of images. The mean of the "
                "losses is asked for.",
            ),
            Slip(
                "softmax first",
                _fresh(loss=lambda logits, labels: F.cross_entropy(logits.softmax(dim=1), labels)),
                "The gradients are far too small. Cross-entropy takes logits and does the softmax "
                "itself. What did it get here?",
            ),
            Slip(
                "no names",
                _fresh_as_a_list,
                "The gradients are right, in a list. In a dictionary, each stands under the name of "
                "its parameter. Which method of a model gives the two together?",
            ),
        ),
        variants=(
            _fresh_from_a_copy,
            _fresh_by_autograd,
            _fresh(
                clear=_zeroed_in_place,
                keep=_cloned,
                take=lambda grad: grad.clone(),
            ),
        ),
        hints=(
            "backward() adds to .grad, and zero_grad() lets go of what stood there. So whatever stood "
            "there must be kept under another name, and put back at the end. Or let a copy do it all.",
            "named_parameters() gives pairs of a name and a parameter. Its gradient has the shape of "
            "the parameter, or is None where there was none yet. None has to come back as well.",
            "kept = {name: parameter.grad for …}, then zero_grad(), the loss, backward(). At last, for "
            "every parameter: take .grad into your dictionary, and set .grad to what was kept.",
        ),
    )
)
