"""How likely a vLLM server's model finds given texts: log-probabilities of a prompt's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from ingrained.errors import ModelError

from .sampling import Scored
from .vllm_calls import Calls, Request
from .vllm_server import RefusedError, VllmServer
from .vllm_turns import disarm


class Scoring:
    """Scores texts after prompts.

    Args:
        server: Tells the tokens.
        calls: Asks for their log-probabilities.
    """

    def __init__(self, server: VllmServer, calls: Calls) -> None:
        self._server = server
        self._calls = calls

    async def scored(
        self, model: str, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> list[Scored]:
        """Return how likely the second part of each pair of token ids is after the first.

        Raises:
            ModelError: one of the parts is empty, or the server does not tell.
        """
        if not all(before and inside for before, inside in pairs):
            raise ModelError("A text to score is empty.", hint="Give texts, after prompts.")
        requests = [_request(model, [*before, *inside]) for before, inside in pairs]
        answers: list[Any] = await self._calls.answers(requests)
        return [
            _scored(answer.to_dict(), [*before, *inside], len(before))
            for answer, (before, inside) in zip(answers, pairs, strict=True)
        ]

    def parted(self, chat: Sequence[int], text: str) -> tuple[list[int], list[int]]:
        """Return the token ids of a conversation before the last stretch that is `text`, and of that.

        The two are tokenised apart, as a server tells no positions of tokens.

        Raises:
            ModelError: there is nothing before it, or it is not in the conversation.
        """
        rendered, wanted = self._server.text(chat), disarm(text).strip()
        start = rendered.rfind(wanted) if wanted else -1
        if start < 1:
            raise ModelError(
                "The text does not stand inside the prompt.",
                hint="It must be a part of a message, and not the beginning of the prompt.",
            )
        return self._server.tokens(rendered[:start]), self._server.tokens(wanted)


def _request(model: str, tokens: list[int]) -> Request:
    # None but the prompt's own tokens are wanted. A server generates one token at least.
    body = {"model": model, "prompt": tokens, "max_tokens": 1, "temperature": 0.0}
    return Request("completion", body | {"extra_body": {"prompt_logprobs": 0}})


def _scored(answer: dict[str, Any], tokens: Sequence[int], start: int) -> Scored:
    told = answer["choices"][0].get("prompt_logprobs") or []
    if len(told) != len(tokens):
        raise RefusedError(
            httpx.codes.NOT_IMPLEMENTED,
            "The vLLM server does not tell the log-probabilities of a prompt.",
            hint="It has to know the field `prompt_logprobs` of /v1/completions.",
        )
    logs = [told[n][str(tokens[n])]["logprob"] for n in range(start, len(tokens))]
    return Scored(log_probability=sum(logs) / len(logs), tokens=len(tokens), cached_tokens=0)
