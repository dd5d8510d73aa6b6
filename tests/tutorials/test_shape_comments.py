"""The checker of shape comments finds what it should find, on small scripts."""

from textwrap import dedent

import pytest
import torch
from shape_comments import ShapeComments


def problems(script: str) -> list[str]:
    return ShapeComments.run(dedent(script).lstrip("\n"))


def only_problem(script: str) -> str:
    (problem,) = problems(script)
    return problem


@pytest.mark.parametrize(
    "line",
    [
        "x = torch.ones(2, 3)  # (2, 3)",
        "x = torch.ones(2, 3)  # (N, 3)",
        "x = torch.ones(3, 3)  # (N, N)",
        "x = torch.ones(4)  # (4,)",
        "x = torch.tensor(4)  # ()",
        "x = torch.ones(2, 3)  # (2, 3), ones",
        "x = torch.ones(2, 3)  # (2, 3) of ones (all of them)",
        "x: torch.Tensor = torch.ones(2, 3)  # (2, 3)",
        "x = y = torch.ones(2, 3)  # (2, 3)",
        "x, y = torch.ones(2), torch.ones(3)  # (2,), (3,)",
        "x, (y, z) = torch.ones(2), torch.ones(2, 3)  # (2,), (3,), (3,)",
        "x, *y = torch.ones(2, 3), torch.ones(4), torch.ones(5)  # (2, 3), (4,), (5,)",
        "pair = torch.ones(2), torch.ones(3)  # (2,), (3,)",
        "largest, places = torch.ones(2, 3).max(dim=1)  # (2,), (2,)",
        "torch.ones(2, 3)  # (2, 3)",
        "shape = torch.ones(2, 3).shape  # (2, 3)",
        "array = np.ones((2, 3))  # (2, 3)",
        "number = np.float64(1)  # ()",
        "data.x = torch.ones(2)  # (2,)",
        "x = torch.ones(\n    2,\n    3,\n)  # (2, 3)",
        "for x in torch.ones(2, 3): y = x + 1  # (3,)",
        "x = 2; y = torch.ones(3)  # (3,)",
        "text = '# (3, 4)'",
        "# (3, 4)",
        "number = 3  # (see above)",
    ],
)
def test_right_comment_passes(line: str) -> None:
    imports = "import torch, types\nimport numpy as np\ndata = types.SimpleNamespace()\n"
    assert problems(imports + line) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("x = torch.ones(2, 3)  # (2, 4)", "x: the shape is (2, 3), but the comment says (2, 4)"),
        ("x = torch.ones(2, 3)  # (2,)", "x: the shape is (2, 3), but the comment says (2,)"),
        ("x = torch.ones(2, 3)  # ()", "x: the shape is (2, 3), but the comment says ()"),
        ("x = torch.tensor(1)  # (1,)", "x: the shape is (), but the comment says (1,)"),
        ("x = 3.5  # ()", "x: the shape is a float, but the comment says ()"),
        (
            "x, y = torch.ones(2), torch.ones(3)  # (2,), (4,)",
            "(x, y): the shape is (2,), (3,), but the comment says (2,), (4,)",
        ),
        (
            "x, y = torch.ones(2), torch.ones(3)  # (2,)",
            "(x, y): there are 2 shapes, (2,), (3,), but the comment says (2,)",
        ),
        (
            "x = torch.ones(2)  # (2,), (2,)",
            "x: there are 1 shapes, (2,), but the comment says (2,), (2,)",
        ),
        (
            "torch.ones(2, 3)  # (3, 2)",
            "torch.ones(2, 3): the shape is (2, 3), but the comment says (3, 2)",
        ),
    ],
)
def test_wrong_comment_is_found_with_its_line(line: str, problem: str) -> None:
    assert problems(f"import torch\n\n{line}\n") == [f"line 3: {problem}"]


def test_last_line_of_a_long_statement_is_named() -> None:
    script = """
        import torch
        x = torch.ones(
            2,
            3,
        )  # (3, 2)
    """
    assert only_problem(script).startswith("line 5: x: the shape is (2, 3)")


def test_augmented_assignment_is_checked() -> None:
    script = """
        import torch
        x = torch.ones(3)  # (3,)
        x += 1  # (4,)
    """
    assert only_problem(script).startswith("line 3: x: the shape is (3,)")


def test_all_problems_are_found_in_one_run() -> None:
    script = """
        import torch
        x = torch.ones(3)  # (4,)
        y = torch.ones(3)  # (5,)
    """
    assert [problem[:6] for problem in problems(script)] == ["line 2", "line 3"]


# Names


def test_a_name_stands_for_one_number_in_a_shape() -> None:
    script = "import torch\nx = torch.ones(2, 3)  # (N, N)\n"
    assert only_problem(script) == (
        "line 2: x: the shape is (2, 3), but the comment says (N, N), and N is 2 since line 2"
    )


def test_a_name_stands_for_one_number_in_a_cell() -> None:
    script = """
        import torch
        x = torch.ones(2, 3)  # (N, 3)
        y = torch.ones(4)  # (N,)
    """
    assert only_problem(script) == (
        "line 3: y: the shape is (4,), but the comment says (N,), and N is 2 since line 2"
    )


