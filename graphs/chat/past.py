"""What can only be known from what the user said: a question on their own past."""

from __future__ import annotations

import re

_REQUEST = re.compile(
    r"\b(tell|give|show|help|let|teach|explain to|describe to|read|name|list) (me|us)\b|\blet's\b",
    re.IGNORECASE,
)
"""How something is asked for: "Tell me when the mill was built" is about the mill."""
_VERB = (
    r"(\w{2,}ed|said|told|saw|went|got|made|met|bought|ate|wrote|gave|took|heard|felt|found|lost|won|"
    r"spoke|thought|sent|had|did|was|were|knew|kept|left|came|chose|began|grew|drew|sang|ran)"
)
_LATELY = r"(ever |once |already |just |never |recently |first |last |also |really )?"
_USER_DID = re.compile(
    rf"\b(did|was|were|had|have|has) (i|we|my \w+)\b"
    rf"|\b(i|we) {_LATELY}{_VERB}\b"
    rf"|\b(i|we)(['\u2019](ve|d)| have| had) {_LATELY}{_VERB}\b"
    rf"|\b{_VERB} (me|us)\b",
    re.IGNORECASE,
)
_USER_HAS = re.compile(
    r"(\b(is|are|was|were)|['\u2019]s)( the \w+( \w+)? of)? my\b"
    r"|\b(remember|recall|remind|forgotten|forgot)\b.*\b(i|me|my|we|us|our)\b",
    re.IGNORECASE,
)
_HYPOTHESIS = re.compile(
    r"\b(if|can|could|may|might|must|shall|should|will|would) (i|we|my|our)\b", re.IGNORECASE
)
_AGENT_SAID = re.compile(
    r"\b(did|have|had) you (ever |once |already )?"
    r"(say|said|tell|told|mention|mentioned|recommend|recommended|suggest|suggested|advise|advised|"
    r"promise|promised|give|given)\b"
    r"|\byou (once |already |just )?(said|told|mentioned|recommended|suggested|advised|promised)\b",
    re.IGNORECASE,
)


def asks_of_the_past(question: str) -> bool:
    """Return whether the answer lies in what the user, or the agent to the user, said or did.

    "Which film did I like?" and "What did you recommend?" are so, and "How can I dry pears?" is not:
    that is known, or not, without knowing who asks. It knows English; of other languages it says no.
    """
    asked = _REQUEST.sub("", question)
    if _AGENT_SAID.search(asked):
        return True
    told = _USER_DID.search(asked) or _USER_HAS.search(asked)
    return told is not None and not _HYPOTHESIS.search(asked)
