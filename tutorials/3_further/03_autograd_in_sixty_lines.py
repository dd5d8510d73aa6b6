"""
Build autograd in sixty lines
=============================

You will write the machinery behind ``backward()`` yourself, in plain Python, break it in three
ways, hold it against PyTorch on hundreds of random graphs, and train a network with it.

**In this chapter you learn**

* what a value has to remember, so that gradients can be found later,
* why the order in which gradients are passed on decides whether they are right,
* why gradients are added, not assigned,
* to check an engine on graphs that nobody chose,
* what PyTorch's tensors have that sixty lines of Python do not.

**You need** gradients and the chain rule, from :doc:`../1_basics/09_autograd`, and the training
loop, from :doc:`../1_basics/10_training`.
**Time:** 25 minutes.
"""

# %%
# A number that remembers
# -----------------------
#
# In :doc:`../1_basics/09_autograd`, PyTorch took notes while it computed forward, and walked
# through them backward. What has to be in such a note? Only this: which values the result was
# computed from, and how fast it changes with each of them. We call the former its *parents*, and
# the latter the *slopes*. (A slope is the derivative of one step alone. The book word is *local
# derivative*.)

import inspect
import math
import random
import sys

import matplotlib.pyplot as plt
import torch
from torch import nn

from firstlayers import plotting

plotting.use_style()


class Value:
    def __init__(self, data, parents=()):
        self.data = data
        self.parents = parents  # pairs of a parent and a slope
        self.grad = 0.0


# %%
# Now the first two operations. A sum changes as fast as each of its terms, so both slopes are 1. A
# product :math:`a b` changes with :math:`a` as fast as :math:`b` says, and the other way round.
# ``as_value`` lets plain numbers take part.


def as_value(number):
    return number if isinstance(number, Value) else Value(number)


def add(a, b):
    a, b = as_value(a), as_value(b)
    return Value(a.data + b.data, [(a, 1.0), (b, 1.0)])


def multiply(a, b):
    a, b = as_value(a), as_value(b)
    return Value(a.data * b.data, [(a, b.data), (b, a.data)])


Value.__add__ = Value.__radd__ = add
Value.__mul__ = Value.__rmul__ = multiply

# %%
# The last two lines tell Python what to do with ``+`` and ``*``, also where the number on the left
# is a plain one. Here is a small computation. Note that ``a`` and ``c`` are each used twice.


def small_graph():
    a, b = Value(2.0), Value(-3.0)
    c = a * b
    d = a + c
    e = c * d
    return {"a": a, "b": b, "c": c, "d": d, "e": e}


graph = small_graph()
names = {value: name for name, value in graph.items()}
for name, value in graph.items():
    notes = [f"{slope:+g} for {names[parent]}" for parent, slope in value.parents]
    print(f"{name} = {value.data:+g}   slopes: {', '.join(notes) or 'none'}")

# %%
# All notes together are a graph. In the picture, values are blue, and the slopes on the arrows are
# purple.

places = {"a": (0, 1), "b": (0, -1), "c": (1.3, -0.35), "d": (2.5, 0.95), "e": (3.7, 0)}


def draw_graph(ax, graph, show, color_of, slopes=True):
    """Draw boxes and arrows; below each name stands what ``show`` says."""
    names = {value: name for name, value in graph.items()}
    box = {"boxstyle": "round,pad=0.45", "fc": "none", "ec": plotting.GRAY}
    boxes = {}
    for name, value in graph.items():
        x, y = places[name]
        words = show(value)
        room = f"{name}\n{' ' * max(6, 2 * len(words) - 3)}"
        boxes[name] = ax.text(x, y, room, ha="center", va="center", bbox=box)
        below = ax.text(x, y - 0.03, words, ha="center", va="top", fontsize=9)
        below.set_color(color_of(name))
    for name, value in graph.items():
        for parent, slope in value.parents:
            ends = places[names[parent]], places[name]
            tail, head = boxes[names[parent]], boxes[name]
            arrow = {
                "arrowstyle": "-|>",
                "color": plotting.GRAY,
                "shrinkA": 3,
                "shrinkB": 3,
            }
            arrow |= {"patchA": tail.get_bbox_patch(), "patchB": head.get_bbox_patch()}
            ax.annotate("", ends[1], ends[0], arrowprops=arrow)
            if slopes:
                x, y = ((start + end) / 2 for start, end in zip(*ends, strict=True))
                words = f"{slope:g}".replace("-", "−")
                ax.text(
                    x, y + 0.1, words, color=plotting.PURPLE, fontsize=9, ha="center"
                )
    ax.set(xlim=(-0.75, 4.15), ylim=(-1.45, 1.45))
    ax.set_axis_off()


