"""A file of memories, read: what form it has, and row after row what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from ingrained.errors import InputError

from .exports import header_of_lines, header_of_parquet, lines_of_export, rows_of_parquet
from .foreign import READERS, history_rows
from .lines import json_values
from .rows import Form, Header, Items, Row, Skipped, checked

HEADERS = {"jsonl": header_of_lines, "parquet": header_of_parquet}
_LOOKED_AT = 100
"""Rows that are looked at to tell the form of a file."""
_PARQUET, _SQLITE = b"PAR1", b"SQLite format 3\0"
_MARKS: dict[Form, frozenset[str]] = {
    "langgraph": frozenset({"namespace", "key", "value"}),
    "mem0": frozenset({"memory"}),
    "plain": frozenset({"text"}),
}
"""The fields by which the rows of a form are told, the most telling first."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file to import. It is read anew with every call of `items`."""

    path: Path
    form: Form
    header: Header | None
    """Of our own exports only."""
    now: float
    """POSIX seconds; what had expired by then is skipped."""

    def items(self) -> Items:
        """Yield every row, or the reason why it is none.

        Raises:
            InputError: The file as a whole is damaged.
            OSError: It cannot be read.
        """
        if self.form == "jsonl":
            return lines_of_export(self.path)
        if self.form == "parquet":
            return rows_of_parquet(self.path)
        return self._foreign()

    def _foreign(self) -> Items:
        for item in _values(self.path, self.form):
            if isinstance(item, Skipped):
                yield item
            else:
                yield checked(item[0], self._foreign_row, item[1])

    def _foreign_row(self, value: object) -> Row:
        if not isinstance(value, dict):
            raise InputError("not a JSON object")
        return READERS[self.form](value, self.now)


def open_source(path: Path, *, form: Form | None = None, now: float) -> Source:
    """Find out what a file is; no row of it is read yet but the first ones.

    Raises:
        InputError: There is no such file, or no form can be told, or the forced one is another.
    """
    if not path.is_file():
        raise InputError(f"no such file: {str(path)!r}", hint="Check the path of the file.")
    try:
        path.open("rb").close()
        form = form or form_of(path)
        header = HEADERS[form](path) if form in HEADERS else None
    except OSError as error:
        raise InputError(
            f"cannot read {str(path)!r}: {error.strerror or error}",
            hint="Check the permissions of the file.",
        ) from error
    return Source(path=path, form=form, header=header, now=now)


def form_of(path: Path) -> Form:
    """Tell the form of a file by looking at its first bytes and rows.

    Raises:
        InputError: None fits.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(len(_SQLITE))
    if start.startswith(_PARQUET):
        return "parquet"
    if start == _SQLITE:
        return "mem0-history"
    for item in islice(json_values(path), _LOOKED_AT):
        if not isinstance(item, Skipped) and isinstance(item[1], dict):
            form = _form_of_row(item[1])
            if form:
                return form
    raise InputError(
        f"cannot tell what {path.name!r} is",
        hint=f"It is none of {', '.join(get_args(Form))}; force one of them with --format.",
    )


def is_export(path: Path) -> bool:
    """Tell whether a file is an export of ours, of any version."""
    try:
        return form_of(path) in ("jsonl", "parquet")
    except InputError:
        return False


def _form_of_row(row: dict[str, Any]) -> Form | None:
    if "ingrained" in row:
        return "jsonl"
    return next((form for form, marks in _MARKS.items() if marks <= row.keys()), None)


def _values(path: Path, form: Form) -> Iterator[tuple[str, Any] | Skipped]:
    if form != "mem0-history":
        return json_values(path)
    rows = enumerate(history_rows(path), start=1)
    return ((f"{path.name}, memory {number}", row) for number, row in rows)
