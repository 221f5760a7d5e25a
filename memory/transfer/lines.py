"""JSON values out of a file, be it JSON lines or one document: one at a time, each with its place.

A file may be anything, so nothing here trusts it: lines and documents have a greatest size, and
what is no JSON becomes a reason.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from ingrained.errors import InputError

from .rows import Skipped

LONGEST_LINE = 64 * 2**20
LARGEST_DOCUMENT = 512 * 2**20
"""Bytes. A file of JSON lines may be of any size."""
_WRAPPERS = ("results", "items")
_OF_ROWS = frozenset({"text", "memory", "value"})


def lines_of(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and content of every line that is not blank; None for one that is too long."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if len(line) <= LONGEST_LINE:
            if line.strip():
                yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)
        yield number, None


def json_values(path: Path) -> Iterator[tuple[str, Any] | Skipped]:
    """Yield place and value of everything that a JSON file holds.

    It may hold a value on every line, or one list, or an object with a list under `results` or
    `items`, as the web services of mem0 and LangGraph reply.

    Raises:
        OSError: The file cannot be read.
    """
    document = _document(path)
    if document is not None:
        yield from _numbered(path.name, document)
        return
    with path.open("rb") as file:
        for number, line in lines_of(file):
            yield from _of_line(f"{path.name}:{number}", line)


def parsed(text: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        InputError: It is none; the message is the reason.
    """
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8") from error
    except RecursionError as error:
        raise InputError("nested too deeply") from error
    except ValueError as error:
        raise InputError("not JSON") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _of_line(place: str, line: bytes | None) -> Iterator[tuple[str, Any] | Skipped]:
    if line is None:
        yield Skipped(place=place, reason=f"a line of more than {LONGEST_LINE:,} bytes")
        return
    try:
        value = parsed(line)
    except InputError as error:
        yield Skipped(place=place, reason=str(error))
        return
    items = _unwrapped(value)
    yield from [(place, value)] if items is None else _numbered(place, items)


def _document(path: Path) -> list[Any] | None:
    """Return the values of a file that is one JSON document; None when it is one of lines."""
    with path.open("rb") as file:
        line = next(lines_of(file), (0, b""))[1]
        if line is not None and _is_json(line):
            return None
        if path.stat().st_size > LARGEST_DOCUMENT:
            return None
        file.seek(0)
        try:
            value = parsed(file.read())
        except InputError:
            return None
    items = _unwrapped(value)
    return [value] if items is None else items


def _is_json(text: bytes) -> bool:
    try:
        parsed(text)
    except InputError:
        return False
    return True


def _numbered(name: str, values: list[Any]) -> Iterator[tuple[str, Any]]:
    return ((f"{name}, item {number}", value) for number, value in enumerate(values, start=1))


def _unwrapped(value: Any) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and not _OF_ROWS & value.keys():
        lists = (value.get(key) for key in _WRAPPERS)
        return next((found for found in lists if isinstance(found, list)), None)
    return None