def signed(number):
    return f"{number:g}".replace("-", "−")


fig, ax = plt.subplots(figsize=(6.4, 2.7))
draw_graph(ax, graph, lambda value: signed(value.data), lambda name: plotting.BLUE)
ax.set_title("Values go forward, and leave slopes behind")
plotting.describe(
    fig,
    "Five boxes joined by arrows from left to right. a = 2 and b = -3 lead to c = "
    "-6, a and c lead to d = -4, c and d lead to e = 24. On each arrow stands its "
    "slope. From c, one arrow leads straight to e, and one leads there by way of d.",
)
plt.show()

# %%
# Backward, first try
# -------------------
#
# How fast does ``e`` change with ``b``? The chain rule multiplies the slopes along a way from ``b``
# to ``e``. There are two such ways, one by ``d`` and one straight from ``c``, and their products
# are added. So a first version goes all ways, with a product in its hand.

calls = 0


def by_all_ways(value, product=1.0):
    global calls
    calls += 1
    value.grad += product
    for parent, slope in value.parents:
        by_all_ways(parent, product * slope)


by_all_ways(graph["e"])
right = {name: value.grad for name, value in graph.items()}
print("gradients:", {name: f"{grad:+g}" for name, grad in right.items()})
print(f"{calls} calls for {len(graph)} values")

# %%
# Let PyTorch say whether they are right.


def by_pytorch():
    a = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(-3.0, dtype=torch.float64, requires_grad=True)
    c = a * b
    d = a + c
    e = c * d
    steps = {"a": a, "b": b, "c": c, "d": d, "e": e}
    for step in steps.values():
        step.retain_grad()
    e.backward()
    return {name: step.grad.item() for name, step in steps.items()}


print("PyTorch:  ", {name: f"{grad:+g}" for name, grad in by_pytorch().items()})
assert by_pytorch() == right

# %%
# They are. But there were more calls than values, because ``c`` was entered twice, and all that is
# before it, too. A place where two ways part and meet again is called a *diamond*. Let us chain
# diamonds: add a value to itself, add the sum to itself, and so on.
#
# **Predict, then run.** Twenty additions make a graph of 21 values. How many calls will it take?


def chain_of_diamonds(count):
    value = Value(1.0)
    for _ in range(count):
        value = value + value
    return value


called = {}
for count in (1, 2, 5, 10, 14):
    calls = 0
    by_all_ways(chain_of_diamonds(count))
    called[count] = calls
    print(f"{count:2} diamonds: {count + 1:2} values, {calls:6,} calls")
    assert calls == 2 ** (count + 1) - 1

print(f"20 diamonds would take {2**21 - 1:,} calls, and 100 would take {2.0**101:.0e}.")

# %%
# Each diamond doubles the number of ways. The gradients would be right, and nobody would live to
# see them. A network is full of diamonds: each hidden unit leads to every unit of the next layer.
#
# Backward, second try
# --------------------
#
# So no value must be entered twice. A ``set`` remembers where we were.


def each_once(value, seen):
    """Pass the value's gradient on to its parents, then enter each of them."""
    global calls
    calls += 1
    seen.add(value)
    for parent, slope in value.parents:
        parent.grad += value.grad * slope
        if parent not in seen:
            each_once(parent, seen)


