"""The names of the ways to train an adapter on what is in memory (docs/training.md)."""

from __future__ import annotations

SUPERVISED = "supervised"
AUTONOMOUS_LEARNING = "autonomous-learning"
SELF = "self"
REST_EM = "rest-em"
STAR = "star"
MERGED = "merged"
"""Of an adapter that was not trained but merged; no way to train."""

TRAINING_METHODS = (SUPERVISED, AUTONOMOUS_LEARNING, SELF, REST_EM, STAR)
