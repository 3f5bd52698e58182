"""From values to places on a plot, and where its ticks are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_TICKS = 6


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high`, low < high, onto places from `begin` to `end`; both above 0 where it is a log."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value; what is beyond the scale is at its end."""
        value = min(max(value, self.low), self.high)
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return self.begin + (at - low) / (high - low) * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """A few round values on the scale."""
        return _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high)


def spanning(values: Sequence[float], begin: float, end: float, *, log: bool = False) -> Scale:
    """A scale that holds these values, with a little room; of a log only those above 0 count."""
    kept = [value for value in values if math.isfinite(value) and (value > 0 or not log)] or [1.0]
    low, high = min(kept), max(kept)
    if log:
        return Scale(low / 1.15, high * 1.15, begin, end, log=True)
    return Scale(min(0.0, low), high * 1.08 if high > 0 else 1.0, begin, end)


def _linear_ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= raw)
    first = math.ceil(low / step)
    return [round(step * k, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        found = [d * 10.0**e for e in decades for d in digits if low <= d * 10.0**e <= high]
        if len(found) <= _MOST_TICKS:
            break
    skip = max(1, -(-len(found) // _MOST_TICKS))
    return found[::skip] or [low, high]
