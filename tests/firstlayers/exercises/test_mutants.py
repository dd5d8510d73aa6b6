"""Small changes to a right answer make it wrong, and the checker notices."""

import ast
import copy
import inspect
from collections.abc import Iterator

from answers import IMPORTS, every_exercise

from firstlayers.exercises.isolation import observe
from firstlayers.exercises.judging import is_same, reference_of
from firstlayers.exercises.registry import Exercise

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.MatMult: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
NAMES = {
    "argmax": "argmin", "eval": "train", "exp": "log", "log": "exp", "max": "min", "mean": "sum",
    "min": "max", "relu": "sigmoid", "sigmoid": "relu", "sqrt": "square", "sum": "mean",
    "all": "any", "any": "all", "log_softmax": "softmax", "softmax": "log_softmax", "ReLU": "Sigmoid",
    "zero_grad": "parameters", "train": "eval",
}  # fmt: skip


def edits(node: ast.AST) -> Iterator[ast.AST]:
    """Change one node, in every way there is."""
    for field in ("op", "ops"):
        for place, operator in enumerate(listed(getattr(node, field, None))):
            swap = SWAPS.get(type(operator))
            if swap is not None:
                changed = copy.deepcopy(node)
                new = swap()
                if field == "ops":
                    changed.ops[place] = new
                else:
                    changed.op = new
                yield changed
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield node.operand
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield ast.Attribute(node.value, NAMES[node.attr], node.ctx)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    if isinstance(node, (ast.If, ast.IfExp)):
        changed = copy.deepcopy(node)
        changed.test = ast.UnaryOp(ast.Not(), changed.test)
        yield changed
    if isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.UnaryOp(ast.USub(), node.value))


def listed(operators: object) -> list[object]:
    return operators if isinstance(operators, list) else [operators]


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Yield the changed line and the whole changed source, for every single edit."""
    tree = ast.parse(source)
    original = ast.unparse(tree).splitlines()
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for place, node in enumerate(listed(value)):
                if not isinstance(node, ast.AST):
                    continue
                for changed in edits(node):
                    if isinstance(value, list):
                        value[place] = changed
                    else:
                        setattr(parent, field, changed)
                    ast.fix_missing_locations(tree)
                    text = ast.unparse(tree)
                    line = next(
                        (
                            new
                            for old, new in zip(original, text.splitlines(), strict=False)
                            if old != new
                        ),
                        "",
                    )
                    if text.splitlines() != original:
                        yield line.strip(), text
                    if isinstance(value, list):
                        value[place] = node
                    else:
                        setattr(parent, field, node)


# Changed lines that compute the same thing, each with why.
EQUIVALENT: dict[str, dict[str, str]] = {
    "broadcast_shape": {
        "for one, other in zip(first, second, strict=False):": (
            "both shapes were made equally long before"
        )
    },
    "momentum_step": {
        "for parameter, move in zip(parameters, moves, strict=False):": (
            "the two lists are as long as each other"
        )
    },
    "save_load": {
        "loaded.load_state_dict(torch.load(path, weights_only=False))": (
            "the file was written by the function itself and holds tensors only"
        )
    },
}


def survivors(exercise: Exercise) -> tuple[int, list[str]]:
    """Count the mutants, and list the changed lines of those that pass for right."""
    expected = reference_of(exercise)  # first: what it imports is not on a mutant's time
    alive = []
    count = 0
    for line, source in mutants(inspect.getsource(exercise.reference)):
        namespace: dict[str, object] = {}
        exec(compile(f"{IMPORTS}\n{source}", "<mutant>", "exec"), namespace)
        count += 1
        seen = observe(namespace[exercise.answer_name], exercise.cases, fork=False)
        if is_same(exercise, seen, expected):
            alive.append(line)
    return count, alive


@every_exercise
def test_every_mutant_that_behaves_differently_is_refused(exercise: Exercise) -> None:
    count, alive = survivors(exercise)
    assert count >= 3
    known = EQUIVALENT.get(exercise.name, {})
    assert [line for line in alive if line not in known] == []
