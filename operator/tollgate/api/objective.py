"""One objective of a budget: a dimension, how it is summarised, and a limit with its unit.

The table `_SHAPES` says what each dimension takes. pydantic and the API server check by it alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Model, Rule, checked
from tollgate.api.verdict import Quantity

ObjectiveName = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
Limit = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Regression = Annotated[str, StringConstraints(pattern=units.PERCENT_PATTERN, max_length=16)]


class Dimension(StrEnum):
    """What can be limited in this version."""

    LATENCY = "Latency"
    ERROR_RATE = "ErrorRate"
    COST = "Cost"
    QUALITY = "Quality"
    CALIBRATION_ERROR = "CalibrationError"
    THROUGHPUT = "Throughput"


class Statistic(StrEnum):
    """How a latency distribution is summarised."""

    MEAN = "Mean"
    P50 = "P50"
    P90 = "P90"
    P95 = "P95"
    P99 = "P99"
    P999 = "P999"

    @property
    def tail(self) -> Decimal | None:
        """The share of requests allowed over the limit (P99 -> 0.01); None for the mean."""
        return None if self is Statistic.MEAN else 1 - Decimal("0." + self.value[1:])


class CostPer(StrEnum):
    """What a cost is divided by."""

    REQUEST = "Request"
    THOUSAND_REQUESTS = "1kRequests"
    CORRECT_ANSWER = "CorrectAnswer"
    ACCEPTED_OUTCOME = "AcceptedOutcome"

    @property
    def requests(self) -> int:
        """How many of what is counted the unit stands for."""
        return 1000 if self is CostPer.THOUSAND_REQUESTS else 1

    @property
    def of_requests(self) -> bool:
        """Whether every answered request counts, whatever it says."""
        return self in (CostPer.REQUEST, CostPer.THOUSAND_REQUESTS)


class Metric(StrEnum):
    """What of the answers is limited."""

    ACCURACY = "Accuracy"
    F1 = "F1"
    F1_MACRO = "F1Macro"
    F1_MICRO = "F1Micro"

    @property
    def is_share(self) -> bool:
        """Whether it is a share of the scored requests."""
        return self in (Metric.ACCURACY, Metric.F1_MICRO)


@dataclass(frozen=True)
class _Shape:
    """What a dimension takes: which bound, which other field, and how the bound is written."""

    bound: Literal["max", "min"]
    needs: tuple[str, ...]
    pattern: str
    example: str

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.bound, *self.needs)

    def accepts(self, limit: str) -> bool:
        return all(re.search(pattern, limit) for pattern in (self.pattern, units.NONZERO_PATTERN))


_SHAPES = {
    Dimension.LATENCY: _Shape(
        "max", ("statistic",), units.DURATION_PATTERN, "a duration above 0, such as 250ms or 1.5s"
    ),
    Dimension.ERROR_RATE: _Shape(
        "max", (), units.BELOW_ALL_PERCENT_PATTERN, "a percentage between 0 and 100, such as 0.5%"
    ),
    Dimension.COST: _Shape(
        "max", ("per",), units.MONEY_PATTERN, "an amount above 0 with its currency, such as 0.40USD"
    ),
    Dimension.QUALITY: _Shape(
        "min", ("metric",), units.BELOW_ONE_PATTERN, "a fraction between 0 and 1, such as 0.95"
    ),
    Dimension.CALIBRATION_ERROR: _Shape(
        "max", (), units.BELOW_ONE_PATTERN, "a fraction between 0 and 1, such as 0.05"
    ),
    Dimension.THROUGHPUT: _Shape("min", (), units.RATE_PATTERN, "a rate above 0, such as 30req/s"),
}
_WITHIN = "within is for Quality with the metric Accuracy: an answer that comes later is a wrong one"
_CHOSEN_BY_DIMENSION = ("statistic", "per", "metric", "max", "min")


def _takes(dimension: Dimension) -> str:
    return f"{dimension} takes exactly {' and '.join(_SHAPES[dimension].fields)}"


def _written_as(dimension: Dimension) -> str:
    return f"{dimension}: write {_SHAPES[dimension].bound} as {_SHAPES[dimension].example}"


def _shape_rules() -> list[Rule]:
    """`_SHAPES` in CEL."""
    rules = [Rule("!has(self.within) || (has(self.metric) && self.metric == 'Accuracy')", _WITHIN)]
    for dimension, shape in _SHAPES.items():
        other = f"self.dimension != '{dimension}'"
        given = " && ".join(
            f"has(self.{field})" if field in shape.fields else f"!has(self.{field})"
            for field in _CHOSEN_BY_DIMENSION
        )
        bound = f"self.{shape.bound}"
        rules.append(Rule(f"{other} || ({given})", _takes(dimension)))
        right = " && ".join(f"{bound}.matches(r'{p}')" for p in (shape.pattern, units.NONZERO_PATTERN))
        rules.append(Rule(f"{other} || !has({bound}) || ({right})", _written_as(dimension), shape.bound))
    return rules


class Objective(Model):
    """One limit. It has a veto: nothing outweighs it."""

    model_config = checked(*_shape_rules())

    name: ObjectiveName = Field(
        description="Short name, unique in the budget; status and records refer to it."
    )
    dimension: Dimension = Field(
        description="What is limited. Latency: statistic and max, a duration. ErrorRate: max, a percentage "
        "of the requests. Cost: per and max, an amount of money. Quality: metric and min, a fraction. "
        "CalibrationError: max, a fraction. Throughput: min, a rate that the benchmark must have answered."
    )
    statistic: Statistic | None = Field(
        None, description="Latency only: the mean, or the percentile that is limited (P999 is 99.9 %)."
    )
    per: CostPer | None = Field(
        None,
        description="Cost only: the amount is for one request or for a thousand; or, in the benchmark, for each answer "
        "that is right or each outcome that was accepted.",
    )
    metric: Metric | None = Field(
        None,
        description="Quality only: Accuracy, the share of the benchmark's requests that are answered as expected; F1, "
        "of the positive class; F1Macro, the mean of the F1 of all classes; F1Micro, of all at once, which is the "
        "accuracy.",
    )
    within: Annotated[str, StringConstraints(pattern=units.DURATION_PATTERN, max_length=32)] | None = Field(
        None,
        description="Accuracy only: an answer that comes later than this, from when its request was due, is a wrong "
        "one.",
    )
    stage: Annotated[str, StringConstraints(min_length=1, max_length=32)] | None = Field(
        None,
        description="The one stage of the BenchmarkProfile that is judged by it, such as a peak or one on shifted "
        "inputs; live traffic is not. Default: every stage, and live traffic.",
    )
    max: Limit | None = Field(None, description="Upper limit with its unit: 250ms, 0.40USD or 0.5%.")
    min: Limit | None = Field(None, description="Lower limit with its unit: 0.95 or 30req/s.")
    max_regression: Regression | None = Field(
        None,
        description="How much worse than last-good still counts as equal, relative to its value. Default "
        "5%: a mean of 104ms equals one of 100ms. Where it is given for a percentile or an ErrorRate, a canary is "
        "also compared with the stable version beside it: with 10%, it is refused as WorseThanStable once its "
        "requests are clearly over the limit, or fail, more than 1.1 times as often, though it keeps the limit. "
        "Not where the benchmark showed it to be worse and it was let through.",
    )

    @model_validator(mode="after")
    def _has_the_shape(self) -> Objective:
        shape = _SHAPES[self.dimension]
        given = {field for field in _CHOSEN_BY_DIMENSION if getattr(self, field) is not None}
        if given != set(shape.fields):
            raise ValueError(_takes(self.dimension))
        if not shape.accepts(self.limit):
            raise ValueError(f"{_written_as(self.dimension)}, not {self.limit!r}")
        if self.within is not None and self.metric is not Metric.ACCURACY:
            raise ValueError(_WITHIN)
        return self

    @property
    def limit(self) -> str:
        """The limit as written."""
        return self.max or self.min or ""

    @property
    def margin(self) -> Decimal:
        """The regression that still counts as equal, as a fraction."""
        return units.parse_percent(self.max_regression or "5%")


def objective_quantity(objective: Objective) -> Quantity:
    """How the limit reads in a sentence: `p99 <= 250ms`."""
    what = objective.statistic.value.lower() if objective.statistic else objective.dimension.value
    if objective.metric not in (None, Metric.ACCURACY):
        what = str(objective.metric)
    per = f" per {objective.per}" if objective.per else ""
    per += f" within {objective.within}" if objective.within else ""
    per += f" in stage {objective.stage}" if objective.stage else ""
    return f"{what} {'<=' if objective.max else '>='} {objective.limit}{per}"
