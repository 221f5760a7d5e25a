"""Documents that changed or are gone: what becomes of the memories that rest on them.

A run that is killed at any point does the same again: each step finds what is done already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from langgraph.runtime import Runtime

from ingrained.agent.reading.corpus import Corpus
from ingrained.agent.reading.documents import Document
from ingrained.agent.reading.vanishing import vanished
from ingrained.graphs.context import StudyContext
from ingrained.memory.records import Memory
from ingrained.memory.revising import Stretch

from .common import emit

WHO = "study"
_ENOUGH = 1 / 3
"""Share of all characters of two stretches that must be common to both, for one to be the other's
successor: half of two equal sentences, of which one was written anew."""


def revise_memories(
    runtime: Runtime[StudyContext], document: Document
) -> Mapping[str, Stretch | None]:
    """Let the memories of a known document follow it to its new version.

    Returns:
        Id of each memory that the new version superseded → what stands in its place.
    """
    context = runtime.context
    old = context.library.document(document.id)
    if old is None or old.version == document.version:
        return {}
    revision = context.store.revise_document(
        document.id,
        document.version,
        context.library.tombstones().blank(document.text),
        old_text=old.text,
        namespace=context.namespace,
        who=WHO,
        why=f"{document.id} changed",
    )
    emit(
        runtime, "plan", event="revised", id=document.id, kept=_active(revision.kept),
        superseded=len(revision.replaced), thinned=_active(revision.thinned),
        returned=len(revision.returned),
    )  # fmt: skip
    return revision.replaced


def succeed(context: StudyContext, ids: Iterable[str]) -> None:
    """Let new memories take the place of what the last change of their document superseded.

    Args:
        context: The run.
        ids: Of the memories that were just remembered.
    """
    remembered = [context.store.get(id_) for id_ in ids if id_]
    new = [memory for memory in remembered if memory.status == "active"]
    for document in sorted({span.document for memory in new for span in memory.spans}):
        places = context.library.replaced(document)
        outdated = context.store.list(
            namespace=context.namespace, document=document, status="superseded"
        )
        for old in outdated if places else ():
            if old.id in places and not old.superseded_by:
                successor = _successor(old, document, places[old.id], new)
                if successor is not None:
                    context.store.supersede(
                        old.id, successor.id, who=WHO, why=f"{document} changed"
                    )


def _successor(old: Memory, document: str, place: Stretch, new: Iterable[Memory]) -> Memory | None:
    """Return the memory that quotes most of what stands in an old one's place, if made since."""
    shares = [
        (_common(place, (span.start, span.end)), memory.id, memory)
        for memory in new
        for span in memory.spans
        if span.document == document and memory.created >= (old.valid_to or 0)
    ]
    best = max(shares, key=lambda share: share[:2], default=None)
    return best[2] if best and best[0] >= _ENOUGH else None


def _common(one: Stretch, other: Stretch) -> float:
    """Return the characters that two stretches share, of those in either (Jaccard)."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))


def take_leave(
    runtime: Runtime[StudyContext], corpus: Corpus, known: Mapping[str, tuple[str, str]]
) -> None:
    """Tell of documents that were deleted, or, if the policy says so, forget what rests on them."""
    context = runtime.context
    for document in vanished(corpus, context.corpus, known):
        if context.policy.forget_deleted:
            _forget(runtime, document)
        else:
            resting = len(context.store.list(namespace=context.namespace, document=document))
            emit(runtime, "plan", event="missing", id=document, memories=resting)


def _forget(runtime: Runtime[StudyContext], document: str) -> None:
    """Forget the memories of a document, but for pinned ones and what others bear out.

    What is learnt again elsewhere shall not rest on the deleted document any more: all but the
    pinned ones that rest on nothing else lose their spans in it.
    """
    context, why = runtime.context, f"{document} was deleted"
    resting = context.store.list(namespace=context.namespace, document=document, status=None)
    left = {memory.id: _without(memory, document) for memory in resting}
    held = [one for one in resting if one.status in ("active", "stale") and not left[one.id].spans]
    pinned = {memory.id for memory in held if memory.pinned}
    forgotten = [memory.id for memory in held if not memory.pinned]
    context.store.forget(forgotten, who=WHO, why=why)
    for memory in context.store.list(namespace=context.namespace, document=document, status=None):
        if memory.id not in pinned:
            context.store.update(_without(memory, document), who=WHO, why=why)
    context.library.drop_document(document)
    thinned = [memory for memory in left.values() if memory.spans]
    emit(
        runtime, "plan", event="dropped", id=document, forgotten=len(forgotten),
        thinned=_active(thinned), pinned=len(pinned),
    )  # fmt: skip


def _without(memory: Memory, document: str) -> Memory:
    """Return a memory without its spans in a document."""
    spans = tuple(span for span in memory.spans if span.document != document)
    return dataclasses.replace(memory, spans=spans)


def _active(memories: Iterable[Memory]) -> int:
    return sum(memory.status == "active" for memory in memories)
