"""The operations of one batch, checked before anything is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, SearchOp

from ingrained.errors import InputError

from .filters import check_filter
from .namespaces import check_home, check_labels

_LONGEST_TTL = 1e9
"""Minutes: some 1,900 years, which as microseconds fit into a column of SQLite."""


_LARGEST = 2**63 - 1
"""The largest number of SQLite."""


class OperationError(InputError, ValueError):
    """An operation that cannot be carried out; also a ValueError, as for LangGraph's stores."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What is asked for.

    Attributes:
        ops: All operations, in order.
        puts: The last put of every item that is put, with its JSON; None for a deletion.
    """

    ops: Sequence[Op]
    puts: Sequence[tuple[PutOp, str | None]]

    @property
    def queries(self) -> list[str]:
        """The texts that are searched for, each once."""
        texts = [op.query for op in self.ops if isinstance(op, SearchOp) and op.query]
        return list(dict.fromkeys(texts))


def checked(ops: Iterable[Op]) -> Batch:
    """Return the batch of these operations.

    Raises:
        NamespaceError: For a namespace that cannot be.
        FilterError: For an unknown operator.
        OperationError: For an unknown operation, a limit that is no number or negative, a value
            that is no JSON object, a ttl that is no number, an index that names no fields.
    """
    ops = list(ops)
    puts: dict[tuple[tuple[str, ...], str], tuple[PutOp, str | None]] = {}
    for op in ops:
        _check(op)
        if isinstance(op, PutOp):
            puts[tuple(op.namespace), op.key] = (op, _json(op.value))
    return Batch(ops=ops, puts=list(puts.values()))


def _check(op: object) -> None:
    match op:
        case GetOp():
            check_labels(op.namespace)
        case PutOp():
            check_home(op.namespace)
            _check_ttl(op.ttl)
            _check_index(op.index)
        case SearchOp():
            check_labels(op.namespace_prefix)
            check_filter(op.filter)
            _check_query(op.query)
            _check_page(op.limit, op.offset)
        case ListNamespacesOp():
            for condition in op.match_conditions or ():
                check_labels(condition.path)
                _check_match_type(condition.match_type)
            _check_page(op.limit, op.offset)
            if op.max_depth is not None and not (_is_whole(op.max_depth) and op.max_depth >= 1):
                raise OperationError(f"max_depth={op.max_depth!r} must be a number of at least 1.")
        case _:
            raise OperationError(
                f"{op!r} is no operation of a store.",
                hint="Give GetOp, SearchOp, PutOp or ListNamespacesOp of langgraph.store.base.",
            )


def _check_ttl(ttl: object) -> None:
    number = isinstance(ttl, (int, float)) and not isinstance(ttl, bool)
    if ttl is not None and not (number and abs(cast("float", ttl)) <= _LONGEST_TTL):
        raise OperationError(
            f"ttl={ttl!r} is no time that an item can live.",
            hint="Give minutes, or None for ever.",
        )


def _check_index(index: object) -> None:
    paths = isinstance(index, (list, tuple)) and all(isinstance(path, str) for path in index)
    if not (index is None or index is False or paths):
        raise OperationError(
            f"index={index!r} names no fields.",
            hint="Give a list of JSON paths, False for no index, or None for the store's fields.",
        )


def _check_query(query: object) -> None:
    if not (query is None or isinstance(query, str)):
        raise OperationError(f"The query {query!r} is no text.", hint="Give a string, or None.")


def _check_page(limit: object, offset: object) -> None:
    for name, value in (("limit", limit), ("offset", offset)):
        if not (_is_whole(value) and 0 <= cast("int", value) <= _LARGEST):
            raise OperationError(
                f"{name}={value!r} must be a whole number, not negative and not above {_LARGEST:,}."
            )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_match_type(match_type: object) -> None:
    if match_type not in ("prefix", "suffix"):
        raise OperationError(f"A namespace is matched by prefix or suffix, not by {match_type!r}.")


def _json(value: Mapping[str, Any] | None) -> str | None:
    if value is None:
        return None
    try:
        value = dict(value)
        _check_keys(value)
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise OperationError(
            f"The value cannot be stored as JSON: {error}.",
            hint="Put a dict with strings as keys; of strings, numbers, booleans, None, lists "
            "and such dicts.",
        ) from error


def _check_keys(value: object) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is no string")
            _check_keys(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_keys(item)
