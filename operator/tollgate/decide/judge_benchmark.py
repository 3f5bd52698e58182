"""A finished benchmark against each objective: a fixed number of requests, so exact tests.

Every measured stage must hold whose load can certify (`decide.loads`), and the worst one is reported. A stage that
the client could not keep up with tells nothing about the server. Breach of any objective in any stage acts, so these
share alpha; Within does not.

What is certified is the service under this load, on this dataset. Accuracy in particular: inputs repeat, so the
scored requests are draws from the dataset and not from the world. Their number bounds the accuracy over the dataset;
how well that stands for the world is for the dataset's owner to say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tollgate.api import units
from tollgate.api.benchmark import OF_THE_SERVER, BenchmarkResult, StageResult
from tollgate.api.dimension import TOKEN_TIMES
from tollgate.api.facts import NOTHING_KNOWN, Facts
from tollgate.api.form import of_tokens
from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.certificate import judge_fixed, requests_at_fraction
from tollgate.decide.estimates import Alpha, Estimate, Loaded, NoEstimate
from tollgate.decide.levels import FIRST_LOOKS, Levels, Looks
from tollgate.decide.limits import (
    allowed_fraction,
    count,
    inconclusive,
    limit_value,
    over_latency,
    show,
    span,
    what_is_over,
)
from tollgate.decide.loads import certifies, why_not
from tollgate.decide.pooling import runs_added
from tollgate.decide.quality import right_of
from tollgate.decide.stage_estimates import estimate
from tollgate.decide.time_estimates import Over, tokens_over
from tollgate.measure.cost import CostUnknown, PodCost

_OF_LATENCY = (Dimension.LATENCY, Dimension.VIOLATION_RATE, Dimension.GOODPUT)

_PACE = 0.98
"""A server that answers so much of the rate it is sent keeps pace."""

_LONGEST = 100
"""Nobody lengthens a stage more than so many times."""


@dataclass(frozen=True)
class _Run:
    """What is the same for all objectives and stages."""

    pods: Loaded
    levels: Levels


@dataclass(frozen=True)
class _Judged:
    """One objective in one stage; `badness` is over 1 where the estimate is beyond the limit."""

    result: ObjectiveResult
    badness: float

    @property
    def rank(self) -> tuple[int, float]:
        """The worst first: a Breach, then what could not be told, then what is nearest its limit."""
        order = {Verdict.BREACH: 0, Verdict.INCONCLUSIVE: 1, Verdict.WITHIN: 2}
        return order[self.result.verdict], -self.badness


def judge_benchmark(
    objectives: Sequence[Objective],
    result: BenchmarkResult,
    *,
    confidence: float,
    cost: PodCost | CostUnknown | None = None,
    facts: Facts = NOTHING_KNOWN,
    looks: Looks = FIRST_LOOKS,
) -> list[ObjectiveResult]:
    """One result an objective, in their order; `cost` is of one of the pods that were loaded, `facts` of all."""
    stages = runs_added([stage for stage in result.declared if not stage.warm_up])
    judged = sum(o.shape.benchmark for o in objectives)
    run = _Run(Loaded(result.pods, cost, facts), looks.levels(1 - confidence, judged * len(stages)))
    return [_worst(o, stages, run) for o in objectives]


def _worst(o: Objective, stages: Sequence[StageResult], run: _Run) -> ObjectiveResult:
    if not o.shape.benchmark:
        return _open(o, Reason.NOT_JUDGED_HERE, f"{o.dimension} is judged in live traffic").result
    if not stages:
        return _open(o, Reason.NO_DATA, "the benchmark has no measured stage").result
    certifying = [stage for stage in stages if certifies(o, stage.name, stage.load)]
    if not certifying:
        return _open(o, Reason.NO_DATA, why_not(o, {stage.name: stage.load for stage in stages})).result
    stages = certifying
    if o.dimension in (Dimension.THROUGHPUT, Dimension.GOODPUT) and not of_tokens(o.limit):
        # A stage that asks for less cannot show it, and is no breach either.
        stages = [stage for stage in stages if float(units.parse_rate(stage.requested_rate)) > limit_value(o)]
        if not stages:
            return _open(
                o, Reason.NO_DATA, f"no measured stage asks for more than {o.limit}: raise a rate"
            ).result
    return min((_judge(o, stage, run) for stage in stages), key=lambda judged: judged.rank).result


def _judge(o: Objective, stage: StageResult, run: _Run) -> _Judged:
    p0 = allowed_fraction(o)
    if stage.client_limited:
        why = f"the load generator was the limit, not the server: {stage.client_limited}"
        failed = None if stage.workers_lost else _failures(o, stage, run)
        return failed or _open(o, Reason.CLIENT_LIMITED, f"stage {stage.name}: {why}")
    if stage.uncertified and o.dimension in _OF_LATENCY:
        # Latencies can only be longer than they are told, so a breach is one.
        told = _proportion(o, stage, p0, run) if p0 is not None and stage.over_limit else None
        if told is None or told.result.verdict is not Verdict.BREACH:
            return _open(o, Reason.UNCERTIFIED, f"stage {stage.name}: {stage.uncertified}")
        return told
    if p0 is not None:
        return _proportion(o, stage, p0, run)
    upper_is_limit = o.max is not None
    alpha = (
        Alpha(low=run.levels.breach, high=run.levels.within)
        if upper_is_limit
        else Alpha(low=run.levels.within, high=run.levels.breach)
    )
    found = estimate(o, stage, run.pods, alpha)
    if isinstance(found, NoEstimate):
        return _no_estimate(o, stage, found)
    judged = _interval(o, stage, found)
    if of_tokens(o.limit) and judged.result.verdict is not Verdict.WITHIN and _kept_pace(stage):
        return _open(
            o,
            Reason.NO_DATA,
            f"stage {stage.name}: {show(o, found.value)}, as all that was asked for was answered: raise its rate to "
            f"show {o.limit}",
        )
    return judged


def _kept_pace(stage: StageResult) -> bool:
    """Whether the server answered as fast as it was asked: then its rate is the load's, and not its own."""
    sent, came = (float(units.parse_rate(rate)) for rate in (stage.achieved_rate, stage.answered_rate))
    return came >= _PACE * sent


