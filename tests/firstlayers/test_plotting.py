import colorsys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import same_color, to_rgb

from firstlayers import plotting
from firstlayers.training import History

DARK = "#14181e"  # the site's dark background


def alt(fig) -> str:
    """The words that the site reads aloud."""
    return fig.get_label()


def drawn_images(fig) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for ax in fig.axes for image in ax.images]


def axes_titles(fig) -> list[str]:
    return [ax.get_title(loc=loc) for ax in fig.axes for loc in ("left", "center")]


def history(epochs: int = 3, validated: bool = True) -> History:
    train_loss, valid_loss = [2.3, 1.25, 0.5], [2.2, 1.0, 0.75]
    record = History(train_loss=train_loss[:epochs], learning_rate=[0.1] * epochs)
    if validated:
        record.valid_loss = valid_loss[:epochs]
        record.valid_accuracy = [0.1, 0.5, 0.875][:epochs]
    return record


DRAWINGS = {
    "show_images": lambda **fig: plotting.show_images(torch.rand(3, 28, 28), **fig),
    "show_weights": lambda **fig: plotting.show_weights(torch.randn(3, 784), **fig),
    "view_classify": lambda **fig: plotting.view_classify(
        torch.rand(28, 28), torch.full((10,), 0.1), **fig
    ),
    "plot_history": lambda **fig: plotting.plot_history(history(), **fig),
    "plot_confusion": lambda **fig: plotting.plot_confusion(
        torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0]), ["a", "b"], **fig
    ),
    "draw_layers": lambda **fig: plotting.draw_layers([4, 3, 2], **fig),
}

drawings = pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS.keys())


@drawings
def test_by_default_a_new_figure_is_drawn_and_described(draw) -> None:
    before = plt.figure()
    fig = draw()
    assert fig is not before
    assert fig is plt.gcf()
    assert fig.axes
    assert before.axes == []
    assert len(alt(fig).split()) >= 5
    assert alt(fig).endswith(".")
    fig.canvas.draw()


@drawings
def test_a_given_figure_or_subfigure_is_drawn_into(draw) -> None:
    given = plt.figure(layout="constrained")
    assert draw(fig=given) is given
    assert given.axes

    whole = plt.figure(layout="constrained")
    left, right = whole.subfigures(1, 2)
    assert draw(fig=right) is right
    assert right.axes
    assert left.axes == []
    assert alt(right) != ""
    assert alt(whole) == ""
    assert len(plt.get_fignums()) == 2
    whole.canvas.draw()


def test_tensors_that_require_gradients_can_be_drawn() -> None:
    images = torch.rand(2, 1, 28, 28, requires_grad=True)
    weight = torch.randn(2, 784, requires_grad=True)
    probabilities = torch.zeros(10, requires_grad=True).softmax(dim=0)
    plotting.show_images(images)
    plotting.show_weights(weight)
    plotting.view_classify(images[0], probabilities)


def test_each_drawing_is_listed_here() -> None:
    functions = {n for n in plotting.__all__ if n.islower()} - {"describe", "use_style"}
    assert functions == set(DRAWINGS)


# Style


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("black", "white") == pytest.approx(21)
    assert contrast("#767676", "white") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("background", ["white", DARK])
@pytest.mark.parametrize("name", ["BLUE", "ORANGE", "GREEN", "PURPLE", "RED", "GRAY"])
def test_series_color_stands_out_from_the_background(name: str, background: str) -> None:
    assert contrast(getattr(plotting, name), background) >= 3


def test_style_uses_the_named_colors_in_their_order() -> None:
    plotting.use_style()
    cycle = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    named = [getattr(plotting, n) for n in ("BLUE", "ORANGE", "GREEN", "PURPLE", "RED", "GRAY")]
    assert len(cycle) == len(named)
    assert all(same_color(one, other) for one, other in zip(cycle, named, strict=True))


def test_named_colors_are_what_their_names_say() -> None:
    def hue(color: str) -> float:
        return 360 * colorsys.rgb_to_hsv(*to_rgb(color))[0]

    assert 195 < hue(plotting.BLUE) < 225
    assert 20 < hue(plotting.ORANGE) < 40
    assert 130 < hue(plotting.GREEN) < 160
    assert 265 < hue(plotting.PURPLE) < 290
    assert hue(plotting.RED) > 350 or hue(plotting.RED) < 10
    assert max(to_rgb(plotting.GRAY)) - min(to_rgb(plotting.GRAY)) < 0.1


