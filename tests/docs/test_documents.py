"""The documents are tests: their Python runs, and the commands in them exist as written.

A fenced block is found by the first word of its info string:

    ```python           runs in an empty folder that holds a copy of examples/
    ```python weights   the same, with real (small) weights
    ```console          every `$ ` line is a command; the others are its output
    ```sh               every line is a command
"""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from ingrained.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "examples/README.md")),
    ROOT / "examples" / "host_app" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
SHELLS = {"sh", "bash", "shell", "console"}


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block."""

    document: Path
    line: int
    info: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"


def blocks_of(document: Path) -> Iterator[Block]:
    for token in MarkdownIt().parse(document.read_text(encoding="utf-8")):
        if token.type == "fence" and token.map:
            info = tuple(token.info.split()) or ("",)
            yield Block(document=document, line=token.map[0] + 1, info=info, text=token.content)


def commands_in(block: Block) -> Iterator[list[str]]:
    """The simple commands of a block, as words; what joins them (`|`, `&&`, `;`, `>`) cuts."""
    text = block.text.replace("\\\n", " ")
    for line in text.splitlines():
        if block.info[0] == "console":
            if not line.startswith("$ "):
                continue
            line = line[2:]
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.commenters = "#"
        for cut, words in itertools.groupby(lexer, key=lambda word: set(word) <= set("|&;()<>")):
            if not cut:
                yield list(words)


def arguments_of(command: list[str]) -> list[str] | None:
    """What follows `ingrained` in a command, or None if it is another program."""
    words = list(itertools.dropwhile(lambda word: re.match(r"[A-Z_]+=", word), command))
    if words and Path(words[0]).name == "ingrained":
        return words[1:]
    if words[1:3] == ["-m", "ingrained"]:
        return words[3:]
    return None


BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]
COMMANDS = [
    (block, command)
    for block in BLOCKS
    if block.info[0] in SHELLS
    for command in commands_in(block)
]
OURS = [
    (block, arguments)
    for block, command in COMMANDS
    if (arguments := arguments_of(command)) is not None
]


@pytest.fixture(scope="module")
def cli() -> Any:
    """The root command, with `commands` and `params` as click has them."""
    import typer.main

    from ingrained.agent.cli import app

    return typer.main.get_command(app)


def resolve(cli: Any, arguments: list[str]) -> tuple[Any, list[str]]:
    """Follow the subcommands; return the command reached and the words that remain."""
    command, rest = cli, list(arguments)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    return command, rest


def options_of(command: Any) -> set[str]:
    named = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return named | {"--help"}


PYTHON = [
    pytest.param(block, marks=[pytest.mark.weights] * ("weights" in block.info), id=str(block))
    for block in BLOCKS
    if block.info[0] == "python"
]


@pytest.fixture
def with_examples() -> None:
    shutil.copytree(ROOT / "examples", "examples")


@pytest.fixture
def with_weights(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For blocks that ask for weights: the small model by default, the real cache."""
    if "weights" in request.node.callspec.params["block"].info:
        for name in ("smollm_path", "minilm_path", "qwen_path"):
            request.getfixturevalue(name)
        monkeypatch.setenv("INGRAINED_CACHE", str(request.getfixturevalue("real_cache")))
        monkeypatch.setenv("INGRAINED_MODEL", "smollm2-135m")


@pytest.mark.usefixtures("with_examples", "with_weights")
@pytest.mark.parametrize("block", PYTHON)
def test_python_in_the_documents_runs(block: Block):
    code = compile("\n" * block.line + block.text, str(block.document), "exec")
    exec(code, {"__name__": "__main__"})


@pytest.mark.parametrize(
    ("block", "arguments"), OURS, ids=lambda part: str(part) if isinstance(part, Block) else None
)
def test_a_command_in_the_documents_exists_as_written(cli: Any, block: Block, arguments: list[str]):
    command, rest = resolve(cli, arguments)
    if hasattr(command, "commands"):
        assert not rest or rest[0].startswith("-"), f"{block}: no command {rest[0]!r}"
    given = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    assert given <= options_of(command), block


def test_make_targets_in_the_documents_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {
        word
        for _, command in COMMANDS
        if command[0] == "make"
        for word in command[1:]
        if "=" not in word and not word.startswith("-")
    }
    assert named <= targets


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    children = getattr(command, "commands", {})
    if not children:
        yield path
    for name, child in children.items():
        if not child.hidden:
            yield from leaves(child, (*path, name))


def test_every_command_is_shown_in_a_document(cli: Any):
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    commands = {" ".join(("ingrained", *path)) for path in leaves(cli)}
    assert {command for command in commands if command not in text} == set()


def test_every_setting_is_explained_in_a_document():
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    settings = {f"INGRAINED_{field.upper()}" for field in Settings.model_fields}
    assert {setting for setting in settings if setting not in text} == set()


def test_links_between_files_lead_somewhere():
    broken = {
        f"{document.name}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
        if "://" not in target and not (document.parent / target).exists()
    }
    assert broken == set()
