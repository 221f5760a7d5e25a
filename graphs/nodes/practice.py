"""Looking back on practice questions that fail with memory: review, and Reflexion.

Sealed questions have no part in it: neither critic nor memory gets to see them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.answering import with_memory
from ingrained.agent.planning import Gradebook
from ingrained.agent.prompts import load
from ingrained.agent.quizzing import answered
from ingrained.agent.solving.cases import Failure
from ingrained.agent.solving.reflecting_on_failure import reflect, with_reflections
from ingrained.agent.solving.reviewing import review
from ingrained.graphs.context import StudyContext
from ingrained.memory.records import Memory
from ingrained.memory.reflecting import insight

from .common import ANSWER_TOKENS, emit
from .sealed import Sat, sit

PRACTISED = 24
"""Most failed questions that are tried again at the end of a round."""
SOURCES = 2
"""Least memories that an insight rests on; with fewer it would be forgotten (`reflecting`)."""


def look_back(runtime: Runtime[StudyContext]) -> None:
    """Try again what failed with memory; say what went wrong, and advise on what failed before."""
    context = runtime.context
    used = context.policy.mechanisms & {"review", "reflexion"}
    items = _failed(context) if used else []
    if items:
        with context.asker.meter.phase("practice"):
            _practise(runtime, items, used)


def _practise(
    runtime: Runtime[StudyContext], items: Sequence[dict[str, Any]], used: Collection[str]
) -> None:
    context = runtime.context
    book = context.library.gradebook
    sat = sit(context, items, "memory", phase="practice")
    book.record_sittings("memory", [one.sitting for one in sat])
    failures = [_failure(context, one) for one in sat if not one.passed]
    claims = kept = 0
    if "review" in used:
        found = review(context.asker, failures, phase="practice")
        book.put_review({one.item: one.text for one in found})
        claims = len(found)
    if "reflexion" in used:
        rests = {one.item["id"]: (*_own(context, one.item), *_near(context, one)) for one in sat}
        kept = _advise(context, book, failures, rests)
    emit(
        runtime, "examine", event="practised", asked=len(items), failed=len(failures),
        claims=claims, insights=kept,
    )  # fmt: skip


def _failed(context: StudyContext) -> list[dict[str, Any]]:
    rows = context.library.questions(sealed=False, failed=True, latest=PRACTISED)
    return [row for row in rows if row.get("span")]


def _own(context: StudyContext, item: Mapping[str, Any]) -> list[str]:
    """Return the ids of what is remembered of the note that a question is about."""
    (passage,) = context.library.passages([item["passage"]])
    resting = context.store.list(namespace=context.namespace, document=passage.document)
    return [
        memory.id for memory in resting
        if any((span.document, span.start) == (passage.document, item["span"][0]) for span in memory.spans)
    ]  # fmt: skip


def _near(context: StudyContext, sat: Sat) -> list[str]:
    """Return the ids of the memories shown for a question, and of those nearest to it."""
    near = context.store.recall(sat.item["question"], k=SOURCES, namespace=context.namespace)
    return [*sat.memories, *(one.memory.id for one in near)]


def _failure(context: StudyContext, sat: Sat) -> Failure:
    item = sat.item
    (passage,) = context.library.passages([item["passage"]])
    start, end = item["span"]
    return Failure(
        id=item["id"], question=item["question"], reply=sat.reply, answer=item["answer"],
        topic=passage.title, evidence=passage.text[start - passage.start : end - passage.start],
        recalled=tuple(sat.notes),
    )  # fmt: skip


def _advise(
    context: StudyContext,
    book: Gradebook,
    failures: Sequence[Failure],
    found: Mapping[str, Sequence[str]],
) -> int:
    """Advise on failures that recur, try once more, and keep advice that made the difference.

    Reflexion (Shinn et al. 2023, algorithm 1), set off by a detected failure only.
    """
    recurring = set(book.recurring_failures(2))
    again = [one for one in failures if one.id in recurring]
    for id_, advice in reflect(context.asker, again, phase="practice").items():
        book.add_reflection(id_, advice)
    advised = book.reflections([one.id for one in again])
    tried = [one for one in again if one.id in advised]
    replies = context.asker.ask(
        [with_reflections(with_memory(list(f.recalled), f.question), advised[f.id]) for f in tried],
        phase="practice",
        max_tokens=ANSWER_TOKENS,
    )
    passed = [
        one for one, reply in zip(tried, replies, strict=True)
        if answered(one.question, reply, one.answer)
    ]  # fmt: skip
    made = [one for one in (_insight(context, f, advised[f.id][-1], found) for f in passed) if one]
    context.store.insert(made, who="study", why="advice that turned a failure into a pass")
    return len(made)


def _insight(
    context: StudyContext, failure: Failure, text: str, found: Mapping[str, Sequence[str]]
) -> Memory | None:
    """Return advice as a memory; None if what it rests on is too little.

    It rests on what is remembered of the question's own note, with which it has to go, and on what
    was recalled.
    """
    sources = [context.store.get(id_) for id_ in dict.fromkeys(found[failure.id])]
    facts = [one for one in sources if one.kind == "fact"]
    if len(facts) < SOURCES:
        return None
    digest = load("reflect_on_failure").sha256
    return insight(text, facts, prompt_sha256=digest, model=context.asker.name)
