"""Questions that have nothing to do with what is learnt: how an adapter drifts from its base."""

from __future__ import annotations

import importlib.resources
import json

from .rows import StudyRow


def probes() -> tuple[StudyRow, ...]:
    """Return fixed everyday questions, each with a plausible reply, for `train`."""
    file = importlib.resources.files(__package__).joinpath("probes.jsonl")
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return tuple(
        StudyRow(messages=(("user", one["question"]),), answer=one["reply"]) for one in found
    )
