"""`attempt`: try each question with its passage in view, several times, and without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from langgraph.runtime import Runtime

from ingrained.agent.answering import ClosedBook, closed_book, open_book
from ingrained.agent.prompts import Messages
from ingrained.agent.solving.cases import Case
from ingrained.agent.solving.evidence import solve
from ingrained.agent.solving.filtering import guessable, metric_filter, topic_free
from ingrained.agent.solving.voting import TEMPERATURE, vote
from ingrained.agent.tasks.drafts import Draft, knows, passes, settled, unlike
from ingrained.agent.tasks.kinds import CLOZE, FREE_RECALL, UNANSWERABLE
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.state import StudyState

from .common import ANSWER_TOKENS, added, emit, metered, texts_of, trace

_METRICS: dict[str, Literal["f1", "exact"]] = {"metric-filter": "f1", "exact-filter": "exact"}


@metered
def attempt(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Answer each new question open-book, let samples vote, and answer it closed-book.

    Gaps (cloze) are right by construction and are only tried closed-book. Round-trip consistency
    (Alberti et al. 2019, section 3): the passage, read again, has to give the answer; a
    metric-based filter. Self-Consistency (Wang et al. 2023, section 2): enough of
    several samples have to agree; a metric-free one. Where the passage gives another short answer
    than the one that was chosen, the question is kept as the one it turned out to be.
    """
    fresh = [draft for draft in state["drafts"] if "votes" not in draft]
    texts = texts_of(runtime, {id_ for draft in fresh for id_ in draft["passages"]})
    hopeful = unlike(_read_again(runtime, state, fresh, texts))
    guard = ClosedBook(texts.values(), titles={note["topic"] for note in state["notes"]})
    fair = [draft for draft in hopeful if not guard.leaks(draft["question"])]
    voted = _vote(runtime, fair, texts)
    sound = _not_guessable(runtime, state, _quoted(runtime, voted, texts))
    tried = _closed_book(runtime, sound, guard)
    dropped = Counter({
        "not answered from its passage": len(fresh) - len(hopeful),
        "answered without its topic, or without evidence": len(voted) - len(sound),
        "quotes its passage": len(hopeful) - len(fair),
    })  # fmt: skip
    trace(state, runtime, "solutions", {"attempted": len(fresh), "borne out": len(tried)})
    trace(state, runtime, "filter", +dropped)
    gaps = sum(draft["kind"] == CLOZE for draft in fair)
    emit(
        runtime, "attempt", event="votes", gaps=gaps, quoting=len(hopeful) - len(fair),
        guessed=len(voted) - len(sound), read_again="round-trip" in runtime.context.policy.mechanisms,
        asked=sum(draft["kind"] != CLOZE for draft in fresh), hopeful=len(fair) - gaps,
    )  # fmt: skip
    done = [draft for draft in state["drafts"] if "votes" in draft]
    return {"drafts": [*done, *tried], "rejected": added(state["rejected"], dropped)}


def in_view(draft: Draft, texts: Mapping[str, str]) -> str:
    """Return the text that a question is tried with: all passages that it takes."""
    return "\n\n".join(texts[id_] for id_ in draft["passages"] if id_ in texts)


def _read_again(
    runtime: Runtime[StudyContext],
    state: StudyState,
    drafts: Sequence[Draft],
    texts: Mapping[str, str],
) -> list[Draft]:
    """Return the drafts that the greedy open-book reply bears out, or settles the answer of."""
    mechanisms = runtime.context.policy.mechanisms
    wanted = [
        draft for draft in drafts
        if draft["kind"] != CLOZE
        and ("round-trip" in mechanisms or not draft["answer"] or draft["kind"] == UNANSWERABLE)
    ]  # fmt: skip
    replies = _ask(runtime, [open_book(in_view(d, texts), d["question"]) for d in wanted])
    said = {draft["id"]: reply for draft, reply in zip(wanted, replies, strict=True)}
    out: list[Draft] = []
    for draft in drafts:
        reply = said.get(draft["id"])
        strict = _measured(draft, reply, mechanisms)
        if reply is None or (draft["answer"] and strict and passes(draft, reply)):
            out.append({**draft, "replies": [] if reply is None else [reply]})
        elif draft["kind"] != UNANSWERABLE and (not draft["answer"] or FREE_RECALL in mechanisms):
            other = settled(draft, reply, texts[draft["passage"]], state["notes"])
            out += [{**other, "replies": [reply]}] if other else []
    return out


def _measured(draft: Draft, reply: str | None, mechanisms: Collection[str]) -> bool:
    """Return whether a reply is near the answer; declining has many wordings, so none is measured."""
    if reply is None or draft["kind"] == UNANSWERABLE:
        return True
    return all(
        metric_filter(reply, draft["answer"], measure)
        for name, measure in _METRICS.items()
        if name in mechanisms
    )


