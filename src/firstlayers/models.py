"""The course's networks."""

import torch
from torch import Tensor, nn

__all__ = ["Network", "NeuralNetwork"]


class NeuralNetwork(nn.Module):
    """A fully connected network with two hidden layers, 784-512-512-10.

    It is the network that the track "Learn the basics" builds in one chapter, opens up in the
    next ones, trains, saves and loads. Its 669,706 parameters are initialized as
    :class:`torch.nn.Linear` does by default.

    The network returns *logits*: one number per class, any real number, the larger the likelier.
    There is no softmax at its end, because :class:`torch.nn.CrossEntropyLoss` applies it itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(
            nn.Linear(28 * 28, 512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits of a batch of images.

        Parameters
        ----------
        images : torch.Tensor
            Shape (batch, 1, 28, 28) or (batch, 28, 28), float32, pixels between 0 and 1.

        Returns
        -------
        torch.Tensor
            The logits, shape (batch, 10), float32.
        """
        features = self.flatten(images)  # (batch, 784)
        logits: Tensor = self.linear_relu_stack(features)  # (batch, 10)
        return logits


class Network(nn.Module):
    """A fully connected network whose layers have names, 784-128-64-10.

    It is the network of the track "From a matrix to a digit reader". Its 109,386 parameters are
    initialized as :class:`torch.nn.Linear` does by default.

    Like :class:`NeuralNetwork`, it returns logits, not probabilities.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits of a batch of images.

        Parameters
        ----------
        images : torch.Tensor
            Shape (batch, 1, 28, 28), (batch, 28, 28) or, already flattened, (batch, 784), float32.

        Returns
        -------
        torch.Tensor
            The logits, shape (batch, 10), float32.
        """
        features = images.flatten(1)  # (batch, 784)
        hidden = torch.relu(self.fc1(features))  # (batch, 128)
        hidden = torch.relu(self.fc2(hidden))  # (batch, 64)
        logits: Tensor = self.fc3(hidden)  # (batch, 10)
        return logits
