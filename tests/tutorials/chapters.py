"""The chapters: their text, their code, and what happens when they run."""

import ast
import contextlib
import functools
import io
import multiprocessing
import re
import sys
import tempfile
import time
import tokenize
import traceback
import types
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

TUTORIALS = Path(__file__).parents[2] / "tutorials"
CHAPTERS = sorted(TUTORIALS.glob("*/[0-9][0-9]_*.py"))

# A number with decimals or a percent sign.
NUMBER = re.compile(r"(?<![\w.])(?:\d[\d,]*(?:\.\d+)?\s?(?:%|percent)|\d[\d,]*\.\d+(?![\w.]*\d))")
VERSION = re.compile(r"(Python|PyTorch|[Tt]orch|torchvision|NumPy|Matplotlib|matplotlib) \d+\.\d+")


@dataclass(frozen=True)
class Chapter:
    """What stands in a chapter's script."""

    path: Path
    texts: list[str]
    code: str

    @classmethod
    @functools.cache
    def read(cls, path: Path) -> "Chapter":
        """Take a script apart as sphinx-gallery does."""
        from sphinx_gallery.py_source_parser import split_code_and_text_blocks

        _, blocks = split_code_and_text_blocks(path)
        texts = [block.content for block in blocks if block.type == "text"]
        return cls(
            path, texts, "\n".join(block.content for block in blocks if block.type == "code")
        )

    @property
    def text(self) -> str:
        """All text blocks, in reST."""
        return "\n\n".join(self.texts)

    @functools.cached_property
    def sections(self) -> dict[str, str]:
        """What stands under each heading, the title first."""
        parts = re.split(r"^(\S.*)\n(?:={3,}|-{3,}|~{3,}|\^{3,})$", self.text, flags=re.MULTILINE)
        return {
            title.strip(): body.strip()
            for title, body in zip(parts[1::2], parts[2::2], strict=True)
        }

    @functools.cached_property
    def prose(self) -> str:
        """The text without formulas, code, addresses, headings' lines and markup."""
        text = re.sub(r"^\.\. math::.*?(?=^\S|\Z)", "", self.text, flags=re.MULTILINE | re.DOTALL)
        text = re.sub(r":math:`[^`]*`|``[^`]*``|https?://\S+", "", text)
        text = re.sub(r":[\w:]+:`([^`<]*)[^`]*`", r"\1", text)
        text = re.sub(r"^[=~^\-]{3,}$|^\.\. [\w-]+::", "", text, flags=re.MULTILINE)
        return re.sub(r"[*`]", "", text)

    def typed_numbers(self) -> list[str]:
        """List numbers with decimals and percentages in the prose and in comments."""
        comments = [
            token.string
            for token in tokenize.generate_tokens(io.StringIO(self.code).readline)
            if token.type == tokenize.COMMENT
        ]
        prose = VERSION.sub("", "\n".join([self.prose, *comments]))
        return [match.group().strip() for match in NUMBER.finditer(prose)]

    def unexplained_numbers(self, output: str) -> list[str]:
        """List typed numbers that neither the output nor a number in the code confirms."""
        literals = {
            float(node.value)
            for node in ast.walk(ast.parse(self.code))
            if isinstance(node, ast.Constant) and type(node.value) in (int, float)
        }
        printed = {
            float(number.replace(",", ""))
            for number in re.findall(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", output)
        }
        percentages = {
            float(number.replace(",", ""))
            for number in re.findall(r"([\d,]*\d(?:\.\d+)?)\s?%", output)
        } | {round(100 * number, 9) for number in literals}
        missing = []
        for number in self.typed_numbers():
            value = float(number.rstrip("% percnt").replace(",", ""))
            known = literals | printed if number[-1].isdecimal() else percentages
            if value not in known:
                missing.append(number)
        return missing


@dataclass
class Run:
    """What happened when a chapter ran."""

    error: str = ""
    output: str = ""
    printed: dict[int, str] = field(default_factory=dict)  # by the line of the chapter
    problems: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0  # of all threads together


@functools.cache
def run(path: Path, timeout: float = 180) -> Run:
    """Run a chapter once, in a process of its own, and remember what happened.

    Importing PyTorch and scikit-learn takes longer than most chapters. Where the platform allows
    it, the server process of ``tests/conftest.py`` has imported them and is forked for each chapter.
    """
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(path, theirs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(timeout):
            return Run(error=f"the chapter did not end within {timeout} seconds")
        result: Run = ours.recv()
        process.join(10)
        return result
    except EOFError:
        process.join(10)
        return Run(error=f"the process ended with exit code {process.exitcode}")
    finally:
        process.kill()  # where it has not ended
        process.join()
        ours.close()


class _Output(io.StringIO):
    """What a chapter prints, and which of its lines was running."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.printed: dict[int, str] = {}
        self._place = (str(path), "<module>")

    def write(self, text: str) -> int:
        frame = sys._getframe(1)
        while frame and (frame.f_code.co_filename, frame.f_code.co_name) != self._place:
            frame = frame.f_back
        if frame:
            self.printed[frame.f_lineno] = self.printed.get(frame.f_lineno, "") + text
        return super().write(text)


def _run(path: Path, connection: Connection) -> None:
    """Run a chapter in this process, under the name ``__main__`` and as strictly as the gallery."""
    import matplotlib as mpl
    from gallery_reset import reset
    from shape_comments import ShapeComments

    result = Run()
    output = _Output(path)
    mpl.use("Agg")
    main = types.ModuleType("__main__")
    main.__file__ = str(path)
    sys.modules["__main__"] = main
    sys.argv = [str(path)]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        started = time.process_time()
        try:
            checker = ShapeComments(path.read_text(encoding="utf-8"), str(path))
            checker.attach(main.__dict__)
            reset({}, path, "before")
            with contextlib.redirect_stdout(output):
                exec(checker.code, main.__dict__)
            result.problems = checker.problems()
        except BaseException:  # noqa: BLE001 (SystemExit too: it did not get to its end)
            result.error = traceback.format_exc()
        result.cpu_seconds = time.process_time() - started
        result.output, result.printed = output.getvalue(), output.printed
    connection.send(result)
    connection.close()