calls = 0
hasty = small_graph()
hasty["e"].grad = 1.0
each_once(hasty["e"], seen=set())
wrong = {name: value.grad for name, value in hasty.items()}
print(f"{calls} calls")
for name in graph:
    verdict = "" if wrong[name] == right[name] else "   wrong"
    print(f"{name}: {wrong[name]:+g}, right is {right[name]:+g}{verdict}")

assert wrong["c"] == right["c"]
assert wrong["b"] != right["b"]

# %%
# Five calls, and two wrong numbers. Strangely, ``c`` is right, and ``b``, which gets its gradient
# from ``c``, is not. What happened? Coming from ``e``, we entered ``c`` first, and it passed on
# what it had. *Later* came the part by way of ``d``. It arrived, but ``c`` had already had its
# turn.
#
# A value may pass its gradient on only when it is finished, that is, when all that were computed
# from it have passed on theirs.
#
# Backward, in order
# ------------------
#
# Such an order always exists: backward through the order in which the values were computed. In a
# list where parents come before what is computed from them, every arrow points from left to right.
# Such a list is called a *topological order*. We find it with a stack of our own. A value is opened
# first. When it comes up again, its parents are done, and it is appended.


def in_order(result):
    order, opened, stack = [], set(), [(result, False)]
    while stack:
        value, parents_are_done = stack.pop()
        if parents_are_done:
            order.append(value)
        elif value not in opened:
            opened.add(value)
            stack.append((value, True))
            stack.extend((parent, False) for parent, _ in value.parents)
    return order


def backward(result):
    order = in_order(result)
    for value in order:
        value.grad = 0.0
    result.grad = 1.0
    for value in reversed(order):
        for parent, slope in value.parents:
            parent.grad += value.grad * slope


Value.backward = backward

graph = small_graph()
names = {value: name for name, value in graph.items()}
print("in order:", [names[value] for value in in_order(graph["e"])])
graph["e"].backward()
for name, value in graph.items():
    assert value.grad == right[name]

order = in_order(chain_of_diamonds(100))
print(f"100 diamonds: {len(order)} values, each of them once")
assert len(order) == 101

# %%
# That is the whole trick. Both results side by side, with the gradients below the names. What is
# wrong is red:


def show_gradient(value):
    expected = right[names.get(value) or hasty_names[value]]
    words = signed(value.grad)
    return words if value.grad == expected else f"{words}, not {signed(expected)}"


hasty_names = {value: name for name, value in hasty.items()}
fig, axes = plt.subplots(1, 2, figsize=(7, 2.3))
pairs = {"Each once, in a hurry": hasty, "In topological order": graph}
for ax, (title, shown) in zip(axes, pairs.items(), strict=True):
    colors = {
        name: plotting.ORANGE if value.grad == right[name] else plotting.RED
        for name, value in shown.items()
    }
    draw_graph(ax, shown, show_gradient, colors.get, slopes=False)
    ax.set_title(title)
plotting.describe(
    fig,
    "The same five boxes twice, with gradients. Left, in a hurry: "
    + ", ".join(f"{name} {grad:g}" for name, grad in wrong.items())
    + "; a and b are red, and beside them stands what is right. Right, in order: "
    + ", ".join(f"{name} {grad:g}" for name, grad in right.items())
    + ".",
)
plt.show()

# %%
# And this is what the order saves:

fig, ax = plt.subplots(figsize=(6.4, 2.9))
counts = range(1, 31)
ax.plot(
    counts, [2 ** (n + 1) - 1 for n in counts], color=plotting.RED, label="all ways"
)
ax.plot(
    list(called), list(called.values()), "o", color=plotting.RED, label="counted above"
)
once = [len(in_order(chain_of_diamonds(n))) for n in counts]
ax.plot(counts, once, color=plotting.GREEN, label="in order")
ax.set(yscale="log", xlabel="diamonds in the chain", ylabel="visits to a value")
ax.set_title("The price of going all ways")
ax.legend()
plotting.describe(
    fig,
    "Visits over the number of diamonds, on a logarithmic axis. Going all ways is a "
    f"straight line up to {2**31 - 1:,} visits for 30 diamonds, which the counted "
    f"dots confirm. In order, it hardly rises, to {once[-1]} visits.",
)
plt.show()

