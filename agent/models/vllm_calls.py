"""Requests to a vLLM server for replies and likelihoods, many at a time."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

import httpx
import openai
from openai.types import Completion
from openai.types.chat import ChatCompletion

from ingrained.errors import ModelError

from .pacing import Tries, Window, in_turn
from .vllm_server import is_here, message_of, refused, unreachable

_AGAIN = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError)
"""What another try may help: no answer, none in time, too busy, a fault within. Not: a wrong request."""
_OVERLOAD = (openai.APITimeoutError, openai.RateLimitError, openai.InternalServerError)


class Request(NamedTuple):
    """One request."""

    kind: Literal["chat", "completion"]
    body: dict[str, Any]


class Calls:
    """Makes requests, at the pace that the server bears, and keeps what was learnt of that pace.

    Args:
        address: Of the server, without `/v1`.
        api_key: What it asks for; empty for none.
        timeout: Seconds that one request may take.
        tries: How often one is made at most.
        wait: Seconds between the first tries at most.
        most: Requests under way at most.
    """

    def __init__(
        self, address: str, api_key: str, *, timeout: float, tries: int, wait: float, most: int
    ) -> None:
        self.address = address
        self._api_key = api_key
        self._timeout = timeout
        self._window = Window(most)
        self._tries = Tries(self._window, most=tries, wait=wait, overload=_OVERLOAD, again=_AGAIN)

    async def answers(
        self, requests: Sequence[Request], *, tolerant: bool = False,
        told: Callable[[], None] | None = None,
    ) -> list[Any | ModelError]:  # fmt: skip
        """Return an answer per request, begun and returned in order.

        Args:
            requests: What to ask for.
            tolerant: Return, in its place, what the server has against one, and go on.
            told: Told whenever one more has its answer.

        Raises:
            ModelError: a request fails; what is under way is then given up.
        """
        # A client of its own for each batch: connections cannot outlive the loop that opened them.
        async with self._client() as client:
            calls = [partial(self._answer, client, one, tolerant, told) for one in requests]
            return await in_turn(calls, self._window)

    async def _answer(
        self, client: openai.AsyncOpenAI, request: Request, tolerant: bool,
        told: Callable[[], None] | None,
    ) -> ChatCompletion | Completion | ModelError:  # fmt: skip
        ask: Any = client.chat.completions if request.kind == "chat" else client.completions
        try:
            answer: ChatCompletion | Completion = await self._tries.make(
                partial(ask.create, **request.body)
            )
        except openai.APIError as error:
            if tolerant:
                return self.explained(error)
            raise self.explained(error) from error
        if told is not None:
            told()
        return answer

    def explained(self, error: openai.APIError) -> ModelError:
        """Return our own error for one of a request."""
        if isinstance(error, openai.APIStatusError):
            told: Any = error.response
            return refused(self.address, error.status_code, message_of(told))
        if isinstance(error, openai.APITimeoutError):
            return ModelError(
                f"The vLLM server at {self.address} gave no answer within {self._timeout:g} seconds.",
                hint="Look at its log. Ask for fewer tokens, or make `timeout` longer.",
            )
        if isinstance(error, openai.APIConnectionError):
            return unreachable(self.address, error.__cause__ or error)
        return ModelError(f"The vLLM server at {self.address} says: {error.message}")

    def _client(self) -> openai.AsyncOpenAI:
        # The library takes httpx's clients too; its types name those of httpx2 only.
        connections: Any = httpx.AsyncClient(
            timeout=self._timeout,
            limits=httpx.Limits(max_connections=None),
            trust_env=not is_here(self.address),
            verify=self._trusted,
        )
        return openai.AsyncOpenAI(
            base_url=f"{self.address}/v1",
            api_key=self._api_key or "none",
            timeout=self._timeout,
            max_retries=0,
            http_client=connections,
        )

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()
