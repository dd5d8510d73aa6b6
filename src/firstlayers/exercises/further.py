"""The exercises of the track "Further".

One block an exercise: the course's answer, whose source learners can read, and below it what an answer
is asked, wrong answers that have a name, further right ones, and hints.
"""

import math

import torch

from firstlayers.exercises.observation import calls
from firstlayers.exercises.registry import Exercise, Slip, add

# 03_autograd_in_sixty_lines


def quotient(a, b):
    """Two numbers -> their quotient, its slope in a, and its slope in b."""
    return a / b, 1 / b, -a / b**2


def _quotient_by_powers(a, b):
    inverse = b**-1.0
    return a * inverse, inverse, -a * inverse * inverse


def _quotient_from_the_result(a, b):
    result = a / b
    return [result, 1 / b, -result / b]


def _quotient_by_autograd(a, b):
    x, y = (
        torch.tensor(float(number), dtype=torch.float64, requires_grad=True) for number in (a, b)
    )
    result = x / y
    result.backward()
    return result.item(), x.grad.item(), y.grad.item()


add(
    Exercise(
        name="quotient",
        chapter="3_further/03_autograd_in_sixty_lines",
        reference=quotient,
        checked="6 pairs of numbers, among them negative ones and a zero",
        cases=calls(
            {
                "6 by 2": lambda: (6.0, 2.0),
                "5 by 4": lambda: (5.0, 4.0),
                "-1.5 by 0.5": lambda: (-1.5, 0.5),
                "0 by 4": lambda: (0.0, 4.0),
                "3 by -10": lambda: (3.0, -10.0),
                "whole numbers": lambda: (7, 3),
            }
        ),
        slips=(
            Slip(
                "minus sign forgotten",
                lambda a, b: (a / b, 1 / b, a / b**2),
                "The slope in b has the wrong sign. A larger b makes the quotient of two positive numbers "
                "smaller. What does that say about the slope?",
            ),
            Slip(
                "not squared",
                lambda a, b: (a / b, 1 / b, -a / b),
                "The slope in b is too steep or too flat by a factor b. Write 1 / b as a power of b, and "
                "take its derivative: what becomes of the exponent?",
            ),
            Slip(
                "slopes of a product",
                lambda a, b: (a / b, b, a),
                "These are the slopes of a times b. How much does a / b grow when a grows by 1?",
            ),
            Slip(
                "slopes swapped",
                lambda a, b: (a / b, -a / b**2, 1 / b),
                "Both slopes are right, but they have changed places: the one in a is asked for first.",
            ),
            Slip(
                "slope 1 in a",
                lambda a, b: (a / b, 1.0, -a / b**2),
                "A slope of 1 belongs to a sum. When a grows by 1, a / b grows by less or more than that, "
                "and it depends on b.",
            ),
            Slip(
                "a forgotten",
                lambda a, b: (a / b, 1 / b, -1 / b**2),
                "The slope in b is that of 1 / b. There is an a above the line, which stays as a factor.",
            ),
            Slip(
                "rounded down",
                lambda a, b: (a // b, 1 / b, -a / b**2),
                "The slopes are right, but // rounds the quotient down to a whole number. Which sign "
                "divides and keeps what stands behind the point?",
            ),
            Slip(
                "slopes only",
                lambda a, b: (1 / b, -a / b**2),
                "Both slopes are right. Three numbers are asked for: the result itself comes before them.",
            ),
            Slip(
                "upside down",
                lambda a, b: (
                    b / a if a else math.inf,
                    -b / a**2 if a else math.inf,
                    1 / a if a else math.inf,
                ),
                "This is b divided by a, with its slopes. The first number is the one to be divided.",
            ),
        ),
        variants=(
            _quotient_by_powers,
            _quotient_from_the_result,
            _quotient_by_autograd,
        ),
        hints=(
            "A slope says how fast the result changes when one of the two changes and the other stays. "
            "For the slope in a, b is just a number, and so is 1 / b.",
            "For the slope in b, write the quotient as a times a power of b. The derivative of a power is "
            "the exponent, times the power with an exponent that is less by 1.",
            "The exponent is -1, so the slope in b is a times -1 times b to the power -2. Return the "
            "result, the slope in a, and this one.",
        ),
    )
)


def forward_slope(order, start):
    """Values, parents first, and one of them -> the last one's derivative by it."""
    slopes = {}
    for value in order:
        slopes[value] = 1.0 if value is start else 0.0
        for parent, slope in value.parents:
            slopes[value] += slope * slopes[parent]
    return slopes[order[-1]]


class _Value:
    """A number as the chapter's engine has it. An old gradient stands in ``grad``."""

    def __init__(self, data, *parents):
        self.data = data
        self.parents = list(parents)
        self.grad = 0.25 * data + 3.0


def _sum(a, b):
    return _Value(a.data + b.data, (a, 1.0), (b, 1.0))


def _product(a, b):
    return _Value(a.data * b.data, (a, b.data), (b, a.data))


def _tanh(a):
    result = math.tanh(a.data)
    return _Value(result, (a, 1 - result**2))


def _chain_graph():
    a = _Value(0.5)
    b = _tanh(a)
    c = _product(b, _three := _Value(3.0))
    d = _tanh(c)
    return [a, b, _three, c, d]


def _diamond_graph():
    a, b = _Value(2.0), _Value(-3.0)
    c = _product(a, b)
    d = _sum(a, c)
    return [a, b, c, d, _product(c, d)]


def _twice_graph():
    a = _Value(1.5)
    b = _product(a, a)
    c = _sum(b, b)
    return [a, b, c, _product(c, b)]


def _network_graph():
    x, y, w, v = (_Value(number) for number in (0.7, -0.4, 1.2, 0.3))
    order = [x, y, w, v]
    for left, right in ((x, w), (y, v), (x, v)):
        order.append(_product(left, right))
    for left, right in ((order[4], order[5]), (order[5], order[6])):
        order.append(_sum(left, right))
        order.append(_tanh(order[-1]))
    return [*order, _product(order[8], order[10])]


def _from(make, place):
    def arguments():
        order = make()
        return order, order[place]

    return arguments


def _forward(*, first=lambda value, start: 1.0 if value is start else 0.0, step, end=None):
    """Go forward; ``step`` makes the new slope of the one so far and a parent's."""

    def forward_slope(order, start):
        slopes = {}
        for value in order:
            slopes[value] = first(value, start)
            for parent, slope in value.parents:
                slopes[value] = step(slopes[value], slope, slopes[parent])
        return end(slopes, order) if end else slopes[order[-1]]

    return forward_slope


def _add_product(so_far, slope, of_parent):
    return so_far + slope * of_parent


def _first_parent_only(order, start):
    slopes = {}
    for value in order:
        slopes[value] = 1.0 if value is start else 0.0
        for parent, slope in value.parents[:1]:
            slopes[value] += slope * slopes[parent]
    return slopes[order[-1]]


def _backward(order, start, *, clear=True):
    if clear:
        for value in order:
            value.grad = 0.0
    order[-1].grad = 1.0
    for value in reversed(order):
        for parent, slope in value.parents:
            parent.grad += value.grad * slope
    return start.grad


def _backward_too_early(order, start):
    for value in order:
        value.grad = 0.0
    order[-1].grad = 1.0
    seen = set()

    def enter(value):
        seen.add(value)
        for parent, slope in value.parents:
            parent.grad += value.grad * slope
            if parent not in seen:
                enter(parent)

    enter(order[-1])
    return start.grad


def _all_ways(order, start):
    def derivative(value):
        if value is start:
            return 1.0
        return sum(slope * derivative(parent) for parent, slope in value.parents)

    return derivative(order[-1])


def _by_places(order, start):
    places = {id(value): place for place, value in enumerate(order)}
    begin = places[id(start)]
    slopes = [0.0] * begin + [1.0]
    for value in order[begin + 1 :]:
        slopes.append(sum(slope * slopes[places[id(parent)]] for parent, slope in value.parents))
    return slopes[-1]


def _in_grad(order, start):
    for value in order:
        value.grad = sum(parent.grad * slope for parent, slope in value.parents)
        if value is start:
            value.grad = 1.0
    return order[-1].grad


add(
    Exercise(
        name="forward_slope",
        chapter="3_further/03_autograd_in_sixty_lines",
        reference=forward_slope,
        checked="9 starts in 4 graphs, 3 of them with diamonds",
        cases=calls(
            {
                "a chain": _from(_chain_graph, 0),
                "a chain, from its middle": _from(_chain_graph, 3),
                "a diamond": _from(_diamond_graph, 0),
                "a diamond, the other start": _from(_diamond_graph, 1),
                "a diamond, from its middle": _from(_diamond_graph, 2),
                "the last value by itself": _from(_diamond_graph, 4),
                "values used twice": _from(_twice_graph, 0),
                "a small network, by an input": _from(_network_graph, 0),
                "a small network, by a weight": _from(_network_graph, 3),
            }
        ),
        slips=(
            Slip(
                "assigned instead of added",
                _forward(step=lambda so_far, slope, of_parent: slope * of_parent),
                "The last parent erases what the others gave. A value with two parents changes because "
                "of both. What has to happen with the two parts?",
            ),
            Slip(
                "first parent only",
                _first_parent_only,
                "Right on a chain. A value with two parents changes because of both, and only the first "
                "of them was asked.",
            ),
            Slip(
                "slopes left out",
                _forward(step=lambda so_far, slope, of_parent: so_far + of_parent),
                "This counts the ways from the start to the end. Each arrow of a way has a slope, which "
                "is there to be multiplied with.",
            ),
            Slip(
                "slopes added",
                _forward(step=lambda so_far, slope, of_parent: so_far + slope + of_parent),
                "Along a way, slopes are multiplied, not added. That is the chain rule. Only what arrives "
                "on different ways is added.",
            ),
            Slip(
                "every start counts",
                _forward(
                    first=lambda value, start: 0.0 if value.parents else 1.0, step=_add_product
                ),
                "All values at the beginning move at once here, so the result is the sum of their "
                "gradients. Only one of them is asked about. How fast do the others change with it?",
            ),
            Slip(
                "start not set to 1",
                _forward(first=lambda value, start: 0.0, step=_add_product),
                "Everything is 0, because nothing ever began to move. How fast does the start change with "
                "itself?",
            ),
            Slip(
                "everything summed",
                _forward(step=_add_product, end=lambda slopes, order: sum(slopes.values())),
                "The derivative of each value is right. Only that of the last one is asked for, not the "
                "sum of all.",
            ),
            Slip(
                "the start by itself",
                lambda order, start: 1.0,
                "This is how fast the start changes with itself: 1, always. The last value in the list is "
                "asked about.",
            ),
            Slip(
                "all derivatives returned",
                _forward(step=_add_product, end=lambda slopes, order: list(slopes.values())),
                "The derivative of each value came back. Only that of the last one is asked for, as one "
                "number.",
            ),
            Slip(
                "old gradients left",
                lambda order, start: _backward(order, start, clear=False),
                "You go backward, which is allowed. But numbers from an earlier walk stand in grad, and "
                "yours were added to them. What should be done first?",
            ),
            Slip(
                "the old gradient",
                lambda order, start: start.grad,
                "This number stood in grad before anything was computed. It belongs to an earlier walk. "
                "Use parents, with their slopes, to find the new one.",
            ),
            Slip(
                "passed on too early",
                _backward_too_early,
                "You go backward, which is allowed. But a value passes its gradient on before all of it "
                "has come. The list is in order: what does that save you?",
            ),
        ),
        variants=(_backward, _all_ways, _by_places, _in_grad),
        hints=(
            "Each value has a derivative with respect to the start: 1 for the start itself, and 0 for what "
            "does not depend on it. Go through the list, and find one after the other.",
            "Keep a dictionary from value to derivative. When you come to a value, its parents are in it. "
            "Each of them contributes its slope times its own derivative, and the contributions are added.",
            "Begin each value with 1.0 if it is the start, else with 0.0. For each parent and slope in "
            "value.parents, add slope times the parent's entry. Return the entry of order[-1].",
        ),
    )
)
