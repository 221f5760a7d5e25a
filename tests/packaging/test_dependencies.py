"""What is imported is declared, what is declared is needed, and the pins fit the ranges."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
OPTIONAL = [
    Requirement(line)
    for lines in PROJECT["project"]["optional-dependencies"].values()
    for line in lines
]
DEVELOPMENT = [
    Requirement(line) for lines in PROJECT["dependency-groups"].values() for line in lines
]
PACKAGES = ("agent", "memory", "graphs", "trainer")

TEST_SUPPORT = (Path("memory/conformance"), Path("memory/store_conformance"))
"""Shipped for the tests of others, who have pytest; nothing of ours imports it."""

NEVER_IMPORTED = {
    "lxml": "the parser named to beautifulsoup4",
}
"""Dependencies that another one loads on our behalf, by name."""


def runtime_files() -> list[Path]:
    own = [path for path in (ROOT / "src/ingrained").iterdir() if path.suffix == ".py"]
    return own + [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def imported_modules(files: list[Path]) -> Iterator[tuple[str, Path]]:
    """Every absolute import with the file it is in; `from a import b` gives `a.b`, which may be a module."""
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name, path) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield from ((f"{node.module}.{alias.name}", path) for alias in node.names)


packages_distributions = functools.cache(importlib.metadata.packages_distributions)


@functools.cache
def files_of(distribution: str) -> frozenset[str]:
    return frozenset(str(file) for file in importlib.metadata.files(distribution) or ())


@functools.cache
def distributions_of(module: str) -> set[str]:
    """The distributions that may provide a module; more than one only for a namespace package."""
    candidates = set(packages_distributions().get(module.partition(".")[0], ()))
    while len(candidates) > 1 and module:
        stem = module.replace(".", "/")
        files = {f"{stem}.py", f"{stem}/__init__.py"}
        if owners := {name for name in candidates if files & files_of(name)}:
            candidates = owners
        module = module.rpartition(".")[0]
    return {canonicalize_name(name) for name in candidates}


def third_party(files: list[Path]) -> dict[str, Path]:
    """Imported modules that are neither ours nor Python's, each with a file that imports it."""
    return {
        module: path
        for module, path in imported_modules(files)
        if (top := module.partition(".")[0]) not in sys.stdlib_module_names and top != "ingrained"
    }


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def test_every_import_has_its_dependency():
    undeclared = {
        module: str(path.relative_to(ROOT))
        for module, path in third_party(runtime_files()).items()
        if not distributions_of(module) & names(RUNTIME + OPTIONAL)
        and path.parent.relative_to(ROOT) not in TEST_SUPPORT
    }
    assert undeclared == {}


def test_every_dependency_is_imported():
    used = {name for module in third_party(runtime_files()) for name in distributions_of(module)}
    assert names(RUNTIME + OPTIONAL) - used == set(NEVER_IMPORTED)


ELSEWHERE = {"vllm", "mem0", "langmem", "rank_bm25", "trl", "datasets"}
"""Run by benchmarks in environments of their own."""


def test_tests_and_benchmarks_import_declared_dependencies_only():
    folders = ("tests", "benchmarks", "examples", "docs")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    siblings = {path.stem for path in files}
    undeclared = {
        module: str(path.relative_to(ROOT))
        for module, path in third_party(files).items()
        if module.partition(".")[0] not in siblings | ELSEWHERE
        and not distributions_of(module) & names(RUNTIME + OPTIONAL + DEVELOPMENT)
    }
    assert undeclared == {}


def test_what_is_installed_is_within_the_ranges():
    outside = {
        str(requirement): version
        for requirement in RUNTIME + OPTIONAL + DEVELOPMENT
        if (version := importlib.metadata.version(requirement.name)) not in requirement.specifier
    }
    assert outside == {}


def test_what_is_pinned_is_within_the_ranges():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    found = re.findall(r"^([\w.-]+)==(.+)$", text, re.M)
    pins = {canonicalize_name(name): version for name, version in found}
    outside = {
        str(requirement): version
        for requirement in RUNTIME + OPTIONAL + DEVELOPMENT
        if (version := pins[canonicalize_name(requirement.name)]) not in requirement.specifier
    }
    assert outside == {}


def test_make_installs_every_extra_so_that_no_test_of_one_is_skipped():
    extras = ",".join(sorted(PROJECT["project"]["optional-dependencies"]))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in ("--editable", "-e"):
        assert f'{command} ".[{extras}]" --group dev' in makefile


def test_contributing_says_why_each_dependency_is_there():
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([\w.-]+)` \| \S", table, re.M))
    assert explained == {requirement.name for requirement in RUNTIME + OPTIONAL + DEVELOPMENT}


def test_the_changelog_knows_this_version():
    from ingrained import __version__

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(__version__)}\]", changelog, re.M)
    assert PROJECT["project"]["version"] == __version__
