"""How long a chat takes to its first token, and how fast it goes on, beside bare transformers.

    python benchmarks/chat.py

Somebody asks an agent that knows 200 made-up facts about some of them, each question in a
conversation of its own. Of every question is measured, on the very same prompt tokens and with as many
new ones:

- the whole turn, from the question until the first piece of the reply is told, recall included
  (`first_token`). What the model keeps of earlier prompts it may use, as it does when somebody talks with it;
- the reply alone, as the chat streams it, with nothing kept (`..._without_recall`, and the tokens a second);
- `generate` of transformers, with a streamer (`..._bare`).

The three take turns, after one question that is not counted. A figure `..._over_bare` is the median of
the ratios, question by question, so that what else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bench_figures
import results_file
import torch
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from made_memories import made_memories
from pydantic import PrivateAttr
from results_file import Figure
from rich.console import Console
from transformers import AutoModelForCausalLM
from transformers.generation.streamers import BaseStreamer

from ingrained.agent.asking import Asker
from ingrained.agent.models.chat import IngrainedChat
from ingrained.agent.models.engine import Engine
from ingrained.agent.models.template import ChatTemplate
from ingrained.agent.weights.resolve import resolve_local
from ingrained.graphs.chat import ChatContext, OpenStore, Threads, open_threads
from ingrained.graphs.session import Home, open_embedder
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.embedding import Embedder
from ingrained.settings import DEFAULT_MODEL, Settings

FACTS = 200
SEED = 0


@dataclass
class Clock:
    """When a reply began, and when each of its tokens was there; seconds of one clock."""

    began: float = field(default_factory=time.perf_counter)
    tokens: list[float] = field(default_factory=list)

    def tick(self, _token: object = None) -> None:
        """Note that a token is there."""
        self.tokens.append(time.perf_counter())

    @property
    def first(self) -> float:
        """Seconds to the first token."""
        return self.tokens[0] - self.began

    @property
    def rate(self) -> float:
        """Tokens a second after the first."""
        return (len(self.tokens) - 1) / (self.tokens[-1] - self.tokens[0])


class ClockedChat(IngrainedChat):
    """Our model, which notes what it was asked and makes replies of one length.

    A piece of a reply is a token, unless its bytes are no whole character.
    """

    length: int
    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def asked(self) -> list[list[BaseMessage]]:
        """The prompts, oldest first."""
        return self._asked

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self._asked.append(messages)
        given = {**kwargs, "max_tokens": self.length}
        yield from super()._stream(messages, stop, run_manager, **given)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is measured."""

    ours: ClockedChat
    bare: Any
    threads: Threads
    context: ChatContext


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One question, asked in each way."""

    prompt_tokens: int
    whole: float
    """Seconds from the question to the first piece that is told."""
    ours: Clock
    bare: Clock


def main() -> None:
    """Measure, print and write."""
    options = _options()
    settings = Settings()
    folder = resolve_local(options.model, settings)
    if folder is None:
        raise SystemExit(f"{options.model} stands for no local weights")
    with tempfile.TemporaryDirectory() as home:
        opened = prepare(folder, open_embedder(settings), Path(home), options.tokens)
        with opened as bench:
            turns = measure(bench, options.prompts)
    found = figures(turns)
    bench_figures.show(found, f"{options.model}, {options.prompts} questions")
    command = results_file.command_of(
        "chat",
        model=options.model,
        prompts=options.prompts,
        tokens=options.tokens,
        threads=options.threads,
    )
    print(results_file.write("chat", found, seeds=[SEED], command=command, folder=options.folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--prompts", type=int, default=24, help="questions that are counted")
    parser.add_argument("--tokens", type=int, default=32, help="new tokens for each")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    return options


@contextmanager
def prepare(folder: Path, embedder: Embedder, home: Path, tokens: int) -> Iterator[Bench]:
    """Load the model twice, and open a conversation with an agent that knows some facts."""
    engine = Engine.load(folder, device="cpu", ends=())
    ours = ClockedChat(engine=engine, model_name=folder.name, length=tokens)
    bare = AutoModelForCausalLM.from_pretrained(
        folder, dtype=engine.model.dtype, attn_implementation="sdpa"
    )
    facts = [Memory(id="", text=made.text) for made in made_memories(FACTS, seed=SEED)]
    with MemoryStore.open(home, embedder) as store, open_threads(Home(home)) as threads:
        store.insert(facts, who="benchmark", why="to be asked about")
        context = ChatContext(asker=Asker(ours), memory=OpenStore(store))
        yield Bench(ours=ours, bare=bare, threads=threads, context=context)


def measure(bench: Bench, count: int) -> list[Turn]:
    """Ask so many questions, and one before them that warms up; every second time bare goes first."""
    questions = [made.question for made in made_memories(FACTS, seed=SEED)]
    asked = [questions[number * FACTS // (count + 1)] for number in range(count + 1)]
    turns = []
    for number, question in enumerate(asked):
        turns.append(_turn(bench, question, bare_first=number % 2 == 1))
        Console(stderr=True).print(
            f"{number} of {count}: {turns[-1].whole:.2f} s to the first piece, "
            f"{turns[-1].ours.rate:.1f} tokens a second, bare {turns[-1].bare.rate:.1f}"
        )
    return turns[1:]


def _turn(bench: Bench, question: str, *, bare_first: bool) -> Turn:
    whole = _ask(bench, question)
    messages = bench.ours.asked[-1]
    ids = ChatTemplate(bench.ours.engine.tokenizer, bench.ours.system).ids(messages)
    ways: dict[str, Callable[[], Clock]] = {
        "ours": lambda: _stream(bench.ours, messages),
        "bare": lambda: _generate(bench.bare, ids, bench.ours.length),
    }
    order = sorted(ways, reverse=not bare_first)
    clocks = {name: ways[name]() for name in order}
    return Turn(prompt_tokens=len(ids), whole=whole, **clocks)


def _ask(bench: Bench, question: str) -> float:
    """Return the seconds of a turn to the first piece of its reply; the conversation is a new one."""
    clock = Clock()

    def hear(event: dict[str, Any]) -> None:
        if event["event"] == "piece":
            clock.tick()

    thread = f"about question {len(bench.ours.asked)}"
    context = dataclasses.replace(bench.context, listener=hear, thread=thread)
    clock.began = time.perf_counter()
    bench.threads.ask(question, context)
    return clock.first


def _stream(model: ClockedChat, messages: Sequence[BaseMessage]) -> Clock:
    """Reply as the chat does, with nothing kept from before."""
    model.engine.forget()
    clock = Clock()
    for chunk in model.bind(temperature=0.0).stream(list(messages)):
        if chunk.text:
            clock.tick()
    return clock


def _generate(model: Any, ids: list[int], tokens: int) -> Clock:
    """Reply as transformers does without anything of ours."""
    prompt = torch.tensor([ids])
    clock = Clock()
    with torch.inference_mode():
        model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            pad_token_id=0,
            streamer=_Ticking(clock),
        )
    return clock


class _Ticking(BaseStreamer):
    """Notes each new token; what is put first is the prompt."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = False

    def put(self, _value: object) -> None:
        """Note one."""
        if self._begun:
            self._clock.tick()
        self._begun = True

    def end(self) -> None:
        """Nothing is left to do."""


def figures(turns: Sequence[Turn]) -> dict[str, Figure]:
    """Return medians over the questions, with the least and the greatest."""
    found: dict[str, tuple[Callable[[Turn], float], str]] = {
        "first_token_over_bare": (lambda one: one.whole / one.bare.first, "times"),
        "tokens_per_second_over_bare": (lambda one: one.ours.rate / one.bare.rate, "times"),
        "first_token_over_bare_without_recall": (
            lambda one: one.ours.first / one.bare.first,
            "times",
        ),
        "first_token": (lambda one: one.whole, "s"),
        "first_token_without_recall": (lambda one: one.ours.first, "s"),
        "first_token_bare": (lambda one: one.bare.first, "s"),
        "tokens_per_second": (lambda one: one.ours.rate, "tokens/s"),
        "tokens_per_second_bare": (lambda one: one.bare.rate, "tokens/s"),
        "prompt_tokens": (lambda one: one.prompt_tokens, "tokens"),
    }
    return {
        label: bench_figures.median([of(turn) for turn in turns], unit)
        for label, (of, unit) in found.items()
    }


if __name__ == "__main__":
    main()
