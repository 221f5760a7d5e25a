"""The filters of a search: equality and order over JSON values.

A value is compared as JSON: 1 and 1.0 are equal, 1 and true are not. Order is defined between two
numbers and between two strings (by code point, so ISO dates compare as dates); between anything
else no order holds. A key that is missing counts as null.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from ingrained.errors import InputError


class FilterError(InputError, ValueError):
    """A filter that means nothing; also a ValueError, which LangGraph's stores raise."""

    hint = "The operators are $eq, $ne, $gt, $gte, $lt and $lte."


def check_filter(wanted: object) -> None:
    """Refuse what is neither None nor a dict, and unknown operators at any depth.

    Raises:
        FilterError: And says which it is.
    """
    if not (wanted is None or isinstance(wanted, Mapping)):
        raise FilterError(
            f"The filter {wanted!r} is no dict.",
            hint="Give a value for each key: {'kind': 'fact'}.",
        )
    _check_operators(wanted)


def _check_operators(wanted: object) -> None:
    if isinstance(wanted, Mapping):
        unknown = [key for key in wanted if key not in _OPERATORS] if _is_comparison(wanted) else []
        if unknown:
            raise FilterError(f"The filter operator {unknown[0]!r} is not known.")
        for value in wanted.values():
            _check_operators(value)
    elif isinstance(wanted, (list, tuple)):
        for value in wanted:
            _check_operators(value)


def matches(value: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether an item's value fulfils a checked filter.

    Args:
        value: The item's value.
        wanted: A value, a nested filter, or operators with their operands, for each key.
    """
    return all(_fulfils(value.get(key), want) for key, want in wanted.items())


def _fulfils(found: Any, want: Any) -> bool:
    if isinstance(want, Mapping):
        if _is_comparison(want):
            return all(_OPERATORS[name](found, operand) for name, operand in want.items())
        return isinstance(found, Mapping) and matches(found, want)
    if isinstance(want, (list, tuple)):
        return (
            isinstance(found, list) and len(found) == len(want) and all(map(_fulfils, found, want))
        )
    return _equal(found, want)


def _is_comparison(want: Mapping[str, Any]) -> bool:
    return any(str(key).startswith("$") for key in want)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)


def _unequal(one: Any, other: Any) -> bool:
    return not _equal(one, other)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(one: Any, other: Any) -> bool:
        return _comparable(one, other) and compare(one, other)

    return holds


def _comparable(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str)
    return _is_number(one) and _is_number(other)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": _unequal,
    "$gt": _ordered(operator.gt),
    "$gte": _ordered(operator.ge),
    "$lt": _ordered(operator.lt),
    "$lte": _ordered(operator.le),
}
