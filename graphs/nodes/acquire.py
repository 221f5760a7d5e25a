"""`read`, `quiz`, `vary`: from passages to questions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.grading import ABSTENTION
from ingrained.agent.notes import candidate_notes
from ingrained.agent.reading.documents import Passage
from ingrained.agent.recalling import headline
from ingrained.agent.tasks.cloze import clozes
from ingrained.agent.tasks.drafts import Draft, draft_of, unlike, verified
from ingrained.agent.tasks.from_notes import answer_firsts, free_recalls, with_opener
from ingrained.agent.tasks.kinds import (
    ANSWER_FIRST,
    CLOZE,
    FREE_RECALL,
    PARAPHRASE,
    REVERSED,
    TWO_HOP,
    UNANSWERABLE,
    VARIATION,
)
from ingrained.agent.tasks.rewording import paraphrases, reversals
from ingrained.agent.tasks.selecting import nearest
from ingrained.agent.tasks.two_hop import two_hops
from ingrained.agent.tasks.unanswerable import unanswerables
from ingrained.agent.tasks.variation import variations
from ingrained.agent.tasks.wishes import Place, Verified, Wish, question_of
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState
from ingrained.memory.records import sha256

from .common import added, batch_name, emit, metered, texts_of

QUESTION_TOKENS = 40
QUESTION_TEMPERATURE = 0.8
FREE_EACH = 3
"""Questions asked freely about a note where no answers are chosen first."""
CLOZES = 3
"""Gaps in a note that has no other question."""
KNOWN_QUESTIONS = 200
"""Earlier questions that new ones are joined with, or kept apart from."""


@metered
def read(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Cut the passages in hand into candidate notes with exact source spans."""
    passages = runtime.context.library.passages(state["batch"])
    notes = [note for passage in passages for note in _notes(passage)]
    emit(runtime, "read", event="notes", passages=len(passages), notes=len(notes))
    return {"notes": notes}


def _notes(passage: Passage) -> list[dict[str, Any]]:
    return [
        {
            "passage": passage.id, "document": passage.document,
            "topic": passage.title, "heading": headline(passage),
            "text": note.text, "focus": note.focus, "start": passage.start + note.start, "end": passage.start + note.end,
        }
        for note in candidate_notes(passage.text)
    ]  # fmt: skip


