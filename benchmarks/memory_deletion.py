"""Purging random memories, then looking for their texts in every byte under the home.

Called by memory.py. Before the purge the memories have lived: some were changed, so that an earlier
text has to go too, some were merged with a duplicate, forgotten, or of use.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path

from made_memories import made_memories
from results_file import Figure

from ingrained.memory import Memory, MemoryStore
from ingrained.memory.absence import search
from ingrained.memory.testing import HashEmbedder

SEED = 0
WHO = {"who": "benchmark", "why": "measured"}
_AT_ONCE = 50


def deletion_figures(home: Path, *, count: int, purges: int) -> dict[str, Figure]:
    """Fill a store with `count` memories, purge so many of them one by one, and search."""
    draw = random.Random(SEED)
    made = made_memories(count, seed=SEED + 1)
    memories = [Memory(id="", text=one.text, title="A title") for one in made]
    with MemoryStore.open(home, HashEmbedder()) as store:
        ids = [one.id for one in store.insert(memories, **WHO)]
        said = {id_: [memory.text] for id_, memory in zip(ids, memories, strict=True)}
        _live(store, ids, said, draw)
        chosen = draw.sample(ids, purges)
        for id_ in chosen:
            store.purge([id_], **WHO)
    gone = [text for id_ in chosen for text in said[id_]]
    kept = [text for id_ in ids if id_ not in set(chosen) for text in said[id_][-1:]]
    return {
        "purges": Figure(value=purges, unit="memories"),
        "purge_hits": Figure(value=_hits(home, gone), unit="places"),
        "purged_texts_searched_for": Figure(value=len(gone), unit="texts"),
        "kept_texts_not_found": Figure(value=_missing(home, draw.sample(kept, 20)), unit="of 20"),
    }


def _live(
    store: MemoryStore, ids: Sequence[str], said: dict[str, list[str]], draw: random.Random
) -> None:
    """Change, merge, forget and use some of the memories, as a life with them does."""
    for number, id_ in enumerate(draw.sample(ids, len(ids) // 5)):
        text = f"{said[id_][-1]} This was corrected {number} days later."
        store.update(dataclasses.replace(store.get(id_), text=text), **WHO)
        said[id_].append(text)
    twins = [Memory(id="", text=f" {said[id_][-1]}") for id_ in draw.sample(ids, len(ids) // 10)]
    store.insert(twins, **WHO)
    store.reinforce(draw.sample(ids, len(ids) // 10), **WHO)
    store.forget(draw.sample(ids, len(ids) // 10), **WHO)


def _hits(home: Path, texts: Sequence[str]) -> int:
    """Count the places where any of the texts still stands."""
    return sum(
        len(search(home, texts[start : start + _AT_ONCE]).hits)
        for start in range(0, len(texts), _AT_ONCE)
    )


def _missing(home: Path, texts: Sequence[str]) -> int:
    """Count the texts that the same search does not find, though they are there."""
    return sum(search(home, [text]).absent for text in texts)
