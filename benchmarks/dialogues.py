"""Conversations told to the memory of the chat, and questions put to it afterwards.

What was said is stored as the chat stores it, turn by turn and dated, but no reply is generated for
it. Each question is then asked through the chat's own graph, as the first thing that is said again
after a long time: none of the turns stands in the prompt but what is recalled of them. What is asked is
not remembered, so that no question is answered from another one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langgraph.checkpoint.memory import InMemorySaver

from ingrained.agent.answering import REPLY_TOKENS, Messages
from ingrained.agent.asking import Asker, Meter, to_messages
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.running import code
from ingrained.agent.citing import Answer
from ingrained.errors import StoreError
from ingrained.graphs.chat import ChatContext, build_chat_graph
from ingrained.graphs.chat.access import OpenStore
from ingrained.graphs.chat.days import make_due
from ingrained.graphs.chat.episodes import episode
from ingrained.graphs.chat.state import Turn
from ingrained.memory import MemoryStore
from ingrained.memory.embedding import Embedder

DAY = 86_400.0
_TOLD_AT_ONCE = 200
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Told:
    """One conversation."""

    name: str
    turns: tuple[Turn, ...]
    """Oldest first."""

    @property
    def asked_at(self) -> float:
        """When it is asked about: a day after the last turn; POSIX seconds."""
        return self.turns[-1]["time"] + DAY


def turn_of(name: str, number: int, time: float, user: str, agent: str = "") -> Turn:
    """Return one turn of a conversation."""
    return Turn(id=f"{name}-{number:04}", time=time, user=user, agent=agent)


class _ReadOnly(OpenStore):
    """A memory that is read and not written to."""

    @contextmanager
    def writing(self) -> Iterator[MemoryStore]:
        """Refuse."""
        raise StoreError("this memory is only asked")
        yield


class _Usage(BaseCallbackHandler):
    """Adds up the tokens of replies that are streamed, which no meter counts."""

    def __init__(self) -> None:
        self.tokens = 0

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        """Add those of one reply."""
        for generation in (one for many in response.generations for one in many):
            if isinstance(generation, ChatGeneration):
                self.tokens += _tokens(generation.message)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An answer of the chat, and what it took."""

    answer: Answer
    tokens: int
    """In and out, those of reading what was recalled again included."""


class Listener:
    """Whoever was told a conversation, and can be asked about it."""

    def __init__(
        self, told: Told, store: MemoryStore, asker: Asker, *, portrait: bool = False
    ) -> None:
        self._told = told
        self._store = store
        self._graph: Any = build_chat_graph().compile(checkpointer=InMemorySaver())
        self._context = ChatContext(
            asker=asker, memory=_ReadOnly(store), thread=told.name, portrait=portrait,
            clock=lambda: told.asked_at,
        )  # fmt: skip

    def ask(self, question: str) -> Asked:
        """Answer a question as the chat does."""
        asker, usage = self._context.asker.metered_by(Meter()), _Usage()
        context = dataclasses.replace(self._context, asker=asker, question=question)
        config: Any = {"configurable": {"thread_id": uuid.uuid4().hex}, "callbacks": [usage]}
        turns = list(self._told.turns)
        past = {"turns": turns, "summary": "", "summarised": len(turns), "remembered": len(turns)}
        self._graph.update_state(config, past, as_node="portray")
        done = self._graph.invoke({}, config, context=context)
        return Asked(
            answer=Answer.from_dict(done["answer"]), tokens=usage.tokens + asker.meter.tokens
        )

    def days(self, answer: Answer) -> set[float]:
        """Return when the memories were told that an answer was shown; POSIX seconds."""
        return {self._store.get(source.memory).created for source in answer.sources}


@contextmanager
def listener(
    told: Told, asker: Asker, embedder: Embedder, folder: Path, *, portrait: bool = False
) -> Iterator[Listener]:
    """Tell a conversation to a memory in a folder, unless it was told before.

    Args:
        told: The conversation.
        asker: The model.
        embedder: The memory's.
        folder: Where the memories of all are.
        portrait: Whether its days are summed up, and a portrait is made of them and shown.
    """
    home = folder / "homes" / told.name
    whole = home / "told"
    with MemoryStore.open(home, embedder, clock=lambda: told.asked_at) as store:
        if not whole.is_file():
            tell(told, store, asker)
            whole.touch()
        if portrait:
            sum_up(told, store, asker)
        yield Listener(told, store, asker, portrait=portrait)


