"""What is made of the days that are over: a summary of each, one of all, and a portrait of the user.

As in MemoryBank (Zhong et al. 2023, section 3.1), but as memories like any other: derived from what
they were made of, so that a purge or a forgetting of that reaches them, and fading unless an answer
rests on them. What is due is read off the memory, so that a call which was cut short is made again.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.agent.portraying import portrayed
from ingrained.agent.prompts import load
from ingrained.graphs.chat.access import Access
from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.chat.episodes import OF_ALL, TOLD, clipped, day
from ingrained.graphs.chat.quoting import quotable
from ingrained.graphs.keeping import Notebook
from ingrained.memory.entries import near_key
from ingrained.memory.filters import Where
from ingrained.memory.forgetting import SECONDS_PER_DAY
from ingrained.memory.records import Kind, Memory, sha256
from ingrained.memory.reflecting import sources_sha256
from ingrained.memory.store import MemoryStore

WHO = "portray"
OF_DAY = "day:"
"""How the tag begins that names the day of a summary."""
PORTRAIT = "portrait"
"""Tag of the portrait."""
DAY_STRENGTH = 7.0
"""S of a day's summary, in days: it is there when the turns have faded."""
LASTING_STRENGTH = 30.0
"""S of what is made anew with each day: as of what the user asked to remember."""
OLDEST = 20
"""Days before today beyond which none is summed up: its summary would have faded."""
MOST_CALLS = 10
"""Of the model after one turn; what else is due comes with the next one."""
MOST_DAYS = 14
"""Last days that the summary of all and the portrait are made of."""
_MOST_LINES = 8
"""Bytes of what is laid before the model at once, for each token of the window: two windows or less."""
_DATE_ROOM = 56
"""Bytes reckoned for a line's date and quotation marks, which are some 14 tokens."""
_NOTED = 30
"""Of so many it is noted that nothing could be made."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Something to be made of memories."""

    tag: str
    prompt: str
    kind: Kind
    title: str
    created: float
    strength: float
    sources: tuple[Memory, ...]
    """What it is made of, and derived from."""
    former: Memory | None
    """What was made before."""
    tried: frozenset[str]
    """Ids of the sources of which nothing could be made."""

    @property
    def ids(self) -> frozenset[str]:
        """Of the sources."""
        return frozenset(one.id for one in self.sources)

    @property
    def lines(self) -> list[str]:
        """What the model is shown: dated and quoted."""
        return [f"{day(one.created)}: “{_quoted(one)}”" for one in self.sources]

    @property
    def is_due(self) -> bool:
        """Whether something is new, or what was made is out of date; what only faded is neither."""
        known = self.tried.union(self.former.derived_from if self.former else ())
        stale = self.former is not None and self.former.status == "stale"
        return not self.ids <= known or (stale and bool(self.ids) and self.ids != self.tried)

    def memory(self, text: str, model: str) -> Memory:
        """Return it as a memory, at least as strong as the former one."""
        held = self.former is not None and self.former.status in ("active", "stale")
        former = self.former.strength if self.former and held else 0.0
        return Memory(
            id="",
            text=text,
            kind=self.kind,
            namespace=self.sources[0].namespace,
            title=self.title,
            created=self.created,
            strength=max(self.strength, former),
            tags=(self.tag, TOLD),
            flags=tuple(sorted({flag for one in self.sources for flag in one.flags})),
            derived_from=tuple(sorted(self.ids)),
            derived_sha256=sources_sha256(self.sources),
            prompt_sha256=load(self.prompt).sha256,
            model=model,
        )


def next_due(store: MemoryStore, context: ChatContext) -> Piece | None:
    """Return what is to be made next: days that are over, oldest first, then what is made of them."""
    return next((one for one in _pieces(store, context) if one.is_due), None)


def make_due(context: ChatContext, memory: Access) -> Iterator[str]:
    """Make what is due, `MOST_CALLS` at most, and yield the title of each that was tried.

    Raises:
        StoreError: the memory cannot be written to now; what was made before is kept.
    """
    for _ in range(MOST_CALLS):
        store = memory.reading()
        piece = next_due(store, context) if store else None
        if piece is None:
            return
        text = portrayed(context.asker, piece.prompt, piece.lines)
        with memory.writing() as store:
            _keep(store, piece, text, context)
        yield piece.title


def _pieces(store: MemoryStore, context: ChatContext) -> Iterator[Piece]:
    """Yield all there is to make, due or not."""
    made, tried = _made(store, context.own), _tried(store, context.own)

    def piece(tag: str, sources: Sequence[Memory], **facts: Any) -> Piece:
        return Piece(
            tag=tag, sources=tuple(sources), former=made.get(tag),
            tried=frozenset(tried.get(tag, ())), **facts,
        )  # fmt: skip

    for date, said in _days(store, context):
        yield piece(
            f"{OF_DAY}{date}", said, prompt="sum_up_day", kind="summary",
            title=f"Summary of {date}", created=said[-1].created, strength=DAY_STRENGTH,
        )  # fmt: skip
    days = _last_days(store, made.values())
    if not days:
        return
    until, manner = (
        day(days[-1].created),
        {"created": context.clock(), "strength": LASTING_STRENGTH},
    )
    if len(days) > 1:
        yield piece(
            OF_ALL, days, prompt="sum_up_days", kind="summary",
            title=f"Summary of the days up to {until}", **manner,
        )  # fmt: skip
    yield piece(
        PORTRAIT, days, prompt="portray", kind="portrait",
        title=f"Portrait of the user on {until}", **manner,
    )  # fmt: skip


