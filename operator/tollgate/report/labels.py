"""Where words go on a plot, so that none covers another. Pure; the font is the reader's, so widths are estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_WIDE, _ABOVE, _BELOW = 8.0, 12.0, 4.0
"""A character's width, and how far it reaches above and below its line, at 12.5 px in a wide font."""
_OFF = 7.0  # of a label from its point


@dataclass(frozen=True)
class Box:
    """What a word covers, in the plot's units."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether they have a place in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: Box) -> bool:
        """Whether it lies inside of the other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


def width(text: str) -> float:
    """Of a word, about."""
    return _WIDE * len(text)


def box(text: str, left: float, base: float) -> Box:
    """Of a word that begins at `left`, on the line `base`."""
    return Box(left, base - _ABOVE, left + width(text), base + _BELOW)


def centred(text: str, middle: float, inside: Box) -> float:
    """Where a word begins whose middle is to be here, and which must stay inside."""
    left = middle - width(text) / 2
    return max(inside.left, min(left, inside.right - width(text)))


def beside(text: str, x: float, y: float, taken: Sequence[Box], inside: Box) -> tuple[float, float] | None:
    """(left, base) of a free place beside a point; None when there is none."""
    for base in (y - _OFF, y + _OFF + 7, y + 4):
        for left in (x + _OFF, x - _OFF - width(text)):
            place = box(text, left, base)
            if place.within(inside) and not any(place.meets(other) for other in taken):
                return left, base
    return None