def tell(told: Told, store: MemoryStore, asker: Asker) -> None:
    """Store what was said as the chat stores it; the model is not asked anything."""
    context = ChatContext(asker=asker, thread=told.name)
    said = [episode(turn, context) for turn in told.turns]
    for start in range(0, len(said), _TOLD_AT_ONCE):
        part = said[start : start + _TOLD_AT_ONCE]
        store.insert(part, who="chat", why=f"said in the conversation {told.name}")


def sum_up(told: Told, store: MemoryStore, asker: Asker) -> None:
    """Make all that the chat makes of days that are over; what was made before is not made again."""
    memory = OpenStore(store)
    context = ChatContext(asker=asker, memory=memory, thread=told.name, clock=lambda: told.asked_at)
    while list(make_due(context, memory)):
        pass


class Parts:
    """What was answered already: a line for each, so that a run that was cut short goes on.

    Args:
        work: Where the folders of runs are.
        made_by: All that an answer depends on; another folder for any other.
    """

    def __init__(self, work: Path, **made_by: str) -> None:
        known = json.dumps({**made_by, "code": code(studying=True)}, sort_keys=True)
        self.folder = work / hashlib.sha256(known.encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = self.folder / "rows.jsonl"
        self._rows = {self._key(row): row for row in self._read()}

    def row(self, cell: str, id_: str, make: Callable[[], Mapping[str, Any]]) -> Row:
        """Return what was answered, or have it answered now."""
        (row,) = self.rows(cell, [id_], lambda _: [make()])
        return row

    def rows(
        self,
        cell: str,
        ids: Sequence[str],
        make: Callable[[list[str]], Iterable[Mapping[str, Any]]],
    ) -> list[Row]:
        """Return what was answered; those that were not are answered now, together."""
        left = [id_ for id_ in ids if (cell, id_) not in self._rows]
        for id_, made in zip(left, make(left) if left else (), strict=True):
            row = {"cell": cell, "id": id_, **made}
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            self._rows[cell, id_] = row
        return [self._rows[cell, id_] for id_ in ids]

    def _read(self) -> Iterator[Row]:
        """Yield the whole lines; the last one may have been cut short."""
        if self._file.is_file():
            whole = self._file.read_text(encoding="utf-8").split("\n")[:-1]
            self._file.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
            yield from map(json.loads, whole)

    @staticmethod
    def _key(row: Row) -> tuple[str, str]:
        return row["cell"], row["id"]


def answered_by(
    asker: Asker, embedder: Embedder, script: Path, data: Sequence[Benchmark]
) -> dict[str, str]:
    """Return what answers depend on beside the project's code.

    How they are scored is no part of it: rows have no scores, so that another key mends old answers too.
    """
    return {
        "model": asker.name,
        "embedder": embedder.fingerprint,
        "prompts": _sha256(*(one.read_text("utf-8") for one in _prompts())),
        "scripts": _sha256(script.read_text("utf-8"), Path(__file__).read_text("utf-8")),
        "data": _sha256(*map(repr, data)),
    }


def _prompts() -> list[Traversable]:
    files = (resources.files("ingrained") / "agent" / "prompts").iterdir()
    return sorted((one for one in files if one.name.endswith(".md")), key=lambda one: one.name)


def _sha256(*texts: str) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def replies_to(asker: Asker, prompts: Sequence[Messages]) -> list[Row]:
    """Return the reply to each prompt, which are computed together, and the tokens it took."""
    options = {"max_tokens": REPLY_TOKENS, "temperature": 0.0}
    said = asker.model.bind(**options).batch([to_messages(prompt) for prompt in prompts])
    return [{"reply": one.text.strip(), "tokens": _tokens(one)} for one in said]


def _tokens(message: BaseMessage) -> int:
    usage = getattr(message, "usage_metadata", None) or {}
    return int(usage.get("input_tokens", 0) + usage.get("output_tokens", 0))
