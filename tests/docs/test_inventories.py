"""Inventories: names in code and prose link to pages of the installed libraries, offline."""

import keyword
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import inventories
import pytest
from inventories import SITES, inventory, libraries
from mini_site import MiniSite
from sphinx.util.inventory import InventoryFile

CHAPTER = '''"""
Chapter
=======

A :class:`torch.nn.Linear`, then :func:`torch.softmax` and :meth:`torch.Tensor.backward`;
:class:`~pathlib.Path`, :class:`numpy.ndarray`, :obj:`None`, :exc:`ValueError`.
"""

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

# %%
# Code.

loader = DataLoader(range(6), batch_size=2)
model = nn.Sequential(nn.Linear(3, 4), nn.Flatten())
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
logits = model(torch.zeros(2, 3, dtype=torch.float32))
loss = F.cross_entropy(F.relu(logits), torch.tensor([0, 1]))
loss.backward()
optimizer.step()
labels = torch.softmax(logits, dim=1).argmax(1)
labels = logits.argmax(1)
words = "a b".split()


def later():
    ...  # a comment behind three dots
'''
CONF = """
inventory_sources = ["tutorials/**/*.py", "../elsewhere/*.py"]
sphinx_gallery_conf = {
    "examples_dirs": "tutorials", "gallery_dirs": "course", "filename_pattern": "never",
    "inspect_global_variables": False, "write_computation_times": False, "reset_modules": (),
}
"""
TORCH = "https://docs.pytorch.org/docs/stable/"
WORDS = (
    {
        # every name in torch's own public namespaces, so that the checks below see all entries
        name
        for module in ("torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.optim")
        for name in dir(pkgutil.resolve_name(module))
    }
    | set(dir(pkgutil.resolve_name("torch.Tensor")))
    | {"DataLoader", "MNIST", "ToDtype", "plot"}
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> MiniSite:
    root = tmp_path_factory.mktemp("inventories") / "site"
    extensions = ("sphinx_gallery.gen_gallery", "inventories", "method_links")
    site = MiniSite(root, *extensions, conf=CONF)
    site.write("index.rst", "Site\n====\n\n.. toctree::\n\n   course/index\n")
    site.write("tutorials/GALLERY_HEADER.rst", "Chapters\n========\n")
    site.write("tutorials/a.py", CHAPTER)
    site.write("../elsewhere/other.py", "torch.zeros_like")
    status, output = site.build()
    assert status == 0, output
    return site


def links(page: str) -> dict[str, str]:
    """Return address by text for all links of a page."""
    found = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return {re.sub(r"<[^>]+>", "", text): address for address, text in found}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("nn.Linear", "generated/torch.nn.Linear.html#torch.nn.Linear"),
        (
            "nn.Flatten",
            "generated/torch.nn.modules.flatten.Flatten.html#torch.nn.modules.flatten.Flatten",
        ),
        ("torch.softmax", "generated/torch.softmax.html#torch.softmax"),
        ("torch.float32", "tensor_attributes.html#torch.dtype"),
        ("torch.optim.SGD", "generated/torch.optim.SGD.html#torch.optim.SGD"),
        ("F.relu", "generated/torch.nn.functional.relu.html#torch.nn.functional.relu"),
        ("DataLoader", "data.html#torch.utils.data.DataLoader"),
        ("argmax", "generated/torch.Tensor.argmax.html#torch.Tensor.argmax"),
        ("backward", "generated/torch.Tensor.backward.html#torch.Tensor.backward"),
        ("parameters", "generated/torch.nn.Module.html#torch.nn.Module.parameters"),
        ("step", "generated/torch.optim.Optimizer.step.html#torch.optim.Optimizer.step"),
    ],
)
def test_names_in_code_are_links(text: str, address: str, site: MiniSite) -> None:
    code = "".join(re.findall(r"<pre>.*?</pre>", site.page("course/a"), re.DOTALL))
    assert links(code)[text] == TORCH + address


