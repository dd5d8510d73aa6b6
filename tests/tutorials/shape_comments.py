"""Check the shapes that a chapter's comments promise, while the chapter runs.

A *shape comment* stands at the end of a statement and says which shape its value has::

    images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)
    pixels = images.flatten(1)  # (N, 784), one row an image
    return logits  # (batch, 10)

An entry is a number or a name. A name stands for one number: within a cell, within one call of a
function, and, where it is first met inside a loop, within one round of that loop (the last batch
may be smaller). After the shapes may follow a space and words.

A chapter may call a function with a wrong shape on purpose, to show the error. What is found in a
call that ends with an error does not count.

`ShapeComments` rewrites the syntax tree of a script: behind each statement with a shape comment it
puts a call that compares. Line numbers stay as they are. It finds

* a shape that differs from its comment,
* a shape comment that is not understood, or stands where there is no value to check,
* a shape comment that was never reached,
* a name that gets its first tensor (of one dimension or more) without a shape comment, where this
  happens in a cell and not inside a function or a class.
"""

import ast
import copy
import io
import re
import tokenize
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
import torch

__all__ = ["ShapeComments"]

ENTRY = r"(?:[A-Za-z_]\w*|\d+)"
# As in Python, a shape of one entry has a comma.
SHAPE = rf"\((?:{ENTRY}(?:, {ENTRY})+|{ENTRY},)?\)"
SHAPES = re.compile(rf"# (?P<shapes>{SHAPE}(?:, {SHAPE})*)(?P<words>,? .*)?")
# What somebody may have meant as a shape: "(64 10)", "(64)", "(..., 10)", "(2 * N, 10)".
ALMOST = re.compile(r"#\s*\(\s*(\d|\.\.\.|\)|\w+\s*[,*+-])")
CELL = re.compile(r"#{20,}|# ?%%")

# The one name that the rewritten script uses. It ends in underscores, so that classes do not
# mangle it.
CHECKER = "__shape_comments__"

Shape = tuple[int | str, ...]


@dataclass
class _Comment:
    """One shape comment, and whether its statement was executed."""

    shapes: tuple[Shape, ...]
    statement: ast.stmt
    reached: bool = False


@dataclass
class _Bound:
    """What a name stands for, and the line that says so."""

    size: int
    line: int


class _Names(dict[str, _Bound]):
    """What names stand for, and how much was found before."""

    found_before = 0


