"""Of two arms that were loaded in turn: candidate over baseline in one stage, with bounds at either end.

Each bound is wrong with at most the probability asked for. What happened to both alike is no part of it, so these are
the sharpest ratios there are; their errors come from the turns, and are Student's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtrit

from tollgate.api import units
from tollgate.api.form import of_tokens
from tollgate.api.hardware import Hardware
from tollgate.api.objective import Dimension, Objective, Statistic
from tollgate.api.paired import FEWEST_TURNS, PairedStage, TurnRatio
from tollgate.decide.certificate import proportion_interval
from tollgate.decide.estimates import NoEstimate
from tollgate.decide.limits import price_per_second
from tollgate.decide.ratio import QUANTILE_ERRORS, Compared, Ratio, ratio_of_failures
from tollgate.measure.cost import CostUnknown, PodCost


@dataclass(frozen=True)
class InTurn:
    """A baseline that was loaded in turn with the candidate: its measurement is in the candidate's result.

    `hardware` is None where nobody asks, as of results from files; () where it should be known and is not.
    """

    cost: PodCost | CostUnknown | None
    hardware: tuple[Hardware, ...] | None = None


@dataclass(frozen=True)
class Pods:
    """How many pods an arm had, and what one of them costs."""

    number: int
    cost: PodCost | CostUnknown | None


def compare_turns(
    o: Objective, stage: PairedStage, candidate: Pods, baseline: Pods, *, alpha: float
) -> Compared | NoEstimate:
    """Candidate over baseline; `alpha` is the probability with which either end may be wrong."""
    if stage.unusable:
        return NoEstimate(stage.unusable)
    if stage.turns < FEWEST_TURNS:
        return NoEstimate(f"{stage.turns} turns do not show what varies between them")
    if not counted_in_turns(o):
        return NoEstimate("it is not counted in turns: compare with the recorded benchmark instead")
    match o.dimension:
        case Dimension.LATENCY:
            if o.statistic is None or o.statistic is Statistic.MEAN:
                return _ratio(stage.mean, stage.turns, alpha)
            found: TurnRatio | None = getattr(stage, o.statistic.value.lower())
            return _ratio(found, stage.turns, alpha, least=QUANTILE_ERRORS)
        case Dimension.ERROR_RATE:
            return _errors(stage, alpha)
        case Dimension.QUALITY:
            return _accuracy(stage, alpha)
        case Dimension.THROUGHPUT:
            return _ratio(stage.rate, stage.turns, alpha)
        case _:
            return _cost(o, stage, candidate, baseline, alpha)


def counted_in_turns(o: Objective) -> bool:
    """Whether the turns of two arms say anything of an objective: not what takes more than right or wrong."""
    match o.dimension:
        case Dimension.LATENCY | Dimension.ERROR_RATE:
            return True
        case Dimension.QUALITY:
            return o.metric is not None and o.metric.is_share and o.within is None
        case Dimension.THROUGHPUT:
            return not of_tokens(o.limit)
        case Dimension.COST:
            return o.per is not None and o.per.of_requests and o.amortized is None
        case _:
            return False


def _ratio(found: TurnRatio | None, turns: int, alpha: float, *, least: float = 0.0) -> Compared | NoEstimate:
    """Student's interval of the logarithm, at least so many standard errors wide."""
    value = float(found.value or 0) if found else 0.0
    if found is None or value <= 0:
        return NoEstimate("an arm had a turn without any answer")
    level = _level(found.baseline)
    log, errors = math.log(value), max(least, float(stdtrit(turns - 1, 1 - alpha)))
    low = log - errors * float(found.below) if found.below else -math.inf
    high = log + errors * float(found.above) if found.above else math.inf
    return Compared(level * value, level, Ratio.of_logs(log, low, high))


def _level(text: str) -> float:
    """Seconds, or answers a second."""
    return float(units.parse_rate(text) if text.endswith("req/s") else units.parse_duration(text))


def _errors(stage: PairedStage, alpha: float) -> Compared | NoEstimate:
    """Failures that come together in some turns count as the fewer that they are."""
    n, times = stage.requests, float(stage.error_clumping or 1)
    if n == 0:
        return NoEstimate("no request was sent")
    ratio = ratio_of_failures((stage.errors / times, n), (stage.baseline_errors / times, n), alpha)
    return Compared(stage.errors / n, stage.baseline_errors / n, ratio)


def _accuracy(stage: PairedStage, alpha: float) -> Compared | NoEstimate:
    """Only the inputs on which the arms differ tell them apart (Q. McNemar, Psychometrika 12, 1947), exactly.

    Of the inputs that either arm got right, a share u only one did, and of those the candidate a share s: the ratio of
    the accuracies is (1 - (1-s)u) / (1 - su). Clopper-Pearson bounds of both, either of which may be wrong.
    """
    n, gained, lost = stage.scored, stage.only_candidate, stage.only_baseline
    if n == 0:
        return NoEstimate("no input has an expected output")
    new, old = stage.both_correct + gained, stage.both_correct + lost
    times = float(stage.answer_clumping or 1)
    differ, either = (gained + lost) / times, (new + lost) / times
    share = proportion_interval(differ, gained / times, alpha / 2)
    least, most = proportion_interval(either, differ, alpha / 2)
    low = _of_shares(share[0], most if share[0] < 0.5 else least)
    high = _of_shares(share[1], least if share[1] < 0.5 else most)
    value = new / old if old else math.inf if new else 1.0
    return Compared(new / n, old / n, Ratio(value, low, high))


def _of_shares(s: float, u: float) -> float:
    return (1 - (1 - s) * u) / (1 - s * u) if s * u < 1 else math.inf


def _cost(
    o: Objective, stage: PairedStage, candidate: Pods, baseline: Pods, alpha: float
) -> Compared | NoEstimate:
    """The price of the pods over their answers."""
    spent = []
    for arm in (candidate, baseline):
        price = price_per_second(o, arm.cost)
        if isinstance(price, CostUnknown):
            return NoEstimate(price.reason)
        spent.append(arm.number * price)
    rates = _ratio(stage.rate, stage.turns, alpha)
    if isinstance(rates, NoEstimate):
        return rates
    if spent[1] <= 0:
        return NoEstimate("an answer of the baseline cost nothing")
    dearer, more = spent[0] / spent[1], rates.ratio
    ratio = Ratio(
        dearer / more.value,
        0.0 if math.isinf(more.high) else dearer / more.high,
        math.inf if more.low == 0 else dearer / more.low,
    )
    return Compared(spent[0] / rates.candidate, spent[1] / rates.baseline, ratio)
