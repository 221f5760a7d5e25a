"""What has nothing to do with what is learnt: to be answered as before, and to tell if it is."""

from __future__ import annotations

import importlib.resources
import json
from dataclasses import dataclass
from typing import Any

from .rows import StudyRow


@dataclass(frozen=True, kw_only=True)
class Control:
    """An everyday question that has one short answer."""

    question: str
    answers: tuple[str, ...]
    """What counts as right, each in full."""


@dataclass(frozen=True, kw_only=True)
class ReplayPrompt:
    """An everyday prompt, and how it is put."""

    text: str
    closed_book: bool
    """As a closed-book question is put, the form of what is learnt; otherwise as a chat would."""


def replay_prompts() -> tuple[ReplayPrompt, ...]:
    """Return fixed everyday prompts, none of them a probe or a control, to be answered as the base does.

    Any number of them from the first on are as mixed as all.
    """
    return tuple(ReplayPrompt(**one) for one in _lines("replay.jsonl"))


def probes() -> tuple[StudyRow, ...]:
    """Return fixed everyday questions, each with a plausible reply, for `train`."""
    return tuple(
        StudyRow(messages=(("user", one["question"]),), answer=one["reply"])
        for one in _lines("probes.jsonl")
    )


def controls() -> tuple[Control, ...]:
    """Return fixed everyday questions, neither probes nor replayed, to see what is still answered."""
    return tuple(
        Control(question=one["question"], answers=tuple(one["answers"]))
        for one in _lines("controls.jsonl")
    )


def _lines(name: str) -> list[dict[str, Any]]:
    file = importlib.resources.files(__package__).joinpath(name)
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