@pytest.mark.parametrize("mark", ["# %%", "#%%", "#" * 79])
def test_a_name_is_free_again_in_the_next_cell(mark: str) -> None:
    script = f"""
        import torch
        x = torch.ones(2)  # (N,)

        {mark}
        # A new cell.

        y = torch.ones(4)  # (N,)
    """
    assert problems(script) == []


def test_a_name_stands_for_one_number_in_a_call() -> None:
    script = """
        import torch
        def double(x):
            y = x + x  # (N,)
            return y  # (N,)
        double(torch.ones(2))
        double(torch.ones(3))
        def drop(x):
            y = x + x  # (N,)
            return y[1:]  # (N,)
        drop(torch.ones(2))
    """
    assert only_problem(script).startswith("line 9: y[1:]: the shape is (1,)")


def test_a_name_met_inside_a_loop_is_free_in_each_round() -> None:
    # The last batch is smaller.
    script = """
        import torch
        for count in (4, 4, 3):
            x = torch.ones(count, 2)  # (batch, 2)
            y = x.sum(dim=1)  # (batch,)
        def loop():
            for count in (4, 4, 3):
                while True:
                    x = torch.ones(count, 2)  # (batch, 2)
                    y = x.sum(dim=1)  # (batch,)
                    break
        loop()
    """
    assert problems(script) == []


def test_a_name_met_before_a_loop_stays_bound_in_it() -> None:
    script = """
        import torch
        x = torch.ones(4)  # (N,)
        for count in (4, 3):
            y = torch.ones(count)  # (N,)
        else:
            z = torch.ones(4)  # (N,)
    """
    assert only_problem(script).startswith("line 4: y: the shape is (3,)")


def test_a_name_stands_for_one_number_in_a_round_of_a_loop() -> None:
    script = """
        import torch
        for count in (4, 3):
            x = torch.ones(count)  # (N,)
            y = torch.ones(4)  # (N,)
    """
    assert only_problem(script).endswith("N is 3 since line 3")


# Functions, methods, classes

NETWORK = """
    import torch
    from torch import nn

    class Network(nn.Module):
        '''A network.'''

        scale = torch.ones(10)  # (10,)

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(784, 10)
            self.mean = torch.zeros(784)  # (784,)

        def forward(self, images):
            '''Compute the logits.'''
            features = images.flatten(1)  # (batch, 784)
            return self.layer(features - self.mean)  # (batch, 10)

    network = Network()
    with torch.no_grad():
        logits = network(torch.rand(64, 1, 28, 28))  # (64, 10)
"""


def test_comments_in_forward_are_checked() -> None:
    assert problems(NETWORK) == []
    wrong = NETWORK.replace("(batch, 784)", "(batch, 783)")
    assert only_problem(wrong).startswith("line 16: features: the shape is (64, 784)")
    wrong = NETWORK.replace("(batch, 10)", "(10, batch)")
    assert only_problem(wrong).startswith("line 17: self.layer(features - self.mean): the shape")
    wrong = NETWORK.replace("# (784,)", "# (785,)")
    assert only_problem(wrong).startswith("line 12: self.mean: the shape is (784,)")
    wrong = NETWORK.replace("# (10,)", "# (11,)")
    assert only_problem(wrong).startswith("line 7: scale: the shape is (10,)")


def test_what_is_found_in_a_call_that_fails_does_not_count() -> None:
    # As in a chapter that shows the error, on purpose.
    script = """
        import torch
        def inner(x):
            return x * 2  # (N, 3)
        def outer(x):
            y = inner(x)  # (N, 3)
            return y @ torch.ones(3, 2)  # (N, 2)
        outer(torch.ones(5, 3))
        try:
            outer(torch.ones(4))
        except RuntimeError as error:
            caught = error
    """
    assert problems(script) == []
    assert len(problems(script + "        inner(torch.ones(4))\n")) == 1


def test_error_inside_a_function_names_its_line() -> None:
    script = dedent(NETWORK).lstrip("\n") + "network(torch.rand(64, 27, 27))\n"
    checker = ShapeComments(script, "chapter.py")
    namespace: dict = {}
    checker.attach(namespace)
    with pytest.raises(RuntimeError) as caught:
        exec(checker.code, namespace)
    lines = [e.lineno + 1 for e in caught.traceback if str(e.path).endswith("chapter.py")]
    assert lines == [len(script.splitlines()), 17]


def test_yielded_values_are_checked() -> None:
    script = """
        import torch
        def batches():
            yield torch.ones(3)  # (4,)
        list(batches())
    """
    assert only_problem(script).startswith("line 3: torch.ones(3)")


def test_checking_changes_no_value_and_no_docstring() -> None:
    script = (
        dedent(NETWORK)
        + "\ndef alone(x):\n    return x  # (3,)\n\nsame = alone(logits[0, :3])  # (3,)"
    )
    checker = ShapeComments(script)
    namespace: dict = {}
    checker.attach(namespace)
    torch.manual_seed(0)
    exec(checker.code, namespace)
    plain: dict = {}
    torch.manual_seed(0)
    exec(script, plain)
    assert checker.problems() == []
    assert torch.equal(namespace["logits"], plain["logits"])
    assert torch.equal(namespace["same"], plain["same"])
    assert namespace["Network"].__doc__ == "A network."
    assert namespace["Network"].forward.__doc__ == "Compute the logits."


