"""An answer may do anything: the check ends, says why, and the session is as it was."""

import builtins
import contextlib
import functools
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from firstlayers.exercises import exercise
from firstlayers.exercises.isolation import CPU_SECONDS, observe
from firstlayers.exercises.judging import Verdict, judge
from firstlayers.exercises.registry import find

SOFTMAX = find("softmax")
assert SOFTMAX is not None
forks = pytest.mark.skipif(
    sys.platform != "linux", reason="answers have a process of their own on Linux"
)
LEFT = {"threads": torch.get_num_threads()}


def state_of_the_session() -> dict[str, object]:
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "torch": torch.get_rng_state().tolist(),
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "functions": (
            F.softmax,
            torch.softmax,
            torch.exp,
            torch.Tensor.sum,
            torch.nn.Module.__call__,
        ),
        "print": builtins.print,
        "streams": (sys.stdout, sys.stderr, sys.__stdout__, sys.stdin),
        "open": (sys.__stdout__.closed, os.fstat(1).st_ino, os.fstat(2).st_ino),
        "folder": os.getcwd(),  # noqa: PTH109
        "softmax": globals().get("softmax"),
        "depth": sys.getrecursionlimit(),
    }


@pytest.fixture(autouse=True)
def session_is_as_before() -> Iterator[None]:
    before = state_of_the_session()
    yield
    assert state_of_the_session() == before


def verdict(answer: object) -> Verdict:
    start = time.monotonic()
    found = judge(SOFTMAX, answer)
    assert (
        time.monotonic() - start < 15
    )  # promised is "a few seconds", on a machine with nothing else to do
    assert found.text.count("\n") < 5
    return found


# Never ending


def loops(logits):
    while True:
        pass


def loops_and_catches_everything(logits):
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001, S110
            pass


def loops_where_no_signal_arrives(logits):
    return sum(iter(int, 1))


def sleeps(logits):
    time.sleep(1000)


def waits_for_a_thread(logits):
    thread = threading.Thread(target=time.sleep, args=(1000,))
    thread.start()
    thread.join()


@forks
@pytest.mark.parametrize(
    "answer",
    [
        loops,
        loops_and_catches_everything,
        loops_where_no_signal_arrives,
        sleeps,
        waits_for_a_thread,
    ],
)
def test_what_does_not_end_is_ended(answer: object) -> None:
    found = verdict(answer)
    assert found.title == "does not end"
    assert "stopped after a few seconds" in found.text


def test_python_that_does_not_end_is_ended_without_a_process_of_its_own() -> None:
    for _ in range(3):
        assert observe(loops, SOFTMAX.cases, fork=False).stopped == "time"


def sleeps_for_some_seconds(logits):
    time.sleep(CPU_SECONDS + 2)
    return logits


def test_what_waits_outside_of_python_is_left_behind() -> None:
    assert observe(sleeps_for_some_seconds, SOFTMAX.cases, fork=False).stopped == "time"
    time.sleep(3)  # it ends by itself, before other tests look


def test_threads_do_not_lose_what_an_answer_raises() -> None:
    def interrupted(logits):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        observe(interrupted, SOFTMAX.cases, fork=False)
    seen = observe(exits, SOFTMAX.cases, fork=False).seen
    assert {found.type for found in seen.values()} == {"SystemExit"}


def leaves_a_thread_behind(logits):
    threading.Thread(target=time.sleep, args=(1000,)).start()
    return torch.softmax(logits, dim=1)


@forks
def test_thread_left_behind_does_not_delay() -> None:
    start = time.monotonic()
    assert verdict(leaves_a_thread_behind).state == "right"
    assert time.monotonic() - start < 5


# Ending too much


def softmax(logits):
    return softmax(logits) + 0


def test_recursion_without_end_is_named() -> None:
    found = verdict(softmax)
    assert found.title == "calls itself without end"
    assert "return softmax(logits) + 0" in " ".join(found.text.split())


def exits(logits):
    sys.exit(3)


def test_end_of_the_program_is_named() -> None:
    assert verdict(exits).title == "ends the program"


def ends_python(logits):
    os._exit(0)


def kills_python(logits):
    os.kill(os.getpid(), 9)


@forks
@pytest.mark.parametrize("answer", [ends_python, kills_python])
def test_end_of_python_is_named(answer: object) -> None:
    found = verdict(answer)
    assert found.title == "ended Python"
    assert "your session is as it was" in " ".join(found.text.split())


# Taking too much


def one_large_tensor(logits):
    return torch.zeros(10**11)


def one_large_list(logits):
    return [0] * 10**11


def more_and_more(logits):
    kept = []
    while True:
        kept.append(bytearray(10**8))


@forks
@pytest.mark.parametrize("answer", [one_large_tensor, one_large_list, more_and_more])
def test_too_much_memory_is_named(answer: object) -> None:
    assert verdict(answer).title == "too much memory"


def prints_a_thousand_lines(logits):
    for number in range(1000):
        print("line", number)
        os.write(1, b"straight to the screen\n")
    return logits


@forks
def test_thousand_lines_are_counted_and_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    found = verdict(prints_a_thousand_lines)
    assert "lines while it was checked" in found.text
    assert capfd.readouterr().out == ""


def closes_stdout(logits):
    sys.stdout.close()
    sys.__stdout__.close()
    with contextlib.suppress(OSError):  # the second time it is closed already
        os.close(1)
    return torch.softmax(logits, dim=1)


@forks
def test_closed_stdout_is_closed_for_the_answer_only(capfd: pytest.CaptureFixture[str]) -> None:
    assert verdict(closes_stdout).state == "right"
    print("still here")
    assert capfd.readouterr().out == "still here\n"


