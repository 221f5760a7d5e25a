"""Limits for what a JSON schema leaves open: small models ramble."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

MAX_STRING = 200
"""Characters in a JSON string whose schema sets no limit: small models ramble."""
MAX_ITEMS = 20
"""Elements in a JSON array whose schema sets no limit."""
MAX_INTEGER = 10**9
"""Largest size of a JSON integer whose schema sets no limit: digits could go on for ever."""


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
