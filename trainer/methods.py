"""The ways to train an adapter on what is in memory, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SUPERVISED = "supervised"
AUTONOMOUS_LEARNING = "autonomous-learning"
SELF = "self"
REST_EM = "rest-em"
STAR = "star"
MERGED = "merged"
"""Of an adapter that was not trained but merged; no way to train."""

TRAINING_METHODS: Mapping[str, str] = MappingProxyType(
    {
        SUPERVISED: "the verified questions in all their wordings, answered with nothing in view",
        AUTONOMOUS_LEARNING: "learn to ask and to answer, then prefer what is said with the text "
        "in view to what is said without (Ji et al. 2024)",
        SELF: "learn to criticise and to refine, then from answers that it refined and let pass "
        "(Lu et al. 2023)",
        REST_EM: "rounds of sampled answers that a check lets pass, each trained from the base "
        "(Singh et al. 2023)",
        STAR: "rounds of reasons that end in the right answer, each trained from the base "
        "(Zelikman et al. 2022)",
    }
)
"""Name → what it does, for help texts. Where they differ from the papers: docs/training.md."""