# %%
# Why a stack of our own?
# -----------------------
#
# ``in_order`` could have called itself for each parent, in half as many lines.
#
# **Predict, then run.** What happens to such a function on a sum of 20,000 terms?


def in_order_by_recursion(value, order, seen):
    seen.add(value)
    for parent, _ in value.parents:
        if parent not in seen:
            in_order_by_recursion(parent, order, seen)
    order.append(value)
    return order


total = start = Value(0.0)
for _ in range(20_000):
    total = total + 1

try:
    in_order_by_recursion(total, [], set())
except RecursionError as error:
    print("RecursionError:", str(error).partition(" while")[0])

print(
    f"Python allows {sys.getrecursionlimit():,} calls within calls, or about so many."
)
total.backward()
print(
    f"our stack: {len(in_order(total)):,} values, gradient of the first: {start.grad}"
)
assert start.grad == 1

# %%
# Each term adds a level, and Python stops a function that calls itself too deep. A list may grow as
# long as it likes. (PyTorch's engine, in C++, keeps a list of what is ready as well.)
#
# The other operations
# --------------------
#
# With the order settled, an operation is two lines: its result, and its slopes. Subtraction and
# division need none of their own. And that is the engine. How long has it become?


def power(a, exponent):  # the exponent is a plain number
    return Value(a.data**exponent, [(a, exponent * a.data ** (exponent - 1))])


def exp(a):
    result = math.exp(a.data)
    return Value(result, [(a, result)])


def log(a):
    return Value(math.log(a.data), [(a, 1 / a.data)])


def tanh(a):
    result = math.tanh(a.data)
    return Value(result, [(a, 1 - result**2)])


def relu(a):
    return Value(max(a.data, 0.0), [(a, float(a.data > 0))])


Value.__pow__, Value.exp, Value.log = power, exp, log
Value.tanh, Value.relu = tanh, relu
Value.__neg__ = lambda a: a * -1
Value.__sub__ = lambda a, b: a + b * -1
Value.__rsub__ = lambda a, b: a * -1 + b
Value.__truediv__ = lambda a, b: a * as_value(b) ** -1
Value.__rtruediv__ = lambda a, b: a**-1 * b

functions = [Value.__init__, as_value, add, multiply, in_order, backward]
functions += [power, exp, log, tanh, relu]
lines = sum(len(inspect.getsource(function).splitlines()) for function in functions)
lines += 11  # "class Value:" and the lines that give it its operators
print(f"the engine has {lines} lines")
assert lines <= 60

# %%
# Graphs that nobody chose
# ------------------------
#
# Five values were easy to check. But would you have thought of a diamond? So let chance build the
# graphs. A *recipe* begins with three numbers. Each of its steps takes two of the values so far,
# which may be the same, and computes a new one. Methods and operators have PyTorch's names, so one
# function cooks for both.

OPERATIONS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "subtract from 1": lambda a, b: 1 - a * b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1),
    "divide 1": lambda a, b: 1 / (a * a + b * b + 1),
    "negate": lambda a, b: -a,
    "cube": lambda a, b: (a * 0.5) ** 3,
    "tanh": lambda a, b: (a + b).tanh(),
    "relu": lambda a, b: a.relu(),
    "exp": lambda a, b: a.tanh().exp(),
    "log": lambda a, b: (a * a + 1).log(),
}


def random_recipe(generator, steps=20):
    starts = [generator.uniform(-2, 2) for _ in range(3)]
    recipe = []
    for step in range(steps):
        i, j = generator.randrange(3 + step), generator.randrange(3 + step)
        recipe.append((generator.choice(list(OPERATIONS)), i, j))
    return starts, recipe


