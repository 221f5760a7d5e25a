"""The page's pictures, drawn by plotly; each function returns one HTML fragment.

Colours are chosen to be read on light and on dark ground; the ground itself is left to the page.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ingrained.agent.ui.console import safe

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

COLOURS = {
    "base": "#8b95a1", "memory": "#3d7fd1", "adapter": "#d9822b", "both": "#1f9d6b",
    "open": "#a678c9",
}  # fmt: skip
_INK = "#7d8794"
_GRID = "rgba(125,135,148,0.22)"
_HEIGHT = 320


def cells_chart(cells: Mapping[str, Any], name: str) -> str:
    """Draw the share of answers contained, by cell, with 95 % intervals."""
    from plotly.graph_objects import Bar, Figure

    shares = [of["contained"] for of in cells.values()]
    bars = Bar(
        x=[f"{cell}<br><b>{one['value']:.2f}</b>" for cell, one in zip(cells, shares, strict=True)],
        y=[one["value"] for one in shares],
        marker={"color": [COLOURS[cell] for cell in cells]},
        error_y={
            "type": "data",
            "array": [one["high"] - one["value"] for one in shares],
            "arrayminus": [one["value"] - one["low"] for one in shares],
            "color": _INK,
        },
        hovertemplate="%{y:.3f}<extra></extra>",
        width=0.55,
    )
    figure = Figure(bars)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return _fragment(figure, name)


def loss_chart(losses: Sequence[float], validation: Sequence[tuple[int, float]], name: str) -> str:
    """Draw the training loss by step, and that on the agent's own sealed questions if taken."""
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    figure.add_trace(
        Scatter(
            x=list(range(1, len(losses) + 1)),
            y=list(losses),
            mode="lines",
            name="training",
            line={"color": COLOURS["adapter"], "width": 1.5},
        )
    )
    if validation:
        figure.add_trace(
            Scatter(
                x=[step for step, _ in validation],
                y=[loss for _, loss in validation],
                mode="lines+markers",
                name="the agent's own sealed questions",
                line={"color": COLOURS["memory"], "width": 2},
            )
        )
    figure.update_xaxes(title="step")
    figure.update_yaxes(title="loss", rangemode="tozero")
    return _fragment(figure, name)


def rounds_chart(rounds: Sequence[Mapping[str, Any]], name: str) -> str:
    """Draw the share of the agent's own sealed questions answered, by round and cell."""
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    for cell in COLOURS:
        points = [(r["round"], r["scores"][cell]) for r in rounds if cell in r["scores"]]
        if points:
            figure.add_trace(
                Scatter(
                    x=[number for number, _ in points],
                    y=[share for _, share in points],
                    mode="lines+markers",
                    name=cell,
                    line={"color": COLOURS[cell], "width": 2},
                    marker={"size": 9},
                )
            )
    last = max(one["round"] for one in rounds)
    figure.update_xaxes(title="round", dtick=1, range=[0.5, last + 0.5])
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return _fragment(figure, name)


def counts_chart(counts: Mapping[str, float], unit: str, name: str) -> str:
    """Draw one horizontal bar per entry, the largest on top."""
    from plotly.graph_objects import Bar, Figure

    entries = sorted(counts.items(), key=lambda entry: entry[1])
    bars = Bar(
        x=[value for _, value in entries],
        y=[_label(key) for key, _ in entries],
        orientation="h",
        marker={"color": COLOURS["memory"]},
        text=[f"{value:,.0f}" for _, value in entries],
        textposition="auto",
        hovertemplate="%{y}: %{x:,.1f}<extra></extra>",
    )
    figure = Figure(bars)
    figure.update_xaxes(title=unit)
    figure.update_yaxes(automargin=True)
    return _fragment(figure, name, height=90 + 30 * len(entries))


def plotly_script() -> str:
    """Return plotly's own script, to be put into the page once."""
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

    return str(get_plotlyjs())


def _label(text: str) -> str:
    """Plotly reads some HTML in labels; a document's words shall not be read so."""
    return html.escape(safe(text))


def _fragment(figure: Figure, name: str, *, height: int = _HEIGHT) -> str:
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _INK, "family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "y": 1.12},
    )
    figure.update_xaxes(gridcolor=_GRID, zerolinecolor=_GRID, linecolor=_GRID)
    figure.update_yaxes(gridcolor=_GRID, zerolinecolor=_GRID, linecolor=_GRID)
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id=name,
            config={"displayModeBar": False, "responsive": True},
        )
    )
