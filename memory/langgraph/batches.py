"""The operations of one batch, checked before anything is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, SearchOp

from ingrained.errors import InputError

from .filters import check_filter
from .namespaces import check_home, check_labels

_LONGEST_TTL = 1e9
"""Minutes: some 1,900 years, which as microseconds fit into a column of SQLite."""


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
        OperationError: For an unknown operation, a negative limit, a value that is no JSON object,
            a ttl that is no number.
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
        case SearchOp():
            check_labels(op.namespace_prefix)
            check_filter(op.filter)
            _check_page(op.limit, op.offset)
        case ListNamespacesOp():
            for condition in op.match_conditions or ():
                check_labels(condition.path)
                _check_match_type(condition.match_type)
            _check_page(op.limit, op.offset)
            if op.max_depth is not None and op.max_depth < 1:
                raise OperationError(f"max_depth={op.max_depth} must be at least 1.")
        case _:
            raise OperationError(
                f"{op!r} is no operation of a store.",
                hint="Give GetOp, SearchOp, PutOp or ListNamespacesOp of langgraph.store.base.",
            )


def _check_ttl(ttl: float | None) -> None:
    if ttl is not None and not abs(ttl) <= _LONGEST_TTL:
        raise OperationError(
            f"ttl={ttl} is no time that an item can live.",
            hint="Give minutes, or None for ever.",
        )


def _check_page(limit: int, offset: int) -> None:
    if limit < 0 or offset < 0:
        raise OperationError(f"limit={limit} and offset={offset} must not be negative.")


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
