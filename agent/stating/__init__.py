"""Statements of what is remembered, for training: how they are asked for, checked and chosen."""

from __future__ import annotations

from .asking import (
    STYLES,
    implication_prompt,
    lines,
    link_prompt,
    rewrite_prompt,
    statements_in,
    strategy_prompt,
    way_in,
    way_prompt,
)
from .checking import Statement, checked, joined
from .pairing import Pair, neighbours
from .selecting import select

__all__ = [
    "STYLES",
    "Pair",
    "Statement",
    "checked",
    "implication_prompt",
    "joined",
    "lines",
    "link_prompt",
    "neighbours",
    "rewrite_prompt",
    "select",
    "statements_in",
    "strategy_prompt",
    "way_in",
    "way_prompt",
]
