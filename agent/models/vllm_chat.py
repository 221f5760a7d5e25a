"""A model on a vLLM server as a LangChain chat model, used as the one in this process is."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import httpx
import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import get_config_list
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import Field, PrivateAttr, SecretStr

from ingrained.errors import ModelError

from .limits import bounded
from .pacing import run_here
from .runs import end_run, failing_together, getting_on, start_runs
from .sampling import Scored
from .structured import Schema, held_to, schema_of
from .vllm_adapters import ServedAdapters
from .vllm_calls import Calls, Request
from .vllm_scoring import Scoring
from .vllm_server import RefusedError, VllmServer, is_here
from .vllm_turns import Turns

_CONSTRAINTS = {"json_schema": "json", "regex": "regex", "grammar": "grammar"}
"""Call options, and what vLLM calls them."""
_CANNOT = (400, 404, 405, 422, 501)
"""Statuses by which a server says that it does not know what is asked for; a busy one has others."""


class VllmChat(BaseChatOpenAI):
    """A model that a vLLM server runs; `connect` makes one.

    It takes the call options of `IngrainedChat`: `max_tokens`, `temperature`, `top_p`, `seed`,
    `adapter`, `stop`, and one of `json_schema`, `regex` and `grammar` (in the form that the server's
    backend reads); and those of the OpenAI API.

    A batch is as many requests at a time as the server bears. Prompts that begin alike are sent one
    after the other, for the server's prefix cache. What fails for a passing reason is asked again.

    Example:
        >>> model = VllmChat.connect("http://127.0.0.1:8000")
        >>> model.invoke("Name a river.", max_tokens=8).content
    """

    address: str
    """Of the server, without `/v1`."""
    max_tokens: int | None = 256
    temperature: float | None = 0.0
    top_p: float | None = 1.0
    seed: int | None = 0
    adapter: str | None = None
    system: str | None = "You are a helpful assistant."
    """For conversations without a system message, where the model's template would put in its own."""
    template_options: dict[str, Any] = Field(default_factory=dict)
    """For the model's chat template, such as `{"enable_thinking": False}`."""
    most_at_once: int = 128
    """Requests under way at most."""
    retry_seconds: float = 0.5
    """The first wait before a request is made again, at most."""

    _server: VllmServer = PrivateAttr()
    _adapters: ServedAdapters = PrivateAttr()
    _calls: Calls = PrivateAttr()
    _turns: Turns = PrivateAttr()
    _scoring: Scoring = PrivateAttr()

    @classmethod
    def connect(cls, address: str, name: str = "", *, api_key: str = "", **fields: Any) -> VllmChat:
        """Return a model of a server.

        Args:
            address: Where it listens, such as `http://127.0.0.1:8000`.
            name: Which of its bases; without a name, the first.
            api_key: What it was started with as --api-key, if with any.
            fields: Those of this class; `timeout` is the seconds that a request may take, and
                `max_retries` how often it is made again.

        Raises:
            UnknownModelError: it serves no such base.
            ModelError: no vLLM server answers, or it refuses the key.
        """
        with VllmServer(address, api_key) as server:
            base, address = server.base(name), server.address
        # What is left out, the library would take from the variables that are OpenAI's own.
        given = {"timeout": 300.0, "max_retries": 4, "stream_usage": True, "openai_proxy": None}
        return cls(
            address=address,
            model=base.name,
            base_url=f"{address}/v1",
            api_key=SecretStr(api_key or "none"),
            use_responses_api=False,
            http_client=httpx.Client(trust_env=not is_here(address)),
            **(given | fields),
        )

    def model_post_init(self, context: Any, /) -> None:
        """Prepare what speaks to the server."""
        super().model_post_init(context)
        given, timeout = self.openai_api_key, cast(float, self.request_timeout or 300.0)
        key = given.get_secret_value() if isinstance(given, SecretStr) else ""
        self._server = VllmServer(self.address, key)
        self._adapters = ServedAdapters(self._server)
        self._calls = Calls(
            self.address, key, timeout=timeout,
            tries=1 + (self.max_retries or 0), wait=self.retry_seconds, most=self.most_at_once,
        )  # fmt: skip
        self._turns = Turns(self._server, self.system, self.template_options)
        self._scoring = Scoring(self._server, self._calls)

    @property
    def _llm_type(self) -> str:
        return "vllm"

    @cached_property
    def fingerprint(self) -> str:
        """Tells the base, and how it is talked to, from others: as far as the server tells it."""
        base = self._server.base(self.model_name)
        told = [self._server.version(), base.name, base.root, base.max_model_len]
        return json.dumps(["vllm", *told, self.top_p, self.system, self.template_options])

    def load_adapter(self, name: str, path: Path, *, strength: float = 1.0) -> None:
        """Have the server read a LoRA adapter in PEFT format; the same name again replaces it.

        Args:
            name: What the call option `adapter` will take.
            path: The adapter's folder, which the server must see under the same path.
            strength: The adapter's effect is multiplied by this; a copy beside the adapter says so.

        Raises:
            ModelError: it is no adapter, or the server does not take it.
        """
        self._adapters.load(name, path, strength=strength)

    def unload_adapter(self, name: str) -> None:
        """Forget an adapter; the server does too, unless it was there before.

        Raises:
            NotFoundError: no adapter of that name is loaded.
        """
        self._adapters.unload(name)

    @cached_property
    def tells_likelihoods(self) -> bool:
        """Whether the server tells log-probabilities of a prompt; it is asked once.

        Raises:
            ModelError: it is too busy to say, or refuses the key.
        """
        try:
            run_here(self._scoring.scored(self.model_name, [self._halves(". .")]))
        except RefusedError as error:
            if error.status not in _CANNOT:
                raise
            return False
        return True

    def _halves(self, text: str) -> tuple[list[int], list[int]]:
        tokens = self._server.tokens(text)
        return tokens[:1], tokens[1:]

    def likelihoods(
        self, prompt: LanguageModelInput, replies: Sequence[str], *, adapter: str | None = None
    ) -> list[float]:
        """Return how likely each reply to a prompt is; see `IngrainedChat.likelihoods`.

        Raises:
            ModelError: a reply is empty or too long, or the server does not tell.
            NotFoundError: there is no such adapter.
        """
        before = self._ids(prompt)
        pairs = [(before, self._server.tokens(reply)) for reply in replies]

        def score() -> list[Scored]:
            return run_here(self._scoring.scored(self._served(adapter), pairs))

        try:
            scored = score()
        except RefusedError as error:
            if not self._renewed(error, adapter):
                raise
            scored = score()
        return [one.log_probability for one in scored]

    def likelihoods_within(
        self, prompts: Sequence[LanguageModelInput], texts: Sequence[str]
    ) -> list[Scored]:
        """Return how likely a stretch of each prompt is; see `IngrainedChat.likelihoods_within`.

        Raises:
            ModelError: a text is empty, begins its prompt or is not in it, or the server does not tell.
        """
        ids = map(self._ids, prompts)
        pairs = [self._scoring.parted(each, text) for each, text in zip(ids, texts, strict=True)]
        return run_here(self._scoring.scored(self.model_name, pairs))

    def _ids(self, prompt: LanguageModelInput) -> list[int]:
        payload = self._get_request_payload(prompt)
        return self._server.chat_tokens(payload["messages"], **payload["extra_body"])

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, without any template around it."""
        return len(self._server.tokens(text))

    def get_token_ids(self, text: str) -> list[int]:
        """Return the token ids of a text, as the server counts (LangChain's name for it)."""
        return self._server.tokens(text)

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], *_: Any, **__: Any
    ) -> int:
        """Return how many tokens a conversation has in the model's template."""
        return len(self._ids(list(messages)))

    def close(self) -> None:
        """Close the connections; adapters stay on the server, for the next who asks."""
        self._server.close()
        self.root_client.close()

    def with_structured_output(  # type: ignore[override]
        self, schema: Schema, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable whose replies are objects of the schema, held to it by the server.

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
        """Reply to many prompts, in order; Ctrl-C gives up what is under way.

        Args:
            inputs: Prompts.
            config: For the callbacks; one for all or one each.
            return_exceptions: Return, in its place, what became of a prompt that has no reply, instead
                of raising it.
            kwargs: See the class.

        Raises:
            ModelError: a prompt is refused, or the server is not there for long.
        """
        work = self.abatch(inputs, config, return_exceptions=return_exceptions, **kwargs)
        return run_here(work)

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Reply to many prompts; see `batch`."""
        if not inputs:
            return []
        prompts = [self._convert_input(each).to_messages() for each in inputs]
        runs = start_runs(self, prompts, get_config_list(config, len(inputs)), kwargs)
        with failing_together(runs):
            told = partial(getting_on, runs)
            replies = await self._replies(prompts, told, tolerant=return_exceptions, **kwargs)
        return [end_run(run, each) for run, each in zip(runs, replies, strict=True)]

    async def _replies(
        self, prompts: Sequence[list[BaseMessage]], told: Callable[[], None] | None = None, *,
        tolerant: bool = False, **kwargs: Any,
    ) -> list[AIMessage | ModelError]:  # fmt: skip
        """Return replies; an adapter that another process has unloaded meanwhile is loaded again, once."""
        adapter = kwargs.get("adapter", self.adapter)
        try:
            replies = await self._once(prompts, told, tolerant=tolerant, **kwargs)
        except RefusedError as error:
            if not self._renewed(error, adapter):
                raise
        else:
            if not any(self._renewed(each, adapter) for each in replies):
                return replies
        return await self._once(prompts, told, tolerant=tolerant, **kwargs)

    def _renewed(self, reply: AIMessage | ModelError, adapter: str | None) -> bool:
        """Return whether a reply is that an adapter is not there, which is loaded again then."""
        gone = isinstance(reply, RefusedError) and reply.status == httpx.codes.NOT_FOUND
        if not gone or adapter is None:
            return False
        self._adapters.renew(adapter)
        return True

    async def _once(
        self, prompts: Sequence[list[BaseMessage]], told: Callable[[], None] | None, *,
        tolerant: bool, **kwargs: Any,
    ) -> list[AIMessage | ModelError]:  # fmt: skip
        bodies = self._bodies(prompts, **kwargs)
        order = sorted(range(len(bodies)), key=lambda n: json.dumps(bodies[n]["messages"]))
        requests = [Request("chat", bodies[n]) for n in order]
        answers = await self._calls.answers(requests, tolerant=tolerant, told=told)
        answer = dict(zip(order, answers, strict=True))
        return [self._message(answer[n]) for n in range(len(bodies))]

    def _bodies(
        self, prompts: Sequence[list[BaseMessage]], stop: list[str] | None = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return the requests' bodies; sampled replies to equal prompts are drawn apart."""
        bodies = [self._get_request_payload(each, stop=stop, **kwargs) for each in prompts]
        seen: Counter[str] = Counter()
        for body in bodies:
            if not body.get("temperature"):
                body.pop("seed", None)
                continue
            prompt = json.dumps(body["messages"])
            body["seed"] = _seed(f"{body.get('seed')} {seen[prompt]} {prompt}")
            seen[prompt] += 1
        return bodies

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Return the body of a request: the adapter as its model, constraints as the server knows them."""
        served = self._served(kwargs.pop("adapter", self.adapter))
        held = _constraint({name: kwargs.pop(name, None) for name in _CONSTRAINTS})
        messages = self._convert_input(input_).to_messages()
        payload = super()._get_request_payload(
            self._turns.disarmed(messages), stop=stop or None, **kwargs
        )
        extra = {**payload.get("extra_body", {}), **self._turns.fields(messages), **held}
        return payload | {"model": served, "extra_body": extra}

    def _served(self, adapter: str | None) -> str:
        return self.model_name if adapter is None else self._adapters.served(adapter)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return run_here(self._agenerate(messages, stop, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        (reply,) = await self._replies([messages], stop=stop, **kwargs)
        if isinstance(reply, ModelError):
            raise reply
        return ChatResult(generations=[ChatGeneration(message=reply)])

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        try:
            yield from self._streamed(*args, **kwargs)
        except RefusedError as error:  # before the first piece
            if not self._renewed(error, kwargs.get("adapter", self.adapter)):
                raise
            yield from self._streamed(*args, **kwargs)

    def _streamed(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        try:
            yield from super()._stream(*args, **kwargs)
        except openai.APIError as error:
            raise self._calls.explained(error) from error

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        try:
            async for chunk in self._astreamed(*args, **kwargs):
                yield chunk
        except RefusedError as error:  # before the first piece
            if not self._renewed(error, kwargs.get("adapter", self.adapter)):
                raise
            async for chunk in self._astreamed(*args, **kwargs):
                yield chunk

    async def _astreamed(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        try:
            async for chunk in super()._astream(*args, **kwargs):
                yield chunk
        except openai.APIError as error:
            raise self._calls.explained(error) from error

    def _convert_chunk_to_generation_chunk(
        self,
        chunk: dict[str, Any],
        default_chunk_class: type,
        base_generation_info: dict[str, Any] | None,
    ) -> ChatGenerationChunk | None:
        ended = [_stopped(choice) for choice in chunk.get("choices") or []]
        info = {**(base_generation_info or {}), **(ended[0] if ended else {})}
        return super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, info)

    def _message(self, answer: Any) -> AIMessage | ModelError:
        if isinstance(answer, ModelError):
            return answer
        (generation,) = self._create_chat_result(answer).generations
        message = generation.message
        if not isinstance(message, AIMessage):
            return ModelError(f"The vLLM server replied in the role {message.type!r}.")
        choice = answer.to_dict()["choices"][0]
        message.response_metadata = {
            "finish_reason": choice["finish_reason"], "model_name": self.model_name,
            **_stopped(choice),
        }  # fmt: skip
        return message


def _constraint(given: dict[str, Any]) -> dict[str, Any]:
    """Return the field that holds a reply to a form; nothing where it is free."""
    wanted = {name: value for name, value in given.items() if value is not None}
    if len(wanted) > 1:
        raise ModelError("A reply follows one grammar.", hint=f"Give one of {list(_CONSTRAINTS)}.")
    if "json_schema" in wanted:
        wanted["json_schema"] = bounded(schema_of(wanted["json_schema"]))
    forms = {_CONSTRAINTS[name]: value for name, value in wanted.items()}
    return {"structured_outputs": forms} if forms else {}


def _stopped(choice: dict[str, Any]) -> dict[str, str]:
    """Return which stop text ended a reply; tokens that did have numbers."""
    ended_by = choice.get("stop_reason")
    return {"stop_sequence": ended_by} if isinstance(ended_by, str) else {}


def _seed(text: str) -> int:
    """Return a number that the server takes: 63 bits."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
