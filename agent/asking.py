"""The one door to the chat model: batches prompts, meters tokens and seconds by phase.

What it has said before is not computed again, where a cache of replies is at hand.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from ingrained.agent.weights.verify import sha256_of

from .models.abilities import tells_likelihoods
from .prompts import Messages
from .replies import Asked, Reply, ReplyCache, model_batch, replay, reply_keys
from .watching import Watch, watched_config

_ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
_MESSAGE = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


@dataclass
class PhaseCost:
    """What one phase has used.

    Replies from a cache count among tokens and calls as if they had been computed, so that the
    costs of two runs compare; `seconds` is what really went by.
    """

    seconds: float = 0.0
    tokens_in: int = 0
    tokens_cached: int = 0
    """Input tokens whose keys and values were reused, not computed."""
    tokens_out: int = 0
    calls: int = 0
    tokens_replayed: int = 0
    """Tokens in and out of replies that came from a cache."""
    calls_replayed: int = 0
    seconds_saved: float = 0.0
    """What the replayed replies took when they were computed."""

    @property
    def tokens(self) -> int:
        """Tokens in and out so far."""
        return self.tokens_in + self.tokens_out

    def add(self, replies: Sequence[Reply]) -> None:
        """Count some replies."""
        for reply in replies:
            self.calls += 1
            self.tokens_in += reply.tokens_in
            self.tokens_cached += reply.tokens_cached
            self.tokens_out += reply.tokens_out
            if reply.replayed:
                self.calls_replayed += 1
                self.tokens_replayed += reply.tokens_in + reply.tokens_out
                self.seconds_saved += reply.seconds


@dataclass
class Meter:
    """Seconds and tokens of a run, by phase."""

    phases: dict[str, PhaseCost] = field(default_factory=dict)
    _within: list[float] = field(default_factory=list, repr=False, compare=False)
    """For each phase under way, outermost first, the seconds of the phases within it."""

    def of(self, name: str) -> PhaseCost:
        """Return the running cost of a phase."""
        return self.phases.setdefault(name, PhaseCost())

    @contextmanager
    def phase(self, name: str) -> Iterator[PhaseCost]:
        """Time a phase; phases of the same name add up, and one within another is not of that."""
        cost = self.of(name)
        start = time.perf_counter()
        self._within.append(0.0)
        try:
            yield cost
        finally:
            spent = time.perf_counter() - start
            cost.seconds += spent - self._within.pop()
            if self._within:
                self._within[-1] += spent

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
        return sum(cost.tokens for cost in self.phases.values())


@dataclass(frozen=True)
class _Adapter:
    folder: Path
    strength: float

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of what bears on the replies."""
        files = [self.folder / name for name in _ADAPTER_FILES]
        hashes = [sha256_of(file) for file in files if file.is_file()]
        return hashlib.sha256(json.dumps([hashes, self.strength]).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class _Manner:
    """How the prompts of a batch are to be replied to."""

    max_tokens: int
    temperature: float
    seed: int
    adapter: str | None
    stop: tuple[str, ...]


class Asker:
    """Asks a LangChain chat model, many prompts at a time.

    Args:
        model: Any chat model; our own takes `adapter` and `seed` at call time too.
        meter: Where usage is added up.
        replies: What was said before; None to compute everything. Sampled replies are kept only of
            our own model, as others need not say the same again.
    """

    def __init__(
        self, model: BaseChatModel, meter: Meter | None = None, replies: ReplyCache | None = None
    ) -> None:
        self.model = model
        self.meter = meter or Meter()
        self.replies = replies
        self._beside: dict[str, str] = {}
        self._adapters: dict[str, _Adapter] = {}
        self._through: str | None = None
        self._watch: Watch | None = None

    def through(self, adapter: str | None) -> Asker:
        """Return the same asker, replying through an adapter where none is asked for by name."""
        other = copy.copy(self)
        other._through = adapter
        return other

    def metered_by(self, meter: Meter) -> Asker:
        """Return the same asker, with the adapters and replies it knows, that adds up elsewhere."""
        other = copy.copy(self)
        other.meter = meter
        return other

    def watched_by(self, watch: Watch) -> Asker:
        """Return the same asker, which tells someone of each batch and may be ended by them before one."""
        other = copy.copy(self)
        other._watch = watch
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

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters that were loaded."""
        return tuple(self._beside)

    def load_adapter(
        self,
        name: str,
        path: Path,
        *,
        strength: float = 1.0,
        strength_beside_notes: float | None = None,
    ) -> None:
        """Make an adapter known to the model, and a weakened one for prompts with notes in view.

        A version never changes, so one that is known at a strength is not read again.

        Args:
            name: The adapter's version.
            path: Its folder.
            strength: What its effect is multiplied by.
            strength_beside_notes: The same with notes in view; None for the same strength. At full
                strength an adapter can answer from its weights though the right note is in view.
        """
        beside = strength if strength_beside_notes is None else strength_beside_notes
        weak = name if beside == strength else f"{name}_beside_notes"
        for one, wanted in {name: strength, weak: beside}.items():
            self._load(one, _Adapter(path, wanted))
        self._beside[name] = weak

    def _load(self, name: str, adapter: _Adapter) -> None:
        if self._adapters.get(name) != adapter:
            model: Any = self.model
            model.load_adapter(name, adapter.folder, strength=adapter.strength)
            self._adapters[name] = adapter

    def unload_adapter(self, name: str) -> None:
        """Free an adapter that was loaded; the weakened one beside it too."""
        model: Any = self.model
        for loaded in {name, self._beside.pop(name)}:
            model.unload_adapter(loaded)
            self._adapters.pop(loaded, None)

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
        stop: tuple[str, ...] = (),
    ) -> list[str]:
        """Return one reply per prompt, in order.

        Args:
            prompts: What to ask.
            phase: Where the cost is booked.
            max_tokens: A reply is cut at so many.
            temperature: 0 for the likeliest reply; above it, equal prompts are sampled apart.
            seed: Of the sampling; for our own model.
            adapter: One that was loaded; None for that of `through`, else the base. For our own model.
            stop: Texts that end a reply. The one that did is kept, so that a whole question is told
                from one that was cut. Our own model computes nothing after it; replies of others
                are only cut there, as not all of them take such texts.
        """
        if not prompts:
            return []
        manner = _Manner(
            max_tokens=max_tokens, temperature=temperature, seed=seed,
            adapter=adapter or self._through, stop=stop,
        )  # fmt: skip
        keys = self._keys(prompts, manner)
        replies = self._metered(phase, prompts, keys, lambda left: self._compute(left, manner))
        return [reply.text for reply in replies]

    def _keys(self, prompts: Sequence[Messages], manner: _Manner) -> list[str] | None:
        """Return the keys of the replies; None if they cannot be known to come out the same again."""
        sampled = manner.temperature > 0
        weights = self._weights(manner.adapter)
        if self.replies is None or weights is None or (sampled and not self.has_adapters):
            return None
        seen = manner if sampled else replace(manner, seed=0)
        return reply_keys(prompts, "reply", weights, asdict(seen), numbered=sampled)

    def _weights(self, adapter: str | None) -> list[str] | None:
        """Return what tells the weights that reply from any others; None if that is not known."""
        base = _identity(self.model) if self.replies is not None else None
        if base is None:
            return None
        if adapter is None or not self.has_adapters:
            return [base]
        known = self._adapters.get(adapter)
        return [base, adapter, known.digest] if known else None

    def _metered(
        self,
        phase: str,
        asked: Sequence[Asked],
        keys: Sequence[str] | None,
        compute: Callable[[Sequence[Asked]], list[Reply]],
    ) -> list[Reply]:
        """Return what is replied, from the cache where it is there, and book it under a phase."""
        if self._watch is not None:
            self._watch.begins()
        with model_batch(phase, len(asked)) as counted:
            if self.replies is None or keys is None:
                replies = compute(asked)
            else:
                replies = replay(self.replies, asked, keys, compute)
            counted(replies)
        self.meter.of(phase).add(replies)
        return replies

    def _compute(self, prompts: Sequence[Messages], manner: _Manner) -> list[Reply]:
        options: dict[str, Any] = {
            "max_tokens": manner.max_tokens, "temperature": manner.temperature,
        }  # fmt: skip
        if self.has_adapters:
            options |= {"adapter": manner.adapter, "seed": manner.seed}
            options |= {"stop": list(manner.stop)} if manner.stop else {}
        start = time.perf_counter()
        messages: list[LanguageModelInput] = [to_messages(prompt) for prompt in prompts]
        said = self.model.bind(**options).batch(messages, watched_config(self._watch))
        replies = [_as_reply(message, manner.stop) for message in said]
        return _timed(replies, time.perf_counter() - start)

    def ask_each(
        self,
        prompts: Sequence[Messages],
        adapters: Sequence[str | None],
        *,
        phase: str,
        max_tokens: int = 32,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> list[str]:
        """Return one reply per prompt, in order, each by the adapter beside it; see `ask`."""
        replies: dict[int, str] = {}
        for adapter in dict.fromkeys(adapters):
            mine = [number for number, other in enumerate(adapters) if other == adapter]
            said = self.ask(
                [prompts[n] for n in mine], phase=phase, max_tokens=max_tokens,
                temperature=temperature, seed=seed, adapter=adapter,
            )  # fmt: skip
            replies.update(zip(mine, said, strict=True))
        return [replies[number] for number in range(len(prompts))]

    def choose(
        self, prompt: Messages, choices: Sequence[str], *, phase: str, adapter: str | None = None
    ) -> str | None:
        """Return the likeliest of some replies; None for a model that does not tell likelihoods."""
        told = self.likelihoods(prompt, choices, phase=phase, adapter=adapter)
        if told is None:
            return None
        return choices[max(range(len(choices)), key=told.__getitem__)]

    def likelihoods(
        self, prompt: Messages, choices: Sequence[str], *, phase: str, adapter: str | None = None
    ) -> list[float] | None:
        """Return how likely each of some replies is; None for a model that does not tell.

        It is the mean log-probability per token, see `IngrainedChat.likelihoods`.
        """
        if not tells_likelihoods(self.model):
            return None
        weights = self._weights(adapter)
        keys = weights and reply_keys(choices, "likelihood", weights, prompt, numbered=False)

        def compute(left: Sequence[str]) -> list[Reply]:
            model: Any = self.model
            start = time.perf_counter()
            told = model.likelihoods(to_messages(prompt), left, adapter=adapter)
            replies = [Reply(text=repr(float(value))) for value in told]
            return _timed(replies, time.perf_counter() - start)

        replies = self._metered(phase, choices, keys, compute)
        return [float(reply.text) for reply in replies]

    def likelihoods_within(
        self, prompts: Sequence[Messages], texts: Sequence[str], *, phase: str
    ) -> list[float] | None:
        """Return how likely a stretch of each prompt is; None for a model that does not tell.

        It is the base's mean log-probability per token, see `IngrainedChat.likelihoods_within`.
        """
        if not (hasattr(self.model, "likelihoods_within") and tells_likelihoods(self.model)):
            return None
        if not prompts:
            return []
        model: Any = self.model
        if self._watch is not None:
            self._watch.begins()
        with model_batch(phase, len(prompts)) as counted:
            scored = model.likelihoods_within([to_messages(p) for p in prompts], texts)
            read = [
                Reply(text="", tokens_in=one.tokens, tokens_cached=one.cached_tokens)
                for one in scored
            ]
            counted(read)
        self.meter.of(phase).add(read)
        return [one.log_probability for one in scored]


def to_messages(prompt: Messages) -> list[BaseMessage]:
    """Turn (role, content) pairs into LangChain messages."""
    return [_MESSAGE[role](content=content) for role, content in prompt]


def _identity(model: BaseChatModel) -> str | None:
    """Return what tells a model from others; None for one of ours that was not read from a file."""
    if hasattr(model, "fingerprint"):
        ours: str | None = model.fingerprint
        return ours
    if model.is_lc_serializable():
        return dumps(model)
    named = [model._llm_type, Asker(model).name, model._identifying_params]
    return json.dumps(named, sort_keys=True, default=str)


def _as_reply(message: BaseMessage, stop: Sequence[str]) -> Reply:
    usage = getattr(message, "usage_metadata", None) or {}
    return Reply(
        text=_ended(message, stop).strip(),
        tokens_in=usage.get("input_tokens", 0),
        tokens_cached=usage.get("input_token_details", {}).get("cache_read", 0),
        tokens_out=usage.get("output_tokens", 0),
    )


def _ended(message: BaseMessage, stop: Sequence[str]) -> str:
    """Return a reply up to and with the first stop text, which our own model leaves out."""
    text = str(message.text)
    ended_by = message.response_metadata.get("stop_sequence")
    if ended_by in stop:
        return f"{text}{ended_by}"
    ends = [(at, at + len(each)) for each in stop if (at := text.find(each)) >= 0]
    return text[: min(ends)[1]] if ends else text


def _timed(replies: Sequence[Reply], seconds: float) -> list[Reply]:
    """Share out the seconds of a batch by the tokens that were computed."""
    computed = [1 + one.tokens_in - one.tokens_cached + one.tokens_out for one in replies]
    return [
        replace(one, seconds=seconds * tokens / sum(computed))
        for one, tokens in zip(replies, computed, strict=True)
    ]
