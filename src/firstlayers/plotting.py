"""Every figure that more than one chapter draws.

Each function returns the figure, takes the figure to draw on, and describes in words what there
is to see, for those who cannot see it.
"""

from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any, TypeVar

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import FigureBase
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix
from torch import Tensor

from firstlayers.training import History

__all__ = [
    "BLUE",
    "GRAY",
    "GREEN",
    "ORANGE",
    "PURPLE",
    "RED",
    "describe",
    "draw_layers",
    "plot_confusion",
    "plot_history",
    "show_images",
    "show_weights",
    "use_style",
    "view_classify",
]

# In the order in which matplotlib uses them.
BLUE = "#2f7fd3"
"""The course's first color."""
ORANGE = "#d9730d"
"""The second color."""
GREEN = "#2f9b5b"
"""The third color; what is right."""
PURPLE = "#a35bd6"
"""The fourth color."""
RED = "#e0484d"
"""The fifth color; what is wrong."""
GRAY = "#7d858f"
"""For what stays in the background."""

AnyFigure = TypeVar("AnyFigure", bound=FigureBase)


def use_style() -> None:
    """Give all following figures the course's fonts, colors and sizes.

    The setting lasts until the Python process ends or :func:`matplotlib.pyplot.rcdefaults` is
    called.
    """
    plt.style.use(str(files("firstlayers") / "firstlayers.mplstyle"))


def describe(fig: AnyFigure, text: str, name: str | None = None) -> AnyFigure:
    """Say in words what a figure shows.

    The site uses these words as the figure's alternative text, which is read aloud to those who
    cannot see it. They are stored as the figure's label and change nothing in the picture.

    Parameters
    ----------
    fig : matplotlib.figure.Figure or matplotlib.figure.SubFigure
        The figure.
    text : str
        What there is to see: the kind of figure, what is on it, and what one should notice.
    name : str, optional
        A short name under which other pages of the site can show this figure too.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.figure.SubFigure
        The same figure.

    Raises
    ------
    ValueError
        If the text is empty.
    """
    if not text.strip():
        raise ValueError("a description of a figure needs at least a few words")
    fig.set_label(" ".join(text.split()))
    if name is not None:
        fig.set_gid(name)
    return fig


def show_images(
    images: Tensor,
    titles: Sequence[object] | None = None,
    *,
    columns: int = 8,
    fig: FigureBase | None = None,
) -> FigureBase:
    """Show gray images side by side, each with its title.

    Parameters
    ----------
    images : torch.Tensor
        Shape (N, 1, height, width), (N, height, width) or, for a single image, (height, width).
        Each image is scaled from its own darkest to its own brightest pixel.
    titles : sequence, optional
        What to write above each image, N entries.
    columns : int
        How many images stand in a row.
    fig : matplotlib.figure.Figure or matplotlib.figure.SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.figure.SubFigure
        The figure.

    Raises
    ------
    ValueError
        If there is no image, the images have channels, or the number of titles differs.
    """
    images = _as_gray(images)
    titles = _texts(titles, len(images))
    fig, axes = _picture_grid(len(images), columns, fig, titled=titles is not None)
    for position, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        ax.imshow(image.numpy(), cmap="gray")
        if titles is not None:
            ax.set_title(titles[position], fontsize=9, loc="center", fontweight="normal", pad=4)
    text = f"{_count(len(images), 'gray image')} of {images.shape[1]} by {images.shape[2]} pixels"
    if titles is not None:
        text += ", titled " + "; ".join(title.replace("\n", ", ") for title in titles)
    return describe(fig, text + ".")


