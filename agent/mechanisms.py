"""What a study is made of, by name, so that each part can be switched off and its effect measured.

The names are those of the papers, and of the survey that sorts them (Tao et al. 2024,
arXiv 2404.14387, sections 3 to 5).
"""

from __future__ import annotations

from collections.abc import Iterable

from ingrained.agent.tasks import kinds
from ingrained.errors import SettingsError

QUESTION_KINDS = {
    kinds.ANSWER_FIRST: "choose a name, number, date or term, then ask for it",
    kinds.FREE_RECALL: "ask what the model likes, and let the passage answer",
    kinds.CLOZE: "fill a gap, for notes that got no other question",
    kinds.REVERSED: "ask for the other end of a relation",
    kinds.PARAPHRASE: "ask the same in other words",
    kinds.TWO_HOP: "ask what takes two passages to answer",
    kinds.UNANSWERABLE: "ask what the documents do not say",
    kinds.VARIATION: "knowledge-free: the model's own variations on its questions",
}
"""Kind of a question → what it is. All but `variation` are knowledge-based tasks."""

_OTHERS = {
    "selective": "ask first for what is nearest the objective",
    "round-trip": "accept a question only if the passage, read again, gives its answer",
    "self-consistency": "let sampled answers vote, and accept what enough of them agree on",
    "metric-filter": "of a reply read again, demand a token F1 of 0.8 with the answer",
    "exact-filter": "of a reply read again, demand the answer and nothing else",
    "evidence": "accept a question only if the model can quote what answers it",
    "topic-free": "drop what is answered with the topic left out",
    "self-refine": "criticise and rewrite answers in doubt, and notes so that they stand alone",
    "critique-free": "answer again what is in doubt, next to its own sentence",
    "star": "save why an answer is right; where the model fails to say, with the answer as a hint",
    "quiz-verified": "keep a note only if recalling it turns a failure into a pass",
    "reflexion": "advise oneself after failures that recur",
    "review": "say at the end of a round what failed and why",
}
MECHANISMS = {**QUESTION_KINDS, **_OTHERS}
"""Name → what it does, for help texts."""

DEFAULT_MECHANISMS = frozenset(
    ["answer-first", "cloze", "reversed", "paraphrase", "two-hop", "selective", "round-trip",
     "self-consistency", "quiz-verified", "review"]
)  # fmt: skip
"""What a study uses if nothing else is said: what paid for itself when it was measured (LOG.md)."""


def chosen(
    *, plus: Iterable[str] = (), minus: Iterable[str] = (), of: Iterable[str] = DEFAULT_MECHANISMS
) -> frozenset[str]:
    """Return the mechanisms to use.

    Raises:
        SettingsError: a name is none of `MECHANISMS`, or is both wanted and not.
    """
    more, less = set(plus), set(minus)
    check_mechanisms(more | less)
    if both := sorted(more & less):
        raise SettingsError(f"both wanted and not: {', '.join(both)}")
    return frozenset((set(of) | more) - less)


def check_mechanisms(names: Iterable[str]) -> None:
    """Raise for names that are none of `MECHANISMS`.

    Raises:
        SettingsError: which, and what there is.
    """
    if unknown := sorted(set(names) - MECHANISMS.keys()):
        raise SettingsError(
            f"no such mechanism: {', '.join(map(repr, unknown))}",
            hint=f"There are {', '.join(MECHANISMS)}.",
        )
