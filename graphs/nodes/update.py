"""`remember`, `forget`: what the quiz proved is needed goes into memory, what faded goes out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.answering import with_memory
from ingrained.agent.prompts import Messages, load
from ingrained.agent.quizzing import answered
from ingrained.agent.recalling import shown
from ingrained.agent.solving.crafts import Extract
from ingrained.agent.solving.crafts import notes as note_craft
from ingrained.agent.solving.refining import self_refine
from ingrained.agent.tasks.cloze import fill_prompt
from ingrained.agent.tasks.drafts import Draft
from ingrained.agent.tasks.kinds import CLOZE, DERIVED, TWO_HOP, UNANSWERABLE
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState
from ingrained.memory.records import Evidence, Memory, Span, memory_id, sha256

from .changes import succeed
from .common import ANSWER_TOKENS, batch_name, emit, held, metered, texts_of, trace

STUDIED_STRENGTH = 30.0
"""S of a fact that passed its quiz, in days: unrecalled, it fades out after 90 (R < 0.05), not
after the three days of MemoryBank's S = 1, which is meant for turns of a conversation."""


@metered
def remember(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Keep a note only if, recalled, it turns a failed question into a passed one.

    The note is tried by itself, without the passage around it that an answer shows: what is kept
    carries its answer alone.
    """
    context = runtime.context
    state = {**state, "notes": _standing_alone(state, runtime)}
    drafts = _tried(state, runtime)
    drafts = _sealed(drafts, context.policy.sealed_share, context.library.seals())
    versions = context.library.versions()
    memories = [
        _memory(state["notes"][index], group, context, versions)
        for index, group in _by_note(state, drafts).items()
        if _is_needed(group) or "quiz-verified" not in context.policy.mechanisms
    ]
    # A run begun by 0.1.0 has no count of what was there before it.
    before = state["before"] if "before" in state else held(context) - state["kept"]
    inserted = context.store.insert(
        memories, who="study", why=f"quiz of round {state['round']}", judge=context.judge
    )
    succeed(context, [one.id for one in inserted if one.outcome != "refused"])
    context.library.put_questions(_rows(state, drafts))
    _grade_kinds(state, runtime, drafts)
    context.library.mark_studied(state["batch"], state["round"])
    # Counted, not added up: a run that was killed here inserts what is there already.
    kept = held(context) - before
    trace(state, runtime, "update", {"kept": kept - state["kept"]})
    emit(runtime, "remember", event="kept", notes=len(state["notes"]), kept=kept - state["kept"])
    return {"kept": kept, "batch": [], "notes": [], "drafts": []}


def _standing_alone(state: StudyState, runtime: Runtime[StudyContext]) -> list[dict[str, Any]]:
    """Return the notes, those with a question rewritten by Self-Refine so that they stand alone."""
    notes, context = state["notes"], runtime.context
    if "self-refine" not in context.policy.mechanisms:
        return notes
    wanted = sorted({draft["note"] for draft in state["drafts"] if _tells_of_a_note(draft)})
    texts = texts_of(runtime, state["batch"])
    extracts = [
        Extract(topic=note["topic"], passage=texts[note["passage"]], sentence=note["text"])
        for note in (notes[n] for n in wanted)
    ]
    refined = self_refine(context.asker, extracts, note_craft(), phase="remember")
    better = {n: one.text for n, one in zip(wanted, refined, strict=True)}
    return [{**note, "said": better.get(n, note["text"])} for n, note in enumerate(notes)]


def said(note: Mapping[str, Any]) -> str:
    """Return what a memory of a note says: its own words, or the rewritten ones."""
    return str(note.get("said", note["text"]))


def _is_needed(group: Sequence[Draft]) -> bool:
    return any(one["recalled"] and not one["closed"] for one in group)


def _rows(state: StudyState, drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts as the library keeps them, with the place of their notes."""
    notes = state["notes"]
    spans = [
        None if d["note"] is None else [notes[d["note"]]["start"], notes[d["note"]]["end"]]
        for d in drafts
    ]
    return [
        {**draft, "span": span, "round": state["round"]}
        for draft, span in zip(drafts, spans, strict=True)
    ]


def _tried(state: StudyState, runtime: Runtime[StudyContext]) -> list[Draft]:
    """Add to each gap question of one note whether it is answered with its note recalled.

    With its note a cloze is shown in another form than the question that was asked closed-book, and
    what the form alone brings is no proof: one that the heading alone fills is known already.
    """
    notes = state["notes"]
    gaps = [draft for draft in state["drafts"] if _tells_of_a_note(draft)]
    passed = _passed(runtime, gaps, [_recalled(one, notes[one["note"]]) for one in gaps])
    clozes = [one for one in gaps if one["id"] in passed and one["kind"] == CLOZE]
    headings = [_gap(one, notes[one["note"]], notes[one["note"]]["heading"]) for one in clozes]
    guessed = _passed(runtime, clozes, headings)
    tried = {one["id"] for one in gaps}
    return [
        {
            **draft,
            "recalled": draft["id"] in passed if draft["id"] in tried else None,
            **({"closed": True, "verdict": "known"} if draft["id"] in guessed else {}),
        }
        for draft in state["drafts"]
    ]


def _passed(
    runtime: Runtime[StudyContext], drafts: Sequence[Draft], prompts: Sequence[Messages]
) -> set[str]:
    """Return the ids of the questions that are answered, each asked with the prompt beside it."""
    replies = runtime.context.asker.ask(prompts, phase="remember", max_tokens=ANSWER_TOKENS)
    return {
        draft["id"]
        for draft, reply in zip(drafts, replies, strict=True)
        if answered(draft["question"], reply, draft["answer"])
    }


def _recalled(draft: Draft, note: Mapping[str, Any]) -> Messages:
    own = shown(note["heading"], said(note))
    if draft["kind"] == CLOZE:
        return _gap(draft, note, own)
    return with_memory([own], draft["question"])


def _gap(draft: Draft, note: Mapping[str, Any], view: str) -> Messages:
    return fill_prompt(view, note["text"], draft["answer"])


def _tells_of_a_note(draft: Draft) -> bool:
    """Return whether a question shows what a note is worth: a gap that the note alone fills."""
    return (
        draft["verdict"] == "gap"
        and draft["kind"] not in (TWO_HOP, UNANSWERABLE)
        and draft["note"] is not None
    )


def _sealed(drafts: Sequence[Draft], share: float, known: Mapping[str, bool]) -> list[Draft]:
    """Seal a share of the questions made from others, which stay: other words, reversed, joined.

    The choice hangs on the question's hash, so a repeated run seals the same ones. A question of
    an earlier round stays as it was: what memory and training have seen is never sealed later.
    """
    out = []
    for draft in drafts:
        drawn = int(sha256(draft["id"])[:8], 16) / 0xFFFFFFFF < share
        sealed = known.get(draft["id"], drawn and draft["kind"] in DERIVED)
        out.append({**draft, "sealed": sealed})
    return out


def _grade_kinds(
    state: StudyState, runtime: Runtime[StudyContext], drafts: Sequence[Draft]
) -> None:
    """Enter in the gradebook what was asked for and what was accepted, once the batch is done.

    Not before, so that a batch that was given up does not look like one of which nothing was accepted.
    """
    context, tally = runtime.context, state["tally"]
    stages = {"accepted": Counter(draft["kind"] for draft in drafts), **tally}
    context.library.gradebook.count(stages, model=context.asker.name, batch=batch_name(state))


def _by_note(state: StudyState, drafts: Sequence[Draft]) -> dict[int, list[Draft]]:
    """Return note → the open questions that it alone answers; none for a note without any."""
    groups: dict[int, list[Draft]] = {index: [] for index in range(len(state["notes"]))}
    for draft in drafts:
        if not draft["sealed"] and _tells_of_a_note(draft):
            groups[draft["note"]].append(draft)
    return groups


def _memory(
    note: dict[str, Any],
    group: Sequence[Draft],
    context: StudyContext,
    versions: Mapping[str, str],
) -> Memory:
    span = Span(
        document=note["document"], version=versions[note["document"]],
        start=note["start"], end=note["end"],
        quote=note["text"], quote_sha256=sha256(note["text"]),
    )  # fmt: skip
    return Memory(
        id=memory_id(context.namespace, "fact", said(note)),
        namespace=context.namespace,
        text=said(note),
        title=note["heading"],
        spans=(span,),
        evidence=_evidence(group),
        strength=STUDIED_STRENGTH,
        trust=context.policy.trust,
        prompt_sha256=load("ask_for").sha256,
        model=context.asker.name,
    )


def _evidence(group: Sequence[Draft]) -> tuple[Evidence, ...]:
    by_target: dict[str, list[Draft]] = defaultdict(list)
    for draft in group:
        by_target[draft["target"]].append(draft)
    return tuple(
        Evidence(
            question=same[0]["question"],
            answer=same[0]["answer"],
            passed_before=any(one["closed"] for one in same),
            passed_after=any(one["recalled"] for one in same),
            phrasings=tuple(one["question"] for one in same[1:]),
        )
        for same in by_target.values()
    )


@metered
def forget(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Let go of what has faded below the threshold of retention."""
    faded = runtime.context.store.decay(who="study", why=f"round {state['round']}")
    emit(runtime, "forget", event="faded", forgotten=len(faded))
    return {}