@pytest.mark.parametrize("key", ["text.color", "axes.labelcolor", "xtick.labelcolor"])
def test_text_of_the_style_can_be_read(key: str) -> None:
    plotting.use_style()
    assert contrast(mpl.rcParams[key], "white") >= 7


def test_style_lasts_until_the_defaults_return() -> None:
    plotting.use_style()
    assert mpl.rcParams["figure.constrained_layout.use"]
    assert mpl.rcParams["image.cmap"] == "gray"
    mpl.rcdefaults()
    assert not mpl.rcParams["figure.constrained_layout.use"]


# describe


def test_describe_stores_the_words_with_single_spaces() -> None:
    fig = plt.figure()
    assert plotting.describe(fig, "  Two\n    lines\tand  a tab ") is fig
    assert alt(fig) == "Two lines and a tab"
    assert fig.get_gid() is None


def test_describe_stores_the_name() -> None:
    fig = plt.figure()
    plotting.describe(fig, "A curve.", name="loss-curve")
    assert fig.get_gid() == "loss-curve"


@pytest.mark.parametrize("text", ["", "  \n "])
def test_describe_refuses_no_words(text: str) -> None:
    with pytest.raises(ValueError, match="needs at least a few words"):
        plotting.describe(plt.figure(), text)


# show_images


@pytest.mark.parametrize("shape", [(5, 1, 9, 7), (5, 9, 7)])
def test_images_stand_in_rows_in_their_order(shape: tuple[int, ...]) -> None:
    images = torch.rand(shape)
    fig = plotting.show_images(images, columns=3)
    assert len(fig.axes) == 6
    assert fig.axes[0].get_gridspec().get_geometry() == (2, 3)
    for shown, image in zip(drawn_images(fig), images, strict=True):
        assert np.array_equal(shown, image.reshape(9, 7).numpy())
    assert all(image.get_cmap().name == "gray" for ax in fig.axes for image in ax.images)
    assert not any(ax.axison for ax in fig.axes)
    assert alt(fig) == "5 gray images of 9 by 7 pixels."


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (1, 1, 28, 28)])
def test_a_single_image_may_lack_batch_and_channel(shape: tuple[int, ...]) -> None:
    fig = plotting.show_images(torch.rand(shape))
    assert len(fig.axes) == 1
    assert alt(fig) == "1 gray image of 28 by 28 pixels."


def test_images_of_bytes_are_shown() -> None:
    images = torch.randint(256, (2, 28, 28), dtype=torch.uint8)
    fig = plotting.show_images(images)
    assert np.array_equal(drawn_images(fig)[1], images[1].numpy())


def test_fewer_images_than_columns_leave_no_gap() -> None:
    fig = plotting.show_images(torch.rand(2, 28, 28))
    assert fig.axes[0].get_gridspec().get_geometry() == (1, 2)
    one_column = plotting.show_images(torch.rand(2, 28, 28), columns=0)
    assert one_column.axes[0].get_gridspec().get_geometry() == (2, 1)


def test_titles_of_images_may_be_strings_numbers_or_a_tensor() -> None:
    images = torch.rand(3, 28, 28)
    for titles, expected in [
        (["a", "b\nc", "d"], "a; b, c; d"),
        ([1, 2.5, 3], "1; 2.5; 3"),
        (torch.tensor([7, 8, 9]), "7; 8; 9"),
    ]:
        fig = plotting.show_images(images, titles)
        assert alt(fig) == f"3 gray images of 28 by 28 pixels, titled {expected}."
        assert [ax.get_title() for ax in fig.axes] == [
            title.replace(", ", "\n") for title in expected.split("; ")
        ]


def test_figure_with_titles_is_taller() -> None:
    images = torch.rand(16, 28, 28)
    plain = plotting.show_images(images).get_size_inches()
    titled = plotting.show_images(images, range(16)).get_size_inches()
    assert plain[0] == titled[0] <= 7
    assert plain[1] < titled[1]


@pytest.mark.parametrize(
    "shape", [(4, 3, 28, 28), (0, 1, 28, 28), (0, 28, 28), (28,), (2, 1, 1, 5, 5)]
)
def test_what_is_no_gray_image_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected gray images of shape") as caught:
        plotting.show_images(torch.zeros(shape))
    assert str(caught.value).endswith(f"got {shape}")


