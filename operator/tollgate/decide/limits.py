"""An objective as numbers, and numbers as the objective's own text.

Values of every dimension are floats in base units here: seconds, fractions of requests, currency units (per the
objective's `per`), requests per second. `api.units` knows how they are written.
"""

from __future__ import annotations

import math
from decimal import Decimal

from tollgate.api import units
from tollgate.api.benchmark import StageResult
from tollgate.api.dimension import SERIES_OF_TIMES
from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.measure.cost import CostUnknown, PodCost


def limit_value(objective: Objective) -> float:
    """The limit in base units."""
    return float(objective.shape.form.parse(objective.limit))


def allowed_fraction(objective: Objective) -> float | None:
    """The fraction of requests that may be slow, fail or be wrong (p0); None for a mean, a rate or a reading."""
    match objective.dimension:
        case Dimension.ERROR_RATE | Dimension.VIOLATION_RATE:
            return limit_value(objective)
        case Dimension.QUALITY if objective.metric and objective.metric.is_share:
            return float(1 - units.parse_fraction(objective.limit))
        case _:
            tail = objective.statistic.tail if objective.statistic else None
            return None if tail is None else float(tail)


def tail_limit(objective: Objective) -> Decimal | None:
    """The latency, in seconds, over which requests are counted; None for what is no such count."""
    if objective.dimension is Dimension.VIOLATION_RATE:
        return units.parse_duration(objective.within or "")
    if objective.dimension is Dimension.LATENCY and allowed_fraction(objective) is not None:
        return units.parse_duration(objective.limit)
    return None


def live_tail(objective: Objective) -> Decimal | None:
    """The same in live traffic, where times of tokens and of the queue are counted by their own series."""
    if objective.dimension in SERIES_OF_TIMES and allowed_fraction(objective) is not None:
        return units.parse_duration(objective.limit)
    return tail_limit(objective)


def counted_noun(objective: Objective) -> str:
    """What is counted in live traffic, one by one."""
    return "token" if objective.dimension is Dimension.INTER_TOKEN_LATENCY else "request"


def over_latency(objective: Objective, stage: StageResult) -> int | str:
    """Requests of a benchmark that were slower than the objective's latency; or why nobody knows."""
    limit = tail_limit(objective)
    over = next((c.requests for c in stage.over_limit if units.parse_duration(c.limit) == limit), None)
    if over is not None:
        return over
    return f"requests slower than {slow_at(objective)} were not counted: measure again with this limit"


def slow_at(objective: Objective) -> str:
    """The latency over which requests are counted, as it is written."""
    return objective.within or objective.limit


def price_per_second(objective: Objective, cost: PodCost | CostUnknown | None) -> float | CostUnknown:
    """What a second of one pod costs, times the requests (1 or 1,000) that the limit is for."""
    assert objective.per is not None
    price = currency_price(objective, cost)
    return price if isinstance(price, CostUnknown) else price * objective.per.times


def amortized(objective: Objective) -> float:
    """What was spent once, for each request, in the currency of the limit; 0 where nothing is added."""
    return objective.amortized.per_request if objective.amortized else 0.0


def currency_price(objective: Objective, cost: PodCost | CostUnknown | None) -> float | CostUnknown:
    """What a second of one pod costs, in the currency of the limit."""
    if cost is None:
        return CostUnknown("the cost of a pod is not known")
    if isinstance(cost, CostUnknown):
        return cost
    currency = units.parse_money(objective.limit).currency
    if currency != cost.currency:
        return CostUnknown(
            f"the limit is in {currency} and the prices are in {cost.currency}: use one currency"
        )
    return cost.per_second


def show(objective: Objective, value: float | None) -> str:
    """A value of the objective with its unit, such as `212ms`; empty for None and for what is not finite."""
    if value is None or not math.isfinite(value):
        return ""
    return objective.shape.form.show(value, objective.limit)


def what_is_over(objective: Objective) -> str:
    """How the counted requests of a proportion read: `slower than 250ms`."""
    match objective.dimension:
        case Dimension.LATENCY | Dimension.VIOLATION_RATE:
            return f"slower than {slow_at(objective)}"
        case _ if objective.dimension in SERIES_OF_TIMES:
            return f"over {objective.limit}"
        case Dimension.QUALITY:
            return "not as expected" + (f" within {objective.within}" if objective.within else "")
        case _:
            return "failed"


def count(number: int, noun: str = "request") -> str:
    """`1 request`, `12,000 requests`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def span(seconds: float) -> str:
    """A time to wait, rounded up: `40 s`, `12 min`, `3 h`, `2 days`."""
    for unit, size, until in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 72)):
        if seconds <= until * size:
            return f"{math.ceil(seconds / size)} {unit}"
    return f"{math.ceil(seconds / 86400)} days"


def inconclusive(objective: Objective, reason: Reason, message: str) -> ObjectiveResult:
    """A result without a verdict, as nothing was observed that could be shown."""
    return ObjectiveResult(
        name=objective.name,
        verdict=Verdict.INCONCLUSIVE,
        reason=reason,
        message=message[:1024],
        limit=objective.limit,
    )