def test_tracebacks_name_the_lines_of_the_script() -> None:
    script = dedent(NETWORK).lstrip("\n") + "\nx = torch.ones(3)  # (3,)\nraise KeyError(1)"
    checker = ShapeComments(script, "chapter.py")
    namespace: dict = {}
    checker.attach(namespace)
    with pytest.raises(KeyError) as caught:
        exec(checker.code, namespace)
    last = caught.traceback[-1]
    assert str(last.path).endswith("chapter.py")
    assert last.lineno + 1 == len(script.splitlines())


def test_a_network_with_comments_can_be_exported() -> None:
    script = """
        exported = torch.export.export(network, (torch.rand(2, 1, 28, 28),))
        outputs = exported.module()(torch.rand(2, 1, 28, 28))  # (2, 10)
    """
    assert problems(dedent(NETWORK) + dedent(script)) == []


# Comments that are not reached, or cannot be checked


@pytest.mark.parametrize(
    "script",
    [
        "import torch\nif False:\n    x = torch.ones(3)  # (3,)",
        "import torch\ndef f():\n    return torch.ones(3)  # (3,)",
        "import torch\ntry:\n    x = torch.ones(3) @ torch.ones(4)  # (3,)\nexcept RuntimeError: 0",
        "import torch\nfor n in ():\n    x = torch.ones(n)  # (3,)",
    ],
)
def test_unreached_comment_is_found(script: str) -> None:
    number = next(n for n, line in enumerate(script.splitlines(), 1) if "# (3,)" in line)
    assert only_problem(script) == f"line {number}: this shape comment was never reached"


@pytest.mark.parametrize(
    ("script", "line", "what"),
    [
        ("for x in []:  # (3,)\n    pass", 1, "For has no value"),
        ("with open(__import__('os').devnull) as file:  # (3,)\n    pass", 1, "With has no value"),
        ("def f(x):  # (3,)\n    return x", 1, "FunctionDef has no value"),
        ("class A:  # (3,)\n    pass", 1, "ClassDef has no value"),
        ("if True:  # (3,)\n    pass", 1, "If has no value"),
        ("import os  # (3,)", 1, "Import has no value"),
        ("assert True  # (3,)", 1, "Assert has no value"),
        ("x: int  # (3,)", 1, "AnnAssign has no value"),
        ("def f():\n    return  # (3,)", 2, "Return has no value"),
        ("x = [\n    1,  # (3,)\n    2,\n]", 2, "behind the last line of its statement"),
    ],
)
def test_comment_without_a_value_is_an_error(script: str, line: int, what: str) -> None:
    problem = only_problem(script)
    assert problem.startswith(f"line {line}: ")
    assert what in problem


@pytest.mark.parametrize(
    "comment", ["# (3)", "# (3,4)", "#(3,)", "# (3 4)", "# (2 * N,)", "# (..., 3)", "# (N, 2 * 3)"]
)
def test_comment_that_is_almost_a_shape_is_an_error(comment: str) -> None:
    problem = only_problem(f"x = 1  {comment}")
    assert problem == f"line 1: not a shape comment as it should be: {comment}"


def test_shape_behind_words_is_an_error() -> None:
    problem = only_problem("import torch\nx = torch.ones(3)  # (3,) and (4, 5)")
    assert problem.startswith("line 2: only shapes before any words are checked")


# Missing comments


def test_first_tensor_of_a_name_needs_a_comment() -> None:
    script = """
        import torch
        x = torch.ones(2, 3)
        if True:
            y, (number, z) = torch.ones(4), (7, torch.ones(5))
        w: torch.Tensor = torch.ones(6)
        parameter = torch.nn.Parameter(torch.ones(7))
    """
    assert problems(script) == [
        "line 2: x needs a shape comment: its shape is (2, 3)",
        "line 4: y needs a shape comment: its shape is (4,)",
        "line 5: w needs a shape comment: its shape is (6,)",
        "line 6: parameter needs a shape comment: its shape is (7,)",
    ]


def test_only_tensors_in_cells_need_a_comment_and_only_the_first_time() -> None:
    script = """
        import torch
        number = torch.tensor(1)
        x = 3
        x = torch.ones(2)  # (2,)
        x = torch.ones(3)
        x += 1
        many = [torch.ones(2)]
        many[0] = torch.ones(3)
        def f():
            inside = torch.ones(2)
        f()
        class A:
            inside = torch.ones(2)
        for row in torch.ones(2, 2):
            pass
    """
    assert problems(script) == []


def test_a_name_that_becomes_a_tensor_later_needs_a_comment_there() -> None:
    script = """
        import torch
        total = 0
        total = torch.ones(2)
        total = torch.ones(2)
    """
    assert only_problem(script).startswith("line 3: total needs a shape comment")