def show_weights(
    weight: Tensor,
    titles: Sequence[object] | None = None,
    *,
    columns: int = 8,
    fig: FigureBase | None = None,
) -> FigureBase:
    """Show the weights that lead from the 28 x 28 pixels to each unit, as pictures.

    All pictures share one color scale: red where a bright pixel raises the unit's value, blue
    where it lowers it, white where it does not matter.

    Parameters
    ----------
    weight : torch.Tensor
        Shape (units, 784), one row a unit, as in the weight of ``nn.Linear(784, units)``.
    titles : sequence, optional
        What to write above each picture, one entry a unit.
    columns : int
        How many pictures stand in a row.
    fig : matplotlib.figure.Figure or matplotlib.figure.SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.figure.SubFigure
        The figure.

    Raises
    ------
    ValueError
        If the weight does not have 784 columns, or the number of titles differs.
    """
    if weight.ndim != 2 or weight.shape[1] != 784 or len(weight) == 0:
        raise ValueError(f"expected a weight of shape (units, 784), got {tuple(weight.shape)}")
    pictures = weight.detach().cpu().reshape(-1, 28, 28)
    titles = _texts(titles, len(pictures))
    margin = (0.8, 0.2)  # inches, for the color bar and its labels
    fig, axes = _picture_grid(len(pictures), columns, fig, titled=titles is not None, margin=margin)
    largest = pictures.abs().max().item() or 1.0
    for position, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        shown = ax.imshow(picture.numpy(), cmap="RdBu_r", vmin=-largest, vmax=largest)
        if titles is not None:
            ax.set_title(titles[position], fontsize=9, loc="center", fontweight="normal", pad=4)
    bar = fig.colorbar(shown, ax=axes, shrink=0.9, aspect=14 * len(axes), pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)
    text = (
        f"The weights of {len(pictures)} units as pictures of 28 by 28 pixels, in shades from blue "
        f"for {-largest:.2g} through white for zero to red for {largest:.2g}"
    )
    if titles is not None:
        text += ", titled " + "; ".join(titles)
    return describe(fig, text + ".")


def view_classify(
    image: Tensor,
    probabilities: Tensor,
    classes: Sequence[object] | None = None,
    *,
    label: int | None = None,
    fig: FigureBase | None = None,
) -> FigureBase:
    """Show an image beside the probabilities that a network gives to its classes.

    Parameters
    ----------
    image : torch.Tensor
        Shape (1, height, width) or (height, width).
    probabilities : torch.Tensor
        Shape (classes,): not negative, summing to 1.
    classes : sequence, optional
        The name of each class. The default is its number.
    label : int, optional
        The true class. It is marked where the network's choice is wrong.
    fig : matplotlib.figure.Figure or matplotlib.figure.SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.figure.SubFigure
        The figure.

    Raises
    ------
    ValueError
        If the probabilities are none, or do not belong to the classes.
    """
    probabilities = probabilities.detach().cpu()
    if probabilities.ndim != 1 or len(probabilities) == 0:
        raise ValueError(
            f"expected the probabilities of one image, shape (classes,), got "
            f"{tuple(probabilities.shape)}"
        )
    total = probabilities.sum().item()
    if not (probabilities.min() >= 0 and abs(total - 1) <= 1e-3):  # this way round, nan is none
        raise ValueError(
            f"these are no probabilities: they sum to {total:.4g}, and the smallest is "
            f"{probabilities.min():.4g}. Give softmax(logits), not the logits."
        )
    names = _texts(classes, len(probabilities)) or [str(n) for n in range(len(probabilities))]
    pictures = _as_gray(image)
    if len(pictures) != 1:
        raise ValueError(f"expected one image, got {len(pictures)}: shape {tuple(image.shape)}")
    picture = pictures[0]
    best = int(probabilities.argmax())
    if fig is None:
        fig = plt.figure(figsize=(5.6, 2.6))
    left, right = fig.subplots(1, 2, width_ratios=[1, 1.35])
    left.imshow(picture.numpy(), cmap="gray")
    left.set_axis_off()
    colors = [BLUE] * len(names)
    if label is not None:
        left.set_title(f"label: {names[label]}", loc="center", fontweight="normal")
        colors[best] = GREEN if best == label else RED
    places = np.arange(len(names))
    right.barh(places, probabilities.numpy(), color=colors, height=0.75)
    right.set_yticks(places, names)
    right.set_ylim(len(names) - 0.5, -0.5)
    right.set_xlim(0, 1.0)
    right.set_xlabel("probability")
    right.set_title(f"{names[best]}: {probabilities[best]:.1%}", loc="left")
    text = (
        f"An image beside {len(names)} bars, one a class. The longest bar is class {names[best]} with "
        f"a probability of {probabilities[best]:.1%}"
    )
    if label is not None:
        verdict = "which is right" if best == label else f"but the image is labeled {names[label]}"
        text += f", {verdict}"
    return describe(fig, text + ".")


