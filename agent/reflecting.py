"""Reflection on a memory: insights are drawn from its facts, and kept in step with them.

Generative Agents (Park et al. 2023, section 4.2) ask for insights that cite the memories they come
from; here each has to hold up against what it cites (`agent.insights`), and is looked at again when
that changes. Insights are never reflected on themselves, so that a mistake cannot breed.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingrained.memory.entries import indexed_text, near_key
from ingrained.memory.records import DEFAULT_NAMESPACE, Memory
from ingrained.memory.reflecting import (
    MOST,
    Verdict,
    clusters,
    due,
    fingerprint,
    insight,
    remaining,
    unweighed,
    verdicts,
)
from ingrained.memory.store import MemoryStore

from .asking import Asker
from .insights import Draft, OnProgress, ask_for_insights
from .prompts import load

WHO = "reflect"
MOST_FACTS = 2000
"""Facts compared in one reflection, the new ones first: the distances grow with the square."""


@dataclass(frozen=True, kw_only=True)
class Reflection:
    """What a reflection came to."""

    groups: int = 0
    """Groups of facts that the model was asked about, those of outdated insights too."""
    kept: tuple[Memory, ...] = ()
    """New insights."""
    renewed: tuple[Memory, ...] = ()
    """Insights derived from what is left of the sources of an outdated one, in its place."""
    confirmed: tuple[Memory, ...] = ()
    """Insights that had been outdated, and whose sources are again as they were."""
    forgotten: tuple[Memory, ...] = ()
    """Outdated insights that nothing took the place of."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Why groups brought no insight → how many."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; an insight names the ids it cites as `derived_from`."""
        lists = ("kept", "renewed", "confirmed", "forgotten")
        return {
            "groups": self.groups,
            **{name: [one.to_dict() for one in getattr(self, name)] for name in lists},
            "rejected": dict(self.rejected),
        }


def reflection_due(
    store: MemoryStore, *, threshold: float, namespace: tuple[str, ...] = DEFAULT_NAMESPACE
) -> bool:
    """Return whether enough of importance is new, or an insight is out of date.

    Never with a threshold of 0; see `memory.reflecting.due`.
    """
    if not threshold:
        return False
    memories = {one.id: one for one in store.list(namespace=namespace, status=None)}
    weighed = _weighed(store, namespace)
    return bool(_outdated(memories)) or due(memories.values(), weighed, threshold=threshold)


def reflect(
    store: MemoryStore,
    asker: Asker,
    *,
    namespace: tuple[str, ...] = DEFAULT_NAMESPACE,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Reflection:
    """Draw insights from what is new, and renew or forget those that are out of date.

    With nothing new and nothing out of date the model is not asked and nothing is written. The same
    memory and seed give the same insights from the same model.

    Args:
        store: Open for writing.
        asker: The model; no adapter is used.
        namespace: Whose memories.
        seed: Of the attempts that are sampled.
        on_progress: Called as the model answers.
    """
    memories = {one.id: one for one in store.list(namespace=namespace, status=None)}
    weighed = _weighed(store, namespace)
    fates = _outdated(memories)
    considered = _considered(memories.values(), weighed)
    stale = [memories[id_] for id_, fate in fates.items() if fate == "stale"]
    old = [tuple(remaining(one, memories)[:MOST]) for one in stale]
    new = _new_groups(store, considered, weighed)
    known = [one for one in memories.values() if _is_insight(one) and fates.get(one.id) in _VALID]
    drafts = ask_for_insights(asker, [*old, *new], known, seed=seed, on_progress=on_progress)
    hand = _Hand(store, asker.name)
    replaced = dict(zip(stale, drafts[: len(old)], strict=True))
    renewed = {
        one.id: hand.replace(one, draft) for one, draft in replaced.items() if not draft.fault
    }
    lost = [one for one in memories.values() if fates.get(one.id) == "orphaned"]
    gone = [one for one in stale if renewed.get(one.id) is None]
    hand.forget(lost, "fewer than two of its sources are left")
    hand.forget(gone, "nothing follows from what is left of its sources")
    result = Reflection(
        groups=len(drafts),
        kept=hand.insert([draft for draft in drafts[len(old) :] if not draft.fault]),
        renewed=tuple(one for one in renewed.values() if one is not None),
        confirmed=hand.confirm([memories[i] for i, fate in fates.items() if fate == "current"]),
        forgotten=(*lost, *gone),
        rejected=Counter(draft.fault for draft in drafts if draft.fault),
    )
    _note(store, namespace, memories.values(), weighed, considered)
    return result


_VALID = (None, "current")
"""Verdicts of an insight that says nothing wrong; None is that of one never in doubt."""


class _Hand:
    """Writes what came of the drafts into the store."""

    def __init__(self, store: MemoryStore, model: str) -> None:
        self._store = store
        self._model = model

    def insert(self, drafts: Sequence[Draft]) -> tuple[Memory, ...]:
        """Return the insights that were not there before."""
        made = [self._memory(draft) for draft in drafts]
        results = self._store.insert(made, who=WHO, why="follows from several facts")
        return tuple(self._store.get(one.id) for one in results if one.outcome == "added")

    def replace(self, old: Memory, draft: Draft) -> Memory | None:
        """Let a draft take the place of an outdated insight, or bring that up to date.

        None when the store does not take it: its screen refuses it, or something else holds.
        """
        made = self._memory(draft)
        if near_key(old) == near_key(made):
            kept = dataclasses.replace(
                made, id=old.id, text=old.text, created=old.created, pinned=old.pinned,
                count=old.count,
            )  # fmt: skip
            self._store.update(kept, who=WHO, why="follows from what is left of its sources")
            return self._store.get(old.id)
        (result,) = self._store.insert([made], who=WHO, why=f"derived in place of {old.id}")
        if not result.id or self._store.get(result.id).status != "active":
            return None
        self._store.supersede(old.id, result.id, who=WHO, why="its sources have changed")
        return self._store.get(result.id)

    def confirm(self, insights: Iterable[Memory]) -> tuple[Memory, ...]:
        """Make active again what became stale while its sources were not as they are now."""
        confirmed = tuple(dataclasses.replace(one, status="active") for one in insights)
        for one in confirmed:
            self._store.update(one, who=WHO, why="its sources are as they were")
        return confirmed

    def forget(self, insights: Sequence[Memory], why: str) -> None:
        """Take insights out of recall."""
        self._store.forget([one.id for one in insights], who=WHO, why=why)

    def _memory(self, draft: Draft) -> Memory:
        digest = load("insight").sha256
        return insight(draft.text, draft.sources, prompt_sha256=digest, model=self._model)


def _is_insight(memory: Memory) -> bool:
    found = memory.kind == "insight" and bool(memory.derived_from)
    return found and memory.status in ("active", "stale")


def _outdated(memories: Mapping[str, Memory]) -> dict[str, Verdict]:
    """Return the verdict on each insight that was marked stale, or is no longer current."""
    insights = [one for one in memories.values() if _is_insight(one)]
    found = verdicts(insights, memories)
    marked = {one.id for one in insights if one.status == "stale"}
    return {id_: fate for id_, fate in found.items() if id_ in marked or fate != "current"}


def _considered(memories: Iterable[Memory], weighed: Collection[str]) -> list[Memory]:
    """Return the facts to compare, the new ones first, then the latest; none when none is new."""
    facts = unweighed(memories, ())
    fresh = unweighed(facts, weighed)
    new = {one.id for one in fresh}
    known = [one for one in reversed(facts) if one.id not in new]
    return [*fresh, *known][:MOST_FACTS] if fresh else []


def _new_groups(
    store: MemoryStore, facts: Sequence[Memory], weighed: Collection[str]
) -> list[tuple[Memory, ...]]:
    """Return the clusters with something new in them."""
    if not facts:
        return []
    vectors = dict(store.vectors(facts))
    missing = [one for one in facts if one.id not in vectors]
    made = store.embedder.embed([indexed_text(one) for one in missing])
    vectors.update((one.id, vector) for one, vector in zip(missing, made, strict=True))
    found = clusters(facts, [vectors[one.id] for one in facts])
    return [tuple(group) for group in found if unweighed(group, weighed)]


def _key(namespace: tuple[str, ...]) -> str:
    return f"reflected:{json.dumps(namespace)}"


def _weighed(store: MemoryStore, namespace: tuple[str, ...]) -> frozenset[str]:
    """Return the fingerprints of the facts that earlier reflections have considered."""
    return frozenset(json.loads(store.note(_key(namespace)) or "[]"))


def _note(
    store: MemoryStore,
    namespace: tuple[str, ...],
    memories: Iterable[Memory],
    weighed: frozenset[str],
    considered: Iterable[Memory],
) -> None:
    """Note what was considered; what is no longer in the store need not be remembered."""
    there = {fingerprint(one) for one in memories if one.kind == "fact"}
    after = (weighed & there) | {fingerprint(one) for one in considered}
    if after != weighed:
        store.set_note(_key(namespace), json.dumps(sorted(after)))