@pytest.mark.parametrize("titles", [[], ["a"], ["a", "b", "c"]])
def test_another_number_of_titles_is_refused(titles: list[str]) -> None:
    expected = f"expected 2 titles or names, got {len(titles)}"
    with pytest.raises(ValueError, match=expected):
        plotting.show_images(torch.zeros(2, 28, 28), titles)
    with pytest.raises(ValueError, match=expected):
        plotting.show_weights(torch.zeros(2, 784), titles)


# show_weights


def test_weights_share_one_symmetric_color_scale() -> None:
    weight = torch.zeros(3, 784)
    weight[0, 5] = 0.25
    weight[2, 7] = -0.5
    fig = plotting.show_weights(weight, columns=2)
    pictures = [image for ax in fig.axes for image in ax.images]
    assert len(pictures) == 3
    for picture, row in zip(pictures, weight, strict=True):
        assert picture.get_clim() == (-0.5, 0.5)
        assert np.array_equal(np.asarray(picture.get_array()), row.reshape(28, 28).numpy())
    assert len(fig.axes) == 2 * 2 + 1  # the last is the color bar
    red = pictures[0].cmap(pictures[0].norm(0.5))
    blue = pictures[0].cmap(pictures[0].norm(-0.5))
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert alt(fig) == (
        "The weights of 3 units as pictures of 28 by 28 pixels, in shades from blue for -0.5 "
        "through white for zero to red for 0.5."
    )


def test_titles_of_weights_are_shown_and_read_aloud() -> None:
    fig = plotting.show_weights(torch.randn(2, 784), titles=torch.tensor([4, 11]))
    assert [ax.get_title() for ax in fig.axes[:2]] == ["4", "11"]
    assert alt(fig).endswith(", titled 4; 11.")


def test_weights_of_zero_can_be_shown() -> None:
    fig = plotting.show_weights(torch.zeros(1, 784))
    assert fig.axes[0].images[0].get_clim() == (-1, 1)
    fig.canvas.draw()


@pytest.mark.parametrize("shape", [(10, 512), (784,), (0, 784), (2, 28, 28)])
def test_weight_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected a weight of shape \(units, 784\)") as caught:
        plotting.show_weights(torch.zeros(shape))
    assert str(caught.value).endswith(f"got {shape}")


# view_classify


def classified(label: int | None = None, classes=None):
    image = torch.rand(1, 28, 28)
    return plotting.view_classify(image, torch.tensor([0.125, 0.625, 0.25]), classes, label=label)


def bar_colors(fig) -> list:
    return [bar.get_facecolor() for bar in fig.axes[1].patches]


def test_bars_are_the_probabilities_from_top_to_bottom() -> None:
    fig = classified(classes=["cat", "dog", "owl"])
    bars = fig.axes[1].patches
    assert [bar.get_width() for bar in bars] == [0.125, 0.625, 0.25]
    assert [tick.get_text() for tick in fig.axes[1].get_yticklabels()] == ["cat", "dog", "owl"]
    assert fig.axes[1].get_ylim()[0] > fig.axes[1].get_ylim()[1]
    assert fig.axes[1].get_xlim() == (0, 1)
    assert "dog: 62.5%" in axes_titles(fig)
    assert all(same_color(color, plotting.BLUE) for color in bar_colors(fig))
    assert alt(fig) == (
        "An image beside 3 bars, one a class. The longest bar is class dog with a probability of "
        "62.5%."
    )


def test_classes_are_numbered_where_they_have_no_names() -> None:
    fig = classified()
    assert [tick.get_text() for tick in fig.axes[1].get_yticklabels()] == ["0", "1", "2"]
    assert "class 1 " in alt(fig)


def test_right_choice_is_green() -> None:
    fig = classified(label=1)
    assert same_color(bar_colors(fig)[1], plotting.GREEN)
    assert same_color(bar_colors(fig)[0], plotting.BLUE)
    assert "label: 1" in axes_titles(fig)
    assert alt(fig).endswith("62.5%, which is right.")


def test_wrong_choice_is_red_and_the_label_is_said() -> None:
    fig = classified(label=2, classes=["cat", "dog", "owl"])
    assert same_color(bar_colors(fig)[1], plotting.RED)
    assert same_color(bar_colors(fig)[2], plotting.BLUE)
    assert "label: owl" in axes_titles(fig)
    assert alt(fig).endswith("62.5%, but the image is labeled owl.")


