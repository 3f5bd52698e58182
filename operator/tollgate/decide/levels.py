"""How often a verdict may be wrong, and how that is shared out.

A Breach of any objective acts, so a budget's alpha is divided between all that may say so. Within must hold for each
objective before anything happens, so there nothing needs dividing.

A benchmark may be repeated, and each look at the counts is another chance to be wrong. So the benchmarks of a release
share alpha too: whatever the counts, the chance that any of the looks errs is at most the sum of their levels
(Bonferroni; spent as they come, as by K. K. G. Lan and D. L. DeMets, Biometrika 70, 1983).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tollgate.api.dimension import SERIES_OF_TIMES
from tollgate.api.objective import Dimension, Objective, Statistic

_COUNTED = (Dimension.LATENCY, Dimension.VIOLATION_RATE, Dimension.ERROR_RATE)

_FIRST = 0.8
"""Most releases need one benchmark: it gets most of alpha, and needs a twentieth more requests than with all of it."""


@dataclass(frozen=True)
class Levels:
    """Probability with which a Breach, and with which a Within, may be wrong."""

    breach: float
    within: float

    @classmethod
    def shared(cls, alpha: float, tests: int) -> Levels:
        """The levels of one of so many tests under a budget's alpha."""
        return cls(alpha / max(1, tests), alpha)


def judged_live(objective: Objective) -> bool:
    """Whether live traffic can tell; the rest is the benchmark's: nobody counts there what is right or accepted.

    Times of tokens and of the queue also need a series of their own in the MetricProfile: see `counted_live`.
    """
    of_requests = objective.per is None or objective.per.of_requests
    return objective.shape.live and of_requests and objective.stage is None


def compared(objective: Objective) -> bool:
    """Whether a canary is also compared with the stable version beside it: a tail or errors, with a maxRegression."""
    counted = objective.dimension in _COUNTED and judged_live(objective)
    return counted and objective.statistic is not Statistic.MEAN and objective.max_regression is not None


@dataclass(frozen=True)
class Looks:
    """Which of a release's benchmarks is judged, from 1 on: of all that may say Breach, of all that may certify."""

    breach: int = 1
    within: int = 1

    def levels(self, alpha: float, tests: int) -> Levels:
        """The levels of one of so many tests in this benchmark."""
        return Levels(spent(alpha, self.breach) / max(1, tests), spent(alpha, self.within))


FIRST_LOOKS = Looks()


def spent(alpha: float, look: int) -> float:
    """What the look of this number gets of alpha: 0.8, 0.1, 0.05, 0.025 and so on of it, all of it in all looks."""
    return alpha * (_FIRST if look == 1 else (1 - _FIRST) * 0.5 ** (look - 1))


def counted_live(objective: Objective, timed: Collection[Dimension]) -> bool:
    """The same, where of the times that need a series of their own the MetricProfile has those of `timed`."""
    return judged_live(objective) and (
        objective.dimension in timed or objective.dimension not in SERIES_OF_TIMES
    )


def live_levels(objectives: Sequence[Objective], alpha: float, timed: Collection[Dimension] = ()) -> Levels:
    """The levels of each live test: one an objective that live traffic judges, and one more if it is compared."""
    return Levels.shared(alpha, sum(counted_live(o, timed) + compared(o) for o in objectives))
