import torch
from torch import nn

from firstlayers.models import Network, NeuralNetwork


def test_network_has_669706_parameters_in_three_layers() -> None:
    shapes = [tuple(parameter.shape) for parameter in NeuralNetwork().parameters()]
    assert shapes == [(512, 784), (512,), (512, 512), (512,), (10, 512), (10,)]
    assert sum(p.numel() for p in NeuralNetwork().parameters()) == 669_706


def test_images_with_and_without_channel_give_the_same_logits() -> None:
    images = torch.rand(5, 1, 28, 28)
    model = NeuralNetwork()
    logits = model(images)
    assert logits.shape == (5, 10)
    assert logits.dtype == torch.float32
    assert torch.equal(model(images.squeeze(1)), logits)


def test_forward_is_three_linear_layers_with_relu_between() -> None:
    images = torch.rand(4, 1, 28, 28)
    model = NeuralNetwork()
    w1, b1, w2, b2, w3, b3 = model.parameters()
    hidden = (images.flatten(1) @ w1.T + b1).clamp(min=0)
    hidden = (hidden @ w2.T + b2).clamp(min=0)
    torch.testing.assert_close(model(images), hidden @ w3.T + b3)


def test_outputs_are_logits_not_probabilities() -> None:
    torch.manual_seed(0)
    logits = NeuralNetwork()(torch.rand(64, 1, 28, 28))
    assert (logits < 0).any()
    assert (logits > 0).any()
    assert not torch.allclose(logits.sum(dim=1), torch.ones(64), atol=1e-3)


def test_seed_decides_the_weights() -> None:
    def state(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        return NeuralNetwork().state_dict()

    first, again, other = state(1), state(1), state(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


def test_weights_are_initialized_as_linear_does() -> None:
    for layer in NeuralNetwork().linear_relu_stack:
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            assert layer.weight.abs().max() <= bound
            assert layer.weight.abs().max() > 0.95 * bound
            assert layer.weight.std().item() > 0.5 * bound


def test_network_of_the_second_track_has_109386_parameters_under_their_names() -> None:
    shapes = {name: tuple(parameter.shape) for name, parameter in Network().named_parameters()}
    assert shapes == {
        "fc1.weight": (128, 784),
        "fc1.bias": (128,),
        "fc2.weight": (64, 128),
        "fc2.bias": (64,),
        "fc3.weight": (10, 64),
        "fc3.bias": (10,),
    }
    assert sum(p.numel() for p in Network().parameters()) == 109_386


def test_network_of_the_second_track_is_its_formula_for_images_and_for_features() -> None:
    images = torch.rand(4, 1, 28, 28)
    model = Network()
    w1, b1, w2, b2, w3, b3 = model.parameters()
    hidden = (images.flatten(1) @ w1.T + b1).clamp(min=0)
    hidden = (hidden @ w2.T + b2).clamp(min=0)
    torch.testing.assert_close(model(images), hidden @ w3.T + b3)
    assert torch.equal(model(images.flatten(1)), model(images))
    assert torch.equal(model(images.squeeze(1)), model(images))
