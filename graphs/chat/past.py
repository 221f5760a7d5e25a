"""What can only be known from what the user said: a question on their own past."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingrained.agent.grading import abstained, words
from ingrained.agent.quizzing import figures
from ingrained.agent.reading.sentences import sentences
from ingrained.agent.stating.checking import goes_beyond
from ingrained.graphs.chat.state import Turn
from ingrained.graphs.chat.telling import tells
from ingrained.memory.echoes import telling
from ingrained.memory.lexical import terms

_LONGEST = 300
"""Characters of a question; what is longer tells enough to be asked about."""
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|«[^»]*»")
_NUMERAL = re.compile(
    r"\b(?!(?:Did|Was|Had|Have|Am|Do|Can|Could|Should|Would|Will|May|Must|What|When|Where|Who|Which|Why|How)\b)"
    r"[A-Z]\w+ I\b"
)
"""Not "Did I", but "Elizabeth I" and "World War I"."""
_REQUEST = re.compile(r"(?i:\b(tell|give|show|help|let|teach|explain to|describe to|list) me\b)")
"""How something is asked for: "Tell me when the mill was built" is about the mill."""
_HYPOTHESIS = re.compile(
    r"(?i:\b(if|can|could|may|might|must|shall|should|will|would)) (I|my|we)\b|\A\W*(?i:why)\b"
)
"""What is possible, and why something went wrong: others than the user may know."""
_VERB = (
    r"(\w{2,}ed|been|said|told|saw|went|got|made|met|bought|ate|wrote|gave|took|heard|felt|found|lost|won|"
    r"spoke|thought|sent|had|did|was|knew|kept|left|came|chose|began|drew|sang|ran)"
)
_LATELY = r"(?:ever |once |already |just |never |recently |first |last |also |really )?"
_SPOKE = r"(talk|speak|discuss|agree|decide|plan|mention)"
_KEPT = r"(?:first |last |best )?(?:name|birthday|age|address|favou?rite|job|dog|cat|sister|brother|wife|husband|son|daughter)"
_PAST = re.compile(
    rf"(?i:\b(did|was|had|have)) I\b"
    rf"|\bI {_LATELY}{_VERB}\b|\bI(['\u2019](ve|d)| have| had) {_LATELY}{_VERB}\b|\b{_VERB} me\b"
    rf"|(?i:\bdid) we {_LATELY}{_SPOKE}\b|\bwe {_LATELY}(spoke|{_SPOKE}e?d)\b"
    rf"|(?i:\b(what|who|which|when|where|how old))(['\u2019]s| is| was| are| were)( the \w+ of)? my {_KEPT}\b"
    rf"|(?i:\bremind me) (?i:of )?(?i:what|which|who|when|where|how)\b"
    rf"|\byou (still |ever |perhaps )?(remember|recall|forget|forgot|forgotten)\b.{{0,80}}\b(I|me|my|we)\b"
)
_SPEAKER = "I Yes"
"""What any reply may say."""
_WHICH = re.compile(
    r"(?i)\W*(who|whom|whose|what|which|when|where|why|how)\b(?!.*\bor\b)", re.DOTALL
)
"""What is not answered by a yes or a no, nor by one of two that it names."""
_SAY = r"(say|tell|mention|recommend|suggest|advise|promise)"
_AGENT_SAID = re.compile(
    rf"(?i:\bdid) you (ever |once |already )?{_SAY}\b"
    r"|\byou (once |already |just |had |have )?(said|told|mentioned|recommended|suggested|advised|promised)\b"
)


def asks_of_the_past(question: str) -> bool:
    """Return whether the answer lies in what the user, or the agent to the user, said or did.

    "Which film did I like?" and "What did you recommend?" are so, and "How can I dry pears?" is not:
    that is known, or not, without knowing who asks. It knows English; of other languages it says no.
    """
    if len(question) > _LONGEST or tells(question):
        return False
    asked = _REQUEST.sub("", _NUMERAL.sub("", _QUOTED.sub("", question)))
    if _AGENT_SAID.search(asked):
        return True
    return bool(_PAST.search(asked)) and not _HYPOTHESIS.search(asked)


def speak_of(turns: Sequence[Turn], question: str) -> bool:
    """Return whether any turn may hold an answer: one tells something, or has a word of the question.

    A refusal has none; what the user told stands, whatever it was answered with.
    """
    wanted = set(terms(question))
    return any(
        (tells(turn["user"]) and len(terms(turn["user"])) > 1)
        or (not abstained(turn["agent"]) and wanted & set(terms(f"{turn['user']} {turn['agent']}")))
        for turn in turns
    )


def makes_up(reply: str, question: str, view: Sequence[str]) -> bool:
    """Return whether a reply to a question on the user's past says what nothing in view does.

    A name, a number, a date or a denial that stands neither in the view nor in the question is made
    up, and so is a reply that shares no word with the view but those of the question. What takes
    only words of the question is none to "What did I say?", and may be one to "Did I say so?".

    Args:
        reply: What the model said, without citations.
        question: What it was asked.
        view: What stood in the prompt: notes, turns and summaries.
    """
    if abstained(reply):
        return False
    seen = "\n".join([*view, _SPEAKER])
    own = _told(reply) - _told(f"{question} {_SPEAKER}")
    if own.isdisjoint(_told(seen)) and (own or _WHICH.match(question)):
        return True
    said = (reply[start:end] for start, end in sentences(reply))
    return any(goes_beyond(one, f"{question}\n{seen}") for one in said)


def _told(text: str) -> frozenset[str]:
    return telling(" ".join(figures(words(text))))