def _proportion(o: Objective, stage: StageResult, p0: float, run: _Run) -> _Judged:
    """Tails, errors and accuracy: the exact certificate on the requests that are over."""
    counted = _counted(o, stage)
    if isinstance(counted, str):
        return _open(o, Reason.NO_DATA, f"stage {stage.name}: {counted}")
    n, over = counted.n, counted.least
    verdict = judge_fixed(n, over, p0, run.levels)
    if verdict is Verdict.WITHIN:
        within = judge_fixed(n, counted.most, p0, run.levels) is Verdict.WITHIN
        verdict, over = (verdict, over) if within else (Verdict.INCONCLUSIVE, counted.most)
    bounds = Alpha(low=run.levels.within, high=run.levels.within)
    seen = estimate(o, stage, run.pods, bounds)
    message = (
        f"stage {stage.name}: {over:,} of {count(n)} {what_is_over(o)} ({units.format_percent(over / n)}), "
        f"at most {units.format_percent(p0)} allowed"
    )
    if verdict is Verdict.INCONCLUSIVE:
        message += ": " + _more_requests(stage, n, over, p0, run)
    result = _result(o, verdict, message, seen if isinstance(seen, Estimate) else None)
    return _Judged(result.model_copy(update={"requests": n, "over_limit": over}), over / n / p0)


def _failures(o: Objective, stage: StageResult, run: _Run) -> _Judged | None:
    """A breach by answers that failed at the server: a client that was milliseconds late does not explain them."""
    p0 = allowed_fraction(o)
    if p0 is None or o.dimension is Dimension.QUALITY or not stage.requests:
        return None
    failed = sum(stage.error_kinds.get(kind, 0) for kind in OF_THE_SERVER)
    if judge_fixed(stage.requests, failed, p0, run.levels) is not Verdict.BREACH:
        return None
    message = (
        f"stage {stage.name}: {failed:,} of {count(stage.requests)} failed "
        f"({units.format_percent(failed / stage.requests)}), at most {units.format_percent(p0)} allowed"
    )
    result = ObjectiveResult(
        name=o.name,
        verdict=Verdict.BREACH,
        message=message[:1024],
        limit=o.limit,
        requests=stage.requests,
        over_limit=failed,
        enough=True,
    )
    return _Judged(result, failed / stage.requests / p0)


