"""How many of what a second: answers, those that are right or accepted, tokens, goals met. With bounds at either end.

Answers are bounded as a Poisson count (F. Garwood, Biometrika 28, 1936): right for Poisson arrivals and wide for
constant ones. Tokens come many to an answer, so their number is a compound Poisson count, whose variance is the sum of
the squares of the tokens of each answer.
"""

from __future__ import annotations

import math

from scipy.special import gammainccinv, gammaincinv, ndtri

from tollgate.api import units
from tollgate.api.answers import TokenCounts
from tollgate.api.benchmark import StageResult
from tollgate.api.dimension import Dimension, Metric, Per
from tollgate.api.objective import Objective
from tollgate.api.verdict import Reason
from tollgate.decide.estimates import Alpha, Estimate, NoEstimate

FEW_ANSWERS = 30
"""Below so many answers a mean of theirs is far from normal."""

_NOT_TOLD = "the answers do not tell their tokens: set outputTokens (and inputTokens) in the BenchmarkProfile"


def answered(stage: StageResult, alpha: Alpha) -> Estimate:
    """Good answers per second."""
    return counted(stage.requests - stage.errors, stage, alpha)


def counted(some: int, stage: StageResult, alpha: Alpha) -> Estimate:
    """So many of the good answers per second."""
    seconds = answering_seconds(stage)
    low = float(gammaincinv(some, alpha.low)) if some else 0.0
    return Estimate(some / seconds, low / seconds, float(gammainccinv(some + 1, alpha.high)) / seconds)


def answering_seconds(stage: StageResult) -> float:
    """From the first scheduled request to the last answer. The blocks do not tell: empty ones are left out."""
    rate = float(units.parse_rate(stage.answered_rate))
    return (stage.requests - stage.errors) / rate if rate > 0 else float(units.parse_duration(stage.seconds))


def generated_tokens(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """Generated tokens per second."""
    return _token_rate(stage, Metric.OUTPUT, alpha)


def all_tokens(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """Tokens of inputs and outputs per second."""
    return _token_rate(stage, Metric.TOTAL, alpha)


def _token_rate(stage: StageResult, which: Metric, alpha: Alpha) -> Estimate | NoEstimate:
    each = _tokens_each(stage, which)
    if isinstance(each, NoEstimate):
        return each
    n, mean, deviation = each
    seconds = answering_seconds(stage)
    error = math.sqrt(n * (mean**2 + deviation**2)) / seconds
    value = n * mean / seconds
    low, high = (error * -float(ndtri(a)) for a in (alpha.low, alpha.high))
    return Estimate(value, max(0.0, value - low), value + high)


def tokens_of_an_answer(stage: StageResult, which: Metric, alpha: Alpha) -> Estimate | NoEstimate:
    """Tokens of an answer's input, output, or both, on average."""
    each = _tokens_each(stage, which)
    if isinstance(each, NoEstimate):
        return each
    n, mean, deviation = each
    return Estimate.student(mean, deviation / math.sqrt(n), n - 1, alpha)


def _tokens_each(stage: StageResult, which: Metric) -> tuple[int, float, float] | NoEstimate:
    """Good answers, and the mean and standard deviation of their tokens."""
    n = stage.requests - stage.errors
    total, deviation = _of(stage.tokens, which) if stage.tokens else (None, "")
    if total is None or not deviation:
        return NoEstimate(_NOT_TOLD)
    if n < FEW_ANSWERS:
        return NoEstimate(f"{n} answers do not show how their tokens vary", Reason.TOO_FEW_REQUESTS)
    return n, total / n, float(deviation)


def _of(tokens: TokenCounts, which: Metric) -> tuple[int | None, str]:
    if which is Metric.INPUT:
        return tokens.input, tokens.input_deviation
    if which is Metric.OUTPUT:
        return tokens.output, tokens.output_deviation
    known = tokens.input is not None and tokens.output is not None
    return ((tokens.input or 0) + (tokens.output or 0) if known else None), tokens.total_deviation


def goals_met(o: Objective, stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """Good answers per second that keep all times of the goal."""
    assert o.meets is not None  # the shape of a Goodput
    if not o.meets.of_tokens and o.meets.latency:
        limit = units.parse_duration(o.meets.latency)
        over = next((c.requests for c in stage.over_limit if units.parse_duration(c.limit) == limit), None)
        met = None if over is None else stage.requests - over
    else:
        met = next((g.requests for g in stage.goals if str(g) == str(o.meets)), None)
    if met is None:
        return NoEstimate(f"answers within {o.meets} were not counted: measure again with this goal")
    return counted(met, stage, alpha)


_NONE_PAID_FOR = {
    Per.CORRECT_ANSWER: "no answer was right",
    Per.ACCEPTED_OUTCOME: "no outcome was accepted",
}


def units_of(o: Objective, stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """How many a second there are of what an amount is for, in the unit of its `per`."""
    assert o.per is not None  # the shape of an amount
    if o.per.of_tokens:
        found = generated_tokens(stage, alpha)
        if isinstance(found, NoEstimate):
            return found
    else:
        wanted = _paid_for(o.per, stage)
        if isinstance(wanted, str):
            return NoEstimate(wanted)
        found = counted(wanted, stage, alpha)
    if found.low <= 0 or found.value <= 0:
        none = _NONE_PAID_FOR.get(o.per, "no request was answered")
        verb = "costs" if o.dimension is Dimension.COST else "takes"
        return NoEstimate(f"{none}, so what one {verb} is not known")
    return found.times(1 / o.per.times)


def _paid_for(per: Per, stage: StageResult) -> int | str:
    """How many answers there are of the kind that an amount is for; or why nobody knows."""
    if per is Per.ACCEPTED_OUTCOME:
        if stage.accepted is None:
            return "accepted outcomes were not counted: set accepted in the profile and measure again"
        return stage.accepted
    if per is Per.CORRECT_ANSWER:
        if stage.scored < stage.requests:
            return (
                f"only {stage.scored:,} of {stage.requests:,} requests have an expected output, so how many answers "
                "are right is not known: give every item of the dataset one"
            )
        return stage.correct
    return stage.requests - stage.errors
