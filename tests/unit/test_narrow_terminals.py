"""Tables in a terminal that is too narrow for them: no word is broken."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from ingrained.agent.commands.chat_commands import COMMANDS
from ingrained.agent.ui.console import new_table
from ingrained.agent.ui.conversation import show_commands
from ingrained.agent.ui.memories import show_list
from ingrained.memory import Memory, Span

TEXT = "The architecture of Drennoway was administered by Hestrid Thrennock."
MILL = Memory(
    id="0123456789ab", text=TEXT, kind="fact",
    spans=(Span(document="architecture.md", version="1", start=0, end=68, quote=TEXT, quote_sha256=""),),
)  # fmt: skip


def console(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False)


def listed(width: int) -> str:
    shown = console(width)
    show_list([MILL], more=False, console=shown)
    return shown.file.getvalue()


@pytest.mark.parametrize("width", [24, 40, 60])
def test_every_word_of_a_table_is_whole(width: int) -> None:
    shown = listed(width)
    assert {*TEXT.split(), "01234567", "architecture.md"} <= set(shown.split())
    assert max(map(len, shown.splitlines())) <= width


def test_a_row_whose_columns_have_no_room_is_told_cell_by_cell() -> None:
    assert [one.rstrip() for one in listed(40).splitlines()[:2]] == ["id: 01234567", "  kind: fact"]
    assert listed(100).split()[:4] == ["id", "kind", "memory", "from"]


def test_the_commands_of_a_chat_can_be_read() -> None:
    shown = console(30)
    show_commands([(name, one.does) for name, one in COMMANDS.items()], shown)
    told = set(shown.file.getvalue().split())
    assert all({name, *one.does.split()} <= told for name, one in COMMANDS.items())


def test_text_that_looks_like_markup_stays_text_and_the_caption_comes_last() -> None:
    table = new_table(caption="In all 3.")
    table.add_column("incomprehensible")
    table.add_column("unpronounceable")
    table.add_row(Text("[bold]x[/bold]"), "5")
    shown = console(20)
    shown.print(table)
    lines = [one.strip() for one in shown.file.getvalue().splitlines()]
    assert lines == ["incomprehensible:", "[bold]x[/bold]", "unpronounceable: 5", "In all 3."]
