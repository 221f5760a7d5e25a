"""From tokens to text, one at a time: whole characters only, ended by stop texts."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream


class ReplyText:
    """The text of a reply as it grows.

    Args:
        tokenizer: The model's.
        stops: Texts that end the reply and are not part of it.
    """

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)
        self._stops = stops
        self._ids: list[int] = []
        self._decoded = ""
        self._given = 0
        self.stopped_by: str | None = None
        """The stop text that came up."""

    @property
    def stopped(self) -> bool:
        """Whether a stop text came up."""
        return self.stopped_by is not None

    def add(self, token: int) -> None:
        """Append a token."""
        self._ids.append(token)
        searched = len(self._decoded)
        self._decoded += self._stream.step(self._tokenizer, token) or ""
        self._cut(searched)

    def _cut(self, searched: int) -> None:
        """End at the first stop text, which may reach back into what was searched before."""
        found = [
            (at, stop)
            for stop in self._stops
            if (at := self._decoded.find(stop, max(0, searched - len(stop) + 1))) >= 0
        ]
        if found:
            at, self.stopped_by = min(found)
            self._decoded = self._decoded[:at]

    def take(self) -> str:
        """Return what can be shown since the last call, holding back a stop text's beginning."""
        end = len(self._decoded)
        if not self.stopped:
            end -= max((_overlap(self._decoded, stop) for stop in self._stops), default=0)
        piece = self._decoded[self._given : end]
        self._given = max(self._given, end)
        return piece

    def finish(self) -> str:
        """Return the whole text, ended tokens that are no whole character included."""
        if not self.stopped:
            whole = self._tokenizer.decode(self._ids, skip_special_tokens=True)
            searched = len(self._decoded)
            self._decoded = whole if whole.startswith(self._decoded) else self._decoded
            self._cut(searched)
        return self._decoded

    def rest(self) -> str:
        """Return what `take` has not given of the finished text."""
        return self.finish()[self._given :]


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of `text` begin `stop`."""
    sizes = range(min(len(stop) - 1, len(text)), 0, -1)
    return next((size for size in sizes if text.endswith(stop[:size])), 0)
