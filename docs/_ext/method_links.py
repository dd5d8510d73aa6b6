"""Links from methods of tensors, modules and optimizers in the chapters' code.

sphinx-gallery links what it can trace to an import: ``torch.softmax``, ``nn.Linear``. In
``logits.argmax(1)`` it sees only a variable. This transform comes after it and goes by the names:
``model`` and ``optimizer`` are what they say; elsewhere, at most one of the classes that chapters
handle may have the method. In doubt there is no link.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from code_tokens import Tokens
from docutils import nodes
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.ext.intersphinx import InventoryAdapter
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata
from sphinx_gallery._doctree_links import code_links_block

_OWNER_OF_VARIABLE = {
    "model": "torch.nn.Module",
    "optimizer": "torch.optim.Optimizer",
    "scheduler": "torch.optim.lr_scheduler.LRScheduler",
}
_OWNERS = ("torch.Tensor", *_OWNER_OF_VARIABLE.values())
_OTHER_CLASSES = (str, bytes, int, float, list, tuple, dict, set, Path, Axes, Figure)


def _owners(before: list[str], name: str, imported: set[str]) -> tuple[str, ...]:
    """Return the classes that may own ``.name`` after some tokens."""
    chain = [before[-1]]
    while len(before) > 2 and before[-2] == ".":
        before = before[:-2]
        chain.insert(0, before[-1])
    root = chain[0]
    if root in imported or root == "self" or root[:1].isupper():
        return ()  # a module, or a class of the chapter's own
    if len(chain) == 1 and root in _OWNER_OF_VARIABLE:
        return (_OWNER_OF_VARIABLE[root],)
    return () if any(hasattr(other, name) for other in _OTHER_CLASSES) else _OWNERS


class MethodLinks(SphinxPostTransform):
    """Link ``.name(...)`` and attributes such as ``.grad`` after a variable or a call."""

    default_priority = 6  # sphinx-gallery's CodeLinksTransform has 5
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Go through the tokens of every code block that sphinx-gallery has linked."""
        names = Path(self.env.srcdir, f"{self.env.current_document.docname}.codeobj.json")
        if not names.exists():
            return
        imported = {name.partition(".")[0] for name in json.loads(names.read_text("utf-8"))}
        inventory = InventoryAdapter(self.env).main_inventory
        for block in self.document.findall(code_links_block):
            texts = [token.astext() for token in block.children]
            for i in range(2, len(texts)):
                token = block[i]
                # What is no token is a link.
                is_name = isinstance(token, Tokens) and token.kind == "n"
                if texts[i - 1] != "." or not is_name:
                    continue
                called = "".join(texts[i + 1 : i + 2]).startswith("(")
                entries = inventory.get("py:method" if called else "py:attribute", {})
                owners = _owners(texts[: i - 1], texts[i], imported)
                found = [full for o in owners if (full := f"{o}.{texts[i]}") in entries]
                if len(found) == 1:
                    uri = entries[found[0]].uri
                    block[i] = nodes.reference(
                        "", "", token, internal=False, refuri=uri, reftitle=found[0]
                    )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the transform; sphinx-gallery and the extension `inventories` do the rest."""
    app.setup_extension("code_tokens")
    app.add_post_transform(MethodLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
