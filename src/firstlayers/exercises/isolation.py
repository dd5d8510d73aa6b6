"""Use an answer without letting it harm the learner's session.

Where the platform allows it, which is Linux without a GPU in use, an answer runs in a forked
process with limits on time and memory. It can loop for ever, allocate gigabytes, end Python or
rewrite PyTorch: the session does not notice. Elsewhere it runs in a thread of the session, with a
time limit that stops Python code, and everything that it changed is put back.
"""

import ctypes
import io
import multiprocessing
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from multiprocessing.connection import Connection
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NoReturn

import numpy as np
import torch
from torch import nn

from firstlayers.exercises.observation import SEED, Observation, freeze
from firstlayers.exercises.registry import Answer, Case

if sys.platform != "win32":
    import resource

__all__ = ["observe", "observe_here"]

CPU_SECONDS = 2
"""How long an answer may compute."""
SECONDS = 6.0
"""How long it may take in all, on a machine that is busy with other things."""
MEMORY = 1024**3
"""How many bytes it may allocate."""

WATCHED: tuple[ModuleType | type, ...] = (
    torch,
    torch.Tensor,
    torch.nn,
    torch.nn.functional,
    torch.nn.init,
    torch.optim,
    torch.optim.SGD,
    torch.autograd,
    torch.linalg,
    torch.utils.data,
    nn.Module,
    nn.Linear,
    nn.ReLU,
    nn.Softmax,
    nn.Sequential,
    nn.CrossEntropyLoss,
)
"""Whose functions are looked after: an answer may replace one of them for everybody."""

PYTORCH = Path(torch.__file__).parent

CHANGE_BY_THEMSELVES = {"__dict__", "__slotnames__", "__weakref__", "Storage"}
"""Names among them that change when nobody replaced them; Storage follows the default dtype."""


class TimeIsUp(BaseException):
    """Raised inside an answer that runs too long."""


class _Printed(io.TextIOBase):
    """Swallows what an answer prints; counts the lines and keeps the first."""

    def __init__(self) -> None:
        self.lines = 0
        self.first = ""

    def write(self, text: str) -> int:
        if not self.lines:
            self.first += text.partition("\n")[0]
        self.lines += text.count("\n")
        return len(text)

    def close(self) -> None:
        """Stay open: there is nothing to close."""


class _Session:
    """What an answer could change for everything that runs after it."""

    def __init__(self) -> None:
        self.settings = self._settings()
        self.names = [dict(vars(owner)) for owner in WATCHED]
        self.folder = os.getcwd()  # noqa: PTH109  # as a text, which chdir takes back

    @staticmethod
    def _settings() -> dict[str, Any]:
        return {
            "PyTorch's default dtype": torch.get_default_dtype(),
            "PyTorch's default device": torch.get_default_device(),
            "whether gradients are tracked": torch.is_grad_enabled(),
            "the number of PyTorch's threads": torch.get_num_threads(),
            "PyTorch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
        }

    def put_back(self) -> list[str]:
        """Undo all changes, and list them in words."""
        replaced = self._put_names_back()
        after = self._settings()
        changed = [what for what, value in self.settings.items() if after[what] != value]
        put: dict[str, Callable[[Any], object]] = {
            "PyTorch's default dtype": torch.set_default_dtype,
            "PyTorch's default device": torch.set_default_device,
            "whether gradients are tracked": torch.set_grad_enabled,
            "the number of PyTorch's threads": torch.set_num_threads,
            "PyTorch's deterministic mode": torch.use_deterministic_algorithms,
        }
        for what in changed:
            put[what](self.settings[what])
        os.chdir(self.folder)
        return [*changed, *replaced]

    def _put_names_back(self) -> list[str]:
        replaced = []
        for owner, before in zip(WATCHED, self.names, strict=True):
            now = dict(vars(owner))
            names = [
                name
                for name, value in before.items()
                if now.get(name) is not value and not _by_pytorch(now.get(name))
            ]
            if isinstance(
                owner, type
            ):  # PyTorch itself adds names to its modules, when they are used
                names += [name for name in now if name not in before]
            for name in set(names) - CHANGE_BY_THEMSELVES:
                if name in before:
                    setattr(owner, name, before[name])
                else:
                    delattr(owner, name)
                replaced.append(f"{owner.__name__}.{name}")
        return sorted(replaced)


def _by_pytorch(now: object) -> bool:
    """Tell whether PyTorch itself put this in the place of one of its functions.

    It wraps an optimizer's ``step`` when the first of its kind is made, and ``manual_seed`` when its
    compiler is imported.
    """
    code = getattr(now, "__code__", None)
    return code is not None and Path(code.co_filename).is_relative_to(PYTORCH)


class _RandomNumbers:
    """Where the generators of random numbers stand."""

    def __init__(self) -> None:
        # NumPy's old generator too: a learner may use it.
        self.states = (torch.get_rng_state(), random.getstate(), np.random.get_state())  # noqa: NPY002

    def put_back(self) -> None:
        torch.set_rng_state(self.states[0])
        random.setstate(self.states[1])
        np.random.set_state(self.states[2])  # noqa: NPY002


def _watched(answer: Answer, observation: Observation) -> Answer:
    """Wrap a function so that what a call changes is put back at once, and noted.

    What is computed from its result must not suffer from it. A class stays as it is: its cases may
    derive from it or look into it.
    """
    if isinstance(answer, type):
        return answer

    @wraps(answer)
    def call(*args: Any, **kwargs: Any) -> Any:
        session = _Session()
        seed = torch.initial_seed()
        try:
            return answer(*args, **kwargs)
        finally:
            observation.seeded |= torch.initial_seed() != seed
            observation.changed.extend(session.put_back())

    return call


def _streams() -> tuple[Any, ...]:
    return sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__


