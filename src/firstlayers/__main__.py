"""The commands of the package: ``python -m firstlayers --help`` shows them."""

import argparse
import contextlib
import os
import runpy
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from firstlayers.data import DATASETS, load_dataset
from firstlayers.distributed import is_main
from firstlayers.download import KINDS, DatasetUnavailable, data_folder, take_stock
from firstlayers.exercises import registry
from firstlayers.exercises.report import report
from firstlayers.train_command import add_arguments

ROOT_HELP = (
    "the folder that holds the data sets (default: $FIRSTLAYERS_DATA, or the user's cache folder)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``python -m firstlayers``; by default what the user typed.

    Returns
    -------
    int
        The exit status: 0, or 1 where it could not be done, such as where a data set could not be
        had.
    """
    parser = argparse.ArgumentParser(
        prog="python -m firstlayers",
        description="Data sets, training and exercises of the course First Layers.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("download", help="bring a data set to this machine")
    command.add_argument("name", choices=list(KINDS), help="which data set")
    command.add_argument("--root", help=ROOT_HELP)
    command.set_defaults(run=_download)

    command = commands.add_parser("datasets", help="say which data sets are on this machine")
    command.add_argument("--root", help=ROOT_HELP)
    command.set_defaults(run=_datasets)

    command = commands.add_parser("train", help="train a network, and find out how good it is")
    add_arguments(command)

    command = commands.add_parser(
        "probe", help="show what the checker of an exercise sees of an answer"
    )
    command.add_argument("exercise", help="the name of the exercise")
    command.add_argument(
        "file", nargs="?", type=Path,
        help="a Python file with an answer (default: the course's answer, and each known slip)",
    )  # fmt: skip
    command.set_defaults(run=_probe)

    with _said_once():
        chosen = parser.parse_args(arguments)
    status: int = chosen.run(chosen)
    return status


@contextlib.contextmanager
def _said_once() -> Iterator[None]:
    """Leave it to the first of several processes to explain the usage."""
    with contextlib.ExitStack() as stack:
        if not is_main():
            nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
            stack.enter_context(contextlib.redirect_stderr(nowhere))
        yield


def _download(chosen: argparse.Namespace) -> int:
    folder = data_folder(chosen.root)
    try:
        train_set, test_set = load_dataset(chosen.name, folder)
    except DatasetUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    stock = take_stock(chosen.name, folder)
    print(
        f"{chosen.name}: {len(train_set):,} training and {len(test_set):,} test images, "
        f"{_megabytes(stock.size)}, {stock.state}, in {stock.folder}"
    )
    if folder != data_folder():
        print(f"So that the chapters find it, set FIRSTLAYERS_DATA={shlex.quote(str(folder))}")
    return 0


def _datasets(chosen: argparse.Namespace) -> int:
    folder = data_folder(chosen.root)
    root = f" --root {shlex.quote(chosen.root)}" if chosen.root else ""
    for name in DATASETS:
        if name == "digits":
            lines = ["bundled with scikit-learn, needs no network"]
        else:
            stock = take_stock(name, folder)
            lines = [stock.state, f"{_megabytes(stock.size)} in {stock.folder}"]
            if stock.state == "not there":
                lines[1] = f"to bring it: python -m firstlayers download {name}{root}"
        print(f"{name:15}" + f"\n{'':15}".join(lines))
    return 0


def _probe(chosen: argparse.Namespace) -> int:
    found = registry.find(chosen.exercise)
    if found is None:
        names = registry.similar(chosen.exercise) or [item.name for item in registry.exercises()]
        print(f"No exercise is called {chosen.exercise}: {', '.join(names)}", file=sys.stderr)
        return 1
    if chosen.file is None:
        print(report(found, found.reference))
        for slip in found.slips:
            print(f"\nSlip: {slip.name}\n{report(found, slip.answer)}")
        return 0
    answer = runpy.run_path(str(chosen.file)).get(found.answer_name)
    if answer is None:
        print(f"{chosen.file} defines no {found.answer_name}", file=sys.stderr)
        return 1
    print(report(found, answer))
    return 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
