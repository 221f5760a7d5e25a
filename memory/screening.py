"""Secrets and personal data in what is to be remembered: how they are found, and what is done.

Precision goes before completeness: a note that was flagged for a year or a page number teaches
people to ignore flags. Every kind has a fixed form, and a check digit where its form alone would be
too common. Names, street addresses, IP addresses (a version number looks the same) and passwords in
plain prose are not found.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ingrained.errors import InputError

from .records import Evidence, Memory, Span, sha256

Policy = Literal["keep", "redact", "refuse"]
"""Flag it and keep it; replace what was found by its kind in brackets; do not remember it at all."""

KINDS = ("secret", "email", "phone", "card", "iban", "ssn")
"""What `PatternScreen` finds; a secret is a password, a token or a private key."""

_REPEATED_LENGTH = 6
"""A finding of so many characters is redacted wherever else it stands, not only where it was found.

The answer to "What is the password?" has nothing about it that a pattern could see.
"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A stretch of a text that should perhaps not be remembered."""

    kind: str
    """Such as `email`; it becomes a flag of the memory."""
    start: int
    """First character."""
    end: int
    """One past the last character."""


Findings = Mapping[str, Sequence[Finding]]
"""What was found, by the text that it was found in."""


class Screen(Protocol):
    """Finds what should perhaps not be remembered."""

    def findings(self, text: str) -> list[Finding]:
        """Return what was found, in order, without overlaps."""
        ...


def findings_of(memory: Memory, screen: Screen) -> dict[str, list[Finding]]:
    """Return what a screen finds in a memory's own words, its quotes and its evidence.

    Tags and the ids of documents are names that others chose; they are not looked at.
    """
    found = {text: screen.findings(text) for text in dict.fromkeys(_texts(memory)) if text}
    return {text: findings for text, findings in found.items() if findings}


def screened(memory: Memory, findings: Findings, policy: Policy) -> Memory | None:
    """Return the memory as it may be remembered; None when it is refused.

    The kinds of what was found are added to `flags`, also when it is redacted. A redacted quote is
    no longer the document's: `start`, `end` and `version` still say where it was taken, and
    `quote_sha256` is that of the redacted quote, because a short secret can be guessed from its
    hash. The id is left as it is; the store gives a new memory one made from its redacted text.

    Args:
        memory: What is to be remembered.
        findings: As `findings_of` gives them; those in other texts than this memory's do nothing.
        policy: What to do about them.
    """
    found = {text: findings[text] for text in _texts(memory) if findings.get(text)}
    kinds = {finding.kind for stretches in found.values() for finding in stretches}
    if not kinds:
        return memory
    if policy == "refuse":
        return None
    flagged = dataclasses.replace(memory, flags=tuple(sorted({*memory.flags, *kinds})))
    return flagged if policy == "keep" else _rewritten(flagged, _redactor(found))


def rescreened(known: Memory, memory: Memory, screen: Screen | None, policy: Policy) -> Memory:
    """Return a changed memory as it may be remembered; new words are looked at, old ones are not.

    Raises:
        InputError: The policy refuses what was found in them.
    """
    if screen is None or list(_texts(memory)) == list(_texts(known)):
        return memory
    shown = screened(memory, findings_of(memory, screen), policy)
    if shown is None:
        raise InputError(
            "What the memory would say is not to be remembered: the screen found personal data or "
            "a secret in it.",
            hint="Leave that out.",
        )
    return shown


def _texts(memory: Memory) -> Iterator[str]:
    yield memory.text
    yield memory.title
    for span in memory.spans:
        yield span.quote
    for item in memory.evidence:
        yield from (item.question, item.answer, *item.phrasings)


def _rewritten(memory: Memory, rewrite: Callable[[str], str]) -> Memory:
    return dataclasses.replace(
        memory,
        text=rewrite(memory.text),
        title=rewrite(memory.title),
        spans=tuple(_requoted(span, rewrite(span.quote)) for span in memory.spans),
        evidence=tuple(_reworded(item, rewrite) for item in memory.evidence),
    )


