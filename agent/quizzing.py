"""Questions about a note, answer first: choose what shall be asked for, then how.

A small model asked to "write questions" rambles; asked for one question that fills a given gap of
a given sentence it is usable. The answer is then right by construction and its evidence verbatim.
Asking for each end of a relation gives both directions (the reversal curse, Berglund et al. 2023).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingrained.memory.lexical import STOP_WORDS
from ingrained.memory.records import sha256

from .grading import agrees, contains, words
from .prompts import Messages, load

_NUMBER_WORD = (
    "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    "|hundred|thousand|million|half|quarter|dozen)"
)
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_NOT_A_UNIT = (
    "(?:and|or|of|in|on|at|to|by|the|a|an|with|was|were|is|are|has|had|have|from|for|as|that|which"
    "|who|when|while|after|before|until|into|over|under|than|then|it|its|he|she|they|his|her|their"
    "|each|per|but|not|so)"
)
_NAME = r"[A-ZÀ-ÖØ-Þ][\w\u2019'-]*"
_LINK = r"(?:\s+(?:of|de|da|di|van|von|der|den|the|du|la|le|for)(?=\s+[A-ZÀ-ÖØ-Þ]))*"
_DATE = rf"(?:\d{{1,2}}\s+)?{_MONTH}(?:\s+\d{{1,2}}\b,?)?(?:\s+\d{{3,4}}\b)?"
_COUNT = rf"(?:\d[\d,.]*\d|\d|\b{_NUMBER_WORD}(?:[- ]{_NUMBER_WORD})*\b)"
_UNIT = rf"(?!{_NOT_A_UNIT}\b)[a-z]{{2,}}"
_QUANTITY = rf"{_COUNT}(?:[ -]{_UNIT}(?: {_UNIT})?)?"
_AFTER_UNIT = frozenset(
    "above below away out left long wide high deep thick tall old later earlier ago behind apart "
    "around across along long-lasting each here there together".split()
)
_TARGET = re.compile(
    rf"{_DATE}|{_QUANTITY}|{_NAME}(?:{_LINK}\s+{_NAME})*|“[^”]{{2,60}}”|\"[^\"]{{2,60}}\""
)
_PLAIN = (
    r"(?!(?:and|or|nor|but|of|in|on|at|to|by|an?|the|with|was|were|is|are|be|been|being|has|had"
    r"|have|from|for|as|that|which|who|whom|whose|when|while|after|before|until|into|onto|over"
    r"|under|than|then|it|its|he|she|they|his|her|their|them|him|each|every|per|not|so|only|also"
    r"|now|still|never|about|between|through|during|without|because|where|this|these|there|can"
    r"|could|may|must|will|would|all|any|some|no|more|most|other|same|own|very|too)\b)[a-zß-öø-ÿ][\w-]+"
)
_PHRASE = re.compile(
    rf"\b(?:an?|the|of|from|with|as|by|for|in|on|into|his|her|its|their|called|named)"
    rf" ({_PLAIN}(?: {_PLAIN}){{0,2}})(?=[,.;:?!)])"
)
_OPENERS_OF_SENTENCES = set(
    [
        "the",
        "a",
        "an",
        "in",
        "on",
        "at",
        "by",
        "it",
        "its",
        "he",
        "she",
        "his",
        "her",
        "they",
        "their",
        "this",
        "that",
        "these",
        "those",
        "when",
        "while",
        "after",
        "before",
        "for",
        "from",
        "each",
        "every",
        "some",
        "all",
        "both",
        "no",
        "not",
        "as",
        "with",
        "during",
        "under",
        "until",
        "since",
        "because",
        "although",
        "though",
        "if",
        "there",
        "to",
        "of",
        "but",
        "and",
        "or",
        "we",
        "you",
        "i",
        "who",
        "what",
        "where",
        "which",
        "only",
        "most",
        "many",
        "today",
        "later",
        "another",
        "other",
        "such",
    ]
)
SPEAKS_OF_TEXT = "speaks of the text"
_VAGUE = re.compile(
    r"\b(the|this|that|given) (text|passage|sentence|document|article|note|paragraph|author|gap)\b"
    r"|\b(mentioned|described|according to)\b|_{2,}|\[",
    re.IGNORECASE,
)
_ANAPHOR = re.compile(r"\b(he|she|it|they|his|her|its|their|them|him|this|these)\b", re.IGNORECASE)
_NAMES = re.compile(r"\b[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{2,}")
_LABEL = re.compile(r"^\W*(question\s*\d*\s*[:.)-]|\d+[.)]|q\s*[:.])\s*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a question shall ask for: a stretch of a note."""

    note: int
    """Index in the list of notes."""
    answer: str
    """Verbatim in that note, but for line breaks."""
    opener: str
    """Likely first words of the question."""


