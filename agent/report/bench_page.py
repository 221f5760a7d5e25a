"""The results of a benchmark as one HTML page that needs no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingrained.agent.bench.tables import heading, notes, provenance, tables

from .page import environment


def render_bench(results: Mapping[str, Any]) -> str:
    """Return the whole page."""
    template = environment().get_template("bench.html")
    return template.render(
        heading=heading(results),
        provenance=provenance(results),
        tables=tables(results),
        notes=notes(results),
    )
