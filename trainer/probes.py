"""What has nothing to do with what is learnt: to be answered as before, and to tell if it is."""

from __future__ import annotations

import importlib.resources
import json

from .rows import StudyRow


def replay_prompts() -> tuple[str, ...]:
    """Return fixed everyday prompts, none of them a probe, to be answered as the base does."""
    file = importlib.resources.files(__package__).joinpath("replay.txt")
    return tuple(file.read_text(encoding="utf-8").splitlines())


def probes() -> tuple[StudyRow, ...]:
    """Return fixed everyday questions, each with a plausible reply, for `train`."""
    file = importlib.resources.files(__package__).joinpath("probes.jsonl")
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return tuple(
        StudyRow(messages=(("user", one["question"]),), answer=one["reply"]) for one in found
    )
