"""Grammars that a reply must follow: compact JSON by schema, or a regular expression."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import llguidance
import llguidance.hf
import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from ingrained.errors import ModelError

from .limits import bounded


def json_grammar(schema: Mapping[str, Any]) -> str:
    """Return a grammar for JSON of this schema, without white space and bounded in length."""
    return llguidance.LLMatcher.grammar_from_json_schema(
        bounded(schema), overrides={"whitespace_flexible": False}
    )


def regex_grammar(pattern: str) -> str:
    """Return a grammar for text that the whole regular expression matches."""
    return llguidance.LLMatcher.grammar_from_regex(pattern)


class Grammars:
    """Follows grammars over one model's vocabulary.

    Args:
        tokenizer: The model's.
        vocabulary: How many scores the model gives; may exceed the tokenizer's size.
        ends: Tokens that end a reply.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, vocabulary: int, ends: Sequence[int]
    ) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._ends = list(ends)

    @functools.cached_property
    def _tokens(self) -> llguidance.LLTokenizer:
        return llguidance.hf.from_tokenizer(self._tokenizer, self._vocabulary, self._ends)

    def start(self, grammar: str) -> Follower:
        """Return the state before the first token.

        Raises:
            ModelError: the grammar is not valid.
        """
        matcher = llguidance.LLMatcher(self._tokens, grammar)
        if matcher.is_error():
            raise ModelError(
                f"The reply cannot be constrained: {matcher.get_error()}",
                hint="Use a simpler JSON schema or regular expression.",
            )
        return Follower(matcher, self._vocabulary)


class Follower:
    """Where one reply stands in its grammar.

    Args:
        matcher: In its first state.
        vocabulary: How many scores the model gives.
    """

    def __init__(self, matcher: llguidance.LLMatcher, vocabulary: int) -> None:
        self._matcher = matcher
        self._allowed = np.zeros((vocabulary + 31) // 32, dtype=np.uint32)
        self._vocabulary = vocabulary

    def copy(self) -> Follower:
        """Return an independent state."""
        return Follower(self._matcher.deep_copy(), self._vocabulary)

    def restrict(self, scores: torch.Tensor) -> None:
        """Rule out, in one row of scores, the tokens that the grammar does not allow next."""
        self._matcher.unsafe_compute_mask_ptr(self._allowed.ctypes.data, self._allowed.nbytes)
        bits = np.unpackbits(self._allowed.view(np.uint8), bitorder="little")
        forbidden = torch.from_numpy(bits[: self._vocabulary] == 0)
        scores.masked_fill_(forbidden.to(scores.device), float("-inf"))

    def accept(self, token: int) -> bool:
        """Take a step; return whether the reply is complete."""
        self._matcher.consume_token(token)
        return self._matcher.is_stopped()
