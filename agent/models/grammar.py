"""Grammars that a reply must follow: compact JSON by schema, or a regular expression."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import llguidance
import llguidance.hf
import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from ingrained.errors import ModelError

MAX_STRING = 200
"""Characters in a JSON string whose schema sets no limit: small models ramble."""
MAX_ITEMS = 20
"""Elements in a JSON array whose schema sets no limit."""
MAX_INTEGER = 10**9
"""Largest size of a JSON integer whose schema sets no limit: digits could go on for ever."""


def json_grammar(schema: Mapping[str, Any]) -> str:
    """Return a grammar for JSON of this schema, without white space and bounded in length."""
    return llguidance.LLMatcher.grammar_from_json_schema(
        bounded(schema), overrides={"whitespace_flexible": False}
    )


def regex_grammar(pattern: str) -> str:
    """Return a grammar for text that the whole regular expression matches."""
    return llguidance.LLMatcher.grammar_from_regex(pattern)


def bounded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with limits wherever it leaves a length open."""
    limited = copy.deepcopy(dict(schema))
    _bound(limited)
    return limited


def _bound(schema: dict[str, Any]) -> None:
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if not schema.keys() & {"enum", "const"}:
        if "string" in kinds and not schema.keys() & {"pattern", "format"}:
            schema.setdefault("maxLength", max(MAX_STRING, schema.get("minLength", 0)))
        if "array" in kinds:
            schema.setdefault("maxItems", max(MAX_ITEMS, schema.get("minItems", 0)))
        if "integer" in kinds:
            _bound_integer(schema)
    for part in _parts(schema):
        _bound(part)


def _bound_integer(schema: dict[str, Any]) -> None:
    if not schema.keys() & {"maximum", "exclusiveMaximum"}:
        schema["maximum"] = max(MAX_INTEGER, schema.get("minimum", 0))
    if not schema.keys() & {"minimum", "exclusiveMinimum"}:
        schema["minimum"] = min(-MAX_INTEGER, schema["maximum"])


def _parts(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas inside a schema."""
    inside: list[Any] = [schema.get("items"), schema.get("additionalProperties")]
    for key in ("properties", "$defs", "definitions"):
        inside.extend(schema.get(key, {}).values())
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        inside.extend(schema.get(key, []))
    return [part for part in inside if isinstance(part, dict)]


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