def test_image_may_lack_its_channel() -> None:
    image = torch.rand(28, 28)
    fig = plotting.view_classify(image, torch.tensor([0.5, 0.5]))
    assert np.array_equal(drawn_images(fig)[0], image.numpy())


@pytest.mark.parametrize("shape", [(1, 10), (), (2, 5), (0,)])
def test_probabilities_of_several_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected the probabilities of one image") as caught:
        plotting.view_classify(torch.rand(28, 28), torch.full(shape, 0.1))
    assert str(caught.value).endswith(f"got {shape}")


@pytest.mark.parametrize(
    "numbers",
    [[1.0, 2.0, -1.0], [0.5, 0.6], [0.1, 0.1], [-0.5, 1.5], [float("nan"), 0.5]],
    ids=str,
)
def test_what_is_no_probability_is_refused(numbers: list[float]) -> None:
    with pytest.raises(ValueError, match=r"these are no probabilities: they sum to .*softmax"):
        plotting.view_classify(torch.rand(28, 28), torch.tensor(numbers))


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 titles or names, got 3"):
        plotting.view_classify(torch.rand(28, 28), torch.tensor([0.5, 0.5]), ["a", "b", "c"])


@pytest.mark.parametrize("shape", [(2, 1, 28, 28), (3, 28, 28), (784,)])
def test_view_classify_takes_one_gray_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        plotting.view_classify(torch.rand(shape), torch.tensor([0.5, 0.5]))
    assert str(shape) in str(caught.value)


# plot_history


def test_history_shows_losses_and_accuracy_over_epochs_from_1() -> None:
    fig = plotting.plot_history(history())
    losses, accuracy = fig.axes
    lines = {line.get_label(): line for line in losses.lines}
    assert list(lines["training"].get_xdata()) == [1, 2, 3]
    assert list(lines["training"].get_ydata()) == [2.3, 1.25, 0.5]
    assert list(lines["validation"].get_ydata()) == [2.2, 1.0, 0.75]
    assert list(accuracy.lines[0].get_xdata()) == [1, 2, 3]
    assert list(accuracy.lines[0].get_ydata()) == [0.1, 0.5, 0.875]
    assert accuracy.yaxis.get_major_formatter()(0.875, 0) == "88%"
    assert losses.get_ylim()[0] == 0
    assert [ax.get_xlabel() for ax in fig.axes] == ["epoch", "epoch"]
    assert {"Loss", "Validation accuracy"} <= set(axes_titles(fig))
    assert losses.get_legend() is not None
    assert alt(fig) == (
        "The training loss over 3 epochs goes from 2.3 to 0.5. The validation loss goes from 2.2 "
        "to 0.75, and the validation accuracy from 10.0% to 87.5%."
    )


def test_history_without_validation_shows_the_training_loss_alone() -> None:
    fig = plotting.plot_history(history(validated=False))
    (ax,) = fig.axes
    assert len(ax.lines) == 1
    assert ax.get_legend() is None
    assert "validation" not in alt(fig)
    assert alt(fig).endswith("goes from 2.3 to 0.5.")


def test_a_single_epoch_is_a_point_one_can_see() -> None:
    fig = plotting.plot_history(history(epochs=1))
    assert [line.get_marker() for ax in fig.axes for line in ax.lines] == ["o"] * 3
    fig = plotting.plot_history(history(epochs=2))
    assert [line.get_marker() for ax in fig.axes for line in ax.lines] == ["None"] * 3


def test_epochs_on_the_axis_are_whole_numbers() -> None:
    fig = plotting.plot_history(history(epochs=2))
    fig.canvas.draw()
    for ax in fig.axes:
        ticks = ax.get_xticks()
        assert np.array_equal(ticks, np.round(ticks))


def test_empty_history_is_refused() -> None:
    with pytest.raises(ValueError, match="the history is empty: train for at least one epoch"):
        plotting.plot_history(History())


# plot_confusion

LABELS = torch.tensor([0, 0, 0, 1, 1, 2])
GUESSES = torch.tensor([0, 1, 1, 1, 0, 2])


