"""Which exercises are done: one small file in the learner's own folder, and nowhere else."""

import json
import os
from pathlib import Path

import platformdirs
from filelock import FileLock

__all__ = ["note", "record_file", "states"]

VARIABLE = "FIRSTLAYERS_PROGRESS"
ORDER = ("not attempted", "wrong", "right")


def record_file() -> Path | None:
    """Say where the record lies.

    Returns
    -------
    pathlib.Path or None
        The file that the environment variable ``FIRSTLAYERS_PROGRESS`` names, or by default one in
        the user's data folder. None if the variable is set and empty: then nothing is kept.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen == "":
        return None
    return Path(chosen or platformdirs.user_data_path("firstlayers") / "progress.json").expanduser()


def states() -> dict[str, str]:
    """Read the record.

    Returns
    -------
    dict of str to str
        For every exercise that was attempted ``right`` or ``wrong``. Empty where there is no record
        or none that can be read.
    """
    path = record_file()
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: state for name, state in found.items() if state in ORDER}


def note(name: str, state: str) -> str:
    """Keep the state of an exercise. What was right once stays right.

    Parameters
    ----------
    name : str
        The exercise.
    state : str
        ``right`` or ``wrong``.

    Returns
    -------
    str
        Why nothing could be kept, or nothing.
    """
    path = record_file()
    if path is None:
        return ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=5):  # one process at a time
            known = states()
            if path.exists() and not known and path.stat().st_size > 2:
                path.replace(path.with_suffix(".damaged"))
            if ORDER.index(state) <= ORDER.index(known.get(name, "not attempted")):
                return ""
            known[name] = state
            fresh = path.with_suffix(".part")
            fresh.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
            fresh.replace(path)
    except OSError as error:
        return f"your progress could not be kept: {error.strerror or error}"
    return ""
