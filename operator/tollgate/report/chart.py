"""A plot as inline SVG: axes, lines, points and rules, whose colours are the page's.

Colour is never the only sign: each series has a dash or a mark of its own. It has a title and a description, and
the page has a table of the same beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tollgate.report.labels import Box, beside, box, centred, width
from tollgate.report.markup import Markup, joined, tag
from tollgate.report.scale import Scale, spanning

WIDTH, HEIGHT = 400, 296
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 30, 46
_WHOLE = Box(0, 0, WIDTH, HEIGHT)
_INSIDE = Box(LEFT, TOP, WIDTH, HEIGHT - BOTTOM)

Point = tuple[float, float]
Series = Literal["candidate", "baseline", "second", "limit"]


@dataclass(frozen=True)
class Axis:
    """What is along a side, and how its values are written."""

    name: str
    text: Callable[[float], str]
    log: bool = False
    least: float | None = None  # the scale begins here, not at its smallest value
    most: float | None = None


@dataclass
class Chart:
    """Collect what is on a plot, and draw it."""

    key: str  # of the ids in the page; our own word, never one of a result
    title: str
    description: str
    x: Axis
    y: Axis
    lines: list[tuple[Series, Sequence[Point]]] = field(default_factory=list)
    marks: list[tuple[Series, Point, str, bool]] = field(default_factory=list)  # label, hollow
    rules: list[tuple[float, str]] = field(default_factory=list)  # a vertical one, at x

    def draw(self) -> Markup:
        """The SVG element."""
        points = [p for _, line in self.lines for p in line] + [p for _, p, _, _ in self.marks]
        x = _scale(self.x, [p[0] for p in points] + [at for at, _ in self.rules], LEFT, WIDTH - RIGHT)
        y = _scale(self.y, [p[1] for p in points], HEIGHT - BOTTOM, TOP)
        taken = list[Box]()
        return tag(
            "svg",
            tag("title", self.title, id=f"{self.key}-title"),
            tag("desc", self.description, id=f"{self.key}-desc"),
            *self._axes(x, y),
            *(_rule(at, text, x, taken) for at, text in self.rules),
            *(_line(series, line, x, y) for series, line in self.lines),
            *(_mark(mark, x, y, taken) for mark in self.marks),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            aria_labelledby=f"{self.key}-title {self.key}-desc",
        )

    def _axes(self, x: Scale, y: Scale) -> list[Markup]:
        floor = HEIGHT - BOTTOM
        drawn, end = [], 0.0
        for value in x.ticks():
            at, text = x(value), self.x.text(value)
            drawn.append(tag("line", class_="grid", x1=_n(at), x2=_n(at), y1=TOP, y2=floor))
            left = centred(text, at, _WHOLE)
            if left > end:
                drawn.append(
                    tag("text", text, x=_n(left + width(text) / 2), y=floor + 15, text_anchor="middle")
                )
                end = left + width(text)
        for value in y.ticks():
            at = y(value)
            drawn.append(tag("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=_n(at), y2=_n(at)))
            drawn.append(tag("text", self.y.text(value), x=LEFT - 6, y=_n(at + 4), text_anchor="end"))
        middle = _n((LEFT + WIDTH - RIGHT) / 2)
        drawn.append(tag("text", self.x.name, class_="name", x=middle, y=HEIGHT - 8, text_anchor="middle"))
        drawn.append(tag("text", self.y.name, class_="name", x=2, y=14))
        return drawn


def _scale(axis: Axis, values: Sequence[float], begin: float, end: float) -> Scale:
    made = spanning(values, begin, end, log=axis.log)
    low = made.low if axis.least is None else axis.least
    high = made.high if axis.most is None else axis.most
    return Scale(low, max(high, low * 1.01 if axis.log else low + 1e-9), begin, end, axis.log)


def _line(series: Series, line: Sequence[Point], x: Scale, y: Scale) -> Markup:
    places = " ".join(f"{_n(x(a))},{_n(y(b))}" for a, b in line)
    return tag("polyline", class_=f"line {series}", points=places)


def _rule(at: float, text: str, x: Scale, taken: list[Box]) -> Markup:
    place = x(at)
    line = tag("line", class_="rule", x1=_n(place), x2=_n(place), y1=TOP, y2=HEIGHT - BOTTOM)
    return joined(line, _label(text, "limit", place, TOP + 18, taken))


def _mark(mark: tuple[Series, Point, str, bool], x: Scale, y: Scale, taken: list[Box]) -> Markup:
    series, (a, b), label, hollow = mark
    shape = tag("circle", class_=f"mark {series}{' hollow' if hollow else ''}", cx=_n(x(a)), cy=_n(y(b)), r=4)
    return joined(shape, _label(label, series, x(a), y(b), taken))


def _label(text: str, series: Series, x: float, y: float, taken: list[Box]) -> Markup:
    """Beside a point, if there is room: the table has it in any case."""
    free = beside(text, x, y, taken, _INSIDE) if text else None
    if free is None:
        return joined()
    taken.append(box(text, *free))
    return tag("text", text, class_=f"{series}-text", x=_n(free[0]), y=_n(free[1]))


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
