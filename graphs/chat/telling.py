"""Whether somebody tells something or asks, by the form of their sentences."""

from __future__ import annotations

import re

from ingrained.agent.grading import words

_SENTENCE = re.compile(r"[^.!?]*[.!?]*")
_ASKS = re.compile(
    r"(and|but|so|then)?\W*(who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|"
    r"can|could|will|would|should|has|have|tell me|remind me (of )?(what|which|who|when|where|how)|show|list|explain|describe|name)\b",
    re.IGNORECASE,
)
"""How questions and requests begin, which people end with a full stop or with nothing."""
_OF_SELF = re.compile(r"\b(I|[Mm]y|[Ww]e|[Oo]ur)\b")
_WANTS = re.compile(
    r"(?i:\b(please|you|your|me)\b|\b(I|we) (want|need|wonder|wish|ask|would like)\b|\b(I|we)['\u2019]d (like|love)\b)"
)
"""What is wanted of the agent in the form of a statement."""


def tells(text: str) -> bool:
    """Return whether any sentence neither is a question nor begins like one."""
    sentences = (one.strip() for one in _SENTENCE.findall(text))
    return any(words(one) and not one.endswith("?") and not _ASKS.match(one) for one in sentences)


def tells_of_self(text: str) -> bool:
    """Return whether somebody says something of themselves and wants nothing: "My name is Lena."."""
    if "?" in text or _WANTS.search(text):
        return False
    return tells(text) and _OF_SELF.search(text) is not None
