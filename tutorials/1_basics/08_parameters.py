"""
Know every number in your network
=================================

You will count the numbers that a network learns, say where each of them comes from, change them
safely, lock some of them, and see in pictures which ones move when the network learns.

**In this chapter you learn**

* to list all parameters of a network with names and shapes, and to count them,
* what a module keeps track of, and what it does not see,
* how PyTorch draws the first values, and how to set your own,
* to freeze layers, so that training leaves them as they are,
* to look at weights as pictures, before and after training.

**You need** the network of :doc:`06_build_model`, and what ``Linear``, ``ReLU`` and ``Sequential``
do, from :doc:`07_layers`.
**Time:** 25 minutes.
"""

# %%
# Names and shapes
# ----------------
#
# A *parameter* is a tensor that training may change. In our network these are the weights and
# biases of the linear layers. :meth:`torch.nn.Module.named_parameters` gives all of them with their
# names.

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from firstlayers import data, models, plotting, training

torch.manual_seed(0)
plotting.use_style()

model = models.NeuralNetwork()
for name, parameter in model.named_parameters():
    print(f"{name:28} {tuple(parameter.shape)!s:11} {parameter.numel():>7,} numbers")

# %%
# The names are paths. ``linear_relu_stack.0.weight`` is the attribute ``linear_relu_stack``, in it
# the layer 0, in that the ``weight``. Layers 1 and 3 are missing, because they are ReLUs, and a
# ReLU has nothing to learn. The same path leads to the tensor in Python.

first = model.linear_relu_stack[0]
assert first.weight is model.get_parameter("linear_relu_stack.0.weight")

# %%
# Let us look at the first two biases. There are two ways to see them.

print(first.bias[:2])
print(first.bias.detach()[:2])

# %%
# The first line carries a ``grad_fn``: PyTorch took a note that these two numbers were cut out of a
# parameter, in case you want to train through that (:doc:`09_autograd`). ``detach()`` leaves the
# note away and gives the plain numbers. For looking, take that one.

assert first.bias[:2].requires_grad
assert not first.bias.detach()[:2].requires_grad

# %%
# Count them
# ----------
#
# A linear layer from *in* to *out* has one weight for each pair of an input and an output, and one
# bias for each output.
#
# **Predict, then run.** Which of the three linear layers has the most numbers, and how many?

counts = {}
for name, layer in model.linear_relu_stack.named_children():
    if isinstance(layer, nn.Linear):
        n_in, n_out = layer.in_features, layer.out_features
        counts[f"layer {name}: {n_in} → {n_out}"] = n_in * n_out + n_out
        print(f"layer {name}: {n_in} · {n_out} + {n_out} = {n_in * n_out + n_out:,}")

total = sum(parameter.numel() for parameter in model.parameters())
memory = sum(parameter.nbytes for parameter in model.parameters())
print(f"together: {total:,} numbers, {memory:,} bytes")

assert list(counts.values()) == [401_920, 262_656, 5_130]
assert total == sum(counts.values()) == 669_706
assert memory == 4 * total

# %%
# Nearly all of the numbers are weights, and most of those lie between the pixels and the first
# hidden layer. Each number is a ``float32`` and takes four bytes.

fig, ax = plt.subplots(figsize=(7, 1.9))
bars = ax.barh(list(counts), list(counts.values()), color=plotting.BLUE)
ax.bar_label(bars, [f"{n:,} ({n / total:.0%})" for n in counts.values()], padding=4)
ax.invert_yaxis()
ax.set(title=f"Where the {total:,} numbers are", xlim=(0, 520_000), xticks=[])
ax.spines[["bottom", "left"]].set_visible(False)
ax.tick_params(length=0)
plotting.describe(
    fig,
    "Three bars show how many parameters each linear layer has: "
    + "; ".join(f"{name}, {n:,}" for name, n in counts.items())
    + ".",
)
plt.show()

# %%
# What a parameter is
# -------------------
#
# The class is called :class:`torch.nn.Parameter`. It is a tensor, with everything that tensors can
# do, plus two habits: from the start it asks for *gradients*, the slopes that training follows, and
# a module that gets one as an attribute takes it into its list.