def _days(store: MemoryStore, context: ChatContext) -> Iterator[tuple[str, list[Memory]]]:
    """Yield the days that are over with what the user told on them, as much as is shown at once."""
    midnight = context.clock() // SECONDS_PER_DAY * SECONDS_PER_DAY
    since = midnight - OLDEST * SECONDS_PER_DAY
    over = Where(kinds=("episode",), tags=(TOLD,), created_from=since, created_to=midnight)
    told = sorted(store.list(namespace=context.own, where=over), key=lambda one: one.created)
    for date, said in itertools.groupby(told, key=lambda one: day(one.created)):
        yield date, _fitting(list(said), _MOST_LINES * context.window_tokens)


def _fitting(said: Sequence[Memory], room: int) -> list[Memory]:
    """Return the last of the memories whose lines have room in so many bytes together, one at least."""
    sizes = itertools.accumulate(len(_quoted(one).encode()) + _DATE_ROOM for one in reversed(said))
    count = sum(size <= room for size in sizes)
    return list(said[-max(1, count) :])


def _made(store: MemoryStore, own: tuple[str, ...]) -> dict[str, Memory]:
    """Return by its tag the last that was made of each, that which holds before any other."""
    every = sorted(_products(store, own), key=lambda one: one.status == "active")
    return {tag: one for one in every for tag in one.tags if _names(tag)}


def _products(store: MemoryStore, own: tuple[str, ...]) -> list[Memory]:
    return store.list(namespace=own, status=None, where=Where(kinds=("summary", "portrait")))


def _names(tag: str) -> bool:
    return tag.startswith(OF_DAY) or tag in (OF_ALL, PORTRAIT)


def _last_days(store: MemoryStore, made: Iterable[Memory]) -> list[Memory]:
    """Return the summaries of the last days that hold and have not faded, oldest first."""
    days = [
        one for one in made
        if one.status == "active" and not store.faded(one)
        and any(tag.startswith(OF_DAY) for tag in one.tags)
    ]  # fmt: skip
    return sorted(days, key=lambda one: one.created)[-MOST_DAYS:]


def _keep(store: MemoryStore, piece: Piece, text: str, context: ChatContext) -> None:
    """Put what was made in the place of the former, or note that nothing came of it.

    What another conversation of the user has made, or made out of date, in the meantime is left alone.
    """
    now = next_due(store, context)
    if now is None or (now.tag, now.ids) != (piece.tag, piece.ids):
        return
    if not text or store.withholds(text) or not _replaced(store, piece, text, context):
        _note_tried(store, piece, context.own)


def _replaced(store: MemoryStore, piece: Piece, text: str, context: ChatContext) -> bool:
    """Return whether what was made holds now: not if it is what was made of something else, word for word."""
    made = dataclasses.replace(piece.memory(text, context.asker.name), valid_from=context.clock())
    former = piece.former
    others = (one for one in _products(store, context.own) if piece.tag not in one.tags)
    if any(near_key(one) == near_key(made) for one in others):
        return False
    many = len(piece.sources)
    why = f"made of {many} {'memory' if many == 1 else 'memories'}"
    notebook = Notebook(store=store, who=WHO, why=why)
    if former is None or former.status not in ("active", "stale"):
        return notebook.keep(made).outcome in ("kept", "known")
    if near_key(former) == near_key(made):
        same = dataclasses.replace(
            made, id=former.id, text=former.text, pinned=former.pinned, count=former.count
        )
        store.update(same, who=WHO, why=why)
        return True
    return notebook.replace(former, made).outcome in ("replaced", "known")


def _note_of(own: tuple[str, ...]) -> str:
    """Return the name of the note; it does not give away who talks, since it outlives a purge."""
    return f"portrayed:{sha256(json.dumps(own))[:16]}"


def _tried(store: MemoryStore, own: tuple[str, ...]) -> dict[str, list[str]]:
    """Return by its tag of what nothing could be made."""
    return dict(json.loads(store.note(_note_of(own)) or "{}"))


def _note_tried(store: MemoryStore, piece: Piece, own: tuple[str, ...]) -> None:
    """Note of what nothing could be made, and drop what was noted of days that are long gone."""
    noted = {**_tried(store, own), piece.tag: sorted(piece.ids)}
    last = sorted(noted, key=lambda tag: (not tag.startswith(OF_DAY), tag))[-_NOTED:]
    store.set_note(_note_of(own), json.dumps({tag: noted[tag] for tag in last}))


def _quoted(memory: Memory) -> str:
    return quotable(clipped(memory.text))
