"""What `ingrained.graphs` offers another application, and what it costs to import."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import ingrained.graphs
from ingrained.graphs.tools import ToolOptions

IMPORTED = """
import json, sys
import ingrained.graphs
print(json.dumps(sorted(sys.modules)))
"""


def test_every_name_leads_to_what_it_names():
    for name in ingrained.graphs.__all__:
        assert getattr(ingrained.graphs, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'build_castles'"):
        _ = ingrained.graphs.build_castles


def test_importing_it_loads_no_library():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True
    )
    heavy = {"langgraph", "langchain", "langchain_core", "pydantic", "torch", "chromadb", "sqlite3"}
    assert heavy & set(json.loads(done.stdout)) == set()


def test_type_checkers_see_the_same_names(root: Path):
    tree = ast.parse((root / "graphs" / "__init__.py").read_text(encoding="utf-8"))
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(ingrained.graphs.__all__)


def test_every_name_and_every_option_is_explained(root: Path):
    page = (root / "docs" / "langgraph.md").read_text(encoding="utf-8")
    wanted = {*ingrained.graphs.__all__, *ToolOptions.__annotations__}
    assert {name for name in wanted if f"`{name}" not in page} == set()
