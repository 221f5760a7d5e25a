"""A study row: what the model is shown and what it shall say, nothing else; and files of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ingrained.disk import replace_text
from ingrained.errors import InputError

RowKind = Literal["qa", "cloze", "text", "replay"]
"""`text` rows are learnt as they stand, `replay` rows answered as before; see `StudyRow`."""


@dataclass(frozen=True, kw_only=True)
class StudyRow:
    """One supervised example.

    The loss is taken on the tokens of `answer` (and the end-of-turn token) only. It is their
    cross-entropy, as far as the recipe says mixed with the divergence from what the base says with
    the source in view; for a row of replay, the divergence from what the base says there.
    """

    messages: tuple[tuple[str, str], ...]
    """(role, content) pairs up to, not including, the reply: system and user turns. With none, the
    answer is a text outside of any conversation, learnt from its second token on."""
    answer: str
    """The reply to be learnt."""
    kind: RowKind = "qa"
    memory_ids: tuple[str, ...] = ()
    """The memories this row was made from: the adapter's lineage."""
    weight: float = 1.0
    rejected: str = ""
    """A reply that `answer` is to be preferred to; see `LoraRecipe.dpo`."""
    source: tuple[tuple[str, str], ...] = ()
    """The turns that put the same question with what answers it in view; see `LoraRecipe.distil`."""


_HINT = (
    'Each line must be a JSON object such as {"messages": [{"role": "user", "content": "Who?"}], '
    '"answer": "Ada"}.'
)


def write_rows(path: Path, rows: Iterable[StudyRow]) -> None:
    """Write rows as JSON Lines, for `read_rows` and `python -m ingrained.trainer`.

    A line has the fields of `StudyRow`, without those left at their defaults; its turns are objects
    with `role` and `content`, as chat datasets have them.
    """
    replace_text(path, "".join(json.dumps(_to_json(row)) + "\n" for row in rows))


def read_rows(path: Path) -> list[StudyRow]:
    """Read rows from JSON Lines; blank lines are skipped.

    Raises:
        InputError: the file cannot be read, or a line is not a row; its number is named.
    """
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"No study rows can be read from {path}: {error}", hint=_HINT) from error
    return [
        _from_line(line, f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def _to_json(row: StudyRow) -> dict[str, Any]:
    told = {
        field.name: getattr(row, field.name)
        for field in dataclasses.fields(row)
        if getattr(row, field.name) != field.default
    }
    for name in ("messages", "source"):
        if name in told:
            told[name] = [{"role": role, "content": content} for role, content in told[name]]
    return told


def _from_line(line: str, place: str) -> StudyRow:
    try:
        return _from_json(json.loads(line))
    except ValueError as error:
        raise InputError(f"{place} is no study row: {error}", hint=_HINT) from error


def _from_json(line: Any) -> StudyRow:
    """Return the row of one line.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(line, dict):
        raise ValueError("not a JSON object")
    for name, value in line.items():
        fits = _FITS.get(name)
        if fits is None:
            raise ValueError(f"a row has no {name!r}")
        if not fits(value):
            raise ValueError(f"{name!r} cannot be {json.dumps(value)[:80]}")
    if not line.get("answer"):
        raise ValueError("it has no 'answer'")
    turns = {name: _turns(line.get(name, ())) for name in ("messages", "source")}
    return StudyRow(**{**line, **turns, "memory_ids": tuple(line.get("memory_ids", ()))})


def _turns(told: Sequence[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((turn["role"], turn["content"]) for turn in told)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_turns(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(turn, dict)
        and turn.keys() == {"role", "content"}
        and turn["role"] in _ROLES
        and isinstance(turn["content"], str)
        for turn in value
    )


_ROLES = ("system", "user", "assistant")
_FITS = {
    "messages": _are_turns,
    "answer": _is_text,
    "kind": lambda value: value in get_args(RowKind),
    "memory_ids": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "weight": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "rejected": _is_text,
    "source": _are_turns,
}