def test_rows_are_true_classes_and_columns_predicted_ones() -> None:
    fig = plotting.plot_confusion(LABELS, GUESSES, ["cat", "dog", "owl"])
    (ax,) = fig.axes
    counts = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in ax.texts}
    assert counts == {(0, 0): "1", (0, 1): "2", (1, 1): "1", (1, 0): "1", (2, 2): "1"}
    shown = drawn_images(fig)[0]
    assert np.allclose(shown**4, [[1, 2, 0], [1, 1, 0], [0, 0, 1]])
    assert ax.get_ylabel() == "true class"
    assert ax.get_xlabel() == "predicted class"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["cat", "dog", "owl"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cat", "dog", "owl"]
    assert alt(fig) == (
        "A table of 3 by 3 cells, true class against predicted class. 3 of 6 examples lie on the "
        "diagonal, where both agree. The most frequent mistake is to take cat for dog, 2 times."
    )


def test_without_mistakes_none_is_said() -> None:
    fig = plotting.plot_confusion(LABELS, LABELS, range(3))
    assert "6 of 6 examples" in alt(fig)
    assert "mistake" not in alt(fig)


def test_numbers_can_be_read_on_their_cells() -> None:
    labels = torch.cat([torch.zeros(1000), torch.ones(1)]).long()
    guesses = torch.cat([torch.zeros(1000), torch.zeros(1)]).long()
    ax = plotting.plot_confusion(labels, guesses, range(2)).axes[0]
    colors = {text.get_text(): text.get_color() for text in ax.texts}
    assert colors == {"1000": "white", "1": "#2b3038"}
    assert all(text.get_gid() == "keep-color" for text in ax.texts)


@pytest.mark.parametrize(("names", "turned"), [(["cat", "dog"], 0), (["Trouser", "Bag"], 90)])
def test_long_names_are_turned(names: list[str], turned: int) -> None:
    ax = plotting.plot_confusion(LABELS[:5], GUESSES[:5], names).axes[0]
    assert [tick.get_rotation() for tick in ax.get_xticklabels()] == [turned] * 2


@pytest.mark.parametrize(
    ("labels", "guesses"), [((4,), (5,)), ((4,), (4, 10)), ((2, 2), (2, 2)), ((), ())]
)
def test_labels_and_predictions_of_other_shapes_are_refused(labels, guesses) -> None:
    with pytest.raises(ValueError, match=r"of one shape \(N,\).*argmax") as caught:
        plotting.plot_confusion(torch.zeros(labels).long(), torch.zeros(guesses).long(), ["a", "b"])
    assert f"got {labels} and {guesses}" in str(caught.value)


# draw_layers


def test_layers_are_columns_of_units_joined_to_the_next() -> None:
    fig = plotting.draw_layers([4, 3, 2], ["Linear", "then\nReLU"])
    (ax,) = fig.axes
    assert [len(units.get_offsets()) for units in ax.collections] == [4, 3, 2]
    assert len(ax.lines) == 4 * 3 + 3 * 2
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["4 inputs", "3 units", "2 outputs", "Linear", "then\nReLU"]
    assert alt(fig) == (
        "A network drawn as columns of circles, one column a layer, each circle joined to all of "
        "the next column: 4, 3, 2 units from left to right. Between them: Linear, then then ReLU."
    )


def test_of_a_large_layer_eight_units_and_dots_are_drawn() -> None:
    fig = plotting.draw_layers([784, 10])
    inputs, dots, outputs = (part.get_offsets() for part in fig.axes[0].collections)
    assert [len(inputs), len(dots), len(outputs)] == [8, 3, 10]
    # The dots stand between the fourth and the fifth unit.
    assert dots[:, 1].max() < inputs[4, 1] - 0.5
    assert inputs[3, 1] + 0.5 < dots[:, 1].min()
    assert len(fig.axes[0].lines) == 8 * 10
    assert "784, 10 units" in alt(fig)


def test_inputs_are_gray_hidden_units_blue_and_outputs_orange() -> None:
    ax = plotting.draw_layers([2, 2, 2, 2]).axes[0]
    colors = [units.get_facecolor()[0] for units in ax.collections]
    expected = [plotting.GRAY, plotting.BLUE, plotting.BLUE, plotting.ORANGE]
    assert all(same_color(one, other) for one, other in zip(colors, expected, strict=True))


@pytest.mark.parametrize("sizes", [[], [784]])
def test_a_network_of_one_layer_is_refused(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="at least an input and an output, got sizes") as caught:
        plotting.draw_layers(sizes)
    assert str(caught.value).endswith(str(sizes))


def test_another_number_of_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 titles or names, got 1"):
        plotting.draw_layers([4, 3, 2], ["Linear"])