def _requoted(span: Span, quote: str) -> Span:
    if quote == span.quote:
        return span
    return dataclasses.replace(span, quote=quote, quote_sha256=sha256(quote))


def _reworded(item: Evidence, rewrite: Callable[[str], str]) -> Evidence:
    return dataclasses.replace(
        item,
        question=rewrite(item.question),
        answer=rewrite(item.answer),
        phrasings=tuple(rewrite(phrasing) for phrasing in item.phrasings),
    )


def _redactor(found: Findings) -> Callable[[str], str]:
    known = {
        text[finding.start : finding.end]: finding.kind
        for text, findings in found.items()
        for finding in findings
        if finding.end - finding.start >= _REPEATED_LENGTH
    }
    longest_first = sorted(known, key=lambda value: (-len(value), value))
    anywhere = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def redact(text: str) -> str:
        again = anywhere.finditer(text) if anywhere else ()
        repeats = [_finding(known[match.group()], *match.span()) for match in again]
        return _redacted(text, apart([*found.get(text, ()), *repeats]))

    return redact


def _redacted(text: str, findings: Sequence[Finding]) -> str:
    for finding in reversed(findings):
        text = f"{text[: finding.start]}[{finding.kind}]{text[finding.end :]}"
    return text


def _finding(kind: str, start: int, end: int) -> Finding:
    return Finding(kind=kind, start=start, end=end)