weight = first.weight  # (512, 784)

print("class:      ", type(weight).__name__)
print("is a tensor:", isinstance(weight, torch.Tensor))
print("asks for gradients:", weight.requires_grad)
print("a plain tensor asks for gradients:", torch.zeros(3).requires_grad)

assert issubclass(nn.Parameter, torch.Tensor)

# %%
# Older texts speak of ``Variable``, a wrapper around tensors. It was merged with the tensor in
# 2018. Today the word lives on in some error messages; you will see one under *Common mistakes*.
#
# What a module keeps track of
# ----------------------------
#
# It is often said that ``nn.Module`` tracks all its attributes. It does not. Here is a module with
# five kinds of attributes, and three of them are kept track of. (``state_dict()`` holds what gets
# saved: :doc:`11_save_load`.)


class Attributes(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.layer = nn.Linear(3, 2)
        self.register_buffer("mean", torch.zeros(3))
        self.plain = torch.zeros(3)
        self.in_a_list = [nn.Linear(3, 2)]


module = Attributes()
print("parameters:", [name for name, parameter in module.named_parameters()])
print("buffers:   ", [name for name, buffer in module.named_buffers()])
print("state_dict:", list(module.state_dict()))

# %%
# A *buffer* is a tensor that belongs to the network but is not trained: the mean of the data, say,
# or a count. It is saved, and it moves to another device together with the parameters. The plain
# tensor and the layer in the Python list are in none of the lists.
#
# **Predict, then run.** ``.to(...)`` moves a module to another device, or converts it to another
# dtype. We convert ours to ``float64``, because that needs no second device. Which of the five
# follow?

module = module.to(torch.float64)
tensors = {
    "scale": module.scale,
    "layer.weight": module.layer.weight,
    "mean": module.mean,
    "plain": module.plain,
    "in_a_list.0.weight": module.in_a_list[0].weight,
}
for name, tensor in tensors.items():
    print(f"{name:20} {tensor.dtype}")

# %%
# What is not seen is not trained, not saved and not moved, and no message tells you. We ask the
# module for all three.

trained = dict(module.named_parameters())
saved = module.state_dict()
moved = [name for name, tensor in tensors.items() if tensor.dtype == torch.float64]
facts = [[name in trained, name in saved, name in moved] for name in tensors]

yes, no = True, False
assert facts[:2] == [[yes, yes, yes], [yes, yes, yes]]
assert facts[2] == [no, yes, yes]
assert facts[3:] == [[no, no, no], [no, no, no]]

# %%
# As a table:

kinds = ["Parameter", "Module", "Buffer", "Plain tensor", "Python list of layers"]
rows = [f"{kind}: {name}" for kind, name in zip(kinds, tensors, strict=True)]
columns = [
    "trained:\nin parameters()",
    "saved:\nin state_dict()",
    "moved:\nfollows to()",
]

fig, ax = plt.subplots(figsize=(7, 2.7))
for y, answers in enumerate(facts):
    for x, answer in enumerate(answers):
        color, marker = (plotting.GREEN, "o") if answer else (plotting.RED, "x")
        ax.scatter(x, y, s=90, lw=2.5, color=color, marker=marker)
        ax.text(x + 0.12, y, "yes" if answer else "no", va="center")
ax.set_xticks(range(3), columns)
ax.set_yticks(range(5), rows)
ax.set(xlim=(-0.4, 2.5), ylim=(4.5, -0.6))
ax.xaxis.tick_top()
ax.spines[:].set_visible(False)
ax.tick_params(length=0)
plotting.describe(
    fig,
    "A table of five kinds of attributes: is it trained, is it saved, is it moved? "
    + " ".join(
        f"{kind}: {', '.join('yes' if answer else 'no' for answer in answers)}."
        for kind, answers in zip(kinds, facts, strict=True)
    ),
)
plt.show()

# %%
# For a list of layers there is a cure: :class:`torch.nn.ModuleList`. It behaves like a list, and it
# is a module, so the layers in it are found. For dictionaries there is
# :class:`torch.nn.ModuleDict`, for bare parameters :class:`torch.nn.ParameterList`.


class Stack(nn.Module):
    def __init__(self, container):
        super().__init__()
        self.layers = container([nn.Linear(784, 64), nn.Linear(64, 10)])

    def forward(self, features):
        hidden = self.layers[0](features).relu()  # (batch, 64)
        return self.layers[1](hidden)  # (batch, 10)


for container in [list, nn.ModuleList]:
    stack = Stack(container)
    numbers = sum(parameter.numel() for parameter in stack.parameters())
    output_shape = tuple(stack(torch.ones(1, 784)).shape)
    print(f"{container.__name__:10} {numbers:6,} parameters, output {output_shape}")

# %%
# Both compute an answer. Only the second can learn.
#
# Where the first numbers come from
# ---------------------------------
#
# Before training, all numbers are random. :class:`torch.nn.Linear` draws weights and biases evenly
# between two bounds, and the bounds depend on the number :math:`n` of inputs:
#
# .. math:: -\frac{1}{\sqrt{n}} \le w \le \frac{1}{\sqrt{n}}
#
# A unit adds up one product for each input. The more inputs there are, the smaller the weights have
# to be, or the sum gets too large. (Then units saturate: :doc:`05_neurons`.)

linears = [layer for layer in model.linear_relu_stack if isinstance(layer, nn.Linear)]
for layer in linears:
    bound = layer.in_features**-0.5
    weight_max = layer.weight.abs().max().item()
    bias_max = layer.bias.abs().max().item()
    print(f"{layer.in_features} inputs, bound {bound:.4f}: ", end="")
    print(f"largest weight {weight_max:.4f}, largest bias {bias_max:.4f}")
    assert 0.99 * bound < weight_max <= bound
    assert bias_max <= bound

# %%
# The histograms are flat, and they stop at the dashed bounds. The last one is rougher, because the
# output layer has far fewer weights.

fig, axes = plt.subplots(1, 3, figsize=(7, 2.5), sharex=True)
for ax, layer in zip(axes, linears, strict=True):
    bound = layer.in_features**-0.5
    ax.hist(layer.weight.detach().flatten().numpy(), bins=30, range=(-bound, bound))
    for edge in (-bound, bound):
        ax.axvline(edge, color=plotting.ORANGE, ls="--", lw=1.5)
    ax.set_title(f"{layer.in_features} → {layer.out_features}")
    ax.set(xlim=(-0.06, 0.06), xticks=[-0.04, 0, 0.04], yticks=[], xlabel="weight")
    ax.spines["left"].set_visible(False)
plotting.describe(
    fig,
    "Three flat histograms, one for the weights of each linear layer. They fill the "
    "space between two dashed lines and stop there: at plus and minus "
    + ", ".join(f"{layer.in_features**-0.5:.4f}" for layer in linears)
    + ".",
)
plt.show()

# %%
# Change them
# -----------
#
# If you want other first values, use :mod:`torch.nn.init`. Its functions change a tensor in place.
# That is what the underscore at the end of their names says.

layer = nn.Linear(784, 512)
nn.init.zeros_(layer.bias)
nn.init.normal_(layer.weight, std=0.01)

print("biases that are not zero:  ", layer.bias.count_nonzero().item())
print(f"spread of the weights (std): {layer.weight.std().item():.4f}")

# %%
# For arithmetic of your own, open a block with :class:`torch.no_grad`. In it you may change
# parameters in place, and PyTorch will not take that for a part of the network's computation.

with torch.no_grad():
    layer.weight[0] = 0
    layer.weight.mul_(2)

print("unit 0, nonzero weights:  ", layer.weight[0].count_nonzero().item())
print(f"spread of the others (std): {layer.weight[1:].std().item():.4f}")
assert layer.weight.requires_grad

# %%
# A whole network is reached with :meth:`torch.nn.Module.apply`. It calls a function on every module
# in it, and returns the network.


def draw_small(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


small = models.NeuralNetwork().apply(draw_small)
for name, parameter in small.named_parameters():
    print(f"{name:28} std {parameter.std().item():.4f}")

# %%
# Why not start at zero?
# ----------------------
#
# Zero seems a fair first value. To see why it is not, look at the gradients. A gradient holds one
# number for each entry of its parameter, a slope: how fast the loss grows when that entry grows a
# little. Training moves each entry against its slope. You call ``backward()`` on the loss, and then
# each parameter has its gradient in ``.grad``. :doc:`09_autograd` opens that up.

train_set, test_set = data.load_dataset()
images, labels = data.as_tensors(train_set)  # (N, 1, 28, 28), (N,)


def compute_gradients(model):
    model.zero_grad()
    loss = F.cross_entropy(model(images[:64]), labels[:64])
    loss.backward()


# %%
# **Predict, then run.** All parameters are zero. Which of the six get a gradient that is not zero?

zeros = models.NeuralNetwork()
with torch.no_grad():
    for parameter in zeros.parameters():
        parameter.zero_()

compute_gradients(zeros)
for name, parameter in zeros.named_parameters():
    print(f"{name:28} largest gradient {parameter.grad.abs().max().item():.4f}")

# %%
# Only the last bias. The hidden units are all zero, so the last weights multiply nothing, and
# changing them a little changes nothing. And the last weights are zero, so nothing that happens
# before them matters either. The network can learn which class is frequent, and no more:

moving = [name for name, parameter in zeros.named_parameters() if parameter.grad.any()]
assert moving == ["linear_relu_stack.4.bias"]

# %%
# Zero is not the real trouble. *Alike* is. Let us give all weights of the two hidden layers the
# same value, 0.01, and leave the output layer random.

alike = models.NeuralNetwork()
for index in (0, 2):
    nn.init.constant_(alike.linear_relu_stack[index].weight, 0.01)
    nn.init.zeros_(alike.linear_relu_stack[index].bias)

compute_gradients(alike)
compute_gradients(model)
same = alike.linear_relu_stack[0].weight.grad  # (512, 784)
different = model.linear_relu_stack[0].weight.grad  # (512, 784)

outgoing = alike.linear_relu_stack[2].weight.grad  # (512, 512)

torch.testing.assert_close(same, same[:1].expand(512, 784))
torch.testing.assert_close(outgoing, outgoing[:, :1].expand(512, 512))
assert not torch.allclose(different, different[:1].expand(512, 784))

# %%
# A row of the first weight belongs to one unit and has 784 entries, and so has its gradient: it can
# be shown as an image. Above, the first seven units of the network with random weights; below, of
# the one whose weights are alike.

heading = {"x": 0.01, "ha": "left", "fontsize": 11, "fontweight": "bold"}
names = [f"unit {unit}" for unit in range(7)]

fig = plt.figure(figsize=(7, 3.4))
above, below = fig.subfigures(2, 1)
above.suptitle("Gradients, weights random", **heading)
below.suptitle("Gradients, weights alike", **heading)
plotting.show_weights(different[:7], names, fig=above)
plotting.show_weights(same[:7], names, fig=below)
plotting.describe(
    fig,
    "Two rows of seven pictures, the gradients of seven hidden units. Above, with "
    "random weights, each picture is different. Below, where all weights were 0.01, "
    "it is seven times the same.",
)
plt.show()

# %%
# All units of the first layer have the same weights coming in, and the same going out into the next
# layer. So both get the same gradient, take the same step, and are alike again. 512 units do the
# work of one. Training does not end that. We let it run for one *epoch*.
#
# (An *optimizer* changes the parameters. This one, SGD, subtracts the learning rate ``lr`` times
# the gradient. ``fit`` from the course's package feeds it with images; :doc:`10_training` writes
# that out line by line. We take 2,000 images at most, to save time.)

subset = TensorDataset(images[:2000], labels[:2000])
loader = DataLoader(subset, batch_size=64, shuffle=True)

optimizer = torch.optim.SGD(alike.parameters(), lr=0.1)
training.fit(alike, loader, optimizer=optimizer, epochs=1)

trained_alike = alike.linear_relu_stack[0].weight.detach()  # (512, 784)
print("moved by up to:              ", (trained_alike - 0.01).abs().max().item())
spread = (trained_alike - trained_alike[0]).abs().max().item()
print("units differ by no more than:", spread)
torch.testing.assert_close(trained_alike, trained_alike[:1].expand(512, 784))

# %%
# **Remember.** Weights start random, so that the units start different. Biases may all be zero, as
# in ``small`` above: the weights are enough to tell the units apart.

compute_gradients(small)
small_gradient = small.linear_relu_stack[0].weight.grad  # (512, 784)
assert not torch.allclose(small_gradient, small_gradient[:1].expand(512, 784))

# %%
# Freeze a layer
# --------------
#
# A *frozen* parameter keeps its value while the others learn. That is of use when you start from a
# network that somebody else has trained, and only want to teach it a new output. To freeze means
# ``requires_grad_(False)``, on one parameter or on a whole module.

partly = models.NeuralNetwork()
partly.linear_relu_stack[0].requires_grad_(False)

for name, parameter in partly.named_parameters():
    state = "trainable" if parameter.requires_grad else "frozen"
    print(f"{name:28} {parameter.numel():>7,} {state}")

frozen = [parameter for parameter in partly.parameters() if not parameter.requires_grad]
trainable_count = total - sum(parameter.numel() for parameter in frozen)
print(f"trainable: {trainable_count:,} of {total:,}")
assert trainable_count == 669_706 - 401_920 == 267_786

# %%
# They are still parameters, they are counted and saved. But they get no gradient, and training
# leaves them alone. (``no_grad`` does not freeze, as :doc:`09_autograd` shows.)

frozen_before = partly.linear_relu_stack[0].weight.clone()  # (512, 784)
free_before = partly.linear_relu_stack[2].weight.detach().clone()  # (512, 512)

optimizer = torch.optim.SGD(partly.parameters(), lr=0.1)
training.fit(partly, loader, optimizer=optimizer, epochs=1)

print("gradient of the frozen weight:", partly.linear_relu_stack[0].weight.grad)
assert torch.equal(partly.linear_relu_stack[0].weight, frozen_before)
assert not torch.equal(partly.linear_relu_stack[2].weight, free_before)

# %%
# Weights as pictures
# -------------------
#
# Now we train the whole network and look at its first layer before and after. ``clone()`` makes a
# copy. Without it, ``before`` would share the weight's memory, and change along.

weight = model.linear_relu_stack[0].weight  # (512, 784)
before = weight.detach().clone()  # (512, 784)

assert weight.detach().data_ptr() == weight.data_ptr()
assert before.data_ptr() != weight.data_ptr()

fig = plt.figure(figsize=(7, 1.7))
fig.suptitle("Weights before training", **heading)
plotting.show_weights(before[:7], names, fig=fig)
plt.show()

# %%
# Before training it is noise: these are the evenly drawn numbers of the histogram. We train for ten
# epochs, and measure on the test images, which the network does not train on.

test_loader = DataLoader(TensorDataset(*data.as_tensors(test_set)), batch_size=256)
accuracy_before = training.evaluate(model, test_loader).accuracy

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
training.fit(model, loader, optimizer=optimizer, epochs=10)

accuracy = training.evaluate(model, test_loader).accuracy
print(f"right on the test images: before {accuracy_before:.1%}, after {accuracy:.1%}")

# %%
# **Predict, then run.** The network reads a good part of the images now. How far did a weight of
# the first layer have to move for that, compared with its size at the start?

after = weight.detach().clone()  # (512, 784)
change = after - before  # (512, 784)

size, step = before.abs().mean().item(), change.abs().mean().item()
print(f"mean size of a weight before: {size:.5f}")
print(f"mean change:                  {step:.5f}")
print(f"in percent:                   {step / size:.0%}")

# %%
# On average, a fraction of its size. Some units moved more than others. Here are the seven that
# moved most. Above are their weights after training: the noise of the start, and strokes in it.
# Below is the change alone.

movers = change.norm(dim=1).topk(7).indices  # (7,)
names = [f"unit {unit}" for unit in movers.tolist()]

fig = plt.figure(figsize=(7, 3.4))
above, below = fig.subfigures(2, 1)
above.suptitle("Weights after training", **heading)
below.suptitle("What training changed", **heading)
plotting.show_weights(after[movers], names, fig=above)
plotting.show_weights(change[movers], names, fig=below)
plotting.describe(
    fig,
    "Two rows of pictures for the seven units that moved most. Above, their weights "
    f"after training, up to {after[movers].abs().max().item():.2f}: noise with red "
    "and blue strokes in it. Below, what training changed, up to "
    f"{change[movers].abs().max().item():.2f}: the strokes without the noise, in the "
    "places where the images have their ink.",
)
plt.show()

# %%
# The change is not noise. A red area says: ink here now raises this unit more than before. A blue
# area says: ink here now speaks against it.
#
# Where nothing is learned
# ------------------------
#
# Look at the white places in the change. The gradient of a weight is a mean over the images of a
# batch, and each term has the value of the weight's pixel as a factor. If a pixel is black in
# *every* training image, all terms are zero, and plain SGD leaves the weights for it exactly where
# they were.

used_images = images[:2000]  # (used, 1, 28, 28)
black = (used_images == 0).all(dim=0).flatten()  # (784,)

print(f"black in all {len(used_images):,} images: {black.sum().item()} of 784 pixels")
print("weights for them:          ", change[:, black].numel())
print("of these, how many moved:  ", change[:, black].count_nonzero().item())

assert torch.all(weight.grad[:, black] == 0)
assert torch.equal(after[:, black], before[:, black])

# %%
# Three pictures of the same 28 × 28 places: how bright a pixel is on average, whether any image
# ever uses it, and how far the 512 weights that start there have moved on average.

mean_image = used_images.mean(dim=0)[0]  # (28, 28)
ever_used = (~black).reshape(28, 28)  # (28, 28)
mean_change = change.abs().mean(dim=0).reshape(28, 28)  # (28, 28)

fig, axes = plt.subplots(1, 3, figsize=(7, 2.5))
pictures = [mean_image, ever_used, mean_change]
titles = ["Mean image", "Ever used", "Mean change of weights"]
for ax, picture, title in zip(axes, pictures, titles, strict=True):
    ax.imshow(picture.numpy())
    ax.set_title(title, loc="center")
    ax.set_axis_off()
plotting.describe(
    fig,
    "Three pictures of 28 by 28 pixels. The mean image is bright in the middle. "
    f"{784 - black.sum().item()} pixels are used by some image, {black.sum().item()} "
    "by none. The weights changed where the images are bright, and not at all at the "
    "pixels that no image uses.",
)
plt.show()

# %%
# The weights of unused pixels still hold the noise of the start. It does no harm while those pixels
# stay black. Let us take one image and make them white.

marked = images[:1].flatten(1).clone()  # (1, 784)
marked[:, black] = 1
with torch.no_grad():
    shift = model.linear_relu_stack(marked) - model(images[:1])  # (1, 10)

print(f"the logits shift by up to {shift.abs().max().item():.2f}")

# %%
# The network has an opinion on ink that it has never seen, and that opinion is chance.
#
# Common mistakes
# ---------------
#
# **Layers in a Python list.** The module does not see them, and the optimizer gets nothing. (In the
# clinic: :ref:`error-empty-list`.)

try:
    torch.optim.SGD(Stack(list).parameters(), lr=0.1)
except ValueError as error:
    print("ValueError:", error)

print(len(list(Stack(nn.ModuleList).parameters())), "parameters with ModuleList")

# %%
# This message is luck. The module with five kinds of attributes above has a list, too, and beside
# it parameters that *are* seen. The optimizer takes those and is content. The layer in the list
# never learns. In the clinic you see what that costs: :ref:`clinic-python-list`.

optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
known = {id(parameter) for parameter in optimizer.param_groups[0]["params"]}
for name, tensor in tensors.items():
    print(f"{name:20} known to the optimizer: {id(tensor) in known}")

assert id(module.in_a_list[0].weight) not in known

# %%
# **Layers made in** ``forward``. Each call makes new ones with new random numbers. They are not
# seen, and what they might learn is thrown away.


class MadeInForward(nn.Module):
    def forward(self, features):
        return nn.Linear(784, 10)(features)  # (batch, 10)


careless = MadeInForward()
example = images[:1].flatten(1)  # (1, 784)
print("parameters:", len(list(careless.parameters())))
print("same answer twice:", torch.equal(careless(example), careless(example)))

# %%
# **A tensor in place of a parameter.** Where a parameter was, only a parameter may go. Wrap the
# tensor in ``nn.Parameter``, or change the old one in place.

layer = nn.Linear(784, 10)
try:
    layer.weight = torch.zeros(10, 784)
except TypeError as error:
    print("TypeError:", error)

layer.weight = nn.Parameter(torch.zeros(10, 784))

# %%
# **A change in place without** ``no_grad``. Here is the old word *Variable* again. A *leaf* is a
# tensor that was not computed from others, such as a parameter. (In the clinic: :ref:`error-leaf`.)

try:
    layer.weight.add_(1)
except RuntimeError as error:
    print("RuntimeError:", error)

with torch.no_grad():
    layer.weight.add_(1)

# %%
# **Changing a parameter through** ``.data``. You find ``weight.data.fill_(0)`` in much older code
# (more of its kind in :doc:`../4_clinic/03_old_snippets`).
# It works, but it hides the change from *autograd*, the part of PyTorch that computes gradients.
# The gradient of :math:`w^2` is :math:`2w`; for :math:`w = 1` that is 2. Now the parameter changes
# between the computation of the loss and ``backward()``.

w = nn.Parameter(torch.tensor([1.0]))  # (1,)
loss = (w**2).sum()
w.data.mul_(10)
loss.backward()

print("gradient:", w.grad.item())
assert w.grad.item() == 20

# %%
# 20 instead of 2, and not a word. Under ``torch.no_grad()`` the same slip is noticed: PyTorch
# counts the changes in place, and finds one too many. In the clinic: :ref:`clinic-data-edit`.

w = nn.Parameter(torch.tensor([1.0]))  # (1,)
loss = (w**2).sum()
with torch.no_grad():
    w.mul_(10)
try:
    loss.backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("register_layers")`` and ``solution("register_layers")`` help.
#
# **Your turn: register_layers.** Write a class ``Layers``, a module that is made with a list of
# sizes: ``Layers([784, 128, 64, 10])`` has the linear layers 784 → 128, 128 → 64 and 64 → 10, with
# a ReLU after each but the last. Features of shape (batch, 784) go in, logits of shape (batch, 10)
# come out. It must work for any list of two sizes or more, and an optimizer must find all its
# parameters.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
class Layers(nn.Module):
    """Linear layers of the given sizes, with a ReLU after each but the last."""

    def __init__(self, sizes):
        super().__init__()
        ...  # your code here

    def forward(self, features):
        """(batch, first size) features -> (batch, last size) logits."""
        ...  # your code here


# %%
# **Your turn: count_trainable.** Write a function ``count_trainable(model)`` that returns, as an
# integer, how many numbers of a network training may change. Frozen parameters and buffers do not
# count.


@exercise
def count_trainable(model):
    """Count the numbers of a network that training may change."""
    ...  # your code here


# %%
# Recap
# -----
#
# * ``named_parameters()`` lists what a network can learn; ours has 669,706 numbers.
# * A module sees parameters, modules and buffers. It does not see plain tensors and Python lists.
# * ``Linear`` draws its first values evenly between :math:`\pm 1 / \sqrt{n}`, so that no two units
#   start alike.
# * Change values with ``nn.init`` or under ``torch.no_grad()``, never through ``.data``. Freeze
#   with ``requires_grad_(False)``.
# * A first-layer unit's weights are a picture; the change shows what it learned, and where a pixel
#   is always black it learned nothing.
#
# **Next:** :doc:`09_autograd` explains where gradients come from.
#
# **Further reading:** :class:`torch.nn.Parameter`, :class:`torch.nn.ModuleList`, the module
# :mod:`torch.nn.init`. How large the first weights should be: Glorot and Bengio, `Understanding the
# difficulty of training deep feedforward neural networks
# <https://proceedings.mlr.press/v9/glorot10a.html>`__, and He and others, `Delving deep into
# rectifiers <https://arxiv.org/abs/1502.01852>`__.
