"""What a purge will take, worked out before anything is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingrained.agent.tombstones import (
    Finder,
    is_short,
    phrase_key,
    phrases,
    whole_key,
    word_count,
)
from ingrained.graphs.erasure_reading import LEAST_WORDS, long_sentences, read_of
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.trainer.adapters import AdapterRegistry

TURN = "turn:"
"""How the tags begin that name the turns of a conversation in which a memory was said."""


@dataclass(frozen=True, kw_only=True)
class ErasurePlan:
    """What goes, and what stays although it says the same."""

    chosen: tuple[Memory, ...]
    derived: tuple[Memory, ...] = ()
    """Made from what goes."""
    along: tuple[Memory, ...] = ()
    """Of the same namespace, and what they say holds the text of a chosen or derived one."""
    kept_by: tuple[Memory, ...] = ()
    """Hold such a text too, in another namespace or in a title or a question: it stays for them."""
    documents: tuple[str, ...] = ()
    """Ids of those that go as a whole: what is told apart from any memory too."""
    adapters: tuple[str, ...] = ()
    """Versions that were trained on what goes."""
    texts: tuple[str, ...] = ()
    """What will be nowhere in the home: the texts and quotes, or those sentences of them that no
    other memory says; of documents that go, the sentences that no other document says either."""
    short: tuple[str, ...] = ()
    """Texts of one or two words: they go as a whole, and stay where they are a part of others."""
    wordings: tuple[str, ...] = ()
    """Questions that were asked about the chosen and derived, in all wordings."""
    turns: tuple[str, ...] = ()
    """Ids of the turns of conversations in which what goes was said."""
    users: tuple[str, ...] = ()
    """Whose conversations go, all of them."""

    @property
    def memories(self) -> tuple[Memory, ...]:
        """All that goes."""
        return (*self.chosen, *self.derived, *self.along)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all that goes."""
        return tuple(memory.id for memory in self.memories)


@dataclass(frozen=True, kw_only=True)
class Said:
    """Texts to find in others: short ones only as the whole of another."""

    parts: Finder
    whole: frozenset[str]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Said:
        """Sort some texts."""
        known = list(texts)
        return cls(
            parts=phrases(text for text in known if not is_short(text)),
            whole=frozenset(whole_key(text) for text in known if is_short(text)),
        )

    def holds(self, text: str) -> bool:
        """Return whether a text holds one of them."""
        return whole_key(text) in self.whole or self.parts.holds(text)

    def stands_in(self, memory: Memory) -> bool:
        """Return whether anything that is recorded of a memory holds one of them."""
        return any(map(self.holds, _strings(memory)))


def plan_erasure(
    home: Path,
    store: MemoryStore,
    ids: Iterable[str],
    documents: Collection[str] = (),
    users: Iterable[str] = (),
) -> ErasurePlan:
    """Return what a purge of these memories takes; nothing is changed.

    Args:
        home: The folder of the home.
        store: Its memory.
        ids: Of memories, or their first letters.
        documents: Ids of documents that go as a whole; those that were never read are left out.
        users: Whose conversations go, all of them.

    Raises:
        NotFoundError: there is no memory of one of the ids.
    """
    everything = store.list(status=None)
    known = {memory.id: memory for memory in everything}
    named = (known.get(id_) or store.get(id_) for id_ in ids)
    chosen = tuple({memory.id: memory for memory in named}.values())
    read = read_of(home, documents)
    advice = tuple(one for one in everything if one.kind == "insight" and one.text in read.advice)
    made = _derived_of(everything, chosen, advice)
    core = (*chosen, *made)
    versions = tuple(one for memory in core for one in _versions(store, memory))
    said = Said.of(text for one in versions for text in _statements(one))
    spaces = {memory.namespace for memory in core}
    others = _without(everything, core)
    holders = [one for one in others if any(map(said.holds, _strings(one)))]
    along = tuple(
        one for one in holders if one.namespace in spaces and any(map(said.holds, _statements(one)))
    )
    derived = _derived_of(everything, (*chosen, *along), advice)
    gone = (*chosen, *derived, *along)
    left = _without(everything, gone)
    more = tuple(one for memory in _without(derived, core) for one in _versions(store, memory))
    stated = [text for one in (*versions, *more) for text in _statements(one)]
    unsaid = _unsaid([*(text for text in stated if not is_short(text)), *read.sentences], left)
    return ErasurePlan(
        chosen=chosen,
        derived=tuple(_without(derived, along)),
        along=along,
        kept_by=tuple(_without(holders, gone)),
        documents=read.documents,
        adapters=_trained_on(home, {memory.id for memory in gone}),
        texts=unsaid,
        short=tuple(dict.fromkeys(filter(is_short, stated))),
        wordings=_wordings((*versions, *more), left),
        turns=tuple(dict.fromkeys(_turns((*versions, *more, *along)))),
        users=tuple(users),
    )