def apart(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in order, those that overlap joined under the kind of the first and longest."""
    joined: list[Finding] = []
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        if joined and finding.start < joined[-1].end:
            end = max(joined[-1].end, finding.end)
            joined[-1] = dataclasses.replace(joined[-1], end=end)
        else:
            joined.append(finding)
    return joined


class PatternScreen:
    """Finds passwords, tokens, private keys, e-mail addresses and phone, card and account numbers.

    The patterns of tokens are those of detect-secrets, phone numbers are found by phonenumbers,
    check digits are python-stdnum's. Nothing is loaded before a text looks as if it held something,
    and nothing ever leaves the process.

    Args:
        region: Two-letter code of the country whose phone numbers are found without `+` and a
            country code too, such as `DE`. None finds international ones only: an ISBN can be a
            valid national number.
    """

    def __init__(self, *, region: str | None = None) -> None:
        self._region = region

    def findings(self, text: str) -> list[Finding]:
        """Return what was found, in order, without overlaps."""
        found: list[Finding] = []
        # What stands beside a number can hide it. Each look takes letters or digits out of the
        # text, and every pattern needs some, so there is a last one.
        while seen := apart(self._look(text)):
            found += seen
            text = _masked(text, seen)
        return apart(found)

    def _look(self, text: str) -> Iterator[Finding]:
        yield from _secrets(text)
        yield from _emails(text)
        yield from _phones(text, self._region)
        yield from _numbers(text)


def _masked(text: str, findings: Iterable[Finding]) -> str:
    for finding in findings:
        mask = "[" + "]" * (finding.end - finding.start - 1)
        text = text[: finding.start] + mask + text[finding.end :]
    return text


_EMAIL = re.compile(r"(?<![\w.+'-])\w[\w.+'-]{0,63}@[^\W_][\w-]*(?:\.[^\W_][\w-]*)+")
"""Letters of any script; the libraries tried begin `O'Brien@…` and `jörg@…` in the middle."""


def _emails(text: str) -> Iterator[Finding]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield _finding("email", *match.span())


_INTERNATIONAL = re.compile(r"[+＋][\s(]*\d")  # noqa: RUF001  (the full-width plus of CJK text)


def _phones(text: str, region: str | None) -> Iterator[Finding]:
    if region is None and not _INTERNATIONAL.search(text):
        return
    from phonenumbers import PhoneNumberMatcher

    for match in PhoneNumberMatcher(text, region):
        yield _finding("phone", match.start, match.end)


_CARD = re.compile(
    r"(?<![\w.,-])(?:(?:2[2-7]\d\d|[456]\d{3})(?:[ -]?\d{4}){3}|3[47]\d\d[ -]?\d{6}[ -]?\d{5})"
    r"(?![\w-]|[.,]\d)"
)
"""The lengths, groups and first digits that card networks give out (ISO/IEC 7812)."""
_IBAN = re.compile(r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_SSN = re.compile(r"(?<![\w-])\d{3}-\d\d-\d{4}(?![\w-])")


def _numbers(text: str) -> Iterator[Finding]:
    for match in _CARD.finditer(text):
        if _is_card(match.group()):
            yield _finding("card", *match.span())
    for match in _IBAN.finditer(text):
        if length := _iban_length(match.group()):
            yield _finding("iban", match.start(), match.start() + length)
    for match in _SSN.finditer(text):
        if _is_ssn(match.group()):
            yield _finding("ssn", *match.span())


def _is_card(number: str) -> bool:
    from stdnum import luhn

    return luhn.is_valid(re.sub(r"\D", "", number))


def _is_ssn(number: str) -> bool:
    from stdnum.us import ssn

    return ssn.is_valid(number)


def _iban_length(candidate: str) -> int:
    """Return how many characters of the candidate are an IBAN, without capitals that follow it."""
    from stdnum import iban

    while candidate and not iban.is_valid(candidate, check_country=False):
        candidate = candidate.rpartition(" ")[0]
    return len(candidate)


_MAY_BE_TOKEN = re.compile(r"(?<!\S)(?=\S{16})\S*\d|://\S+@|PRIVATE KEY")
"""Tokens are long and have digits: most sentences need no look at the fifty patterns."""
_NOT_USED = frozenset(
    "ArtifactoryDetector CloudantDetector IPPublicDetector IbmCloudIamDetector IbmCosHmacDetector "
    "NpmDetector SoftlayerDetector".split()
)
"""The first is set off by words in capitals, the one for addresses by version numbers; the others
take minutes for a text with a long run of blanks or slashes."""
_NEWER_TOKENS = re.compile(
    r"\bsk-[\w-]{32,}|\bgithub_pat_\w{22,}|\bAIza[\w-]{35}|\bhf_[A-Za-z0-9]{30,}"
    r"|\bnpm_[A-Za-z0-9]{36}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"
)
"""Of model providers, GitHub, Google, Hugging Face and npm; JSON web tokens with their signature."""
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\s+(?:Proc-Type|DEK-Info): \S+)*"
    r"(?:\s+[A-Za-z0-9+/=]{16,})*(?:\s+[A-Za-z0-9+/=]+)?(?:\s*-----END [A-Z0-9 ]{1,40}-----)?"
)
"""The whole block; the library knows its first line only."""
_PASSWORD = re.compile(
    r"(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|token)\w{0,20}"
    r"['\"\]]{0,2}\s{0,3}(?::=|=>|={1,3}|:)\s{0,3}(?:"
    r"(['\"`])(?P<quoted>(?=[A-Za-z]*[^A-Za-z\s'\"`])[^\s'\"`\[\]]{6,200})\1"
    r"|(?P<bare>(?=[A-Za-z/+_=-]*\d)(?=[\d/+_=-]*[A-Za-z])[\w/+=-]{16,200})(?![\w.(\[]))",
    re.IGNORECASE | re.ASCII,
)
"""In quotes what is no plain word, as prose might have it; bare what is long and mixed. The library's
own search for these takes minutes for a text that repeats the word `secret`."""


def _secrets(text: str) -> Iterator[Finding]:
    if _MAY_BE_TOKEN.search(text):
        for pattern in (_NEWER_TOKENS, _PRIVATE_KEY, *_token_patterns()):
            yield from (_finding("secret", *match.span()) for match in pattern.finditer(text))
    for match in _PASSWORD.finditer(text):
        yield _finding("secret", *match.span(match.lastgroup or 0))


@functools.cache
def _token_patterns() -> tuple[re.Pattern[str], ...]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins.base import RegexBasedDetector

    detectors: list[Any] = list(get_mapping_from_secret_type_to_class().values())
    used = (one for one in detectors if one.__name__ not in _NOT_USED)
    patterned = (one() for one in used if issubclass(one, RegexBasedDetector))
    return tuple(pattern for detector in patterned for pattern in detector.denylist)