def asks(logits):
    return input("how many? ")


@forks
def test_question_to_nobody_is_named() -> None:
    assert verdict(asks).title == "it raised EOFError"


# Changing what everybody uses


def changes_the_dtype(logits):
    result = torch.softmax(logits, dim=1)
    torch.set_default_dtype(torch.float64)
    return result


def changes_grad_mode(logits):
    result = torch.softmax(logits, dim=1)
    torch.set_grad_enabled(False)
    return result


def changes_threads(logits):
    torch.set_num_threads(3)
    return torch.softmax(logits, dim=1)


def changes_the_device(logits):
    result = torch.softmax(logits, dim=1)
    torch.set_default_device("meta")
    return result


def demands_determinism(logits):
    torch.use_deterministic_algorithms(True)
    return torch.softmax(logits, dim=1)


def replaces_a_function(logits):
    result = torch.softmax(logits, dim=1)
    F.softmax = lambda *args, **kwargs: result
    return result


def replaces_a_method(logits):
    result = torch.softmax(logits, dim=1)
    torch.Tensor.sum = lambda *args, **kwargs: result
    return result


@pytest.mark.parametrize("isolated", [pytest.param(True, marks=forks), False])
@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (changes_the_dtype, "default dtype"),
        (changes_threads, "threads"),
        (changes_the_device, "default device"),
        (demands_determinism, "deterministic"),
        (replaces_a_function, "torch.nn.functional.softmax"),
        (replaces_a_method, "Tensor.sum"),
    ],
)
def test_change_for_everybody_is_named_and_undone(
    answer: object, what: str, isolated: bool
) -> None:
    found = judge(SOFTMAX, answer, isolated=isolated)
    assert found.state == "wrong"
    assert found.title == "changes more than it should"
    assert what in " ".join(found.text.split())


@pytest.mark.parametrize("isolated", [pytest.param(True, marks=forks), False])
def test_gradients_switched_off_are_noticed_and_undone(isolated: bool) -> None:
    assert judge(SOFTMAX, changes_grad_mode, isolated=isolated).state == "wrong"


def makes_an_optimizer(logits):
    scale = torch.ones(1, requires_grad=True)
    for kind in (torch.optim.SGD, torch.optim.Rprop):
        kind([scale]).step()
    return torch.softmax(logits, dim=1)


def test_optimizer_that_pytorch_prepares_is_no_change() -> None:
    # PyTorch wraps the step of each kind of optimizer when the first of them is made.
    step = torch.optim.SGD.__dict__["step"]
    torch.optim.SGD.step = getattr(step, "__wrapped__", step)
    try:
        assert verdict(makes_an_optimizer).state == "right"
        assert judge(SOFTMAX, makes_an_optimizer, isolated=False).state == "right"
    finally:
        torch.optim.SGD.step = step


def sets_the_seed(logits):
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    return torch.softmax(logits, dim=1)


@pytest.mark.parametrize("isolated", [pytest.param(True, marks=forks), False])
def test_seed_is_put_back_and_mentioned(isolated: bool) -> None:
    found = judge(SOFTMAX, sets_the_seed, isolated=isolated)
    assert found.state == "right"
    assert "sets PyTorch's seed" in found.text


def draws_random_numbers(logits):
    torch.rand(3)
    return torch.softmax(logits, dim=1)


def test_random_numbers_alone_are_not_mentioned() -> None:
    assert verdict(draws_random_numbers).text.count("\n") == 0


# Harming what it was given


def deletes_its_input(logits):
    logits.resize_(0)
    del logits


def empties_its_input(logits):
    result = torch.softmax(logits, dim=1)
    logits.zero_()
    return result


def test_harmed_input_is_named_and_was_a_copy() -> None:
    for answer in (deletes_its_input, empties_its_input):
        assert verdict(answer).title == "changes its input"
    assert verdict(torch.softmax).state == "wrong"  # it wants a dimension
    assert judge(SOFTMAX, SOFTMAX.reference).state == "right"


# Not being an answer at all


@pytest.mark.parametrize("thing", [None, 3, "softmax", [], torch.zeros(3)])
def test_what_is_no_function_is_given_back(
    thing: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exercise(thing) is thing
    assert capsys.readouterr().out.startswith("No exercise is called ")


def test_right_answer_is_kept_and_wrong_one_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(logits):
        return torch.softmax(logits, dim=1)

    def wrong(logits):
        return logits

    answer.__name__ = wrong.__name__ = "softmax"
    assert exercise(answer) is answer
    assert exercise(wrong) is SOFTMAX.reference
    assert [line[:1] for line in capsys.readouterr().out.splitlines()[:2]] == ["✔", "✘"]


def test_interruption_by_the_learner_gets_through() -> None:
    def interrupted(logits):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(SOFTMAX, interrupted, isolated=False)


def test_imports_of_a_fresh_session_are_not_on_the_learner_s_time() -> None:
    # PyTorch imports its compiler with the first optimizer, which takes longer than an answer may.
    program = (
        "import sys\n"
        "from firstlayers.exercises.judging import judge\n"
        "from firstlayers.exercises.registry import find\n"
        "found = find('train_epoch')\n"
        "assert 'torch._dynamo' not in sys.modules\n"
        "print(judge(found, found.reference).text)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("✔ train_epoch: right on ")


def replaces_it_in_disguise(logits):
    result = torch.softmax(logits, dim=1)
    F.softmax = functools.wraps(F.softmax)(lambda *args, **kwargs: result)
    return result


def test_replaced_function_that_looks_like_the_old_one_is_noticed() -> None:
    assert judge(SOFTMAX, replaces_it_in_disguise, isolated=False).state == "wrong"
