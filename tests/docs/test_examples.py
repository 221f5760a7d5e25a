"""The example applications run as they are, without weights, and say what they are there to show."""

from __future__ import annotations

import asyncio
import builtins
import difflib
import itertools
import json
import os
import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder

from ingrained.graphs.session import Home

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FOLDER = Path("langgraph_app")
STORE_SWAP = EXAMPLES / "store_swap"


def output(name: str | Path, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


def test_the_agent_with_a_middleware_remembers_each_user_s_own(capsys):
    lines = output(FOLDER / "middleware.py", capsys).splitlines()
    answers = dict(itertools.pairwise(lines))

    assert "  replace 'The user keeps a fox.' by 'The user keeps a wolf.'? yes" in lines
    assert lines.count("  The user keeps a fox. [1]") == 1
    assert lines.count("  The user keeps a wolf. [1]") == 1
    assert answers["bob@example.org: What does the user keep?"] == "  I don't know."
    assert answers["bob@example.org: Where do visitors report?"].endswith("at the gate house. [1]")


def test_the_host_s_graph_answers_from_what_its_study_kept(capsys):
    said = output(FOLDER / "subgraph.py", capsys)

    assert "'answer': 'Mara Vint built the Orlan Bridge in 1402.'" in said
    assert "'kept': 1" in said


def test_a_folder_is_studied_and_answers_say_where_they_are_from(capsys):
    lines = output("study_folder.py", capsys).splitlines()

    assert lines == [
        "2 memories kept; ended: rounds",
        "Who built the Orlan Bridge? Mara Vint",
        "  bridge.md, 14 to 47: 'Mara Vint built the Orlan Bridge.'",
        "Who built the Teskow Mill? Ada Kern",
        "  mill.txt, 0 to 31: 'Ada Kern built the Teskow Mill.'",
    ]


def test_an_edited_document_supersedes_the_fact_and_changes_the_answer(capsys):
    lines = output("changing_document.py", capsys).splitlines()

    assert lines[:4] == [
        "1 kept. Who keeps the Orlan Bridge? Mara Vint",
        "1 kept. Who keeps the Orlan Bridge? Ostap Reel",
        "superseded: 'Mara Vint keeps the Orlan Bridge.'",
        "        by: 'Ostap Reel keeps the Orlan Bridge.'",
    ]
    assert "   history: supersede by study: bridge.md changed" in lines


def test_a_person_sees_each_change_and_what_is_rejected_stays(capsys, monkeypatch):
    decisions = iter(["n", "y"])
    monkeypatch.setattr(builtins, "input", lambda _question: next(decisions))
    said = output("human_approval.py", capsys)

    assert "-The pool opens at nine.\n+The pool opens at ten.\nThe user rejected" in said
    assert "-The code of the gate is 4711.\nForgot memory " in said
    assert said.endswith("In memory:\n  The pool opens at nine.\n")


def test_the_two_stores_are_one_application_but_for_the_import_and_one_line():
    before, after = (
        (STORE_SWAP / name).read_text(encoding="utf-8").split('"""', 2)[2].split("\n")
        for name in ("in_memory_app.py", "chroma_app.py")
    )
    changed = [
        line for line in difflib.ndiff(before, after) if line[0] in "-+" and line[1:].strip()
    ]
    assert sorted(changed) == [
        "+     return ChromaStore.from_path(\"app-store\", index=INDEX)",
        "+ from ingrained.memory import ChromaStore",
        "-     return InMemoryStore(index=INDEX)",
        "- from langgraph.store.memory import InMemoryStore",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("app", "known"),
    [("in_memory_app.py", "I don't know."), ("chroma_app.py", "The animal is a fox.")],
)
def test_only_the_swapped_store_knows_in_the_second_run_what_the_first_was_told(app, known, capsys):
    code = runpy.run_path(str(STORE_SWAP / app))
    first_lines = []
    for _ in range(2):
        store = code["open_store"]()
        code["main"](store)
        getattr(store, "close", lambda: None)()  # a process that ends does as much
        first_lines.append(capsys.readouterr().out.splitlines()[0])
    assert first_lines == ["Which animal? I don't know.", f"Which animal? {known}"]


def test_the_client_of_mcp_remembers_recalls_and_forgets(tmp_path: Path, capfd):
    mcp: Any = pytest.importorskip("mcp", reason="the extra `mcp` is not installed")
    home = Home(tmp_path / "home").path
    with_doubles = EXAMPLES.parent / "tests" / "unit" / "mcp_child.py"
    code = runpy.run_path(str(EXAMPLES / "mcp_client.py"))
    arguments = [str(with_doubles), "--home", str(home)]
    server = mcp.StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))
    asyncio.run(code["main"](server))

    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "tools: recall ask remember forget"
    assert [line.partition(" memory ")[0] for line in lines if line.startswith("remember")] == [
        "remember: Remembered as"
    ]
    before, after = (line for line in lines if line.startswith("recall"))
    assert before.startswith('recall: [1] "The kiln is fired on Mondays." (memory ')
    assert "kiln" not in after


