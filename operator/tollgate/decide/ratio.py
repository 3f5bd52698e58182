"""One objective in one stage: the candidate's value over the baseline's, with bounds at either end.

Each bound is wrong with at most the probability asked for. Two measurements of the same profile had the same schedule
and the same inputs, and a ratio needs one bound where two intervals held against each other need two, so it is much
sharper. Where the data do not allow that, it is the quotient of the two intervals, which always holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri, stdtrit

from tollgate.api import units
from tollgate.api.benchmark import StageResult
from tollgate.api.form import of_tokens
from tollgate.api.objective import Dimension, Objective, Statistic
from tollgate.decide.certificate import proportion_interval
from tollgate.decide.estimates import Alpha, Estimate, Loaded, NoEstimate
from tollgate.decide.means import mean_with_error
from tollgate.decide.stage_estimates import estimate
from tollgate.decide.time_estimates import answer_time_blocks

QUANTILE_ERRORS = 3.0
"""Standard errors at which the load generator bounds a quantile: nearer than that, a gap may have gone unseen."""

_LARGEST = 500.0
"""The exponential of more is as good as infinite."""

_FEW_ANSWERS = 30
"""Below so many answers their number is far from normal."""

_ROUNDING = 0.0005
"""Rates and latencies have four digits: no error is smaller."""


@dataclass(frozen=True)
class Ratio:
    """The candidate's value over the baseline's. Where the data bound nothing, `low` is zero or `high` infinite."""

    value: float
    low: float
    high: float

    @classmethod
    def of_log(cls, log: float, width: float) -> Ratio:
        """From the logarithm of the ratio and the half-width of its interval."""
        return cls.of_logs(log, log - width, log + width)

    @classmethod
    def of_logs(cls, value: float, low: float, high: float) -> Ratio:
        """From the logarithms of the ratio and of its bounds."""
        return cls(_exp(value), _exp(low), _exp(high))


@dataclass(frozen=True)
class Side:
    """One measured stage, and what it took to serve it."""

    stage: StageResult
    pods: Loaded
    repetition: int = 0
    """Which draw of the arrivals it met."""


@dataclass(frozen=True)
class Compared:
    """The two values and their ratio."""

    candidate: float
    baseline: float
    ratio: Ratio


def compare_stage(o: Objective, candidate: Side, baseline: Side, *, alpha: float) -> Compared | NoEstimate:
    """Candidate over baseline in one stage; `alpha` is the probability with which either end may be wrong."""
    found = []
    for side in (candidate, baseline):
        if side.stage.client_limited:
            return NoEstimate("the load generator was the limit")
        # Each of the two may be wrong for an end of the quotient to be wrong.
        bounds = Alpha(low=alpha / 2, high=alpha / 2)
        seen = estimate(o, side.stage, side.pods, bounds)
        if isinstance(seen, NoEstimate):
            return seen
        found.append(seen)
    one, other = found
    ratio = _sharper(o, candidate, baseline, one, other, alpha) or quotient(one, other)
    return Compared(one.value, other.value, ratio)


def _exp(log: float) -> float:
    return math.exp(log) if log < _LARGEST else math.inf


def quotient(one: Estimate, other: Estimate) -> Ratio:
    """The ratio of two non-negative estimates, whatever values within their bounds they have."""
    return Ratio(_over(one.value, other.value), _over(one.low, other.high), _over(one.high, other.low))


def _over(part: float, whole: float) -> float:
    if whole == 0:
        return 1.0 if part == 0 else math.inf
    return 0.0 if math.isinf(whole) else part / whole


def _sharper(
    o: Objective, candidate: Side, baseline: Side, one: Estimate, other: Estimate, alpha: float
) -> Ratio | None:
    new, old = candidate.stage, baseline.stage
    match o.dimension:
        case Dimension.LATENCY:
            if o.statistic is None or o.statistic is Statistic.MEAN:
                return _of_means(new, old, alpha)
            return _of_quantiles(new, old, o.statistic, alpha)
        case Dimension.ERROR_RATE:
            return ratio_of_failures((new.errors, new.requests), (old.errors, old.requests), alpha)
        case Dimension.COST if o.per is not None and not o.per.of_requests:
            return None
        case Dimension.THROUGHPUT if of_tokens(o.limit):
            return None
        case Dimension.THROUGHPUT | Dimension.COST if candidate.repetition == baseline.repetition:
            return _of_rates(new, old, one.value, other.value, alpha)
        case _:
            return None


def _of_means(new: StageResult, old: StageResult, alpha: float) -> Ratio | None:
    """Welch's t on the logarithm of the means of blocks of time (B. L. Welch, Biometrika 34, 1947)."""
    one, other = (mean_with_error(answer_time_blocks(stage)) for stage in (new, old))
    if one is None or other is None or one.value <= 0 or other.value <= 0:
        return None
    errors = (max(_ROUNDING, one.error / one.value), max(_ROUNDING, other.error / other.value))
    width = _welch(errors, (one.blocks, other.blocks), alpha)
    return Ratio.of_log(math.log(one.value / other.value), width)


