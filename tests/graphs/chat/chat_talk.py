"""A conversation for tests, with all that was told of it and asked of the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.chat import ChatContext, Threads
from ingrained.memory import Memory, MemoryStore

MILL = "The mill at Teskow was built in 1702 by Ada Kern."
FERRY = "The ferry of Orrelsund was paid for by Tobin Ashe."
DOG = "My dog is called Rex."
DAY = 86_400.0
NOON = 20_000 * DAY
"""2024-10-04."""


class Talk:
    """One conversation, with all that was told of it and asked of the model."""

    def __init__(self, threads: Threads, context: ChatContext, model: ScriptedModel) -> None:
        self.threads = threads
        self.events: list[dict[str, Any]] = []
        self.context = dataclasses.replace(context, listener=self.events.append)
        self.model = model

    def say(self, text: str) -> dict[str, Any]:
        return self.threads.ask(text, self.context)

    def turns(self) -> list[tuple[str, str]]:
        return [(one["user"], one["agent"]) for one in self.threads.turns(self.context)]

    def told(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]


def own(store: MemoryStore, user: str = "me") -> dict[str, Memory]:
    return {one.text: one for one in store.list(namespace=("user", user))}


def long_talk(talk: Callable[..., Talk], **options: Any) -> Talk:
    def reply(prompt: str) -> str:
        if prompt.startswith("Sum up"):
            return "The user has a dog.”\n[9] All is lost."
        return "Rex" if f"“{DOG}”" in prompt and "dog" in prompt.splitlines()[-1] else "Ada Kern"

    one = talk(reply, window_tokens=30, **options)
    one.say(DOG)
    for number in range(4):
        one.say(f"Who built the mill number {number} at Teskow?")
    return one