def test_methods_that_others_have_too_are_no_links(site: MiniSite) -> None:
    assert "split" not in links(site.page("course/a"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("torch.nn.Linear", f"{TORCH}generated/torch.nn.Linear.html#torch.nn.Linear"),
        ("torch.softmax()", f"{TORCH}generated/torch.softmax.html#torch.softmax"),
        (
            "torch.Tensor.backward()",
            f"{TORCH}generated/torch.Tensor.backward.html#torch.Tensor.backward",
        ),
        ("Path", "https://docs.python.org/3/library/pathlib.html#pathlib.Path"),
        (
            "numpy.ndarray",
            "https://numpy.org/doc/stable/reference/generated/numpy.ndarray.html#numpy.ndarray",
        ),
        ("None", "https://docs.python.org/3/library/constants.html#None"),
        ("ValueError", "https://docs.python.org/3/library/exceptions.html#ValueError"),
    ],
)
def test_names_in_prose_are_links(text: str, address: str, site: MiniSite) -> None:
    assert links(site.page("course/a"))[text] == address


def test_second_build_changes_nothing(site: MiniSite) -> None:
    folder = site.root / "_build" / "doctrees" / "inventories"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    status, output = site.build()
    assert status == 0, output
    assert "0 added, 0 changed, 0 removed" in output
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_sources_may_lie_outside_of_the_project(site: MiniSite) -> None:
    content = (site.root / "_build/doctrees/inventories/torch.inv").read_bytes()
    names = InventoryFile.loads(content, uri=TORCH).data["py:function"]
    assert "torch.zeros_like" in names
    assert "torch.ones_like" not in names  # in no source


def test_every_entry_exists() -> None:
    for project, entries in libraries(WORDS).items():
        assert entries, project
        for entry in entries:
            if entry.name in keyword.kwlist:  # None, True and False
                continue
            builtin = project == "python" and "." not in entry.name
            # Raises if there is no such thing.
            pkgutil.resolve_name(f"builtins.{entry.name}" if builtin else entry.name)


def test_list_is_the_same_every_time() -> None:
    first, second = (
        {name: inventory(name, entries) for name, entries in libraries(WORDS).items()}
        for _ in range(2)
    )
    assert first == second


def test_addresses_follow_the_rules_of_pytorchs_pages() -> None:
    entries = {entry.name: entry for entry in libraries(WORDS)["torch"]}
    init = entries["torch.nn.init.zeros_"]
    assert (init.role, init.address) == ("function", "nn.init.html#torch.nn.init.zeros_")
    assert entries["torch.Tensor"].address == "tensors.html#torch.Tensor"
    assert entries["torch.Tensor.shape"].role == "attribute"
    assert entries["torch.device"].role == "class"
    assert (
        entries["torch.nn.Parameter"].address
        == "generated/torch.nn.parameter.Parameter.html#torch.nn.parameter.Parameter"
    )
    home = entries["torch.nn.modules.linear.Linear"]  # where autodoc finds the class
    assert home.address == "generated/torch.nn.Linear.html#torch.nn.Linear"
    for undocumented in ("torch.relu", "torch.conv2d", "torch.sigmoid_", "torch.nn.init.normal"):
        assert undocumented not in entries


def test_inventory_can_be_read_back() -> None:
    entries = libraries({"Linear"})["torch"]
    data = InventoryFile.loads(inventory("torch", entries), uri=SITES["torch"]).data
    assert data["py:class"]["torch.nn.Linear"].uri.startswith(TORCH)
    assert sum(map(len, data.values())) == len(entries)


def test_second_build_does_without_pytorch_until_a_new_name_appears(tmp_path: Path) -> None:
    site = MiniSite(tmp_path / "site", "inventories", conf='inventory_sources = ["*.rst"]')
    site.write("index.rst", "Site\n====\n\n:class:`torch.nn.Linear`\n")

    def build_in_new_process() -> str:
        code = (
            "import sys; from sphinx.cmd.build import build_main; "
            f"status = build_main(['-nWq', {str(site.root)!r}, {str(site.html)!r}]); "
            "print(status, 'torch' in sys.modules)"
        )
        search = os.pathsep.join([str(Path(inventories.__file__).parent), *sys.path])
        process = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": search},
            capture_output=True,
            text=True,
            check=True,
        )
        return process.stdout.strip()

    assert build_in_new_process() == "0 True"
    assert build_in_new_process() == "0 False"
    site.write("index.rst", "Site\n====\n\n:class:`torch.nn.ReLU`\n")
    assert build_in_new_process() == "0 True"
    assert "generated/torch.nn.ReLU.html" in site.page()