def targets(notes: Sequence[str], *, per_note: int = 4) -> list[Target]:
    """Choose names, dates, quantities and quoted terms to ask for.

    Numbers come first: a small model asks for one of three of them rightly, and for one of
    fourteen names (LOG.md).
    """
    return [
        Target(note=index, answer=answer, opener=openers(note, answer)[0])
        for index, note in enumerate(notes)
        for answer in sorted(answers_in(note), key=has_no_digit)[:per_note]
    ]


def has_no_digit(answer: str) -> bool:
    """Sort numbers and dates before names and terms."""
    return not any(letter.isdigit() for letter in answer)


def answers_in(note: str) -> list[str]:
    """Return the distinct stretches of `note` that make good short answers.

    Names, dates and quantities come first, then plain noun phrases; each group in text order.
    """
    found: dict[str, str] = {}
    for match in _TARGET.finditer(note):
        answer = _trim(match.group())
        if note[match.end() : match.end() + 1].isalpha():
            continue
        if 0 < len(words(answer)) <= 6 and not _is_common_word(answer, match.start(), note):
            found.setdefault(" ".join(words(answer)), answer)
    for match in _PHRASE.finditer(note):
        phrase = match.group(1)
        if not any(contains(known, phrase) for known in found):
            found.setdefault(" ".join(words(phrase)), phrase)
    return list(found.values())


def _trim(text: str) -> str:
    parts = text.strip("“”\" .,;:'\u2019-").split()
    while parts and parts[0].casefold() in _OPENERS_OF_SENTENCES:
        parts.pop(0)
    while parts and parts[-1] in _AFTER_UNIT:
        parts.pop()
    return " ".join(parts)


def _is_common_word(answer: str, start: int, note: str) -> bool:
    """A single capitalised word that opens a sentence is a name only if it recurs inside one."""
    if " " in answer or not answer[0].isupper():
        return False
    before = note[:start].rstrip(' "“')
    opens = not before or before[-1] in ".!?"
    return opens and not re.search(rf"[\w,;] {re.escape(answer)}\b", note)


def openers(note: str, answer: str) -> list[str]:
    """Return first words for a question about `answer`, the likeliest first."""
    if re.fullmatch(r"\d{4}", answer):
        return ["In what year", "When"]
    if re.fullmatch(_DATE, answer):
        return ["When", "On what date"]
    quantity = re.fullmatch(rf"{_COUNT}[ -]?([a-z -]*)", answer)
    if quantity:
        return _openers_of_quantity(quantity.group(1).strip())
    if answer[0].islower():
        return ["What"]
    spot = _spot(note, answer)
    before = words(note[: spot.start()])[-1:] if spot else []
    if before == ["by"]:
        return ["Who", "Which", "What"]
    if before and before[0] in {"in", "at", "on", "near", "from", "to", "off", "into"}:
        return ["Where", "Which", "What"]
    return ["Who", "What", "Which"]


def _openers_of_quantity(unit: str) -> list[str]:
    if re.match(r"(years?|months?|weeks?|days?|hours?|minutes?)\b", unit):
        return ["How long", f"How many {unit}"]
    return [f"How many {unit}", "What"] if unit else ["How many", "What"]