def plot_history(history: History, *, fig: FigureBase | None = None) -> FigureBase:
    """Draw the losses, and the validation accuracy where there is one, over the epochs.

    Parameters
    ----------
    history : firstlayers.training.History
        What :func:`firstlayers.training.fit` returned.
    fig : matplotlib.figure.Figure or matplotlib.figure.SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.figure.SubFigure
        The figure.

    Raises
    ------
    ValueError
        If the history is empty.
    """
    if not history.train_loss:
        raise ValueError("the history is empty: train for at least one epoch first")
    epochs = range(1, len(history) + 1)
    validated = bool(history.valid_loss)
    if fig is None:
        fig = plt.figure(figsize=(7.0 if validated else 4.5, 2.8))
    axes = fig.subplots(1, 2 if validated else 1, squeeze=False)[0]
    marker = "o" if len(history) == 1 else None
    axes[0].plot(epochs, history.train_loss, label="training", marker=marker)
    text = (
        f"The training loss over {_count(len(history), 'epoch')} goes from "
        f"{history.train_loss[0]:.3g} to {history.train_loss[-1]:.3g}."
    )
    if validated:
        axes[0].plot(epochs, history.valid_loss, label="validation", marker=marker)
        axes[0].legend()
        axes[1].plot(epochs, history.valid_accuracy, color=ORANGE, marker=marker)
        axes[1].yaxis.set_major_formatter(PercentFormatter(1))
        axes[1].set(title="Validation accuracy", xlabel="epoch")
        text += (
            f" The validation loss goes from {history.valid_loss[0]:.3g} to "
            f"{history.valid_loss[-1]:.3g}, and the validation accuracy from "
            f"{history.valid_accuracy[0]:.1%} to {history.valid_accuracy[-1]:.1%}."
        )
    axes[0].set(title="Loss", xlabel="epoch")
    axes[0].set_ylim(bottom=0)
    for ax in axes:
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(axis="y")
    return describe(fig, text)


def plot_confusion(
    labels: Tensor,
    predictions: Tensor,
    classes: Sequence[object],
    *,
    fig: FigureBase | None = None,
) -> FigureBase:
    """Draw how often each class was taken for which.

    Parameters
    ----------
    labels : torch.Tensor
        The true classes, shape (N,), integers.
    predictions : torch.Tensor
        The predicted classes, shape (N,), integers.
    classes : sequence
        The name of each class.
    fig : matplotlib.figure.Figure or matplotlib.figure.SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.figure.SubFigure
        The figure: a row a true class, a column a predicted class.

    Raises
    ------
    ValueError
        If labels and predictions differ in shape.
    """
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(
            f"expected labels and predictions of one shape (N,), got {tuple(labels.shape)} and "
            f"{tuple(predictions.shape)}: predictions are logits.argmax(dim=1)"
        )
    names = [str(name) for name in classes]
    counts = confusion_matrix(labels.cpu(), predictions.cpu(), labels=range(len(names)))
    if fig is None:
        fig = plt.figure(figsize=(5.2, 4.6))
    ax = fig.subplots()
    # The mistakes are few and the hits are many: the fourth root lets the eye see both.
    display = ConfusionMatrixDisplay(np.asarray(counts) ** 0.25, display_labels=names)
    display.plot(ax=ax, cmap="Blues", colorbar=False, include_values=False)
    turned = max(map(len, names)) > 3
    ax.set_xticks(range(len(names)), names, rotation=90 if turned else 0)
    ax.set(xlabel="predicted class", ylabel="true class", title="What was taken for what")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    limit = counts.max() ** 0.25 / 2
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if count**0.25 > limit else "#2b3038"
            ax.text(column, row, count, ha="center", va="center", color=color, fontsize=8).set_gid(
                "keep-color"
            )
    mistakes = counts - np.diag(np.diag(counts))
    text = (
        f"A table of {len(names)} by {len(names)} cells, true class against predicted class. "
        f"{np.trace(counts):,} of {counts.sum():,} examples lie on the diagonal, where both agree."
    )
    if mistakes.any():
        row, column = np.unravel_index(mistakes.argmax(), mistakes.shape)
        text += (
            f" The most frequent mistake is to take {names[row]} for {names[column]}, "
            f"{_count(mistakes[row, column], 'time')}."
        )
    return describe(fig, text)