@pytest.fixture(scope="module")
def installed_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host's application as a wheel puts it into site-packages, away from any checkout."""
    folder = tmp_path_factory.mktemp("host")
    builder = WheelBuilder(str(EXAMPLES / "host_app"))
    (wheel,) = builder.build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site-packages")
    return folder / "site-packages"


def run_in_the_host(installed: Path, *command: str) -> str:
    """Run Python in this test's own folder, with the host's package before all else."""
    path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *command], env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_host_whose_package_is_called_agent_keeps_its_name_beside_ingrained(installed_host):
    said = run_in_the_host(installed_host, "-m", "agent").splitlines()

    assert "Who built the Orlan Bridge? The Orlan Bridge: Mara Vint built" in said[0]
    assert said[1].startswith("I live by the bridge. Remembered as memory ")
    assert said[2] == "Where does the user live? The user lives by the bridge."
    assert len([line for line in said if line.startswith("asked: ")]) == 3
    assert said[-2] == f"agent is {installed_host / 'agent' / '__init__.py'}"
    assert re.fullmatch(r"ingrained\.agent is .*/ingrained/agent/__init__\.py", said[-1])


def test_the_graph_that_the_host_s_server_is_told_of_loads_and_opens_nothing(installed_host):
    told = json.loads((EXAMPLES / "host_app" / "langgraph.json").read_text(encoding="utf-8"))
    module, _, name = told["graphs"]["agent"].partition(":")
    source = f"import importlib as i; print(*i.import_module({module!r}).{name}.get_graph().nodes)"

    nodes = run_in_the_host(installed_host, "-c", source).split()
    assert nodes == ["__start__", "study", "talk", "note", "__end__"]
    assert list(Path.cwd().iterdir()) == []


def test_the_documents_name_the_parts_that_the_host_s_application_has():
    package = EXAMPLES / "host_app" / "src" / "agent"
    source = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    told = [
        (EXAMPLES / "README.md").read_text(),
        (EXAMPLES.parent / "docs/langgraph.md").read_text(),
    ]
    for part in ("build_study_graph", "quiz_me", "IngrainedMiddleware", "ChromaStore"):
        assert part in source
    for page in told:
        told_of = re.findall(r"^.*(?:host_app/README.md).*\n.*", page, re.MULTILINE)
        parts = ("the study", "`quiz_me`", "the middleware", "store")
        assert any(all(part in line for part in parts) for line in told_of)


def test_every_example_is_listed():
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    scripts = {path.relative_to(EXAMPLES) for path in EXAMPLES.glob("*.py")} | {
        path.relative_to(EXAMPLES) for path in EXAMPLES.glob("*_*/*.py")
    }
    assert scripts
    assert {str(path) for path in scripts if f"]({path.as_posix()})" not in listed} == set()
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert {name for name in folders if f"{name}/" not in listed} == set()