def _of_quantiles(new: StageResult, old: StageResult, statistic: Statistic, alpha: float) -> Ratio | None:
    """From bounds of each arm that are three standard errors away, by the method of Zou and Donner (MOVER).

    (G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27, 2008.)
    """
    one, other = _log_quantile(new, statistic), _log_quantile(old, statistic)
    if new.spread is None or old.spread is None or one is None or other is None:
        return None
    blocks = (new.spread.blocks, old.spread.blocks)
    log = one.value - other.value
    low = log - _welch((one.below, other.above), blocks, alpha, least=QUANTILE_ERRORS)
    high = log + _welch((one.above, other.below), blocks, alpha, least=QUANTILE_ERRORS)
    return Ratio.of_logs(log, low, high)


@dataclass(frozen=True)
class _LogQuantile:
    """A quantile's logarithm, and standard errors on either side of it; infinite where it is not bounded."""

    value: float
    below: float
    above: float


def _log_quantile(stage: StageResult, statistic: Statistic) -> _LogQuantile | None:
    name = statistic.value.lower()
    seconds = float(units.parse_duration(getattr(stage.quantiles, name)))
    if stage.spread is None or seconds <= 0:
        return None
    below, above = (
        _errors_to(getattr(bounds, name), seconds) for bounds in (stage.spread.low, stage.spread.high)
    )
    return _LogQuantile(math.log(seconds), below, above)


def _errors_to(bound: str, seconds: float) -> float:
    """The standard error that a bound stands for, relative; infinite where there is no bound."""
    at = float(units.parse_duration(bound)) if bound else 0.0
    return max(_ROUNDING, abs(math.log(at / seconds)) / QUANTILE_ERRORS) if at > 0 else math.inf


def _welch(
    errors: tuple[float, float], blocks: tuple[int, int], alpha: float, *, least: float = 0.0
) -> float:
    """Half-width of the interval of a difference whose sides have these standard errors; at least so many of them."""
    one, other = (error**2 for error in errors)
    total = one + other
    if math.isinf(total):
        return total
    freedom = total**2 / (one**2 / (blocks[0] - 1) + other**2 / (blocks[1] - 1))
    return max(least, float(stdtrit(freedom, 1 - alpha))) * math.sqrt(total)


def ratio_of_failures(new: tuple[float, int], old: tuple[float, int], alpha: float) -> Ratio:
    """Of (failures, requests): given all failures, the candidate's share of them.

    (J. Przyborowski, H. Wilenski, Biometrika 31, 1940.)
    """
    share = new[1] / (new[1] + old[1])
    k, n = new[0], new[0] + old[0]
    low, high = proportion_interval(n, k, alpha)
    value, low, high = (_over(p, 1 - p) * (1 - share) / share for p in (k / n if n else share, low, high))
    return Ratio(value, low, high)


def _of_rates(new: StageResult, old: StageResult, one: float, other: float, alpha: float) -> Ratio | None:
    """Answers a second, or what they cost: both arms had the same arrivals, so the chance of these falls out."""
    if min(new.requests - new.errors, old.requests - old.errors) < _FEW_ANSWERS or min(one, other) <= 0:
        return None
    error = math.hypot(_rate_error(new), _rate_error(old))
    return Ratio.of_log(math.log(one / other), float(ndtri(1 - alpha)) * error)


def _rate_error(stage: StageResult) -> float:
    """Standard error, relative: what failed, and how far the answers were from keeping pace with the requests.

    It is never more than the chance of Poisson answers, which is all there is where the server was the limit.
    """
    answered = stage.requests - stage.errors
    sent, came = (float(units.parse_rate(rate)) for rate in (stage.achieved_rate, stage.answered_rate))
    failed = stage.errors / stage.requests
    behind = abs(1 - came / (1 - failed) / sent) if sent else 1.0
    return max(_ROUNDING, min(1 / math.sqrt(answered), failed + behind))
