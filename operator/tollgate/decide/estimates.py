"""What an estimate is: a value with bounds, or why there is none. And of which pods it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from scipy.special import stdtrit

from tollgate.api.facts import Facts
from tollgate.api.verdict import Reason
from tollgate.measure.cost import CostUnknown, PodCost


@dataclass(frozen=True)
class Estimate:
    """A value and its bounds; `high` may be infinite, where the data bound nothing.

    `estimated` says on what it rests instead of a measurement of the server; empty where it was measured.
    """

    value: float
    low: float
    high: float
    estimated: str = ""

    @classmethod
    def exactly(cls, value: float) -> Estimate:
        """A reading, which is what it is."""
        return cls(value, value, value)

    @classmethod
    def student(cls, value: float, error: float, freedom: int, alpha: Alpha) -> Estimate:
        """A mean with its standard error; no less than 0."""
        low, high = (float(stdtrit(freedom, 1 - a)) for a in (alpha.low, alpha.high))
        return cls(value, max(0.0, value - low * error), value + high * error)

    def times(self, factor: float) -> Estimate:
        """So many times as much; the factor is above 0."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.estimated)

    def plus(self, more: float) -> Estimate:
        """So much more."""
        return Estimate(self.value + more, self.low + more, self.high + more, self.estimated)

    def over(self, other: Estimate) -> Estimate:
        """The quotient, whatever both are within their bounds; the other's value is above 0."""
        low = 0.0 if math.isinf(other.high) else self.low / other.high
        high = self.high / other.low if other.low > 0 else math.inf
        return Estimate(self.value / other.value, low, high, self.estimated or other.estimated)


@dataclass(frozen=True)
class NoEstimate:
    """Why a stage says nothing of an objective; TooFewRequests where a longer one would."""

    why: str
    reason: Reason = Reason.NO_DATA


@dataclass(frozen=True)
class Alpha:
    """Probability with which each bound may be wrong."""

    low: float
    high: float

    @property
    def halved(self) -> Alpha:
        """Of each of two estimates that are put together."""
        return Alpha(self.low / 2, self.high / 2)

    @property
    def turned(self) -> Alpha:
        """Of a divisor, whose low end is the quotient's high one."""
        return Alpha(self.high, self.low)


@dataclass(frozen=True)
class Loaded:
    """The pods that were loaded: how many, what one of them costs, and what else is known of them."""

    pods: int
    cost: PodCost | CostUnknown | None = None
    facts: Facts = field(default_factory=Facts)
