"""Which facts to reflect on together, and which insights still rest on what they were made from.

Pure: the model is asked by `agent.reflecting`. The trigger is that of Generative Agents (Park et al.
2023, section 4.2): reflect when the importance of what is new adds up to a threshold. There a model
rates the importance of each memory; here the quiz has done so already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from .records import Memory, sha256

if TYPE_CHECKING:
    from scipy.cluster.hierarchy import ClusterNode  # type: ignore[import-untyped]

IMPORTANCE_THRESHOLD = 150.0
"""Park et al. 2023, section 4.2: "exceeds a certain threshold (150, in our implementation)"."""
LEAST = 3
MOST = 8
"""Facts in one cluster: two have little to say together, and a small model loses track of nine."""
DISTANCE = 0.6
"""Largest average cosine distance between two parts of a cluster."""
_FINGERPRINT = 12
"""Hex digits: two of a million facts are confused once in 560 stores."""

Verdict = Literal["current", "stale", "orphaned"]


def importance(memory: Memory) -> float:
    """Return how much a fact matters: 1, one more for each question it turned from failed to passed, and one if pinned."""
    turned = sum(item.passed_after and not item.passed_before for item in memory.evidence)
    return 1.0 + turned + memory.pinned


def fingerprint(memory: Memory) -> str:
    """Return what tells a fact from all others, and from itself with another text."""
    return sha256(f"{memory.id}\x1f{memory.text}")[:_FINGERPRINT]


def unweighed(memories: Iterable[Memory], weighed: Collection[str]) -> list[Memory]:
    """Return the active facts whose fingerprints no reflection has noted, in order."""
    return [one for one in memories if _is_fact(one) and fingerprint(one) not in weighed]


def due(
    memories: Iterable[Memory],
    weighed: Collection[str],
    *,
    threshold: float = IMPORTANCE_THRESHOLD,
) -> bool:
    """Return whether what is new matters enough to reflect; never with a threshold of 0.

    Args:
        memories: Any; only the active facts among them count.
        weighed: Fingerprints of the facts that were there at earlier reflections.
        threshold: Sum of `importance`.
    """
    fresh = unweighed(memories, weighed)
    return bool(threshold and fresh) and sum(map(importance, fresh)) >= threshold


def clusters(
    memories: Sequence[Memory],
    vectors: Sequence[Sequence[float]],
    *,
    distance: float = DISTANCE,
    least: int = LEAST,
    most: int = MOST,
) -> list[list[Memory]]:
    """Group facts that are near in meaning, those of each namespace by themselves.

    Average-link agglomerative clustering (UPGMA, Sokal and Michener 1958) of the cosine distances.
    A cluster is a largest branch of the tree that is neither wider than `distance` nor bigger than
    `most`; what stands apart is in none. The order of the input does not matter.

    Args:
        memories: Only the active facts among them are grouped, never insights.
        vectors: One for each memory, in order.
        distance: In [0, 2].
        least: Fewest facts of a cluster, at least 2.
        most: Most facts of a cluster.
    """
    vector_of = {one.id: v for one, v in zip(memories, vectors, strict=True)}
    groups: dict[tuple[str, ...], list[Memory]] = {}
    for memory in sorted(filter(_is_fact, memories), key=lambda one: one.id):
        groups.setdefault(memory.namespace, []).append(memory)
    found = [
        [group[i] for i in sorted(branch.pre_order())]
        for group in map(_without_parts, groups.values())
        if len(group) >= least
        for branch in _branches(_tree([vector_of[one.id] for one in group]), distance, most)
    ]
    return sorted((one for one in found if len(one) >= least), key=lambda one: one[0].id)


def sources_sha256(memories: Iterable[Memory]) -> str:
    """Return a SHA-256 over ids and texts, whatever their order: `Memory.derived_sha256`."""
    return sha256("\x1e".join(sorted(f"{one.id}\x1f{one.text}" for one in memories)))


def insight(
    text: str, sources: Sequence[Memory], *, prompt_sha256: str = "", model: str = ""
) -> Memory:
    """Return what follows from some memories as a memory that cites them.

    It is trusted no more, and fades no later, than the weakest of them; it carries their tags and
    their flags. It quotes no document itself: its sources do.

    Raises:
        ValueError: there are fewer than two sources, or they are of several namespaces.
    """
    if len(sources) < 2 or len({one.namespace for one in sources}) > 1:
        raise ValueError(f"an insight needs two sources of one namespace, got {len(sources)}")
    titles = {one.title for one in sources}
    return Memory(
        id="",
        text=text,
        kind="insight",
        namespace=sources[0].namespace,
        title=titles.pop() if len(titles) == 1 else "",
        trust=min(one.trust for one in sources),
        strength=min(one.strength for one in sources),
        tags=_united(one.tags for one in sources),
        flags=_united(one.flags for one in sources),
        valid_from=max((t for one in sources if (t := one.valid_from) is not None), default=None),
        derived_from=tuple(sorted(one.id for one in sources)),
        derived_sha256=sources_sha256(sources),
        prompt_sha256=prompt_sha256,
        model=model,
    )


def remaining(one: Memory, memories: Mapping[str, Memory]) -> list[Memory]:
    """Return the active sources of an insight, by id; what took the place of one stands for it."""
    found = (_successor(id_, memories) for id_ in one.derived_from)
    kept = {source.id: source for source in found if source is not None}
    return [kept[id_] for id_ in sorted(kept)]


def verdicts(insights: Iterable[Memory], memories: Mapping[str, Memory]) -> dict[str, Verdict]:
    """Return for each insight whether it still rests on what it was made from.

    `current`: all its sources are there, as they were. `stale`: a source was changed, taken the
    place of or lost. `orphaned`: fewer than two are left, so there is nothing to derive it from.

    Args:
        insights: Of any status.
        memories: Id → memory, of any status, for all sources that there are.
    """
    return {one.id: _verdict(one, remaining(one, memories)) for one in insights}


def _verdict(one: Memory, left: Sequence[Memory]) -> Verdict:
    if len(left) < 2:
        return "orphaned"
    return "current" if sources_sha256(left) == one.derived_sha256 else "stale"


def _successor(id_: str, memories: Mapping[str, Memory]) -> Memory | None:
    """Follow what superseded a memory to the one that is active now, if any is."""
    seen: set[str] = set()
    while id_ in memories and id_ not in seen:
        if memories[id_].status == "active":
            return memories[id_]
        seen.add(id_)
        id_ = memories[id_].superseded_by
    return None


def _is_fact(memory: Memory) -> bool:
    return memory.kind == "fact" and memory.status == "active"


def _without_parts(facts: Sequence[Memory]) -> list[Memory]:
    """Leave out what another fact says word for word, and more."""
    texts = sorted((one.text for one in facts), key=len, reverse=True)
    whole: list[str] = []
    for text in texts:
        if not any(text in longer for longer in whole):
            whole.append(text)
    return [one for one in facts if one.text in whole]


def _united(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({item for items in lists for item in items}))


def _tree(vectors: Sequence[Sequence[float]]) -> ClusterNode:
    import numpy as np
    from scipy.cluster.hierarchy import linkage, to_tree

    return to_tree(linkage(np.asarray(vectors, dtype=np.float64), "average", metric="cosine"))


def _branches(tree: ClusterNode, distance: float, most: int) -> Iterator[ClusterNode]:
    """Yield the largest branches within the limits."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.count <= most and node.dist <= distance:
            yield node
        else:
            waiting += [node.right, node.left]
