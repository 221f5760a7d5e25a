"""What becomes of what loses something, where nobody said that a person is to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Kept = Literal["replace", "purge", "promote"]
"""To replace or forget a memory, to purge one, to promote an adapter."""
Unattended = Literal["pass", "ask", "refuse"]
"""It is done, a person is asked first, or it is not done."""

UNATTENDED: Mapping[Kept, Unattended] = MappingProxyType(
    {"replace": "pass", "purge": "ask", "promote": "pass"}
)
"""Where nothing else is said."""
