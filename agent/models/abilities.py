"""What a chat model can do beyond replying."""

from __future__ import annotations


def tells_likelihoods(model: object) -> bool:
    """Say whether a model tells how likely a text is; one on a server may have to ask there."""
    return bool(getattr(model, "tells_likelihoods", hasattr(model, "likelihoods")))