def _derived_of(
    everything: Sequence[Memory], sources: Sequence[Memory], advice: Sequence[Memory]
) -> tuple[Memory, ...]:
    """Return what was made from memories and from failures that go, each once."""
    own = _without(advice, sources)
    return (*own, *_derived(everything, (*sources, *own)))


def _derived(everything: Sequence[Memory], sources: Iterable[Memory]) -> tuple[Memory, ...]:
    """Return what was made from some memories, and what was made from that, and so on."""
    start = known = {memory.id for memory in sources}
    while more := {one.id for one in everything if known & {*one.derived_from}} - known:
        known = known | more
    return tuple(one for one in everything if one.id in known - start)


def _without(memories: Iterable[Memory], gone: Iterable[Memory]) -> list[Memory]:
    ids = {memory.id for memory in gone}
    return [memory for memory in memories if memory.id not in ids]


def _versions(store: MemoryStore, memory: Memory) -> Iterator[Memory]:
    """Yield a memory in every state that the ledger has of it."""
    yield memory
    for event in store.history(memory.id):
        yield from (state for state in (event.before, event.after) if state is not None)


def _statements(memory: Memory) -> Iterator[str]:
    yield memory.text
    yield from (span.quote for span in memory.spans if span.quote)


def _strings(memory: Memory) -> Iterator[str]:
    yield from _statements(memory)
    yield memory.title
    for evidence in memory.evidence:
        yield from (evidence.question, evidence.answer, *evidence.phrasings)


def _turns(memories: Iterable[Memory]) -> Iterator[str]:
    for memory in memories:
        yield from (tag.removeprefix(TURN) for tag in memory.tags if tag.startswith(TURN))


def _unsaid(texts: Sequence[str], left: Sequence[Memory]) -> tuple[str, ...]:
    """Return the texts that none of the memories left says; of one said in part, the other part."""
    pieces = {text: long_sentences(text) for text in dict.fromkeys(texts)}
    finder = phrases([*pieces, *(part for parts in pieces.values() for part in parts)])
    said = {key for memory in left for text in _strings(memory) for key in finder.found(text)}
    wanted: list[str] = []
    for text, parts in pieces.items():
        if phrase_key(text) in said:
            continue
        unsaid = [part for part in parts if phrase_key(part) not in said]
        wanted += unsaid if unsaid and len(unsaid) < len(parts) else [text, *parts]
    return tuple(dict.fromkeys(wanted))


def _wordings(gone: Iterable[Memory], left: Iterable[Memory]) -> tuple[str, ...]:
    asked = dict.fromkeys(wording for memory in gone for wording in _questions(memory))
    kept = {wording for memory in left for wording in _questions(memory)}
    return tuple(one for one in asked if one not in kept and word_count(one) >= LEAST_WORDS)


def _questions(memory: Memory) -> Iterator[str]:
    for evidence in memory.evidence:
        yield from (evidence.question, *evidence.phrasings)


def _trained_on(home: Path, ids: Collection[str]) -> tuple[str, ...]:
    manifests = AdapterRegistry(home).list()
    return tuple(one.version for one in manifests if not set(ids).isdisjoint(one.memory_ids))
