"""Dividing a whole number among parts in proportion to their weights."""

from __future__ import annotations

from collections.abc import Mapping


def apportion(
    weights: Mapping[str, float], seats: int, *, caps: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Divide seats by the highest averages (Webster's method).

    A part whose weight rises against each other's never loses a seat, which cannot be said of
    largest remainders (Balinski & Young 1982, "Fair Representation").

    Args:
        weights: Part → weight, at least 0; of equal parts the first is served first.
        seats: How many there are; some are left over where the caps do not hold them.
        caps: Part → most seats it can take; without any, a part takes what it gets.
    """
    given = dict.fromkeys(weights, 0)
    for _ in range(seats):
        averages = {
            part: weight / (2 * given[part] + 1)
            for part, weight in weights.items()
            if weight > 0 and (caps is None or given[part] < caps[part])
        }
        if not averages:
            break
        given[max(averages, key=averages.__getitem__)] += 1
    return given
