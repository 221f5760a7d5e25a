"""What `ingrained` itself offers: docs/python.md has all of it, and importing it costs nothing."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ingrained
from ingrained import Answer, GateDecision, Ingrained, StudyReport

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
PYTHON = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
MEMBERS = {name for name in vars(Ingrained) if not name.startswith("_")}


def test_the_table_of_names_is_all_that_is_offered():
    table = PAGE.partition("| name |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(ingrained.__all__)


def test_every_name_is_shown_in_an_example():
    assert {name for name in ingrained.__all__ if not re.search(rf"\b{name}\b", PYTHON)} == set()
    shown = {name for name in MEMBERS if re.search(rf"\bagent\.{name}\b", PYTHON)}
    assert shown == MEMBERS


def test_every_argument_and_every_field_is_explained():
    arguments = set(inspect.signature(Ingrained).parameters)
    fields = {
        field.name for one in (StudyReport, GateDecision) for field in dataclasses.fields(one)
    } | {field.name for field in dataclasses.fields(Answer)}
    told = {name for name in arguments | fields if f"`{name}" in PAGE or f".{name}" in PYTHON}
    assert told == arguments | fields


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_every_public_member_has_a_docstring(name: str):
    assert inspect.getdoc(inspect.getattr_static(Ingrained, name))


def test_no_method_has_an_async_twin_and_the_page_says_how_to_do_without():
    methods = [*vars(Ingrained).values(), *vars(ingrained.Chat).values()]
    assert not any(map(inspect.iscoroutinefunction, methods))
    assert "`asyncio.to_thread`" in PAGE.partition("## Threads and async code")[2]


def test_every_name_leads_to_what_it_names_and_completion_finds_it():
    for name in ingrained.__all__:
        assert getattr(ingrained, name)
    assert set(ingrained.__all__) <= set(dir(ingrained))
    with pytest.raises(AttributeError, match="no attribute 'Engrained'"):
        _ = ingrained.Engrained


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(ingrained.__file__).read_text(encoding="utf-8"))
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen | {"__version__"} == set(ingrained.__all__)


def test_importing_it_loads_no_library():
    done = subprocess.run(
        [sys.executable, "-c", "import json, sys, ingrained; print(json.dumps([*sys.modules]))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    heavy = {"torch", "transformers", "langgraph", "langchain_core", "chromadb", "pydantic"}
    assert heavy & set(json.loads(done.stdout)) == set()
