"""Whether the weights that a server was told to load are those that answer.

A server may keep to the base without a word: after a faulty load, after a sleep, out of a cache. The likelihood of
an answer tells it without sampling: it is computed anew for each request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.agent.models.vllm_server import RefusedError, VllmServer
from ingrained.errors import ModelError

DIFFERENT = 1e-4
"""Nats per token from which on two likelihoods are of different weights: the same weights give the same
number, but for the order in which it is summed up."""
LOWER = 0.05
"""Nats per token that an answer may lose, on average, that was trained: answers are short, and what is
learnt well gains whole nats."""
_SECONDS = 300.0
"""A processor takes long over the first request with an adapter."""


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A question, and the answer whose likelihood tells which weights are at work."""

    messages: tuple[tuple[str, str], ...]
    answer: str
    trained: bool = True
    """Whether the adapter was trained on it, and is to find the answer no less likely than the base does."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How the canaries fared."""

    sound: bool
    reason: str
    """In words, for people."""
    base: float
    """Mean log-probability of a token of the answers, natural log."""
    adapter: float


Likelihood = Callable[[str, Canary], float]
"""From what requests call the weights, and a canary, to the mean log-probability of its answer's tokens."""


def judge(likelihood: Likelihood, base: str, adapter: str, canaries: Sequence[Canary]) -> Verdict:
    """Ask both, and return whether the adapter's own weights answer.

    Args:
        likelihood: Asks the server.
        base: What requests call the base.
        adapter: What requests call the adapter.
        canaries: One at least.

    Raises:
        ModelError: the server does not tell likelihoods.
    """
    pairs = [(likelihood(base, one), likelihood(adapter, one)) for one in canaries]
    trained = [pair for pair, one in zip(pairs, canaries, strict=True) if one.trained]
    before, after = _means(trained or pairs)
    if all(abs(one - other) < DIFFERENT for one, other in pairs):
        sound, reason = False, "it answers as the base does: its weights are not at work"
    elif trained and after < before - LOWER:
        sound, reason = False, "it finds what it was trained on less likely than the base does"
    else:
        sound, reason = True, "its weights are at work"
    told = f"{reason} (log-probability {after:.2f}, of the base {before:.2f}, per token)"
    return Verdict(sound=sound, reason=told, base=before, adapter=after)


def of_server(server: VllmServer) -> Likelihood:
    """Return what asks a server for likelihoods: one request each, with one token to generate."""

    def likelihood(model: str, canary: Canary) -> float:
        turns = [{"role": role, "content": content} for role, content in canary.messages]
        prompt = server.chat_tokens(turns)
        answer = server.tokens(canary.answer)
        try:
            told = server.completed(model, [*prompt, *answer], timeout=_SECONDS)
        except RefusedError as error:
            raise _silent(server, str(error)) from error
        try:
            return _mean(told, answer)
        except (ValueError, KeyError, IndexError, TypeError, ZeroDivisionError) as error:
            raise _silent(server, str(told)[:200]) from error

    return likelihood


def _mean(told: dict[str, Any], answer: Sequence[int]) -> float:
    lines = told["choices"][0]["prompt_logprobs"][-len(answer) :]
    found = [line[str(token)]["logprob"] for line, token in zip(lines, answer, strict=True)]
    return float(sum(found) / len(found))


def _silent(server: VllmServer, said: str) -> ModelError:
    return ModelError(
        f"The server at {server.address} tells no likelihoods: {said}",
        hint="See its log. The canary needs vLLM's `prompt_logprobs`.",
    )


def _means(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    before, after = zip(*pairs, strict=True)
    return sum(before) / len(pairs), sum(after) / len(pairs)
