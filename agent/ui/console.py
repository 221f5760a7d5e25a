"""Consoles, and making foreign text fit to be shown on one.

Results go to standard output, everything else (progress, notes, errors) to standard error, so that
a result can be piped while the progress is still seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.status import Status
from rich.table import Column, Table
from rich.text import Text

from ingrained.errors import IngrainedError

# Control characters (a document must not steer the terminal), marks that turn the direction of
# writing, what nobody sees (Unicode's Cf and Default_Ignorable_Code_Point, the empty braille cell), and
# lone surrogates, which no terminal can be sent. The zero-width joiners stay, the variation selectors of
# Mongolian and of emoji, and the marks of Arabic, Syriac and Kaithi that are seen: one cannot write without them.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_QUOTE_CHARS = 240
NARROW = 80
"""Columns of a terminal from which a table keeps its form, whatever word is too long for it."""
_WIDE = 10_000
"""Columns in which no word is broken."""


def results() -> Console:
    """Return the console for what was asked for."""
    return Console(highlight=False, markup=False, emoji=False)


def notices() -> Console:
    """Return the console for progress, notes and errors."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


class FoldingTable(Table):
    """A table that a narrow terminal is shown row by row, where its columns would break words."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table, or of each row a line per cell."""
        least = self.__rich_measure__(console, options.update(width=_WIDE)).minimum
        if options.max_width >= NARROW or least <= options.max_width:
            yield from super().__rich_console__(console, options)
        else:
            yield from self._rows_apart()

    def _rows_apart(self) -> RenderResult:
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            first, *others = zip(self.columns, cells, strict=True)
            yield _named_cell(*first)
            for column, cell in others:
                yield Padding(_named_cell(column, cell), (0, 0, 0, 2), expand=False)
        if self.caption:
            yield Text.assemble(self.caption, style="dim")


def _named_cell(column: Column, cell: RenderableType) -> Text:
    """Return what a cell says after the name of its column."""
    name = f"{column.header}: " if column.header else ""
    return Text.assemble((name, "dim"), cell if isinstance(cell, Text) else str(cell))


def new_table(*, header: bool = True, caption: str = "") -> Table:
    """Return an empty table in the style of all tables here."""
    return FoldingTable(
        box=box.SIMPLE_HEAD if header else box.SIMPLE,
        show_header=header,
        pad_edge=False,
        collapse_padding=True,
        caption=caption or None,
        caption_justify="left",
    )


@contextmanager
def spinner(console: Console, what: str) -> Iterator[Status | None]:
    """Turn a spinner in a terminal for as long as the block lasts; elsewhere there is none."""
    if not console.is_terminal:
        yield None
        return
    with console.status(line(what, "dim")) as status:
        yield status


def safe(text: object) -> str:
    """Return foreign text without anything that a terminal would obey."""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def line(text: object, style: str = "") -> Text:
    """Return foreign text as one styled line, never read as markup."""
    return Text(" ".join(safe(text).split()), style=style)


def clipped(text: str, limit: int = _QUOTE_CHARS) -> str:
    """Return at most `limit` characters of `text` on one line."""
    flat = " ".join(safe(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def show_json(data: Any) -> None:
    """Write data as JSON to standard output, in ASCII, so that no character is obeyed."""
    results().out(json.dumps(data, indent=2), highlight=False)


def show_error(error: IngrainedError, *, as_json: bool) -> None:
    """Tell what happened and what to do: in red, or as a JSON object on standard output."""
    if as_json:
        show_json({"error": str(error), "hint": error.hint, "kind": type(error).__name__})
        return
    console = notices()
    console.print(Text(f"Error: {safe(error)}", style="bold red"), soft_wrap=True)
    if error.hint:
        console.print(Text(safe(error.hint)), soft_wrap=True)


def many(count: int, one: str, several: str = "") -> str:
    """Return a count and what is counted, `1 file` or `2 memories`; an s makes several of one."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def percent(share: float) -> str:
    """Return a share as whole per cents."""
    return f"{100 * share:.0f} %"


def duration(seconds: float) -> str:
    """Return seconds as people read them: `48 s`, `3 min 05 s`, `2 h 07 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
