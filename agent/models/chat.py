"""Our in-process model as a LangChain chat model, with batching, adapters and constrained replies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import get_config_list
from pydantic import ConfigDict, PrivateAttr

from ingrained.errors import ModelError

from .engine import Engine
from .grammar import json_grammar, regex_grammar
from .runs import end_run, failing_together, getting_on, start_runs
from .sampling import Generated, Progress, Sampling, Scored
from .structured import Schema, held_to, schema_of
from .template import ChatTemplate

_SCORED_AT_ONCE = 64
"""Prompts whose keys and values are held together."""
_GRAMMARS: dict[str, Callable[[Any], str]] = {
    "grammar": str,
    "json_schema": lambda schema: json_grammar(schema_of(schema)),
    "regex": regex_grammar,
}


class IngrainedChat(BaseChatModel):
    """A local model in this process.

    The fields are defaults; each can be given at call time, or with `bind`, for one call:
    `model.bind(max_tokens=32, adapter="v001").batch(prompts)`. So can `stop` (texts that end a reply,
    after which nothing is computed; the one that did is `stop_sequence` of the metadata), and one of
    `json_schema` (a pydantic model or a JSON schema), `regex` and `grammar` (an llguidance
    grammar), which constrain the reply. All rows of a batch share them. `adapter=None` is the base.

    `batch` runs all prompts in one pass of the engine and is much faster than one call each.
    Threads may share the model; their calls take turns.

    Example:
        >>> model = IngrainedChat.load(Path("weights/smollm2-135m"))
        >>> model.invoke("Name a river.", max_tokens=8).content
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine
    model_name: str
    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    adapter: str | None = None
    system: str | None = "You are a helpful assistant."
    """For conversations without a system message, where the model's template would put in its own."""
    progress: Progress | None = None
    """Told (replies finished, replies asked) during a batch."""

    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _template: ChatTemplate = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Prepare the chat template."""
        super().model_post_init(context)
        self._template = ChatTemplate(self.engine.tokenizer, self.system)

    @classmethod
    def load(cls, path: Path, *, threads: int = 0, **fields: Any) -> IngrainedChat:
        """Read a model folder; see `Engine.load`. `fields` are those of this class.

        Raises:
            ModelError: the folder holds no model that can run here.
        """
        fields.setdefault("model_name", path.name)
        return cls(engine=Engine.load(path, threads=threads), **fields)

    @property
    def _llm_type(self) -> str:
        return "ingrained"

    @property
    def fingerprint(self) -> str | None:
        """Tells the base, and how it is talked to, from every other; None for one of no folder.

        Reads the whole of the weights at the first time.
        """
        base = self.engine.fingerprint
        return base and f"{base} {self.top_p} {self.system!r}"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        names = ("model_name", "max_tokens", "temperature", "top_p", "seed", "adapter", "system")
        return {name: getattr(self, name) for name in names}

    def load_adapter(self, name: str, path: Path, *, strength: float = 1.0) -> None:
        """Read a LoRA adapter in PEFT format; the same name again replaces it.

        Args:
            name: What the call option `adapter` will take.
            path: The adapter's folder.
            strength: The adapter's effect is multiplied by this.

        Raises:
            ModelError: it is not a plain LoRA in safetensors, or does not fit this model.
        """
        with self._lock:
            self.engine.load_adapter(name, path, strength=strength)

    def unload_adapter(self, name: str) -> None:
        """Free an adapter.

        Raises:
            NotFoundError: no adapter of that name is loaded.
        """
        with self._lock:
            self.engine.unload(name)

    def likelihoods(
        self, prompt: LanguageModelInput, replies: Sequence[str], *, adapter: str | None = None
    ) -> list[float]:
        """Return how likely each reply to a prompt is: mean log-probability per token.

        Length is so taken out of the comparison (Brown et al. 2020, section 2.4).

        Args:
            prompt: As for `invoke`.
            replies: Texts to compare.
            adapter: Name of a loaded adapter; None for the base.

        Raises:
            ModelError: a reply is empty or too long, or there is no such adapter.
        """
        ids = self._template.ids(self._convert_input(prompt).to_messages())
        with self._lock:
            self.engine.use(adapter)
            scored = self.engine.likelihoods(
                [ids] * len(replies), [self.engine.encode(reply) for reply in replies]
            )
        return [one.log_probability for one in scored]

    def likelihoods_within(
        self, prompts: Sequence[LanguageModelInput], texts: Sequence[str]
    ) -> list[Scored]:
        """Return how likely a stretch of each prompt is after what stands before it in the prompt.

        What is computed of a prompt, up to the end of the text, is kept for the reply to it.

        Args:
            prompts: As for `invoke`.
            texts: For each, what it holds; where it does so twice, the last one counts.

        Raises:
            ModelError: a text is empty, begins its prompt, or is not in it.
        """
        messages = [self._convert_input(each).to_messages() for each in prompts]
        parted = [
            self._template.parted(each, text) for each, text in zip(messages, texts, strict=True)
        ]
        order = sorted(range(len(parted)), key=parted.__getitem__)
        scored: dict[int, Scored] = {}
        with self._lock:
            self.engine.use(None)
            for start in range(0, len(order), _SCORED_AT_ONCE):
                part = order[start : start + _SCORED_AT_ONCE]
                before, inside = zip(*(parted[n] for n in part), strict=True)
                scored |= zip(part, self.engine.likelihoods(before, inside, keep=True), strict=True)
        return [scored[n] for n in range(len(parted))]

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, without any template around it."""
        return len(self.engine.encode(text))

    def get_num_tokens(self, text: str) -> int:
        """Return how many tokens a text has (LangChain's name for `count_tokens`)."""
        return self.count_tokens(text)

    def close(self) -> None:
        """Free the model's memory; the object cannot be used afterwards."""
        with self._lock:
            self.engine.close()

    def bind_tools(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: small models call tools too unreliably to build on."""
        raise NotImplementedError(
            "The in-process model calls no tools: models of its size do so too unreliably. "
            "Use with_structured_output, or a provider's model for agents with tools."
        )

    def with_structured_output(
        self, schema: Schema, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable whose replies are objects of the schema.

        The reply is held to the schema token by token: compact JSON, with limits put on strings,
        arrays and integers that have none. It fails only if `max_tokens` cuts it short.

        Args:
            schema: A pydantic model, or a JSON schema as a dict (then the objects are dicts).
            include_raw: Return `raw`, `parsed` and `parsing_error` instead.
            kwargs: Bound to the call, such as `max_tokens`.
        """
        return held_to(schema, self, include_raw=include_raw, **kwargs)

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Reply to many prompts in one pass of the engine, in order.

        LangChain's response cache is not consulted.

        Args:
            inputs: Prompts.
            config: For the callbacks; one for all or one each.
            return_exceptions: Return, in its place, what is wrong with a prompt, and reply to the
                others, instead of raising it.
            kwargs: See the class.

        Raises:
            ModelError: what is asked cannot be done.
        """
        if not inputs:
            return []
        prompts = [self._convert_input(each).to_messages() for each in inputs]
        runs = start_runs(self, prompts, get_config_list(config, len(inputs)), kwargs)
        with failing_together(runs):
            replies = self._reply(
                prompts, tolerant=return_exceptions, told=partial(getting_on, runs), **kwargs
            )
        ended = [each if isinstance(each, ModelError) else self._message(each) for each in replies]
        return [end_run(run, each) for run, each in zip(runs, ended, strict=True)]

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Reply to many prompts in a thread; see `batch`."""
        return await asyncio.to_thread(
            self.batch, inputs, config, return_exceptions=return_exceptions, **kwargs
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        (reply,) = self._reply([messages], stop=stop, **kwargs)
        if isinstance(reply, ModelError):
            raise reply
        return ChatResult(generations=[ChatGeneration(message=self._message(reply))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        sampling, adapter = self._prepare(stop=stop, **kwargs)
        pieces = self.engine.stream(self._template.ids(messages), sampling)
        while True:
            # Between pieces the lock is free and another call may have switched the adapter.
            with self._lock:
                self.engine.use(adapter)
                piece = next(pieces, None)
            if piece is None:
                return
            chunk = self._chunk(piece)
            if run_manager is not None:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def _reply(
        self, prompts: Sequence[list[BaseMessage]], *, tolerant: bool = False,
        told: Callable[[], None] = lambda: None, **kwargs: Any,
    ) -> list[Generated | ModelError]:  # fmt: skip
        """Return a reply per prompt; if tolerant, in its place what is wrong with the prompt."""

        def progress(done: int, of: int) -> None:
            told()
            if self.progress is not None:
                self.progress(done, of)

        sampling, adapter = self._prepare(**kwargs)
        ids = [self._ids(messages, sampling, tolerant) for messages in prompts]
        with self._lock:
            self.engine.use(adapter)
            good = [each for each in ids if not isinstance(each, ModelError)]
            replies = iter(self.engine.generate(good, sampling, progress))
        return [each if isinstance(each, ModelError) else next(replies) for each in ids]

    def _ids(
        self, messages: list[BaseMessage], sampling: Sampling, tolerant: bool
    ) -> list[int] | ModelError:
        try:
            ids = self._template.ids(messages)
            self.engine.check(ids, sampling)
        except ModelError as error:
            if not tolerant:
                raise
            return error
        return ids

    def _prepare(
        self, stop: Sequence[str] | None = None, **given: Any
    ) -> tuple[Sampling, str | None]:
        """Return the call's sampling and adapter."""
        known = {name: given.pop(name) for name in _OPTIONS if name in given}
        grammars = [make(given.pop(n)) for n, make in _GRAMMARS.items() if given.get(n) is not None]
        if unknown := [name for name in given if given[name] is not None]:
            raise ModelError(
                f"The in-process model does not know {', '.join(unknown)}.",
                hint=f"It takes stop, {', '.join([*_OPTIONS, *_GRAMMARS])}.",
            )
        if len(grammars) > 1:
            raise ModelError("A reply follows one grammar.", hint=f"Give one of {list(_GRAMMARS)}.")
        options = {name: known.get(name, getattr(self, name)) for name in _OPTIONS}
        adapter = options.pop("adapter")
        grammar = next(iter(grammars), None)
        return Sampling(stop=tuple(stop or ()), grammar=grammar, **options), adapter

    def _chunk(self, piece: str | Generated) -> ChatGenerationChunk:
        if isinstance(piece, str):
            return ChatGenerationChunk(message=AIMessageChunk(content=piece))
        end = AIMessageChunk(
            content="",
            usage_metadata=_usage(piece),
            response_metadata=self._metadata(piece),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=end)

    def _message(self, reply: Generated) -> AIMessage:
        return AIMessage(
            content=reply.text,
            usage_metadata=_usage(reply),
            response_metadata=self._metadata(reply),
        )

    def _metadata(self, reply: Generated) -> dict[str, Any]:
        ended = {} if reply.stopped_by is None else {"stop_sequence": reply.stopped_by}
        return {"finish_reason": reply.finish_reason, "model_name": self.model_name, **ended}


_OPTIONS = ("max_tokens", "temperature", "top_p", "seed", "adapter")


def _usage(reply: Generated) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=reply.prompt_tokens,
        output_tokens=reply.completion_tokens,
        total_tokens=reply.prompt_tokens + reply.completion_tokens,
        input_token_details={"cache_read": reply.cached_tokens},
    )