def cook(values, recipe):
    values = list(values)
    for name, i, j in recipe:
        values.append(OPERATIONS[name](values[i], values[j]))
    return sum(value.tanh() for value in values), values


def difference(ours, theirs):
    """The largest difference, in parts of the number where that is above 1."""
    pairs = zip(ours, theirs, strict=True)
    return max(abs(a - b) / max(1, abs(b)) for a, b in pairs)


def gradients_of_pytorch(starts, recipe):
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in starts]
    result, values = cook(leaves, recipe)
    return [grad.item() for grad in torch.autograd.grad(result, values)]


generator = random.Random(0)
recipes = [random_recipe(generator) for _ in range(300)]
theirs = [gradients_of_pytorch(*recipe) for recipe in recipes]
used = {name for _, recipe in recipes for name, _, _ in recipe}
assert used == set(OPERATIONS)

worst, diamonds = 0.0, 0
for (starts, recipe), expected in zip(recipes, theirs, strict=True):
    result, values = cook(map(Value, starts), recipe)
    result.backward()
    worst = max(worst, difference([value.grad for value in values], expected))

print(f"{len(recipes)} graphs, {sum(map(len, theirs)):,} gradients")
print(f"largest difference from PyTorch: {worst:.1e}")
assert worst < 1e-10

# %%
# What rounding leaves, and nothing else. The same test on the two engines that are wrong:
# ``each_once`` from above, and one that knows the order but writes ``=`` where it should write
# ``+=``.


def assigned(result):
    order = in_order(result)
    for value in order:
        value.grad = 0.0
    result.grad = 1.0
    for value in reversed(order):
        for parent, slope in value.parents:
            parent.grad = value.grad * slope


def hurried(result):
    result.grad = 1.0
    each_once(result, set())


for name, engine in {
    "= for +=": assigned,
    "each once": hurried,
    "ours": backward,
}.items():
    failed = 0
    for (starts, recipe), expected in zip(recipes, theirs, strict=True):
        result, values = cook(map(Value, starts), recipe)
        engine(result)
        failed += difference([value.grad for value in values], expected) > 1e-10
    print(f"{name:10} wrong on {failed} of {len(recipes)} graphs")
    assert failed == 0 if engine is backward else failed > len(recipes) / 2

# %%
# With ``=``, the last one who passes something on erases what the others gave. In a chain, where
# each value is used once, nobody would notice. That is what makes it a nasty mistake.
#
# A network of values
# -------------------
#
# An engine is there to train something. Here are points of two classes: a disc, and a ring around
# it. No straight line parts them.

torch.manual_seed(0)
angle = 2.4 * torch.arange(40)  # (40,), which spreads them evenly
radius = torch.cat([torch.rand(20).sqrt(), 1.7 + 0.6 * torch.rand(20)])  # (40,)
inputs = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)  # (40, 2)
inputs = inputs.double()  # (40, 2)
targets = torch.cat([torch.ones(20), -torch.ones(20)]).double()  # (40,), 1 for the disc

# %%
# The network has two inputs, eight hidden units with tanh, and one output, the *score*: above 0 for
# the disc, below 0 for the ring. The loss of a point is :math:`\ln(1 + e^{-t s})` for the score
# :math:`s` and the target :math:`t`, which is 1 or -1. It is cross-entropy for two classes. PyTorch
# makes the starting weights, and we turn each of them into a ``Value``.

network = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).double()
hidden = [
    (Value(w1), Value(w2), Value(bias))
    for (w1, w2), bias in zip(
        network[0].weight.tolist(), network[0].bias.tolist(), strict=True
    )
]
outer = [Value(weight) for weight in network[2].weight[0].tolist()]
outer_bias = Value(network[2].bias.item())
parameters = [value for unit in hidden for value in unit] + [*outer, outer_bias]


def score_of(x, y):
    total = outer_bias
    for (w1, w2, bias), weight in zip(hidden, outer, strict=True):
        total = total + (w1 * x + w2 * y + bias).tanh() * weight
    return total


points = list(zip(inputs.tolist(), targets.tolist(), strict=True))


