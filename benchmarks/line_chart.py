"""Line charts as SVG files of a few kilobytes, which a README can show.

The pages of the program are drawn by plotly; its own SVG export needs a browser beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 720, 360
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 16, 230, 44
_COLOURS = ("#636efa", "#ef553b", "#00a878", "#ab63fa", "#ffa15a", "#19a7ce")
_TICKS = 7

Points = Sequence[tuple[float, float]]


def line_chart(lines: Mapping[str, Points], *, x: str, y: str, mark: float) -> str:
    """Return an SVG drawing of lines whose x begins at 0 and whose y lies in [0, 1].

    Args:
        lines: Name → points; at most six lines.
        x: What the x axis shows.
        y: What the y axis shows.
        mark: A dotted line is drawn at this y.
    """
    most = max(px for points in lines.values() for px, _ in points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12" fill="#333">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *_axes(most, x, y),
        _polyline([(0, mark), (most, mark)], most, "#999", dashed=True),
    ]
    for row, ((name, points), colour) in enumerate(zip(lines.items(), _COLOURS, strict=False)):
        parts.append(_polyline(points, most, colour))
        parts.append(_legend(row, name, colour))
    return "\n".join([*parts, "</svg>", ""])


def _axes(most: float, x: str, y: str) -> Iterator[str]:
    for tick in range(_TICKS + 1):
        value = most * tick / _TICKS
        px, base = _place(value, 0.0, most)
        yield f'<text x="{px}" y="{base + 18}" text-anchor="middle">{value:g}</text>'
    for tick in range(6):
        value = tick / 5
        left, py = _place(0.0, value, most)
        yield f'<text x="{left - 8}" y="{py + 4}" text-anchor="end">{value:g}</text>'
        yield _polyline([(0.0, value), (most, value)], most, "#e5e5e5")
    middle, base = _place(most / 2, 0.0, most)
    yield f'<text x="{middle}" y="{base + 38}" text-anchor="middle">{escape(x)}</text>'
    height = _HEIGHT // 2
    yield (
        f'<text x="14" y="{height}" text-anchor="middle" transform="rotate(-90 14 {height})">'
        f"{escape(y)}</text>"
    )


def _polyline(points: Points, most: float, colour: str, *, dashed: bool = False) -> str:
    places = " ".join("{},{}".format(*_place(px, py, most)) for px, py in points)
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'


def _legend(row: int, name: str, colour: str) -> str:
    left, top = _WIDTH - _RIGHT + 16, _TOP + 20 + 20 * row
    return (
        f'<rect x="{left}" y="{top - 6}" width="14" height="3" fill="{colour}"/>'
        f'<text x="{left + 20}" y="{top}">{escape(name)}</text>'
    )


def _place(x: float, y: float, most: float) -> tuple[float, float]:
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    return round(_LEFT + width * x / most, 1), round(_TOP + height * (1 - y), 1)
