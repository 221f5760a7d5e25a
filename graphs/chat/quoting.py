"""What somebody said, fit to be quoted in a prompt."""

from __future__ import annotations

from ingrained.agent.recalling import shown

_MARKS = str.maketrans("“”", "''")


def quotable(text: str) -> str:
    """Return a text in one line that ends no quotation, so that it cannot pass for more than one."""
    return shown("", text).translate(_MARKS)
