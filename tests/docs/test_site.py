"""The site that `make docs` builds has every page, every public name and every example in it."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MODULES = ("ingrained", "ingrained.graphs", "ingrained.memory", "ingrained.trainer")


def fences(page: Path, info: str) -> Iterator[Token]:
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence" and token.info == info:
            yield token


def test_the_navigation_names_every_page():
    entries = [
        re.sub(r".*<(.*)>", r"\1", line)
        for fence in fences(DOCS / "index.md", "{toctree}")
        for line in fence.content.splitlines()
        if line and not line.startswith(":")
    ]
    named = [(DOCS / f"{entry}.md").resolve() for entry in entries]
    outside = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LOG.md", "examples/README.md")
    pages = {*DOCS.rglob("*.md"), *(ROOT / name for name in outside)} - {DOCS / "index.md"}
    assert len(named) == len(set(named))
    assert pages <= set(named)


@pytest.mark.parametrize("module", MODULES)
def test_the_reference_has_every_public_name(module: str):
    page = DOCS / "reference" / f"{module.rpartition('.')[2]}.md"
    (listed,) = fences(page, "{eval-rst}")
    names = re.findall(rf"^\.\. auto\w+:: {re.escape(module)}\.(\w+)$", listed.content, re.M)
    assert sorted(names) == sorted(importlib.import_module(module).__all__)


def test_every_example_is_there_in_full():
    text = (DOCS / "reference" / "examples.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^```\{literalinclude\} \.\./\.\./(\S+)$", text, re.M))
    scripts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").rglob("*.py")}
    assert {path for path in scripts if not path.endswith("__init__.py")} == shown


def test_every_diagram_has_its_picture_and_none_an_old_one():
    """A picture is named after the text of the diagram it was drawn of; CONTRIBUTING.md says how."""
    wanted = {
        f"diagram-{hashlib.sha256(fence.content.rstrip().encode()).hexdigest()[:12]}.png"
        for page in DOCS.rglob("*.md")
        for fence in fences(page, "mermaid")
    }
    assert {path.name for path in (DOCS / "images").glob("diagram-*.png")} == wanted


class Loaded(HTMLParser):
    """Collects what a browser fetches by itself when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = {"link": "href", "script": "src", "img": "src", "iframe": "src"}.get(tag)
        self.addresses += [value for key, value in attrs if key == name and value]


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_its_pages_fetch_nothing(tmp_path: Path):
    """A link that leads nowhere is a warning, and with -W a failure."""
    site = tmp_path / "site"
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(DOCS)]
    done = subprocess.run(
        [*sphinx, "-d", str(tmp_path / "doctrees"), str(ROOT), str(site)],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert [one for one in loaded.addresses if re.match(r"(\w+:)?//", one)] == [], page
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(@import|url\()\s*[\"']?(\w+:)?//", text), style
    assert (site / "index.html").exists()
    for name in ("Ingrained.study", "MemoryStore.recall", "IngrainedMiddleware", "LoraRecipe.rank"):
        assert any(
            f'.{name}"' in page.read_text(encoding="utf-8")
            for page in (site / "docs" / "reference").glob("*.html")
        ), name
