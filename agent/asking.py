"""The one door to the chat model: batches prompts, meters tokens and seconds by phase."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from .prompts import Messages

_MESSAGE = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


@dataclass
class PhaseCost:
    """What one phase has used."""

    seconds: float = 0.0
    tokens_in: int = 0
    tokens_cached: int = 0
    """Input tokens whose keys and values were reused, not computed."""
    tokens_out: int = 0
    calls: int = 0


@dataclass
class Meter:
    """Seconds and tokens of a run, by phase."""

    phases: dict[str, PhaseCost] = field(default_factory=dict)

    def of(self, name: str) -> PhaseCost:
        """Return the running cost of a phase."""
        return self.phases.setdefault(name, PhaseCost())

    @contextmanager
    def phase(self, name: str) -> Iterator[PhaseCost]:
        """Time a phase; phases of the same name add up."""
        cost = self.of(name)
        start = time.perf_counter()
        try:
            yield cost
        finally:
            cost.seconds += time.perf_counter() - start

    def to_plain(self) -> dict[str, dict[str, float]]:
        """Return the costs as plain data; `from_plain` is the inverse."""
        return {name: dict(vars(cost)) for name, cost in self.phases.items()}

    @classmethod
    def from_plain(cls, data: Mapping[str, Mapping[str, Any]]) -> Meter:
        """Go on counting where a killed run stopped."""
        return cls({name: PhaseCost(**cost) for name, cost in data.items()})

    @property
    def tokens(self) -> int:
        """Tokens in and out so far, over all phases."""
        return sum(cost.tokens_in + cost.tokens_out for cost in self.phases.values())


class Asker:
    """Asks a LangChain chat model, many prompts at a time.

    Args:
        model: Any chat model; our own takes `adapter` and `seed` at call time too.
        meter: Where usage is added up.
    """

    def __init__(self, model: BaseChatModel, meter: Meter | None = None) -> None:
        self.model = model
        self.meter = meter or Meter()
        self._beside: dict[str, str] = {}

    def metered_by(self, meter: Meter) -> Asker:
        """Return the same asker, with the adapters it knows, that adds up elsewhere."""
        other = Asker(self.model, meter)
        other._beside = self._beside
        return other

    @property
    def name(self) -> str:
        """The model's name, for provenance."""
        named = getattr(self.model, "model_name", None) or getattr(self.model, "model", None)
        return str(named or self.model._llm_type)

    @property
    def has_adapters(self) -> bool:
        """Whether the model can switch LoRA adapters by name."""
        return hasattr(self.model, "load_adapter")

    def load_adapter(self, name: str, path: Path, *, strength_beside_notes: float = 1.0) -> None:
        """Make an adapter known to the model, and a weakened one for prompts with notes in view.

        A version never changes, so trying another strength reads only the weakened one again.

        Args:
            name: The adapter's version.
            path: Its folder.
            strength_beside_notes: At full strength an adapter can answer from its weights though
                the right note is in view.
        """
        model: Any = self.model
        if name not in self._beside:
            model.load_adapter(name, path)
        weak = f"{name}_beside_notes"
        if strength_beside_notes != 1.0:
            model.load_adapter(weak, path, strength=strength_beside_notes)
        self._beside[name] = name if strength_beside_notes == 1.0 else weak

    def adapter_in(self, cell: str, adapter: str | None, *, notes: bool) -> str | None:
        """Return the name to ask for in a cell: the weakened one where notes are in view.

        Args:
            cell: `both`, `adapter`, or one that uses none.
            adapter: A loaded adapter.
            notes: Whether anything was recalled for the question.
        """
        if adapter is None or cell not in ("adapter", "both"):
            return None
        return self._beside.get(adapter, adapter) if cell == "both" and notes else adapter

    def ask(
        self,
        prompts: Sequence[Messages],
        *,
        phase: str,
        max_tokens: int = 32,
        temperature: float = 0.0,
        seed: int = 0,
        adapter: str | None = None,
    ) -> list[str]:
        """Return one reply per prompt, in order."""
        if not prompts:
            return []
        options: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature}
        if self.has_adapters:
            options |= {"adapter": adapter, "seed": seed}
        replies = self.model.bind(**options).batch([to_messages(p) for p in prompts])
        cost = self.meter.of(phase)
        for reply in replies:
            _add_usage(cost, reply)
        return [str(reply.content).strip() for reply in replies]

    def ask_each(
        self,
        prompts: Sequence[Messages],
        adapters: Sequence[str | None],
        *,
        phase: str,
        max_tokens: int = 32,
    ) -> list[str]:
        """Return one greedy reply per prompt, in order, each by the adapter beside it."""
        replies: dict[int, str] = {}
        for adapter in dict.fromkeys(adapters):
            mine = [number for number, other in enumerate(adapters) if other == adapter]
            said = self.ask(
                [prompts[n] for n in mine], phase=phase, max_tokens=max_tokens, adapter=adapter
            )
            replies.update(zip(mine, said, strict=True))
        return [replies[number] for number in range(len(prompts))]

    def choose(
        self, prompt: Messages, choices: Sequence[str], *, phase: str, adapter: str | None = None
    ) -> str | None:
        """Return the likeliest of some replies; None for a model that does not tell likelihoods."""
        if not hasattr(self.model, "likelihoods"):
            return None
        told = self.model.likelihoods(to_messages(prompt), choices, adapter=adapter)
        self.meter.of(phase).calls += len(choices)
        return choices[max(range(len(choices)), key=told.__getitem__)]


def to_messages(prompt: Messages) -> list[BaseMessage]:
    """Turn (role, content) pairs into LangChain messages."""
    return [_MESSAGE[role](content=content) for role, content in prompt]


def _add_usage(cost: PhaseCost, reply: Any) -> None:
    usage = getattr(reply, "usage_metadata", None) or {}
    cost.calls += 1
    cost.tokens_in += usage.get("input_tokens", 0)
    cost.tokens_out += usage.get("output_tokens", 0)
    cost.tokens_cached += usage.get("input_token_details", {}).get("cache_read", 0)
