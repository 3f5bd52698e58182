"""From the turns of two arms to their ratios, with what each may be off by. Pure.

Both met the same inputs at the same pace in every turn, so what varies from turn to turn for both falls out. Means
and rates: the mean of the log ratios of the turns, and its standard error. Percentiles: order statistics, as far away
as the difference of the arms' counts above them varies from turn to turn (after R. S. Woodruff, JASA 47, 1952).
Failures and answers are counted, with how much more than by chance they come together in some turns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.paired import FEWEST_TURNS, PairedStage, TurnRatio
from tollgate.bench.audit import client_limited, nearest_rank
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.spread import PER_MILLE, counts_above, rank_bounds
from tollgate.bench.turns import joined
from tollgate.measure.ranks import DISTANCE

_NAMES = ("p50", "p90", "p95", "p99", "p999")
_RAMP = 0.2  # of a turn: until then its answers do not come as they will
_LEAST_VARIED = 0.5  # of what independent counts do: the same inputs may be the slow ones in both arms

Floats = NDArray[np.float64]


class Arm:
    """One arm's turns, joined."""

    def __init__(self, runs: Sequence[StageRun]) -> None:
        self.run, self.turn_of = joined(runs)
        self.turns = len(runs)
        self.good = self.run.outcome == Outcome.ANSWERED
        self.latency = np.where(self.good, self.run.ended - self.run.schedule.due, self.run.timeout)
        self.rates = np.array([_rate(run) for run in runs])

    def in_turns(self, which: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
        """How many of the requests each turn has, or the sum of their weights."""
        chosen = weights[which] if weights is not None else None
        return np.bincount(self.turn_of[which], chosen, minlength=self.turns).astype(float)

    def means(self) -> Floats:
        """Mean latency of the answered requests of each turn; NaN where there are none."""
        with np.errstate(invalid="ignore"):
            return self.in_turns(self.good, self.latency) / self.in_turns(self.good)


def compare_turns(
    name: str,
    planned: int,
    candidate: Sequence[StageRun],
    baseline: Sequence[StageRun],
    limits: Sequence[float],
) -> PairedStage:
    """What the turns of a stage, one or more, showed of the two arms. Limits are the latencies judged, in seconds."""
    one, other = Arm(candidate), Arm(baseline)
    new, old = one.run.correct, other.run.correct
    unusable = _unusable(one, other, planned, limits)
    return PairedStage(
        name=name,
        turns=one.turns,
        requests=len(one.run.schedule),
        errors=int(np.count_nonzero(~one.good)),
        baseline_errors=int(np.count_nonzero(~other.good)),
        error_clumping=_clumping(one.in_turns(~one.good), one.in_turns(~other.good)),
        scored=int(np.count_nonzero(one.run.scored)),
        both_correct=int(np.count_nonzero(new & old)),
        only_candidate=int(np.count_nonzero(new & ~old)),
        only_baseline=int(np.count_nonzero(old & ~new)),
        answer_clumping=_clumping(one.in_turns(new & ~old), one.in_turns(old & ~new)),
        unusable=unusable[:1024],
        **({} if unusable else _ratios(one, other)),
    )


def _unusable(one: Arm, other: Arm, planned: int, limits: Sequence[float]) -> str:
    if one.turns < max(planned, FEWEST_TURNS):
        return f"only {one.turns} of {planned} turns were done in the time there was: the pods were too slow"
    for whose, arm in (("candidate", one), ("baseline", other)):
        limited = client_limited(arm.run, limits)
        if limited:
            return f"the load generator was the limit in the turns of the {whose}: {limited}"
    return ""


def _ratios(one: Arm, other: Arm) -> dict[str, TurnRatio | None]:
    level = float(other.latency[other.good].mean()) if other.good.any() else other.run.timeout
    return {
        "mean": _of_logs(one.means(), other.means(), units.format_duration(level)),
        "rate": _of_logs(one.rates, other.rates, units.format_rate(float(other.rates.mean()))),
        **{
            quantile: _of_quantiles(one, other, per_mille)
            for quantile, per_mille in zip(_NAMES, PER_MILLE, strict=True)
        },
    }


def _rate(run: StageRun) -> float:
    """Good answers a second between the ramp and the end of the turn's schedule."""
    begin, end = _RAMP * run.schedule.span, run.schedule.span
    came = (run.outcome == Outcome.ANSWERED) & (run.ended >= begin) & (run.ended <= end)
    return int(np.count_nonzero(came)) / (end - begin)


def _of_logs(candidate: Floats, baseline: Floats, level: str) -> TurnRatio | None:
    """The mean of the log ratios of the turns; None where an arm has a turn without any answer."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(candidate / baseline)
    if not np.all(np.isfinite(logs)):
        return None
    error = _written(float(logs.std(ddof=1)) / math.sqrt(len(logs)))
    return TurnRatio(baseline=level, value=_written(math.exp(logs.mean()), 6), below=error, above=error)


def _of_quantiles(one: Arm, other: Arm, per_mille: int) -> TurnRatio:
    """The ratio is off by as much as either quantile moves when the difference of the counts above them is off."""
    new, old = (counts_above(arm.latency, arm.turn_of, arm.turns, per_mille) for arm in (one, other))
    variance = max(one.turns * float((new - old).var(ddof=1)), float(new.sum() + old.sum()) * _LEAST_VARIED)
    mine, theirs = (nearest_rank(arm.latency, per_mille) for arm in (one, other))
    my_low, my_high = rank_bounds(np.sort(one.latency), int(new.sum()), variance)
    low, high = rank_bounds(np.sort(other.latency), int(old.sum()), variance)
    return TurnRatio(
        baseline=units.format_duration(theirs),
        value=_written(mine / theirs, 6),
        below=_furthest(_errors_to(my_low, mine), _errors_to(high, theirs)),
        above=_furthest(_errors_to(my_high, mine), _errors_to(low, theirs)),
    )


def _errors_to(bound: float, value: float) -> float:
    """The standard error that a bound stands for, relative; infinite where there is no bound."""
    return abs(math.log(bound / value)) / DISTANCE if 0 < bound < math.inf else math.inf


def _furthest(*errors: float) -> str:
    return "" if math.inf in errors else _written(max(errors))


def _clumping(one: Floats, other: Floats) -> str:
    """The variance of the difference of two counts over the turns, in that of independent events."""
    events = float(one.sum() + other.sum())
    if len(one) < FEWEST_TURNS or not events:
        return ""
    times = len(one) * float((one - other).var(ddof=1)) / events
    return _written(times) if times > 1 else ""


def _written(value: float, digits: int = 4) -> str:
    """To so many digits, as a model holds it: at most nine behind the point."""
    return units.format_number(round(value, 9), digits)
