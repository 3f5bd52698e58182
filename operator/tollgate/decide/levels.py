"""How often a verdict may be wrong, and how that is shared out.

A Breach of any objective acts, so a budget's alpha is divided between all that may say so. Within must hold for each
objective before anything happens, so there nothing needs dividing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tollgate.api.objective import Dimension, Objective, Statistic

LIVE = frozenset({Dimension.LATENCY, Dimension.ERROR_RATE, Dimension.COST})
"""What live traffic can tell; the rest is the benchmark's."""


@dataclass(frozen=True)
class Levels:
    """Probability with which a Breach, and with which a Within, may be wrong."""

    breach: float
    within: float

    @classmethod
    def shared(cls, alpha: float, tests: int) -> Levels:
        """The levels of one of so many tests under a budget's alpha."""
        return cls(alpha / max(1, tests), alpha)


def compared(objective: Objective) -> bool:
    """Whether a canary is also compared with the stable version beside it: a tail or errors, with a maxRegression."""
    counted = objective.dimension in (Dimension.LATENCY, Dimension.ERROR_RATE)
    return counted and objective.statistic is not Statistic.MEAN and objective.max_regression is not None


def live_levels(objectives: Sequence[Objective], alpha: float) -> Levels:
    """The levels of each live test: one an objective that live traffic judges, and one more if it is compared."""
    return Levels.shared(alpha, sum((o.dimension in LIVE) + compared(o) for o in objectives))