def _vote(
    runtime: Runtime[StudyContext], drafts: Sequence[Draft], texts: Mapping[str, str]
) -> list[Draft]:
    """Add sampled replies until the votes are clear; one at a time, as most are after the first."""
    policy = runtime.context.policy
    voted = list(drafts)
    if "self-consistency" in policy.mechanisms:
        first = 1 if "round-trip" in policy.mechanisms else 0
        for number in range(first, policy.votes):
            open_ = [n for n, draft in enumerate(voted) if not _decided(draft, policy)]
            prompts = [open_book(in_view(voted[n], texts), voted[n]["question"]) for n in open_]
            replies = _ask(runtime, prompts, temperature=TEMPERATURE, sample=number)
            for n, reply in zip(open_, replies, strict=True):
                voted[n] = {**voted[n], "replies": [*voted[n]["replies"], reply]}
    return [_counted(draft, policy) for draft in voted]


def _decided(draft: Draft, policy: StudyPolicy) -> bool:
    """Return whether the votes to come cannot change the outcome any more."""
    if draft["kind"] == CLOZE:
        return True
    if "round-trip" not in policy.mechanisms:
        return False
    given = sum(passes(draft, reply) for reply in draft["replies"])
    left = policy.votes - len(draft["replies"])
    return given / policy.votes >= policy.share or (given + left) / policy.votes < policy.share


def _counted(draft: Draft, policy: StudyPolicy) -> Draft:
    """Return a draft with its votes and their share: the confidence.

    The share is of the votes that give the chosen answer; without the round trip, which compares
    with it, of those that agree with each other.
    """
    replies = draft.pop("replies")
    votes = [passes(draft, reply) for reply in replies]
    share = 1.0
    if replies and "round-trip" in policy.mechanisms:
        share = sum(votes) / len(votes)
    elif replies:
        share = vote(replies, draft["question"]).share
    return {**draft, "votes": votes, "share": share, "reply": replies[0] if replies else ""}


def _quoted(
    runtime: Runtime[StudyContext], drafts: Sequence[Draft], texts: Mapping[str, str]
) -> list[Draft]:
    """Drop what the model cannot answer with a verbatim quote of its passage beside it."""
    if "evidence" not in runtime.context.policy.mechanisms:
        return list(drafts)
    tested = [draft for draft in drafts if draft["kind"] not in (CLOZE, UNANSWERABLE)]
    cases = [Case(passage=in_view(d, texts), question=d["question"]) for d in tested]
    solved = solve(runtime.context.asker, cases, phase="attempt")
    lacking = {
        draft["id"] for draft, one in zip(tested, solved, strict=True)
        if not (one.supported and passes(draft, one.answer))
    }  # fmt: skip
    return [draft for draft in drafts if draft["id"] not in lacking]


def _not_guessable(
    runtime: Runtime[StudyContext], state: StudyState, drafts: Sequence[Draft]
) -> list[Draft]:
    """Drop what is answered with the topic left out: it tests no knowledge of the topic."""
    if "topic-free" not in runtime.context.policy.mechanisms:
        return list(drafts)
    topics = {note["passage"]: note["topic"] for note in state["notes"]}
    tested = [
        draft for draft in drafts
        if draft["kind"] != UNANSWERABLE
        and topic_free(draft["question"], topics.get(draft["passage"], "")) != draft["question"]
    ]  # fmt: skip
    guessed = guessable(
        runtime.context.asker,
        [draft["question"] for draft in tested],
        [topics.get(draft["passage"], "") for draft in tested],
        [draft["answer"] for draft in tested],
        phase="attempt",
    )
    out = {draft["id"] for draft, easy in zip(tested, guessed, strict=True) if easy}
    return [draft for draft in drafts if draft["id"] not in out]


def _closed_book(
    runtime: Runtime[StudyContext], drafts: Sequence[Draft], guard: ClosedBook
) -> list[Draft]:
    """Add whether each question is answered with nothing in view."""
    replies = _ask(runtime, guard.check([closed_book(draft["question"]) for draft in drafts]))
    return [
        {**draft, "closed": knows(draft, reply)}
        for draft, reply in zip(drafts, replies, strict=True)
    ]


def _ask(
    runtime: Runtime[StudyContext],
    prompts: Sequence[Messages],
    *,
    temperature: float = 0.0,
    sample: int = 0,
) -> list[str]:
    return runtime.context.asker.ask(
        prompts,
        phase="attempt",
        max_tokens=ANSWER_TOKENS,
        temperature=temperature,
        seed=1_000 * runtime.context.policy.seed + sample,
    )
