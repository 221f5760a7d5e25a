"""One name per module, one place per layer, and an import that costs nothing."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

IMPORT_ALL = """
import importlib, json, os, pkgutil, sys
import ingrained
for module in pkgutil.walk_packages(ingrained.__path__, "ingrained."):
    if module.name != "ingrained.__main__":
        importlib.import_module(module.name)
own = {name: os.path.realpath(module.__file__) for name, module in sys.modules.items()
       if getattr(module, "__file__", None)}
json.dump(own, sys.stdout)
"""
PACKAGES = {"agent", "memory", "graphs", "trainer"}
FOLDERS = (*sorted(PACKAGES), "tests", "examples", "benchmarks")
HEAVY = {
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "sentence_transformers",
    "chromadb",
    "plotly",
}


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [str(node.module)]
    return []


@pytest.fixture(scope="module")
def loaded() -> dict[str, str]:
    """Module name to file, in a fresh process that has imported all of Ingrained."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    modules: dict[str, str] = json.loads(done.stdout)
    return modules


def test_no_file_is_loaded_under_two_names(root: Path, loaded: dict[str, str]):
    ours = [
        file for file in loaded.values() if file.startswith(str(root)) and "/.venv/" not in file
    ]
    assert len(ours) == len(set(ours))


def test_the_folders_at_the_root_cannot_be_imported_by_their_bare_names(loaded: dict[str, str]):
    assert not PACKAGES & set(loaded)


def test_no_file_names_them_so(root: Path):
    """Ruff's banned-api cannot say this: to it, `from .records` in memory/ is `memory.records`."""
    bare = {
        f"{path.relative_to(root)}:{node.lineno}"
        for folder in FOLDERS
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported(node)
        if name.partition(".")[0] in PACKAGES
    }
    assert bare == set()


@pytest.mark.parametrize(
    "module",
    [
        "agent.api",
        "agent.cli",
        "agent.weights",
        "agent.reading",
        "memory",
        "trainer",
        "trainer.curriculum",
    ],
)
def test_importing_a_door_loads_no_heavy_library(module: str):
    """Modules that are about torch import it at the top, and are themselves imported late."""
    source = f"import sys, ingrained.{module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(done.stdout.split())


def test_every_module_of_the_agent_has_a_place_in_the_layers(root: Path):
    config = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in config["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    placed = set(re.findall(r"ingrained\.agent\.(\w+)", " ".join(layers)))
    there = {
        path.stem
        for path in (root / "agent").iterdir()
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert there <= placed
