"""How a run of the chat comes to its context."""

from __future__ import annotations

import dataclasses
from typing import Any

from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.running import Door, Said


def _asked(context: ChatContext, told: Said) -> ChatContext:
    changed: dict[str, Any] = {
        "user": told.user,
        "namespace": told.namespace,
        "cell": told.cell,
        "question": told.question,
    }
    given = {name: one for name, one in changed.items() if one is not None}
    return dataclasses.replace(context, **given) if given else context


CHAT = Door(
    kind=ChatContext,
    hint="Give `context=ChatContext(question=…, asker=…, memory=…)` to `invoke`.",
    applied=_asked,
    whose=lambda context: context.own,
)