def draw_layers(
    sizes: Sequence[int],
    steps: Sequence[str] | None = None,
    *,
    fig: FigureBase | None = None,
) -> FigureBase:
    """Draw a fully connected network as columns of units, with what leads from one to the next.

    Parameters
    ----------
    sizes : sequence of int
        How many units each layer has, the input first. Of a layer of more than ten units, eight are
        drawn, and dots stand for the others.
    steps : sequence of str, optional
        What to write below each gap between two layers, ``len(sizes) - 1`` entries.
    fig : matplotlib.figure.Figure or matplotlib.figure.SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.figure.SubFigure
        The figure.

    Raises
    ------
    ValueError
        If there are fewer than two layers, or the number of steps differs from the gaps.
    """
    if len(sizes) < 2:
        raise ValueError(f"a network needs at least an input and an output, got sizes {sizes}")
    steps = _texts(steps, len(sizes) - 1)
    if fig is None:
        fig = plt.figure(figsize=(7.0, 3.0))
    ax = fig.subplots()
    ax.set_axis_off()
    colors = [GRAY, *[BLUE] * (len(sizes) - 2), ORANGE]
    heights = [_unit_heights(size) for size in sizes]
    for left, (here, there) in enumerate(pairwise(heights)):
        for start in here:
            for end in there:
                ax.plot([left, left + 1], [start, end], color=GRAY, lw=0.5, alpha=0.35, zorder=1)
    for column, (size, places) in enumerate(zip(sizes, heights, strict=True)):
        ax.scatter([column] * len(places), places, s=110, color=colors[column], zorder=2)
        if size > len(places):
            ax.scatter([column] * 3, [-0.28, 0, 0.28], s=5, color=GRAY, zorder=2)
        kind = "inputs" if column == 0 else "outputs" if column == len(sizes) - 1 else "units"
        ax.text(column, 5.2, f"{size} {kind}", ha="center", va="bottom", fontweight="bold")
    for left, step in enumerate(steps or []):
        ax.text(left + 0.5, -4.9, step, ha="center", va="top", fontsize=9)
    ax.set(xlim=(-0.35, len(sizes) - 0.65), ylim=(-6.2 if steps else -5, 6.4))
    text = (
        "A network drawn as columns of circles, one column a layer, each circle joined to all of "
        f"the next column: {', '.join(map(str, sizes))} units from left to right"
    )
    if steps is not None:
        text += ". Between them: " + ", then ".join(step.replace("\n", " ") for step in steps)
    return describe(fig, text + ".")


def _unit_heights(size: int) -> list[float]:
    """Place at most ten circles around zero, with a gap in the middle where some are left out."""
    if size <= 10:
        return [float(place) for place in np.arange(size) - (size - 1) / 2]
    return [place for place in np.arange(-4.0, 5.0).tolist() if abs(place) > 0.5]


def _as_gray(images: Tensor) -> Tensor:
    """Bring images to shape (N, height, width) on the CPU."""
    images, given = images.detach().cpu(), tuple(images.shape)
    if images.ndim == 4 and images.shape[1] == 1:
        images = images.squeeze(1)
    elif images.ndim == 2:
        images = images.unsqueeze(0)
    if images.ndim != 3 or len(images) == 0:
        raise ValueError(
            "expected gray images of shape (N, 1, height, width), (N, height, width) or "
            f"(height, width), got {given}"
        )
    return images


def _picture_grid(
    count: int,
    columns: int,
    fig: FigureBase | None,
    *,
    titled: bool,
    margin: tuple[float, float] = (0.0, 0.0),
) -> tuple[FigureBase, Any]:
    """Give a place without ticks to each picture, on a new figure of fitting size if need be."""
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    if fig is None:
        height = 1.12 if titled else 0.9
        width = min(7.0, columns * 1.05 + margin[0])
        fig = plt.figure(figsize=(width, rows * height + margin[1]))
    axes = fig.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    return fig, axes


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _texts(titles: Sequence[Any] | None, count: int) -> list[str] | None:
    """Turn titles (strings, numbers, tensors of one number) into strings, one for each thing."""
    if titles is None:
        return None
    if len(titles) != count:
        raise ValueError(f"expected {count} titles or names, got {len(titles)}")
    return [str(t.item()) if isinstance(t, torch.Tensor) else str(t) for t in titles]