class ShapeComments:
    """The shape comments of one script.

    Parameters
    ----------
    source : str
        The script.
    filename : str
        What tracebacks name as its file.

    Attributes
    ----------
    code : code
        What to execute, in a namespace prepared by `attach`.
    """

    def __init__(self, source: str, filename: str = "<chapter>") -> None:
        self._problems: list[tuple[int, str]] = []
        self._comments: dict[int, _Comment] = {}
        self._cells: dict[int, _Names] = {}
        self._with_tensor: set[str] = set()
        lines = source.splitlines()
        tree = ast.parse(source, filename)
        self._find(source, lines, tree)
        marks = [number for number, line in enumerate(lines, 1) if CELL.match(line)]
        rewritten = _Rewriter(self._comments, marks).visit(tree)
        self.code: CodeType = compile(ast.fix_missing_locations(rewritten), filename, "exec")

    def attach(self, namespace: dict[str, Any]) -> None:
        """Prepare the namespace in which `code` will run."""
        namespace[CHECKER] = self

    def problems(self) -> list[str]:
        """Say what is wrong, one string a line of the script, to be called after `code` has run."""
        unreached = {
            line: "this shape comment was never reached"
            for line, comment in self._comments.items()
            if not comment.reached
        }
        # Of each line, the first counts.
        found = unreached | dict(reversed(self._problems))
        return [f"line {line}: {found[line]}" for line in sorted(found)]

    @classmethod
    def run(cls, source: str, **namespace: Any) -> list[str]:
        """Execute a script and say what is wrong with its shape comments."""
        checker = cls(source)
        checker.attach(namespace)
        exec(checker.code, namespace)
        return checker.problems()

    def _find(self, source: str, lines: list[str], tree: ast.Module) -> None:
        """Collect the shape comments, and complain about those that cannot be checked."""
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            line, column = token.start
            if token.type != tokenize.COMMENT or not lines[line - 1][:column].strip():
                continue  # a comment on a line of its own is prose
            match = SHAPES.fullmatch(token.string)
            if match is None:
                if ALMOST.match(token.string):
                    self._problem(line, f"not a shape comment as it should be: {token.string}")
                continue
            if re.search(r"\(\d", match["words"] or ""):
                self._problem(line, f"only shapes before any words are checked: {token.string}")
            statement = _simple_statement(tree, line)
            if statement is None or not _is_checkable(statement):
                self._problem(line, _why_unchecked(tree, line, statement))
            else:
                shapes = tuple(map(_parse, re.findall(SHAPE, match["shapes"])))
                self._comments[line] = _Comment(shapes, statement)

    def _problem(self, line: int, text: str) -> None:
        self._problems.append((line, text))

    # The rewritten script calls these.

    def cell(self, number: int) -> _Names:
        """Give what names stand for in a cell."""
        return self._cells.setdefault(number, _Names())

    def call(self) -> _Names:
        """Begin with a call of a function."""
        names = _Names()
        names.found_before = len(self._problems)
        return names

    def failed(self, names: _Names) -> None:
        """Forget what was found in a call that ended with an error."""
        del self._problems[names.found_before :]

    def round(self, names: _Names) -> _Names:
        """Begin with a round of a loop."""
        return _Names(names)

    def check(self, line: int, what: str, names: _Names, value: Any) -> Any:
        """Compare a value with the comment on its line, and return it."""
        if torch.compiler.is_compiling():  # a traced model has no shapes to look at
            return value
        comment = self._comments[line]
        comment.reached = True
        found = _shapes(value)
        shown = ", ".join(_show(shape) for shape in found)
        promised = ", ".join(_show(shape) for shape in comment.shapes)
        if len(found) != len(comment.shapes):
            self._problem(
                line,
                f"{what}: there are {len(found)} shapes, {shown}, but the comment says {promised}",
            )
            return value
        for expected, actual in zip(comment.shapes, found, strict=True):
            if (
                isinstance(actual, str)
                or len(actual) != len(expected)
                or any(e != a for e, a in zip(expected, actual, strict=True) if isinstance(e, int))
            ):
                self._problem(
                    line, f"{what}: the shape is {shown}, but the comment says {promised}"
                )
                continue
            for entry, size in zip(expected, actual, strict=True):
                if isinstance(entry, str):
                    bound = names.setdefault(entry, _Bound(size, line))
                    if bound.size != size:
                        self._problem(
                            line,
                            f"{what}: the shape is {shown}, but the comment says {promised}, and "
                            f"{entry} is {bound.size} since line {bound.line}",
                        )
        return value

    def first(self, line: int, commented: bool, /, **assigned: Any) -> None:
        """Complain about names that get their first tensor without a shape comment."""
        for name, value in assigned.items():
            if not isinstance(value, torch.Tensor) or value.ndim == 0 or name in self._with_tensor:
                continue
            self._with_tensor.add(name)
            if not commented:
                self._problem(
                    line, f"{name} needs a shape comment: its shape is {_show(tuple(value.shape))}"
                )


def _parse(shape: str) -> Shape:
    entries = re.findall(ENTRY, shape)
    return tuple(int(entry) if entry.isdecimal() else entry for entry in entries)


def _show(shape: Shape | str) -> str:
    if isinstance(shape, str):
        return shape
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _shapes(value: Any) -> list[tuple[int, ...] | str]:
    """List the shapes in a value; for what has none, the name of its type."""
    if isinstance(value, torch.Size):
        return [tuple(value)]
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        return [tuple(value.shape)]
    if isinstance(value, tuple | list):
        return [shape for part in value for shape in _shapes(part)]
    return [f"a {type(value).__name__}"]


def _simple_statement(tree: ast.Module, line: int) -> ast.stmt | None:
    """Find the statement without a body that ends last on a line."""
    ending = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.end_lineno == line and not hasattr(node, "body")
    ]
    return max(ending, key=lambda node: node.end_col_offset or 0, default=None)


def _is_checkable(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return | ast.AnnAssign):
        return statement.value is not None
    return isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr)