def _put_streams_back(streams: tuple[Any, ...]) -> None:
    sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc]


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception says that there is not enough memory."""
    return isinstance(error, MemoryError) or "allocate memory" in str(error)


def observe_here(answer: Answer, cases: Mapping[str, Case]) -> Observation:
    """Use an answer in this very process, and put back what it changes.

    Nothing ends an answer that does not end by itself: this is for answers that are known.

    Parameters
    ----------
    answer : callable
        The answer, a function or a class.
    cases : mapping of str to callable
        The cases of the exercise.

    Returns
    -------
    Observation
        What was seen.
    """
    observation = Observation()
    session = _Session()
    random_numbers = _RandomNumbers()
    printed = _Printed()
    streams = _streams()
    _put_streams_back((printed,) * 4)
    try:
        with _named(answer), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            watched = _watched(answer, observation)
            for label, case in cases.items():
                torch.manual_seed(SEED)
                random.seed(SEED)
                np.random.seed(SEED)  # noqa: NPY002
                value: object
                try:
                    value = case(watched)
                except (KeyboardInterrupt, TimeIsUp):
                    raise
                except BaseException as error:  # noqa: BLE001  # whatever it does is its result
                    value = error
                if isinstance(answer, type):
                    observation.seeded |= torch.initial_seed() != SEED
                observation.changed.extend(session.put_back())
                observation.seen[label] = freeze(value)
                if isinstance(value, BaseException) and is_out_of_memory(value):
                    observation.stopped = "memory"  # the other cases would take as long
                    break
    except TimeIsUp:
        observation.stopped = "time"
    finally:
        session.put_back()
        random_numbers.put_back()
        _put_streams_back(streams)
    observation.changed = sorted(set(observation.changed))
    observation.printed, observation.first_line = printed.lines, printed.first[:60]
    return observation


@contextmanager
def _named(answer: Answer) -> Iterator[None]:
    """Let an answer call itself: its name is bound only when the check is over."""
    functions = [answer, *vars(answer).values()] if isinstance(answer, type) else [answer]
    spaces = [f.__globals__ for f in functions if isinstance(f, FunctionType)]
    name = getattr(answer, "__name__", "")
    if not spaces or getattr(answer, "__qualname__", "") != name or name == "<lambda>":
        yield
        return
    missing = object()
    before = spaces[0].get(name, missing)
    spaces[0][name] = answer
    try:
        yield
    finally:
        if before is missing:
            del spaces[0][name]
        else:
            spaces[0][name] = before


def observe(answer: Answer, cases: Mapping[str, Case], *, fork: bool | None = None) -> Observation:
    """Use an answer that may do anything.

    Parameters
    ----------
    answer : callable
        The answer, a function or a class.
    cases : mapping of str to callable
        The cases of the exercise.
    fork : bool, optional
        Whether to use the answer in a process of its own. The default does so on Linux, unless a
        GPU is in use.

    Returns
    -------
    Observation
        What was seen, until the answer was stopped, if it was.
    """
    if fork is None:
        fork = sys.platform == "linux" and not torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return _observe_forked(answer, cases) if fork else _observe_timed(answer, cases)


def _observe_timed(answer: Answer, cases: Mapping[str, Case]) -> Observation:
    """Use an answer in a thread of its own, into which an exception is thrown when time is up."""
    outcome: list[Observation | BaseException] = []

    def work() -> None:
        try:
            outcome.append(observe_here(answer, cases))
        except BaseException as error:  # noqa: BLE001  # it is raised where it belongs
            outcome.append(error)

    session, random_numbers, streams = _Session(), _RandomNumbers(), _streams()
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        worker.join(CPU_SECONDS)
        for _ in range(10):  # an answer may catch what is raised in it
            if worker.is_alive():
                identity = ctypes.c_ulong(worker.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(TimeIsUp))
                worker.join(0.1)
    finally:
        _put_streams_back(streams)
        session.put_back()
        random_numbers.put_back()
    # Still alive: it catches everything, or waits outside of Python. It is left behind.
    if worker.is_alive() or isinstance(outcome[0], TimeIsUp):
        return Observation(stopped="time")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _observe_forked(answer: Answer, cases: Mapping[str, Case]) -> Observation:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    with warnings.catch_warnings():
        # Python 3.12 warns of forking beside threads. The child uses none of the parent's.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = context.Process(target=_in_child, args=(sender, answer, cases))
        child.start()
    sender.close()
    try:
        if not receiver.poll(SECONDS):
            return Observation(stopped="time")
        try:
            observation: Observation = receiver.recv()
        except EOFError:
            child.join()
            stopped = "time" if child.exitcode == -signal.SIGXCPU else "crash"
            return Observation(stopped=stopped)
        return observation
    finally:
        receiver.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid or 0, signal.SIGKILL)
        child.kill()
        child.join()
        child.close()


def _in_child(sender: Connection, answer: Answer, cases: Mapping[str, Case]) -> None:
    os.setsid()  # what the answer starts is ended with it
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    _replace_input()
    _keep_to_one_thread()
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = _memory_in_use() + MEMORY
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
    sender.send(observe_here(answer, cases))


def _keep_to_one_thread() -> None:
    """Compute with one thread, whatever the answer asks for.

    The threads of the parent are not here, and OpenMP would wait for them for ever.
    """
    asked = [torch.get_num_threads()]
    torch.set_num_threads(1)
    torch.get_num_threads = lambda: asked[0]

    def remember(nthreads: int) -> None:
        asked[0] = nthreads

    torch.set_num_threads = remember


def _memory_in_use() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _replace_input() -> None:
    import builtins

    def no_input(prompt: object = "") -> NoReturn:
        raise EOFError("input() has nobody to ask while an answer is checked")

    builtins.input = no_input
