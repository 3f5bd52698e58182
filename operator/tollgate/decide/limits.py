"""An objective as numbers, and numbers as the objective's own text.

Values of every dimension are floats in base units here: seconds, fractions of requests, currency units (per the
objective's `per`), requests per second. `api.units` knows how they are written.
"""

from __future__ import annotations

import math
from decimal import Decimal

from tollgate.api import units
from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.measure.cost import CostUnknown, PodCost


def limit_value(objective: Objective) -> float:
    """The limit in base units."""
    match objective.dimension:
        case Dimension.LATENCY:
            return float(units.parse_duration(objective.limit))
        case Dimension.ERROR_RATE:
            return float(units.parse_percent(objective.limit))
        case Dimension.COST:
            return float(units.parse_money(objective.limit).amount)
        case Dimension.QUALITY | Dimension.CALIBRATION_ERROR:
            return float(units.parse_fraction(objective.limit))
        case Dimension.THROUGHPUT:
            return float(units.parse_rate(objective.limit))


def allowed_fraction(objective: Objective) -> float | None:
    """The fraction of requests that may be slow, fail or be wrong (p0); None for a mean or a rate."""
    match objective.dimension:
        case Dimension.LATENCY:
            tail = objective.statistic.tail if objective.statistic else None
            return None if tail is None else float(tail)
        case Dimension.ERROR_RATE:
            return limit_value(objective)
        case Dimension.QUALITY if objective.metric and objective.metric.is_share:
            return float(1 - units.parse_fraction(objective.limit))
        case _:
            return None


def tail_limit(objective: Objective) -> Decimal | None:
    """The latency, in seconds, over which requests are counted; None for all but the tails of latency."""
    if objective.dimension is Dimension.LATENCY and allowed_fraction(objective) is not None:
        return units.parse_duration(objective.limit)
    return None


def price_per_second(objective: Objective, cost: PodCost | CostUnknown | None) -> float | CostUnknown:
    """What a second of one pod costs, times the requests (1 or 1,000) that the limit is for."""
    assert objective.per is not None
    if cost is None:
        return CostUnknown("the cost of a pod is not known")
    if isinstance(cost, CostUnknown):
        return cost
    currency = units.parse_money(objective.limit).currency
    if currency != cost.currency:
        return CostUnknown(
            f"the limit is in {currency} and the prices are in {cost.currency}: use one currency"
        )
    return cost.per_second * objective.per.requests


def show(objective: Objective, value: float | None) -> str:
    """A value of the objective with its unit, such as `212ms`; empty for None and for what is not finite."""
    if value is None or not math.isfinite(value):
        return ""
    match objective.dimension:
        case Dimension.LATENCY:
            return units.format_duration(value)
        case Dimension.ERROR_RATE:
            return units.format_percent(value)
        case Dimension.COST:
            return units.format_money(value, units.parse_money(objective.limit).currency)
        case Dimension.QUALITY | Dimension.CALIBRATION_ERROR:
            return units.format_number(value)
        case Dimension.THROUGHPUT:
            return units.format_rate(value)


def what_is_over(objective: Objective) -> str:
    """How the counted requests of a proportion read: `slower than 250ms`."""
    match objective.dimension:
        case Dimension.LATENCY:
            return f"slower than {objective.limit}"
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
