"""Redacting leaves nothing of what was found, and nothing else is touched."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from ingrained.memory.records import Evidence, Memory, Span, sha256
from ingrained.memory.screening import PatternScreen, findings_of, screened

EXAMPLES = settings(max_examples=80, deadline=None)
SCREEN = PatternScreen()

secrets = st.sampled_from(
    [
        "mara.venn@example.org",
        "+44 20 7946 0958",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "536-90-4399",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "password = 'hunter2horse'",
        "https://user:s3cret@db.example.org/x",
        "hunter2horse",
    ]
)
words = st.sampled_from(["the mill", "1873", "pp. 12-14", "ISBN 0-306-40615-2", "[email]", "“é”"])
anything = st.text(alphabet=st.characters(), max_size=12)
texts = st.lists(secrets | words | anything, max_size=6).map(" ".join)


def span(quote: str) -> Span:
    return Span(
        document="d", version="v", start=3, end=9, quote=quote, quote_sha256=sha256(quote)
    )  # fmt: skip


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    item = Evidence(
        question=draw(texts),
        answer=draw(texts),
        phrasings=tuple(draw(st.lists(texts, max_size=2))),
        passed_before=False,
        passed_after=True,
    )
    return Memory(
        id="m",
        text=draw(texts),
        title=draw(texts),
        tags=("kept",),
        spans=tuple(map(span, draw(st.lists(texts, max_size=2)))),
        evidence=(item,),
    )


def words_of(memory: Memory) -> list[str]:
    quotes = [one.quote for one in memory.spans]
    (item,) = memory.evidence
    return [memory.text, memory.title, *quotes, item.question, item.answer, *item.phrasings]


@EXAMPLES
@given(memories())
def test_a_redacted_memory_holds_nothing_of_what_was_found(memory: Memory) -> None:
    findings = findings_of(memory, SCREEN)
    redacted = screened(memory, findings, "redact")
    assert redacted is not None
    assert findings_of(redacted, SCREEN) == {}
    found = {text[one.start : one.end] for text, ones in findings.items() for one in ones}
    assert not [value for value in found for text in words_of(redacted) if value in text]


@EXAMPLES
@given(memories())
def test_all_but_the_words_and_the_flags_stays(memory: Memory) -> None:
    findings = findings_of(memory, SCREEN)
    redacted = screened(memory, findings, "redact")
    assert redacted is not None
    kinds = {one.kind for ones in findings.values() for one in ones}
    assert set(redacted.flags) == kinds
    same = dataclasses.replace(
        redacted, text=memory.text, title=memory.title, flags=memory.flags,
        spans=memory.spans, evidence=memory.evidence,
    )  # fmt: skip
    assert same == memory
    places = [(one.document, one.version, one.start, one.end) for one in redacted.spans]
    assert places == [("d", "v", 3, 9)] * len(memory.spans)
    assert all(one.quote_sha256 == sha256(one.quote) for one in redacted.spans)
    for before, after in zip(words_of(memory), words_of(redacted), strict=True):
        assert after == before or before in findings or "[" in after


@EXAMPLES
@given(texts)
def test_findings_are_ordered_disjoint_and_within_the_text(text: str) -> None:
    end = 0
    for one in SCREEN.findings(text):
        assert end <= one.start < one.end <= len(text)
        end = one.end
