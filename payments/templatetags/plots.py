"""Plots as SVG made on the server: no script, no inline style, a title for those who do not see it."""

from dataclasses import dataclass
from typing import Any

from django import template

from payments.finance import Figure
from portal.design.text import format_yuan

register = template.Library()

WIDTH, HEIGHT = 720, 240
LEFT, BOTTOM, TOP = 84, 46, 12
COLOURS = ("#1d70b8", "#00703c", "#f47738", "#912b88", "#505a5f", "#b58840", "#28a197", "#d53880")
MAX_LABELS = 10
GRID_LINES = 4


@dataclass(frozen=True)
class Bar:
    """A rectangle of the plot with the words that say what it is."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    words: str


@dataclass(frozen=True)
class Mark:
    """A text at a place of the plot."""

    x: float
    y: float
    text: str


@register.inclusion_tag("payments/plot.html")
def plot(figure: Figure) -> dict[str, Any]:
    """Bars side by side, or on top of each other for money and where the figure asks for it; with grid and legend."""
    stacked = figure.money or figure.stacked
    top = _top(figure, stacked)
    room = (WIDTH - LEFT) / max(1, len(figure.labels))
    step = max(1, -(-len(figure.labels) // MAX_LABELS))
    return {
        "figure": figure,
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH,
        "bars": list(_bars(figure, top, room, stacked)),
        "grid": [
            Mark(LEFT, _height(line / GRID_LINES), _words(top * line // GRID_LINES, figure.money))
            for line in range(GRID_LINES + 1)
        ],
        "labels": [
            Mark(round(LEFT + room * (place + 0.5), 1), HEIGHT - BOTTOM + 18, _short(label, room * step))
            for place, label in enumerate(figure.labels)
            if place % step == 0
        ],
        "legend": [
            {"colour": COLOURS[place % len(COLOURS)], "name": series.name} for place, series in enumerate(figure.series)
        ],
        "hidden": any(value is None for series in figure.series for value in series.values),
    }


def _bars(figure: Figure, top: int, room: float, stacked: bool) -> Any:
    heaps = [0] * len(figure.labels)
    across = 1 if stacked else max(1, len(figure.series))
    width = room * 0.8 / across
    for number, series in enumerate(figure.series):
        for place, value in enumerate(series.values):
            if not value:
                continue
            base = heaps[place] if stacked else 0
            heaps[place] += value
            high = _height((base + value) / top)
            shift = 0 if stacked else number * width
            yield Bar(
                x=round(LEFT + room * (place + 0.1) + shift, 1),
                y=high,
                width=round(max(width, 1), 1),
                height=round(_height(base / top) - high, 1),
                colour=COLOURS[number % len(COLOURS)],
                words=f"{figure.labels[place]} {series.name}: {_words(value, figure.money)}",
            )


def _top(figure: Figure, stacked: bool) -> int:
    """The value of the highest grid line: the highest bar, rounded up to two digits."""
    columns = list(zip(*(series.values for series in figure.series), strict=True)) if figure.series else []
    heap = sum if stacked else max
    highest = max((heap([value or 0 for value in column]) for column in columns), default=0)
    unit = GRID_LINES * 10 ** max(0, len(str(highest)) - 2)
    return max(GRID_LINES, -(-highest // unit) * unit)


def _short(label: str, room: float) -> str:
    """As much of a label as fits; Han characters are twice as wide as Latin ones."""
    widths = [12 if ord(sign) > 0x2E80 else 6.6 for sign in label]
    return label if sum(widths) <= room else label[: max(1, int(room / max(widths)) - 1)] + "…"


def _height(share: float) -> float:
    return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)


def _words(value: int, money: bool) -> str:
    return format_yuan(value).removesuffix(".00") if money else str(value)