def loss_of_all():
    losses = [((score_of(x, y) * -t).exp() + 1).log() for (x, y), t in points]
    return sum(losses) * (1 / len(losses))


print(f"{len(parameters)} parameters, loss at the start: {loss_of_all().data:.4f}")

# %%
# Training is what it always is: forward, backward, and a step against the gradient.

learning_rate, steps = 2.0, 100
our_losses = []
for _ in range(steps):
    loss = loss_of_all()
    loss.backward()
    for parameter in parameters:
        parameter.data -= learning_rate * parameter.grad
    our_losses.append(loss.data)

right_side = sum((score_of(x, y).data > 0) == (t > 0) for (x, y), t in points)
print(f"loss after {steps} steps: {our_losses[-1]:.4f}")
print(f"on the right side: {right_side} of {len(points)} points")
assert right_side == len(points)

# %%
# PyTorch, from the same start, with the same data and the same steps:

optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
their_losses = []
for _ in range(steps):
    optimizer.zero_grad()
    scores = network(inputs).squeeze(1)  # (40,)
    loss_by_pytorch = torch.log(1 + torch.exp(-targets * scores)).mean()
    loss_by_pytorch.backward()
    optimizer.step()
    their_losses.append(loss_by_pytorch.item())

first = torch.cat([network[0].weight, network[0].bias[:, None]], dim=1)  # (8, 3)
trained = torch.cat([first.flatten(), network[2].weight[0], network[2].bias])  # (33,)
worst = difference([value.data for value in parameters], trained.tolist())
print(f"loss after {steps} steps: {their_losses[-1]:.4f}")
print(f"largest difference of the {len(trained)} parameters: {worst:.1e}")
assert worst < 1e-10

# %%
# The same network, to the last digits. Here is its decision: how sure it is, at each place.

extent = 2.7
ticks = [extent * (k / 30 - 1) for k in range(61)]
surface = [[math.tanh(score_of(x, y).data / 2) for x in ticks] for y in ticks]

fig, (left, right_ax) = plt.subplots(1, 2, figsize=(7, 3), width_ratios=[1, 1.25])
sides = (-extent, extent, -extent, extent)
left.imshow(surface, cmap="RdBu", vmin=-2.4, vmax=2.4, origin="lower", extent=sides)
left.contour(ticks, ticks, surface, levels=[0], colors="#2b3038", linewidths=1.5)
for side, color in {1.0: plotting.BLUE, -1.0: plotting.RED}.items():
    chosen = inputs[targets == side]  # (20, 2)
    left.scatter(*chosen.T, s=16, color=color, edgecolors="white", linewidths=0.6)
left.set(xlabel="first input", ylabel="second input", title="Disc or ring?")
right_ax.plot(our_losses, color=plotting.BLUE, lw=5, alpha=0.45, label="sixty lines")
right_ax.plot(their_losses, color=plotting.ORANGE, ls="--", label="PyTorch")
right_ax.set(xlabel="step", ylabel="loss", title="The same way down", ylim=(0, None))
right_ax.legend()
plotting.describe(
    fig,
    "Left, the plane of the two inputs: blue inside a closed, rounded line and red "
    "outside. The blue points of the disc lie inside, the red points of the ring lie "
    f"outside. Right, the loss over {steps} steps, from {our_losses[0]:.2f} to "
    f"{our_losses[-1]:.3f}: a broad line by our engine and a dashed one by PyTorch, "
    "one on top of the other.",
)
plt.show()

# %%
# What tensors are for
# --------------------
#
# So what is missing? Count the notes that one loss leaves behind, here and in PyTorch.


def notes_of_pytorch(result):
    found, waiting = set(), [result.grad_fn]
    while waiting:
        note = waiting.pop()
        if note is not None and note not in found:
            found.add(note)
            waiting += [earlier for earlier, _ in note.next_functions]
    return found