def _counted(o: Objective, stage: StageResult) -> Over | str:
    """Requests, and how many of them are over; or why there is no such count."""
    if o.dimension is Dimension.QUALITY:
        found = right_of(o, stage)
        return found if isinstance(found, str) else Over(found[0], *(found[0] - found[1],) * 2)
    if stage.requests == 0:
        return "no request was sent"
    if o.dimension in TOKEN_TIMES:
        return tokens_over(o, stage)
    over = stage.errors if o.dimension is Dimension.ERROR_RATE else over_latency(o, stage)
    return over if isinstance(over, str) else Over(stage.requests, over, over)


def _more_requests(stage: StageResult, n: int, over: int, p0: float, run: _Run) -> str:
    needed = requests_at_fraction(p0, run.levels.within, over / n)
    if needed is None or needed > _LONGEST * n:
        return "too close to the limit for a verdict"
    more = max(1, needed - n)
    rate = float(units.parse_rate(stage.requested_rate))
    wait = f": {span(more / rate)} more at {stage.requested_rate}" if rate > 0 else ""
    return f"too few for a verdict, send at least {count(needed)}{wait}"


def _interval(o: Objective, stage: StageResult, seen: Estimate) -> _Judged:
    """Means and rates: the interval against the limit."""
    limit = limit_value(o)
    if o.max is not None:
        badness, wanted = seen.value / limit, "at most"
        within, breach = seen.high <= limit, seen.low > limit
    else:
        badness, wanted = limit / seen.value if seen.value else math.inf, "at least"
        within, breach = seen.low >= limit, seen.high < limit
    verdict = Verdict.BREACH if breach else Verdict.WITHIN if within else Verdict.INCONCLUSIVE
    where = "" if o.shape.of_version else f"stage {stage.name}: "
    between = f" ({show(o, seen.low)} to {show(o, seen.high)})" if seen.low < seen.high else ""
    modelled = f", estimated from {seen.estimated}" if seen.estimated else ""
    message = f"{where}{show(o, seen.value)}{between}{modelled}, {wanted} {o.limit} allowed"
    if verdict is Verdict.INCONCLUSIVE:
        message += ": " + _longer(seen, limit)
    result = _result(o, verdict, message, seen).model_copy(update={"requests": stage.requests - stage.errors})
    if seen.estimated and result.reason is None:
        result = result.model_copy(update={"reason": Reason.ESTIMATED})
    return _Judged(result, badness)


def _longer(seen: Estimate, limit: float) -> str:
    """How much longer the stage must be for its interval to clear the limit; widths shrink with the root of time."""
    width = seen.high - seen.value if seen.value < limit else seen.value - seen.low
    distance = abs(limit - seen.value)
    if math.isinf(width):
        return "what was measured bounds it on one side only"
    times = math.ceil((width / distance) ** 2) if distance else _LONGEST + 1
    if times > _LONGEST:
        return "too close to the limit for a verdict"
    return f"too few requests for a verdict, make the stage about {max(2, times)} times as long"


def _no_estimate(o: Objective, stage: StageResult, found: NoEstimate) -> _Judged:
    longer = ": make the stage longer, or use fewer stages" if found.reason is Reason.TOO_FEW_REQUESTS else ""
    where = "" if o.shape.of_version else f"stage {stage.name}: "
    return _open(o, found.reason, f"{where}{found.why}{longer}")


def _result(o: Objective, verdict: Verdict, message: str, seen: Estimate | None) -> ObjectiveResult:
    return ObjectiveResult(
        name=o.name,
        verdict=verdict,
        reason=Reason.TOO_FEW_REQUESTS if verdict is Verdict.INCONCLUSIVE else None,
        message=message[:1024],
        limit=o.limit,
        observed=show(o, seen.value if seen else None),
        low=show(o, seen.low if seen else None),
        high=show(o, seen.high if seen else None),
        enough=verdict is not Verdict.INCONCLUSIVE,
    )


def _open(o: Objective, reason: Reason, message: str) -> _Judged:
    return _Judged(inconclusive(o, reason, message), math.inf)