def _why_unchecked(tree: ast.Module, line: int, statement: ast.stmt | None) -> str:
    """Say why a shape comment on this line cannot be checked."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    innermost = statement or max(around, key=lambda node: node.lineno)
    if _is_checkable(innermost):
        return "a shape comment stands behind the last line of its statement"
    kind = type(innermost).__name__
    return f"a shape comment cannot be checked here: a statement of type {kind} has no value"


class _Rewriter(ast.NodeTransformer):
    """Put the calls of `ShapeComments` behind the statements."""

    def __init__(self, comments: dict[int, _Comment], marks: list[int]) -> None:
        self.comments = comments
        self.marks = marks  # the lines where cells begin
        self.in_cell = True  # not inside a function or class
        self.depth: int | None = None  # of loops and functions; None: names belong to the cell

    # Where names live

    def names(self, line: int) -> str:
        """Write the expression for what names stand for at this place."""
        if self.depth is None:
            return f"{CHECKER}.cell({sum(mark <= line for mark in self.marks)})"
        return f"__shape_names_{self.depth}__"

    def has_comments(self, node: ast.stmt) -> bool:
        return any(node.lineno <= line <= (node.end_lineno or 0) for line in self.comments)

    def visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
        before = self.in_cell, self.depth
        self.in_cell, self.depth = False, 0
        self.generic_visit(node)
        self.in_cell, self.depth = before
        if self.has_comments(node):
            # Behind the docstring, or it would be none any more.
            at = 1 if ast.get_docstring(node, clean=False) is not None else 0
            head, watched = _statements(
                f"__shape_names_0__ = {CHECKER}.call()\n"
                "try: pass\n"
                f"except Exception: {CHECKER}.failed(__shape_names_0__); raise",
                node.body[0],
            )
            assert isinstance(watched, ast.Try)
            watched.body = node.body[at:] or watched.body
            node.body[at:] = [head, watched]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_function

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        before, self.in_cell = self.in_cell, False
        self.generic_visit(node)
        self.in_cell = before
        return node

    def visit_loop(self, node: ast.For | ast.AsyncFor | ast.While) -> ast.stmt:
        outside, before = self.names(node.lineno), self.depth
        orelse, node.orelse = node.orelse, []
        self.depth = 0 if before is None else before + 1
        if before is None:
            self.depth = 1  # 0 is what a function begins with
        self.generic_visit(node)
        if self.has_comments(node):
            inside = f"{self.names(node.lineno)} = {CHECKER}.round({outside})"
            node.body[:0] = _statements(inside, node.body[0])
        self.depth = before
        for statement in orelse:
            visited = self.visit(statement)
            node.orelse += visited if isinstance(visited, list) else [visited]
        return node

    visit_For = visit_AsyncFor = visit_While = visit_loop

    # What is checked

    def check(self, node: ast.stmt, what: ast.AST, value: str) -> str:
        line = node.end_lineno
        return f"{CHECKER}.check({line}, {ast.unparse(what)!r}, {self.names(line or 0)}, {value})"

    def wrap(self, node: ast.stmt, value: ast.expr) -> ast.expr:
        """Check an expression on its way."""
        (call,) = _statements(self.check(node, value, "None"), value)
        assert isinstance(call, ast.Expr)
        assert isinstance(call.value, ast.Call)
        call.value.args[-1] = value
        return call.value

    def is_commented(self, node: ast.stmt) -> bool:
        comment = self.comments.get(node.end_lineno or 0)
        return comment is not None and comment.statement is node

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        if node.value is not None and self.is_commented(node):
            node.value = self.wrap(node, node.value)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if not self.is_commented(node):
            return node
        if isinstance(node.value, ast.Yield) and node.value.value is not None:
            node.value.value = self.wrap(node, node.value.value)
        else:
            node.value = self.wrap(node, node.value)
        return node

    def visit_assignment(
        self, node: ast.Assign | ast.AnnAssign | ast.AugAssign
    ) -> ast.stmt | list[ast.stmt]:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value is None:
            return node
        statements: list[ast.stmt] = [node]
        if self.is_commented(node):
            target = copy.deepcopy(targets[0])
            statements += _statements(self.check(node, target, f"({ast.unparse(target)})"), node)
        if self.in_cell and not isinstance(node, ast.AugAssign):
            names = {
                part.id
                for target in targets
                for part in ast.walk(target)
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
            assigned = "".join(f", {name}={name}" for name in sorted(names))
            call = f"{CHECKER}.first({node.end_lineno}, {self.is_commented(node)}{assigned})"
            statements += _statements(call, node)
        return statements

    visit_Assign = visit_AnnAssign = visit_AugAssign = visit_assignment


def _statements(source: str, place: ast.AST) -> list[ast.stmt]:
    """Parse statements of our own, at the place of another one."""
    statements = ast.parse(source).body
    for statement in statements:
        for node in ast.walk(statement):
            ast.copy_location(node, place)
    return statements