@metered
def quiz(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Choose names, dates, quantities and terms of each note, and ask for them.

    What comes out unusable is asked for once more, sampled and with first words given. A later
    round samples from the start, so that a weak passage gets questions it has not had.
    """
    texts = texts_of(runtime, state["batch"])
    wishes = _first_wishes(state, runtime, texts)
    drafts, faults = _write(runtime, state, wishes, again=state["round"] > 1)
    if ANSWER_FIRST in _kinds(state, runtime):
        openers = [with_opener(state["notes"], wish) for wish, _ in faults]
        repaired, faults = _write(runtime, state, openers, again=True)
        drafts += repaired
    return _drafted(state, runtime, "quiz", wishes, drafts, faults)


@metered
def vary(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Turn what was accepted round, reword and join it, and ask about notes still without a question."""
    texts = texts_of(runtime, state["batch"])
    accepted = verified(state["drafts"], state["notes"], texts)
    wishes = [*_derived(state, runtime, accepted, texts), *_fallbacks(state, runtime, texts)]
    drafts, faults = _write(runtime, state, wishes, again=False, phase="vary")
    known = [draft["id"] for draft in state["drafts"]]
    changed = _drafted(state, runtime, "vary", wishes, unlike(drafts, known), faults)
    return {**changed, "drafts": [*state["drafts"], *changed["drafts"]], "varied": True}


def _kinds(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, float]:
    """Return kind → its share in this batch, of those that are switched on."""
    shares = state["objective"]["kinds_now"]
    used = runtime.context.policy.mechanisms
    return {kind: share for kind, share in shares.items() if kind in used}


def _first_wishes(
    state: StudyState, runtime: Runtime[StudyContext], texts: dict[str, str]
) -> list[Wish]:
    notes, chosen = state["notes"], _selected(state, runtime)
    kinds = _kinds(state, runtime)
    if ANSWER_FIRST not in kinds and FREE_RECALL not in kinds:
        return []
    if ANSWER_FIRST not in kinds:
        return free_recalls(notes, [n for n in chosen for _ in range(FREE_EACH)], texts)
    return answer_firsts(notes, chosen, texts, per_note=state["objective"]["answers_now"])


def _selected(state: StudyState, runtime: Runtime[StudyContext]) -> set[int]:
    """Return the notes to ask about: in later rounds the half that is nearest to what failed."""
    context, notes = runtime.context, state["notes"]
    rows = context.library.questions(sealed=False, failed=True, passages=state["batch"])
    failed = [one["question"] for one in rows]
    if state["round"] == 1 or not failed or "selective" not in context.policy.mechanisms:
        return set(range(len(notes)))
    return set(
        nearest(
            " ".join(failed),
            [note["text"] for note in notes],
            [note["passage"] for note in notes],
            embedder=context.store.embedder,
            most=len(notes),
            per_group=math.ceil(max(Counter(note["passage"] for note in notes).values()) / 2),
        )
    )


def _derived(
    state: StudyState,
    runtime: Runtime[StudyContext],
    accepted: list[Verified],
    texts: dict[str, str],
) -> list[Wish]:
    """Make wishes of accepted questions; kinds that work less well get fewer."""
    kinds = _kinds(state, runtime)
    earlier = _earlier(runtime, state) if kinds.keys() & {TWO_HOP, VARIATION} else []
    by_passage = {note["passage"]: (index, note) for index, note in enumerate(state["notes"])}
    places = [Place.of(note, texts[id_], n) for id_, (n, note) in by_passage.items()]
    made: dict[str, Callable[[], list[Wish]]] = {
        PARAPHRASE: lambda: paraphrases(accepted),
        REVERSED: lambda: _one_a_note(reversals(accepted)),
        TWO_HOP: lambda: two_hops(accepted, earlier, most=2 * len(places)),
        UNANSWERABLE: lambda: unanswerables(accepted, places, most=len(places)),
        VARIATION: lambda: variations(accepted, [one.question for one in earlier], per_passage=1),
    }
    best = max((share for kind, share in kinds.items() if kind in made), default=1.0)
    return [
        wish
        for kind, make in made.items()
        if kind in kinds
        for wish in _share_of(make(), kinds[kind] / best)
    ]


def _share_of(wishes: list[Wish], share: float) -> list[Wish]:
    """Return a share of the wishes, drawn by their hash so that no part of the batch is left out."""
    most = math.ceil(len(wishes) * share)
    drawn = [sha256(f"{wish.after}{wish.question}{wish.prompt}") for wish in wishes]
    return [wishes[n] for n in sorted(sorted(range(len(wishes)), key=drawn.__getitem__)[:most])]


def _one_a_note(wishes: Iterable[Wish]) -> list[Wish]:
    return list({wish.note: wish for wish in reversed(list(wishes))}.values())[::-1]


def _earlier(runtime: Runtime[StudyContext], state: StudyState) -> list[Verified]:
    """Return the last accepted questions of other passages."""
    library = runtime.context.library
    rows = [
        one for one in library.questions(sealed=False, latest=KNOWN_QUESTIONS)
        if one["passage"] not in state["batch"] and one.get("span") and one["answer"] != ABSTENTION
    ]  # fmt: skip
    passages = {p.id: p for p in library.passages([one["passage"] for one in rows])}
    return [
        Verified(
            id=one["id"], question=one["question"], answer=one["answer"],
            place=_place(passages[one["passage"]], *one["span"]),
        )
        for one in rows if one["passage"] in passages
    ]  # fmt: skip


def _place(passage: Passage, start: int, end: int) -> Place:
    return Place(
        passage=passage.id, document=passage.document, topic=passage.title,
        text=passage.text[start - passage.start : end - passage.start], around=passage.text,
    )  # fmt: skip


def _fallbacks(
    state: StudyState, runtime: Runtime[StudyContext], texts: dict[str, str]
) -> list[Wish]:
    """Ask freely, and leave a gap, in notes that have no accepted question yet."""
    kinds, notes = _kinds(state, runtime), state["notes"]
    having = {one["note"] for one in state["drafts"]}
    bare = [n for n in range(len(notes)) if n not in having]
    free = free_recalls(notes, bare, texts) if {ANSWER_FIRST, FREE_RECALL} <= kinds.keys() else []
    if CLOZE not in kinds:
        return free
    return [
        *free,
        *clozes([Place.of(notes[n], texts[notes[n]["passage"]], n) for n in bare], per_note=CLOZES),
    ]


def _write(
    runtime: Runtime[StudyContext],
    state: StudyState,
    wishes: Sequence[Wish],
    *,
    again: bool,
    phase: str = "quiz",
) -> tuple[list[Draft], list[tuple[Wish, str]]]:
    """Return the usable drafts, and the wishes without one with the reason."""
    sampled = again or _repeats(wishes)
    replies = iter(
        runtime.context.asker.ask(
            [wish.prompt for wish in wishes if wish.prompt],
            phase=phase,
            max_tokens=QUESTION_TOKENS,
            temperature=QUESTION_TEMPERATURE if sampled else 0.0,
            seed=1_000 * runtime.context.policy.seed + state["round"],
            stop=("?",),
        )
    )
    drafts: list[Draft] = []
    faulty: list[tuple[Wish, str]] = []
    for wish in wishes:
        question, fault = question_of(wish, next(replies) if wish.prompt else "")
        if fault:
            faulty.append((wish, fault))
        else:
            drafts.append(draft_of(wish, question, state["notes"]))
    return drafts, faulty


def _repeats(wishes: Sequence[Wish]) -> bool:
    prompts = [wish.prompt for wish in wishes if wish.prompt]
    return len(set(prompts)) < len(prompts)


def _drafted(
    state: StudyState,
    runtime: Runtime[StudyContext],
    node: str,
    wishes: Sequence[Wish],
    drafts: list[Draft],
    faults: Sequence[tuple[Wish, str]],
) -> dict[str, Any]:
    """Count what came of the wishes, and return the keys that a node changes.

    The very words of a sealed question are dropped: it stays what it is.
    """
    rows = runtime.context.library.questions(sealed=True, passages=state["batch"])
    kept = unlike(drafts, [one["id"] for one in rows])
    dropped = Counter(reason for _, reason in faults)
    dropped["asked twice"] += len(drafts) - len(kept)
    context = runtime.context
    tally = {
        "asked": Counter(wish.kind for wish in wishes),
        "usable": Counter(draft["kind"] for draft in kept),
    }
    facts = {f"{node} asked": len(wishes), f"{node} usable": len(kept)}
    context.library.gradebook.record("tasks", facts, batch=node + batch_name(state))
    emit(runtime, node, event="drafts", asked=len(wishes), usable=len(kept))
    return {
        "drafts": kept,
        "rejected": added(state.get("rejected", {}), dropped),
        "tally": {
            stage: added(state["tally"].get(stage, {}), more) for stage, more in tally.items()
        },
    }
