"""How a fetch tells whoever waits for it how far it has come."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What a door (command line, page) implements to show a fetch."""

    def start(self, label: str, total_bytes: int) -> None:
        """Begin, or begin again, a transfer of `total_bytes` bytes called `label`."""

    def advance(self, n: int) -> None:
        """Count `n` more bytes of the transfer begun last."""

    def note(self, text: str) -> None:
        """Tell something worth a line of its own, such as the change to another source."""

    def done(self) -> None:
        """End the transfer begun last, whether or not it succeeded."""


class Silent:
    """The default: says nothing."""

    def start(self, label: str, total_bytes: int) -> None:
        """Ignore the beginning of a transfer."""

    def advance(self, n: int) -> None:
        """Ignore `n` bytes."""

    def note(self, text: str) -> None:
        """Ignore a remark."""

    def done(self) -> None:
        """Ignore the end of a transfer."""
