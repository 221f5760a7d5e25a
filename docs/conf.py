"""How `make docs` builds the site: pages of Markdown, a reference from the docstrings.

The source folder is the checkout itself, so that a link is the same on the site and on a code host.
Everything a page needs is copied beside it: opening one asks no other machine for anything.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util.docutils import SphinxDirective

import ingrained

ROOT = Path(__file__).resolve().parents[1]

project = "Ingrained"
author = "The authors of Ingrained"
version = release = ingrained.__version__
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "examples/*.md", "examples/host_app/*.md"]
exclude_patterns = [
    ".*",
    "build",
    "dist",
    "src",
    "tests",
    "benchmarks",
    "demo-home",
    "**/__pycache__",
]
extensions = ["myst_parser", "sphinx.ext.autodoc"]

myst_heading_anchors = 4
myst_fence_as_directive = {"mermaid"}

default_role = "py:obj"
add_module_names = False
python_use_unqualified_type_names = True
python_display_short_literal_types = True
python_maximum_signature_line_length = 88
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    # Up to what is not ours: a store has its methods from classes of ours that stand in no reference.
    "inherited-members": "object, dict, Exception, BaseException, Protocol, BaseModel, BaseSettings, AgentMiddleware, BaseStore",
    "exclude-members": "model_config",
}

html_theme = "furo"
html_title = f"Ingrained {version}"
html_extra_path = ["site_root"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False


class Mermaid(SphinxDirective):
    """Shows the picture that was drawn of a diagram: drawing it needs a browser, or another machine's script."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the picture, which is named after the diagram's text, so that it is never an old one."""
        digest = hashlib.sha256("\n".join(self.content).encode()).hexdigest()[:12]
        picture = f"docs/images/diagram-{digest}.png"
        if not (ROOT / picture).is_file():
            raise self.error(f"{picture} is missing: draw it as CONTRIBUTING.md says")
        return [nodes.image(uri=f"/{picture}", alt="\n".join(self.content), align="center")]


def without_folders(_app: Sphinx, name: str, source: list[str]) -> None:
    """Leave the words of a link to a folder or to a file of the checkout that is no page: a site has none."""

    def words(link: re.Match[str]) -> str:
        target = (ROOT / name).parent / link[2]
        return link[1] if target.is_dir() or target.name == "LICENSE" else link[0]

    source[0] = re.sub(r"\[([^\]]*)\]\(([^)#:\s]+)\)", words, source[0])


def sections(
    _app: Sphinx, what: str, name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    """Read a docstring's `Args:` and `Raises:`. A field's has none: a colon in it is only a colon."""
    if what not in {"attribute", "data", "property"}:
        read = GoogleDocstring(lines, Config(napoleon_use_ivar=True), what=what, name=name)
        lines[:] = read.lines()


def signature(_app: Sphinx, what: str, _name: str, obj: Any, *_rest: Any) -> tuple[str, str] | None:
    """Leave out that of a dataclass: its fields stand below it, each with its type and default."""
    return ("", "") if what == "class" and dataclasses.is_dataclass(obj) else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Add what no extension has."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", without_folders)
    app.connect("autodoc-process-docstring", sections)
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True}
