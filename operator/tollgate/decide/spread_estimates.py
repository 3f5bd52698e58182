"""Variability of latency, and of the path through a model: exits and experts."""

from __future__ import annotations

import math

import numpy as np

from tollgate.api import units
from tollgate.api.benchmark import StageResult
from tollgate.api.dimension import Metric, Statistic
from tollgate.api.objective import Objective
from tollgate.api.transport import read_bins
from tollgate.api.verdict import Reason
from tollgate.decide.certificate import proportion_interval
from tollgate.decide.estimates import Alpha, Estimate, NoEstimate
from tollgate.decide.means import mean_with_error
from tollgate.decide.rate_estimates import FEW_ANSWERS
from tollgate.decide.time_estimates import answer_time_blocks, quantile

_NO_EXITS = "the answers do not tell where the model was done: set exitStage in the BenchmarkProfile"
_OTHER = "other"
_NO_SKETCH = "the distribution of latencies did not fit into the result: use fewer stages"


def variability(o: Objective, stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """The measure of the objective's metric."""
    if o.metric is Metric.P99_TO_P50:
        return _p99_to_p50(stage, alpha)
    if o.metric is Metric.BETWEEN_INPUTS:
        return _between_inputs(stage, alpha)
    return _coefficient(stage, alpha)


def _p99_to_p50(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """Each of the two percentiles may be wrong for an end of their quotient to be wrong."""
    if not stage.sketch.bins:
        return NoEstimate(_NO_SKETCH)
    tail, median = (
        quantile(stage, Statistic.P99, alpha.halved),
        quantile(stage, Statistic.P50, alpha.halved.turned),
    )
    return tail.over(median) if median.value > 0 else NoEstimate("the median is 0")


def _between_inputs(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """The share of the variance, with the error of a jackknife over groups of inputs."""
    seen = stage.variability
    if seen is None or not seen.share or not seen.share_error:
        return NoEstimate(
            "how latency depends on the input is not known: it takes one pod of the load generator, and 20 inputs that "
            "are sent more than once",
            Reason.TOO_FEW_REQUESTS,
        )
    found = Estimate.student(float(seen.share), float(seen.share_error), seen.groups - 1, alpha)
    return Estimate(found.value, found.low, min(1.0, found.high))


def _coefficient(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """Standard deviation over mean, from the middles of the sketch's bins; a failed request took the time-out.

    Its error is the delta method's for independent values, sqrt(b/4 - g c + c^2) c / sqrt(n), where b is
    the variance of the squared deviations over sigma^4, g the skewness and c the coefficient itself. Neighbours share a
    queue, so n is divided by how much more the means of blocks of time vary than independent requests would.
    """
    bins = read_bins(stage.sketch)
    if not bins:
        return NoEstimate(_NO_SKETCH)
    growth = float(stage.sketch.growth)
    n = sum(count for _, count in bins)
    if n < FEW_ANSWERS:
        return NoEstimate(f"{n} requests do not show how latency varies", Reason.TOO_FEW_REQUESTS)
    at = np.array([growth ** (index - 0.5) * 1e-6 for index, _ in bins])
    weight = np.array([count for _, count in bins]) / n
    mean = float(weight @ at)
    second, third, fourth = (float(weight @ (at - mean) ** power) for power in (2, 3, 4))
    if second <= 0:
        return Estimate.exactly(0.0)
    c = math.sqrt(second) / mean
    skewness = third / second**1.5
    spread = max(0.0, (fourth / second**2 - 1) / 4 - skewness * c + c * c)
    error = c * math.sqrt(spread / n * _clumping(stage, second, n))
    return Estimate.student(c, error, n - 1, alpha)


def _clumping(stage: StageResult, variance: float, n: int) -> float:
    """By how much the mean varies more than that of independent requests; 1 or more."""
    seen = mean_with_error(answer_time_blocks(stage))
    return max(1.0, seen.error**2 * n / variance) if seen else 1.0


def exit_depth(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """The mean of the exits, which are numbers, over the good answers."""
    if not stage.exit_stages:
        return NoEstimate(_NO_EXITS)
    depths = {name: _number(name) for name in stage.exit_stages}
    words = [name for name, depth in depths.items() if depth is None]
    if words:
        return NoEstimate(
            f"{words[0]} is no number, so there is no depth: let exitStage tell the number of a stage"
        )
    at = np.array([float(depth or 0) for depth in depths.values()])
    n = sum(stage.exit_stages.values())
    if n < FEW_ANSWERS:
        return NoEstimate(f"{n} answers do not show where the model is done", Reason.TOO_FEW_REQUESTS)
    weight = np.array(list(stage.exit_stages.values())) / n
    mean = float(weight @ at)
    deviation = math.sqrt(float(weight @ (at - mean) ** 2) * n / (n - 1))
    return Estimate.student(mean, deviation / math.sqrt(n), n - 1, alpha)


def _number(name: str) -> float | None:
    try:
        return float(units.parse_number(name))
    except ValueError:
        return None


def imbalance(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """The load of the most used one over the mean load; the bounds of all shares hold at once (Bonferroni)."""
    uses = stage.exit_stages
    if not uses:
        return NoEstimate(_NO_EXITS)
    if _OTHER in uses:
        return NoEstimate("there are more experts than the result tells apart")
    n, experts = sum(uses.values()), len(uses)
    shares = [proportion_interval(n, count, alpha.low / experts)[0] for count in uses.values()]
    upper = [proportion_interval(n, count, alpha.high / experts)[1] for count in uses.values()]
    return Estimate(max(uses.values()) / n * experts, max(shares) * experts, max(upper) * experts)
