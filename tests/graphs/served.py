"""The graphs of `langgraph.json` with doubles, as a server loads them in a process of its own."""

from __future__ import annotations

from bridge import reader

from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.serving import served_consolidation, served_study
from ingrained.memory.testing import HashEmbedder

study = served_study(model=ScriptedModel(script=reader), embedder=HashEmbedder())
consolidate = served_consolidation(embedder=HashEmbedder())
