"""Single values of a foreign row, checked: each function returns the value or raises the reason."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ingrained.errors import InputError
from ingrained.memory.lexical import clean, normalise

LONGEST_TEXT = 100_000
LONGEST_LABEL = 500
"""Characters."""
MOST_LABELS = 100
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_FIRST = -62_135_596_800.0
_END = 253_402_300_800.0
"""POSIX seconds of the years 1 and 10000 in UTC, between which a calendar can name a time."""


def text_of(value: object, name: str, *, longest: int = LONGEST_TEXT) -> str:
    """Return a text that says something, in NFC, with lone surrogates replaced."""
    if not isinstance(value, str):
        raise InputError(f'"{name}" is not text')
    if len(value) > longest:
        raise InputError(f'"{name}" has more than {longest:,} characters')
    if _CONTROLS.search(value):
        raise InputError(f'"{name}" has control characters')
    text = clean(value)
    if not normalise(text):
        raise InputError(f'"{name}" is empty')
    return text


def label_of(value: object, name: str) -> str:
    """Return a short text, such as a tag or one label of a namespace."""
    return text_of(value, name, longest=LONGEST_LABEL)


def labels_of(value: object, name: str) -> tuple[str, ...]:
    """Return a list of short texts; a text alone is a list of one."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise InputError(f'"{name}" is no list of texts')
    if len(items) > MOST_LABELS:
        raise InputError(f'"{name}" has more than {MOST_LABELS} entries')
    return tuple(label_of(item, name) for item in items)


def number_of(value: object, name: str, *, least: float, most: float) -> float:
    """Return a number of a range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f'"{name}" is no number')
    if not least <= value <= most:
        raise InputError(f'"{name}" is out of range')
    return float(value)


def is_moment(seconds: float) -> bool:
    """Return whether POSIX seconds lie in the years 1 to 9999, UTC; NaN lies nowhere."""
    return _FIRST <= seconds < _END


def seconds_of(value: object, name: str) -> float:
    """Return POSIX seconds of a number of them or an ISO 8601 time; one without a zone is UTC."""
    seconds = _of_iso(value, name) if isinstance(value, str) else value
    number = number_of(seconds, name, least=_FIRST, most=_END)
    if not is_moment(number):
        raise InputError(f'"{name}" is out of range')
    return number


def _of_iso(value: str, name: str) -> float:
    try:
        moment = datetime.datetime.fromisoformat(value)
    except ValueError as error:
        raise InputError(f'"{name}" is no ISO 8601 time') from error
    zone = moment.tzinfo or datetime.UTC
    return moment.replace(tzinfo=zone).timestamp()


def tags_of(values: Mapping[str, Any], prefix: str = "") -> tuple[list[str], list[str]]:
    """Return fields as tags `name=value`, and the names of those that are no tags.

    Texts, numbers, truth values and lists of them become tags; null says nothing.
    """
    tags: list[str] = []
    left_out: list[str] = []
    for name, value in values.items():
        try:
            tags += [label_of(f"{name}={item}", "tag") for item in _plain(value)]
        except InputError:
            left_out.append(prefix + name)
    return tags, left_out


def _plain(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, bool):
            yield str(item).lower()
        elif isinstance(item, str | int) or (isinstance(item, float) and math.isfinite(item)):
            yield str(item)
        elif item is not None:
            raise InputError("neither text nor number")