ours, notes = len(in_order(loss)), len(notes_of_pytorch(loss_by_pytorch))
print(f"our graph:     {ours:,} values, one for each number")
print(f"PyTorch's:     {notes} notes, one for each operation on a whole tensor")
assert ours > 100 * notes

# %%
# One note for a matrix product, with all its numbers at once: that is where the speed comes from.
# The idea is the same. In place of a slope there stands a product with a matrix, and it goes
# backward in topological order, and it adds.
#
# Common mistakes
# ---------------
#
# **A function that does not know our values.** The functions of ``math`` want plain numbers.

try:
    math.tanh(Value(0.5))
except TypeError as error:
    print("TypeError:", error)

# %%
# **Stepping out of the graph.** ``.data`` is a plain number, as is ``.item()`` of a tensor.
# Whatever is computed from it has no parents, and there is no error, only a gradient that never
# comes.

w = Value(3.0)
out = as_value(w.data * 2.0)
out.backward()
print("gradient of w:", w.grad)
assert w.grad == 0

# %%
# **Making a new value where the old one should move.** After ``w = w - 0.1``, the name stands for a
# result, with a parent. The value that the network holds is still the old one. A step changes
# ``w.data``. (PyTorch does it under ``no_grad``.)

old = w
w = w - 0.1
print(
    "is it still the same value?", w is old, "· parents of the new one:", len(w.parents)
)
assert w is not old

# %%
# **Expecting that gradients add up.** Our ``backward`` starts from zero every time. PyTorch adds to
# what stands in ``.grad``, so there you need ``zero_grad()``.

x, x_tensor = Value(3.0), torch.tensor(3.0, requires_grad=True)
for _ in range(2):
    (x * x).backward()
    (x_tensor * x_tensor).backward()

print(f"after two calls: ours {x.grad}, PyTorch's {x_tensor.grad.item()}")
assert x_tensor.grad.item() == 2 * x.grad

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("quotient")`` and ``solution("quotient")`` help.
#
# **Your turn: quotient.** Our engine divides in two steps, with the power -1. Write it as one step:
# a function ``quotient(a, b)`` of two plain numbers that returns three of them: the result of a
# divided by b, its slope with respect to a, and its slope with respect to b.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def quotient(a, b):
    """Two numbers -> their quotient, its slope in a, and its slope in b."""
    ...  # your code here


# %%
# **Your turn: forward_slope.** One can also go *forward*: from one value to the result, with the
# derivative of each value with respect to that one. Write a function
# ``forward_slope(order, start)``. ``order`` is a list of values in topological order, and ``start``
# is one of them. Return the gradient of the last value with respect to ``start``, as a number. The
# values are like those of this chapter, with ``data``, ``parents`` and ``grad``, and old numbers
# may stand in ``grad``. (One walk backward gives all gradients at once. Forward, each start needs a
# walk of its own. That is why networks are trained backward.)


@exercise
def forward_slope(order, start):
    """Values, parents first, and one of them -> the last one's derivative by it."""
    ...  # your code here


# %%
# Recap
# -----
#
# * A value that remembers its parents and its slopes is all that backward needs.
# * Going all ways from the result gives the right gradients, and takes forever.
# * A value may pass its gradient on only when it is finished. Backward in topological order, each
#   value is.
# * Gradients of a value that is used more than once add up: ``+=``.
# * Random graphs, compared with an engine that is known to be right, find mistakes that chosen
#   examples miss.
#
# **Next:** :doc:`04_watch_it_learn` looks at what the gradients do to a network, step by step.
#
# **Further reading:** on how PyTorch does it, Paszke and others, `Automatic differentiation in
# PyTorch <https://openreview.net/forum?id=BJJsrmfCZ>`__, and :class:`torch.autograd.Function` for a
# step with a slope of your own. On forward and backward: Baydin, Pearlmutter, Radul and Siskind,
# `Automatic differentiation in machine learning: a survey
# <https://jmlr.org/papers/v18/17-468.html>`__. A well-known engine of this size is Karpathy's
# `micrograd <https://github.com/karpathy/micrograd>`__.
