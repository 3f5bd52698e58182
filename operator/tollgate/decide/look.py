"""One look at live traffic: all that its verdict is made from, so that a record of it can be judged again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.beside import Beside, judge_beside
from tollgate.decide.judge_live import judge_live, metrics_unavailable
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.counts import LiveCounts


@dataclass(frozen=True)
class Look:
    """The window that was looked at, what was asked, and what was counted; `counts` is None where nothing could be.

    `cost` is of one pod, `reference_rate` in requests per second and pod. `standing` are earlier results, of which a
    Breach stands. `starts` is what the evidence of each objective begins with in a window of what serves.
    `beside` is what the stable version did in the same time, where a canary is compared with it. `timed` has what was
    counted of the dimensions whose times have a series of their own, and of what could not be asked no requests.
    """

    since: datetime
    until: datetime
    counts: LiveCounts | None
    unavailable: str = ""
    queries: tuple[str, ...] = ()
    cost: PodCost | CostUnknown | None = None
    reference_rate: float | None = None
    standing: tuple[ObjectiveResult, ...] = ()
    starts: Mapping[str, float] | None = None
    beside: Beside | None = None
    timed: Mapping[Dimension, LiveCounts] = field(default_factory=dict)

    def judged(self, objectives: Sequence[Objective], alpha: float) -> tuple[ObjectiveResult, ...]:
        """One result an objective, in their order."""
        results = self._by_limits(objectives, alpha)
        if self.beside is None:
            return results
        return judge_beside(results, objectives, self.beside, alpha, self.timed)

    def _by_limits(self, objectives: Sequence[Objective], alpha: float) -> tuple[ObjectiveResult, ...]:
        if self.counts is None:
            return tuple(metrics_unavailable(objectives, self.unavailable, self.standing, self.timed))
        return tuple(
            judge_live(
                objectives,
                self.counts,
                alpha=alpha,
                cost=self.cost,
                reference_rate_per_pod=self.reference_rate,
                previous=self.standing,
                starts=self.starts,
                timed=self.timed,
            )
        )
