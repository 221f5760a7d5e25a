"""LoCoMo (Maharana et al. 2024): two people talk over many sessions; each session is a document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ingrained.agent.exam import Item
from ingrained.errors import ExamError

from .benchmark import BenchDocument, Benchmark
from .loading_parts import checked, document, of_form, read_json

NAME = "locomo"
LAYOUT = "one file locomo*.json, a list of conversations with `sample_id`, `conversation` and `qa`"
WHERE = "the file data/locomo10.json of github.com/snap-research/locomo"
_ORIGIN = "LoCoMo (snap-research/locomo); CC BY-NC 4.0"
_TOPICS = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
_ADVERSARIAL = 5
_SESSION = re.compile(r"session_(\d+)")
_EVIDENCE = re.compile(r"D:?(\d+):\d+")
"""A turn as the data name it: `D3:11` is turn 11 of session 3; one stands there as `D:11:26`."""


class _Turn(BaseModel):
    speaker: str
    text: str
    blip_caption: str = ""


class _Question(BaseModel):
    question: str
    category: int
    evidence: list[str] = []
    answer: str | int | float | None = None


class _Sample(BaseModel):
    sample_id: str = ""
    conversation: dict[str, Any]
    qa: list[_Question]


def from_folder(folder: Path, part: str = "") -> Benchmark:
    """Read one conversation, or all.

    The questions of the category `adversarial` have no answer in the conversation: abstaining is
    right, as in the evaluation of the authors.

    Args:
        folder: Where the file lies.
        part: Number of the conversation, from 1; empty for all.

    Raises:
        ExamError: no file, one of another form, or no such conversation.
    """
    path = _file(folder)
    samples = read_json(path, list[_Sample], LAYOUT)
    if part and not (part.isdecimal() and 1 <= int(part) <= len(samples)):
        raise ExamError(
            f"{str(path)!r} has no conversation {part!r}",
            hint=f"Give a number: {NAME}/1 to {NAME}/{len(samples)}.",
        )
    chosen = range(int(part) - 1, int(part)) if part else range(len(samples))
    documents: list[BenchDocument] = []
    items: list[Item] = []
    for index in chosen:
        label = samples[index].sample_id or f"conversation-{index + 1}"
        sessions = dict(_sessions(samples[index].conversation, label, path))
        documents += sessions.values()
        items += _items(samples[index].qa, label, sessions)
    name = f"{NAME}/{part}" if part else NAME
    return checked(
        Benchmark(name=name, documents=tuple(documents), items=tuple(items), origin=_ORIGIN)
    )


def _file(folder: Path) -> Path:
    found = sorted(folder.glob("locomo*.json"))
    if len(found) != 1:
        raise ExamError(
            f"{len(found)} files locomo*.json in {str(folder)!r}", hint=f"It must hold {LAYOUT}."
        )
    return found[0]


def _sessions(
    conversation: dict[str, Any], label: str, path: Path
) -> Iterator[tuple[int, BenchDocument]]:
    """Yield the number of each session that was held, and what was said in it."""
    speakers = f"{conversation.get('speaker_a', 'A')} and {conversation.get('speaker_b', 'B')}"
    numbers = sorted(int(found[1]) for key in conversation if (found := _SESSION.fullmatch(key)))
    for number in numbers:
        where = f"{path}: {label}, session {number}"
        turns = of_form(conversation[f"session_{number}"], list[_Turn], where, LAYOUT)
        if not turns:
            continue
        title = f"{speakers}, {conversation.get(f'session_{number}_date_time', 'undated')}"
        text = "\n".join([title, "", *map(_said, turns)])
        yield number, document(f"{label}/session-{number:02}", title, text)


def _said(turn: _Turn) -> str:
    photo = f" [shares a photo: {turn.blip_caption}]" if turn.blip_caption else ""
    return f"{turn.speaker}: {turn.text}{photo}"


def _items(
    questions: Sequence[_Question], label: str, sessions: Mapping[int, BenchDocument]
) -> Iterator[Item]:
    for number, one in enumerate(questions):
        if one.category not in _TOPICS:
            raise ExamError(f"{label}: question {number} has the unknown category {one.category}")
        answerable = one.category != _ADVERSARIAL
        if answerable and one.answer is None:
            raise ExamError(f"{label}: question {number} has no answer")
        yield Item(
            id=f"{label}-q{number}",
            question=one.question,
            answers=(str(one.answer),) if answerable else (),
            document=_only_document(one.evidence, sessions),
            topic=_TOPICS[one.category],
        )


def _only_document(evidence: Sequence[str], sessions: Mapping[int, BenchDocument]) -> str:
    """Return the key of the session with all the evidence; nothing if there are several."""
    named = {int(number) for number in _EVIDENCE.findall(" ".join(evidence))}
    one = sessions.get(named.pop()) if len(named) == 1 else None
    return one.key if one else ""