def question_prompt(
    topic: str, note: str, target: Target, *, focus: int = 0, opener: str = ""
) -> Messages:
    """Ask for one question whose answer is the target.

    Args:
        topic: What the note is about, so that the question can name it. It is withheld when it
            is what the question asks for.
        note: One or two sentences.
        target: What to ask for.
        focus: Where in `note` the sentence begins that holds the answer.
        opener: First words to begin the question with.
    """
    own = note[focus:]
    spot = _spot(own, target.answer)
    gapped = f"{own[: spot.start()]}[?]{own[spot.end() :]}" if spot else own
    if contains(topic, target.answer):
        topic = "?"
    values = {"topic": topic, "gapped": note[:focus] + gapped, "answer": target.answer}
    if opener:
        return load("ask_for_beginning").render(**values, opener=opener)
    return load("ask_for").render(**values)


def _spot(text: str, answer: str) -> re.Match[str] | None:
    """Find an answer: as whole words if it stands so, and though a line breaks inside it."""
    spaced = r"\s+".join(re.escape(part) for part in answer.split())
    return re.search(rf"(?<!\w){spaced}(?!\w)", text) or re.search(spaced, text)


def clean_question(reply: str) -> str:
    """Take the first question out of a reply; empty when there is none."""
    for line in reply.strip().splitlines():
        text = _LABEL.sub("", line.strip())
        end = text.find("?")
        if end > 0:
            return text[: end + 1].strip(' *"“”')
    return ""


def fault(question: str, answer: str, source: str) -> str:
    """Return why a question is unusable, or an empty string.

    Args:
        question: As it was written.
        answer: What it was to ask for.
        source: The passage and its topic: where every name in the question must come from.
    """
    asked = words(question)
    if len(asked) < 4:
        return "too short"
    if len(asked) > 40:
        return "too long"
    if contains(question, answer):
        return "gives the answer away"
    if speaks_of_the_text(question):
        return SPEAKS_OF_TEXT
    if not set(_NAMES.findall(question[1:])) <= set(_NAMES.findall(source)):
        return "names something else"
    if _ANAPHOR.search(question) and not re.search(r"\b[A-ZÀ-ÖØ-Þ]", question[1:]):
        return "does not name its subject"
    return ""


def speaks_of_the_text(said: str) -> bool:
    """Return whether a question or a statement needs the text beside it ("the passage mentions")."""
    return bool(_VAGUE.search(said))


def answered(question: str, reply: str, answer: str) -> bool:
    """Return whether a reply gives the answer and little else but the question's own words.

    Spelt numbers count as figures, and a unit that the question names may be left out.
    """
    asked, said, wanted = (figures(words(text)) for text in (question, reply, answer))
    if agrees(" ".join(said), " ".join(wanted)):
        return True
    if said[: len(wanted)] == wanted:
        return True
    bare = [word for word in wanted if word not in asked]
    if bare and any(word.isdigit() for word in bare) and said[: len(bare)] == bare:
        return True
    known = {*asked, *wanted}
    return contains(reply, answer) and sum(word not in known for word in said) <= 3


_RIVAL = re.compile(r"\b[A-ZÀ-ÖØ-Þ]\w*|\d[\d.,]*")
"""What could be another answer: a name or a number."""


def gives(question: str, reply: str, answer: str) -> bool:
    """Return whether a reply gives the answer and no other one beside it.

    Stricter than `answered`: "Egypt and Colombia" does not give "Egypt".
    """
    if not answered(question, reply, answer):
        return False
    known = STOP_WORDS | {*figures(words(question)), *figures(words(answer))}
    rivals = (word for match in _RIVAL.findall(reply.strip()) for word in figures(words(match)))
    return all(rival in known for rival in rivals)


def target_id(passage: str, start: int, answer: str) -> str:
    """Return the id that all phrasings of one target share.

    Args:
        passage: Id of the passage.
        start: First character of the note, counted in the document.
        answer: What is asked for.
    """
    return sha256(f"{passage}\x1f{start}\x1f{answer}")[:16]


_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
_FIGURES = {word: str(value) for value, word in enumerate(_SMALL)} | {
    "meter": "metre", "meters": "metres", "kilometers": "kilometres", "centimeters": "centimetres",
    "liters": "litres",
}  # fmt: skip


def figures(said: Sequence[str]) -> list[str]:
    """Return the words with small spelt numbers as figures and American units as British."""
    return [_FIGURES.get(word, word) for word in said]
