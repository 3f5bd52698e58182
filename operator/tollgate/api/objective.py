"""One objective of a budget: a dimension, how it is summarised, and a limit with its unit.

The table `dimension.SHAPES` says what each dimension takes. pydantic and the API server check by it alike.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Model, Rule, checked
from tollgate.api.counting import Goal
from tollgate.api.dimension import SHAPES, Dimension, Metric, Per, Shape, Statistic
from tollgate.api.form import of_tokens
from tollgate.api.quality import ScoreName
from tollgate.api.verdict import Quantity

__all__ = [
    "Amortized",
    "Dimension",
    "Limit",
    "Metric",
    "Objective",
    "ObjectiveName",
    "Per",
    "Statistic",
    "objective_quantity",
]

ObjectiveName = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
Limit = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Regression = Annotated[str, StringConstraints(pattern=units.PERCENT_PATTERN, max_length=16)]

_WITHIN = "within is for ViolationRate, and for Quality with the metric Accuracy: what comes later is a wrong answer"
_AMORTIZED = "amortized is for Cost, in the currency of its limit"
_NO_STAGE = "QueueTime is judged in live traffic only, and no stage of a benchmark is: leave stage out"
_MEASURED = "measured is for Energy: an estimate is then no verdict"
_SCORE = (
    "score is for Quality with the metric Score: the name of one of the BenchmarkProfile's scoring.scores"
)
_CHOICES = ("statistic", "per", "metric")
_BOUNDS = ("max", "min")
_CHOSEN_BY_DIMENSION = (*_CHOICES, "meets", *_BOUNDS)


def _takes(dimension: Dimension) -> str:
    return f"{dimension} takes exactly {SHAPES[dimension].takes}"


def _written_as(dimension: Dimension) -> str:
    shape = SHAPES[dimension]
    return f"{dimension}: write {' or '.join(shape.bounds)} as {shape.form.example}"


def _one_of(dimension: Dimension, field: str) -> str:
    return f"{dimension}: {field} is one of {', '.join(SHAPES[dimension].choices[field])}"


class Amortized(Model):
    """What was spent once, such as on training, spread over the requests that it is for."""

    total: Annotated[str, StringConstraints(pattern=units.MONEY_PATTERN, max_length=32)] = Field(
        description="What was spent, in the currency of the limit, such as 12000USD."
    )
    requests: int = Field(ge=1, le=10**15, description="Over how many requests it is spread.")

    @property
    def per_request(self) -> float:
        """What one request bears of it, in the currency."""
        return float(units.parse_money(self.total).amount / self.requests)


def _shape_rules() -> list[Rule]:
    """`SHAPES` in CEL."""
    rules = [
        Rule(
            "!has(self.within) || self.dimension == 'ViolationRate' || "
            "(has(self.metric) && self.metric == 'Accuracy')",
            _WITHIN,
        ),
        Rule(
            "!has(self.amortized) || (self.dimension == 'Cost' && has(self.max) && "
            "self.max.size() > 3 && self.amortized.total.endsWith(self.max.substring(self.max.size() - 3)))",
            _AMORTIZED,
        ),
        Rule("has(self.score) == (has(self.metric) && self.metric == 'Score')", _SCORE),
        Rule("!has(self.stage) || self.dimension != 'QueueTime'", _NO_STAGE),
        Rule("!has(self.measured) || !self.measured || self.dimension == 'Energy'", _MEASURED),
    ]
    for dimension, shape in SHAPES.items():
        other = f"self.dimension != '{dimension}'"
        rules.append(Rule(f"{other} || ({_given(shape)})", _takes(dimension)))
        for field, values in shape.choices.items():
            if len(values) < len(type(values[0])):
                allowed = f"self.{field} in {[str(value) for value in values]}"
                rules.append(
                    Rule(f"{other} || !has(self.{field}) || {allowed}", _one_of(dimension, field), field)
                )
        for bound in shape.bounds:
            here = f"self.{bound}"
            right = " && ".join(
                f"{here}.matches(r'{p}')" for p in (shape.form.pattern, units.NONZERO_PATTERN)
            )
            rules.append(Rule(f"{other} || !has({here}) || ({right})", _written_as(dimension), bound))
    return rules


def _given(shape: Shape) -> str:
    wanted = {*shape.choices, *shape.needs}
    terms = [f"{'' if field in wanted else '!'}has(self.{field})" for field in (*_CHOICES, "meets")]
    if "within" in shape.needs:
        terms.append("has(self.within)")
    has = [f"has(self.{bound})" for bound in _BOUNDS]
    if len(shape.bounds) > 1:
        terms.append(f"{has[0]} != {has[1]}")
    else:
        terms += [
            one if bound in shape.bounds else f"!{one}" for bound, one in zip(_BOUNDS, has, strict=True)
        ]
    return " && ".join(terms)


def _dimensions() -> str:
    return " ".join(f"{dimension}: {shape.takes}." for dimension, shape in SHAPES.items())


class Objective(Model):
    """One limit. It has a veto: nothing outweighs it."""

    model_config = checked(*_shape_rules())

    name: ObjectiveName = Field(
        description="Short name, unique in the budget; status and records refer to it."
    )
    dimension: Dimension = Field(description=f"What is limited, and what that takes. {_dimensions()}")
    statistic: Statistic | None = Field(
        None, description="Times only: the mean, or the percentile that is limited (P999 is 99.9 %)."
    )
    per: Per | None = Field(
        None,
        description="Cost, Energy and Compute: what the amount is for. Tokens are generated ones. For each answer that "
        "is right, each outcome that was accepted and each token it is judged in the benchmark only.",
    )
    metric: Metric | None = Field(
        None,
        description="Quality: Accuracy, the share of the benchmark's requests that are answered as expected; F1, "
        "of the positive class; F1Macro, the mean of the F1 of all classes; F1Micro, of all at once, which is the "
        "accuracy; Score, the mean of a score that the answers tell. Variability: CoefficientOfVariation, P99ToP50 or "
        "BetweenInputs. Tokens: Input, Output or Total.",
    )
    score: ScoreName | None = Field(
        None,
        description="The metric Score: which one, by its name in scoring.scores of the BenchmarkProfile.",
    )
    within: Annotated[str, StringConstraints(pattern=units.DURATION_PATTERN, max_length=32)] | None = Field(
        None,
        description="ViolationRate: an answer that comes later than this, from when its request was due, violates it. "
        "Accuracy: it is a wrong one.",
    )
    meets: Goal | None = Field(None, description="Goodput: the times that an answer must keep, all of them.")
    amortized: Amortized | None = Field(
        None,
        description="Cost only: what was spent once, such as on training; its share is added to the cost of each "
        "request. Default: what serving costs, alone.",
    )
    measured: bool | None = Field(
        None,
        description="Energy: true where only a meter counts, and no estimate from CPU seconds or of a share of a GPU.",
    )
    owner: Annotated[str, StringConstraints(min_length=1, max_length=63)] | None = Field(
        None, description="Who answers for this limit: a role of the budget's owners. A breach names them."
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
        "5%: a mean of 104ms equals one of 100ms. Where it is given for a percentile, a ViolationRate or an ErrorRate, "
        "a canary is also compared with the stable version beside it: with 10%, it is refused as WorseThanStable once "
        "its requests are clearly over the limit, or fail, more than 1.1 times as often, though it keeps the limit. "
        "Not where the benchmark showed it to be worse and it was let through.",
    )

    @model_validator(mode="after")
    def _has_the_shape(self) -> Objective:
        shape = SHAPES[self.dimension]
        wanted = {*shape.choices, *shape.needs} - {"within"}
        given = {field for field in _CHOSEN_BY_DIMENSION if getattr(self, field) is not None}
        bounds = given & set(_BOUNDS)
        lacks_within = "within" in shape.needs and self.within is None
        if given - bounds != wanted or len(bounds) != 1 or not bounds <= set(shape.bounds) or lacks_within:
            raise ValueError(_takes(self.dimension))
        for field, values in shape.choices.items():
            if getattr(self, field) not in values:
                raise ValueError(f"{_one_of(self.dimension, field)}, not {str(getattr(self, field))!r}")
        if not shape.accepts(self.limit):
            raise ValueError(f"{_written_as(self.dimension)}, not {self.limit!r}")
        if self.within and self.dimension is not Dimension.VIOLATION_RATE and self.metric != Metric.ACCURACY:
            raise ValueError(_WITHIN)
        if self.amortized and not (
            self.dimension is Dimension.COST and self.amortized.total[-3:] == self.limit[-3:]
        ):
            raise ValueError(_AMORTIZED)
        if self.measured and self.dimension is not Dimension.ENERGY:
            raise ValueError(_MEASURED)
        if (self.score is not None) != (self.metric is Metric.SCORE):
            raise ValueError(_SCORE)
        if self.stage and not shape.benchmark:
            raise ValueError(_NO_STAGE)
        return self

    @property
    def shape(self) -> Shape:
        """What its dimension takes."""
        return SHAPES[self.dimension]

    @property
    def limit(self) -> str:
        """The limit as written."""
        return self.max or self.min or ""

    @property
    def unit(self) -> str:
        """What the limit counts, where its dimension has several: a currency, J or gCO2e, requests or tokens."""
        match self.dimension:
            case Dimension.COST:
                return units.parse_money(self.limit).currency
            case Dimension.ENERGY:
                return units.parse_energy_limit(self.limit).kind
            case Dimension.PARAMETERS:
                return units.parse_model_size(self.limit).kind
            case Dimension.THROUGHPUT:
                return "tokens" if of_tokens(self.limit) else "requests"
            case _:
                return ""

    @property
    def margin(self) -> Decimal:
        """The regression that still counts as equal, as a fraction."""
        return units.parse_percent(self.max_regression or "5%")


def objective_quantity(objective: Objective) -> Quantity:
    """How the limit reads in a sentence: `p99 <= 250ms`."""
    o = objective
    what = o.dimension.value
    if o.statistic:
        what = o.statistic.value.lower()
        if o.dimension is not Dimension.LATENCY:
            what = f"{o.dimension} {what}"
    elif o.metric is not None and o.dimension is not Dimension.QUALITY:
        what = f"{o.dimension} {o.metric}"
    elif o.score is not None:
        what = o.score
    elif o.metric not in (None, Metric.ACCURACY):
        what = str(o.metric)
    per = f" per {o.per}" if o.per else ""
    per += f" within {o.within}" if o.within else ""
    per += f" ({o.meets})" if o.meets else ""
    per += f" in stage {o.stage}" if o.stage else ""
    return f"{what} {'<=' if o.max else '>='} {o.limit}{per}"
