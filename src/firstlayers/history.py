"""What a training run measured."""

import math
from dataclasses import dataclass, field

__all__ = ["History"]


@dataclass
class History:
    """What :func:`firstlayers.training.fit` measured, one entry an epoch.

    The validation entries stay empty where there was no validation loader. A learning rate is the
    one at the beginning of its epoch.
    """

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    valid_accuracy: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.train_loss)

    @property
    def best_epoch(self) -> int | None:
        """The epoch with the lowest validation loss, counted from 1; the first of several.

        None where nothing was validated, or no loss was a number.
        """
        numbers = [loss for loss in self.valid_loss if not math.isnan(loss)]
        return self.valid_loss.index(min(numbers)) + 1 if numbers else None
