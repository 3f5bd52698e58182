"""Operating points: the grid that a profile declares, what a point sets, and what was measured there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Distinct, Keyed, Model, NameRef, Rule, Text, checked
from tollgate.api.load import LoadRate
from tollgate.api.protocol import Parameter
from tollgate.api.quantities import DurationOrEmpty, Energy, MoneyOrEmpty, RateOrEmpty

MOST_POINTS = 24
_MOST_VALUES, _MOST_SETTINGS = 8, 2
_VARIED = ("rates", "concurrencies", "parameters", "environment")

_ONE_LOAD = "a sweep varies rates or concurrencies, not both"
_SOMETHING = "a sweep varies something: give it rates, concurrencies, parameters or environment"
_TOO_MANY = (
    f"a sweep has at most {MOST_POINTS} points, which is the product of the numbers of values: use fewer"
)
_ABOVE_ZERO = "rates of a sweep are above 0, such as 20req/s"

_Value = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Values = Annotated[list[_Value], Field(min_length=1, max_length=_MOST_VALUES), Distinct()]


def _number(field: str) -> str:
    return f"(has(self.{field}) ? self.{field}.size() : 0)"


def _size(field: str) -> str:
    return f"(has(self.{field}) && self.{field}.size() > 0 ? self.{field}.size() : 1)"


def _sizes(field: str) -> str:
    values = f"self.{field}[{{0}}].values.size()"
    each = [f"({_number(field)} > {i} ? {values.format(i)} : 1)" for i in range(_MOST_SETTINGS)]
    return " * ".join(each)


class ParameterValues(Model):
    """A field of every request's body, and the values it takes."""

    name: Annotated[str, StringConstraints(pattern=r"^[_a-zA-Z0-9]+$", min_length=1, max_length=64)] = Field(
        description="Name of the field, such as max_tokens."
    )
    values: _Values = Field(
        description='Its values as JSON: "128", "0.7", "true"; a string with its own quotes.'
    )


class EnvironmentValues(Model):
    """An environment variable of the model server, and the values it takes."""

    name: Annotated[
        str, StringConstraints(pattern=r"^[_a-zA-Z][_a-zA-Z0-9]*$", min_length=1, max_length=64)
    ] = Field(description="Name of the variable.")
    values: _Values = Field(description="Its values.")


class Setting(Model):
    """An environment variable of the model server."""

    name: Annotated[str, StringConstraints(max_length=64)] = Field(description="Name of the variable.")
    value: Annotated[str, StringConstraints(max_length=64)] = Field(description="Its value.")


class Sweep(Model):
    """Values of what can be set; each combination of them is an operating point."""

    model_config = checked(
        Rule(f"{_number('rates')} == 0 || {_number('concurrencies')} == 0", _ONE_LOAD),
        Rule(f"{' + '.join(map(_number, _VARIED))} > 0", _SOMETHING),
        Rule(f"!has(self.rates) || self.rates.all(r, r.matches('{units.NONZERO_PATTERN}'))", _ABOVE_ZERO),
        Rule(
            f"{_size('rates')} * {_size('concurrencies')} * {_sizes('parameters')} * {_sizes('environment')} "
            f"<= {MOST_POINTS}",
            _TOO_MANY,
        ),
    )

    rates: Annotated[list[LoadRate], Field(max_length=_MOST_VALUES), Distinct()] = Field(
        default_factory=list, description="Rates of the measured stage, in the place of its own load."
    )
    concurrencies: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(max_length=_MOST_VALUES)] = (
        Field(
            default_factory=list,
            description="Concurrencies of a closed loop, in the place of the measured stage's own load. In a closed "
            "loop no latency is judged: such points are compared, and only their quality can be certified.",
        )
    )
    parameters: Annotated[list[ParameterValues], Field(max_length=_MOST_SETTINGS), Keyed("name")] = Field(
        default_factory=list, description="Fields of each request, such as max_tokens or a threshold."
    )
    environment: Annotated[list[EnvironmentValues], Field(max_length=_MOST_SETTINGS), Keyed("name")] = Field(
        default_factory=list,
        description="Environment variables of the model server: of the container that has the profile's port, else of "
        "the first. Each combination of them is a copy of its own.",
    )
    replicas: int = Field(1, ge=1, le=16, description="Pods of the copy that is measured.")

    @model_validator(mode="after")
    def _is_a_grid(self) -> Sweep:
        if self.rates and self.concurrencies:
            raise ValueError(_ONE_LOAD)
        if not (self.rates or self.concurrencies or self.parameters or self.environment):
            raise ValueError(_SOMETHING)
        if any(not units.parse_rate(rate) for rate in self.rates):
            raise ValueError(_ABOVE_ZERO)
        if self.points > MOST_POINTS:
            raise ValueError(_TOO_MANY)
        return self

    @property
    def points(self) -> int:
        """How many combinations there are."""
        found = max(1, len(self.rates)) * max(1, len(self.concurrencies))
        for values in [s.values for s in self.parameters] + [s.values for s in self.environment]:
            found *= len(values)
        return found


class SweepRequest(Model):
    """Asks for the operating points of a Deployment."""

    budget_ref: NameRef | None = Field(
        None,
        description="EfficiencyBudget of this namespace. A point is feasible if all objectives are certified there.",
    )


class Point(Model):
    """What is set at an operating point; what is not, is as the profile has it."""

    rate: LoadRate | None = Field(None, description="Rate of the measured stage.")
    concurrency: int | None = Field(None, ge=1, le=1000, description="Concurrency of the measured stage.")
    parameters: Annotated[list[Parameter], Field(max_length=_MOST_SETTINGS), Keyed("name")] = Field(
        default_factory=list, description="Fields of each request."
    )
    environment: Annotated[list[Setting], Field(max_length=_MOST_SETTINGS), Keyed("name")] = Field(
        default_factory=list, description="Environment of the copy that is measured."
    )

    def __str__(self) -> str:
        said = [f"{setting.name}={setting.value}" for setting in self.environment]
        said += [f"{field.name}={field.value}" for field in self.parameters]
        said += [self.rate] if self.rate else []
        said += [f"concurrency {self.concurrency}"] if self.concurrency else []
        return ", ".join(said)


class OperatingPoint(Model):
    """What was measured at a point."""

    number: int = Field(ge=1, le=MOST_POINTS, description="Its place in the grid, from 1.")
    settings: Annotated[str, StringConstraints(max_length=640)] = Field(description="What is set there.")
    phase: Literal["Pending", "Measured", "Failed"] = Field("Pending", description="Where it is.")
    quality: Annotated[str, StringConstraints(max_length=16)] = Field(
        "", description="Share of the right answers; empty without expected outputs."
    )
    p99: DurationOrEmpty = Field("", description="99th percentile of the latency.")
    throughput: RateOrEmpty = Field("", description="Good answers per second, of all pods together.")
    cost: MoneyOrEmpty = Field(
        "", description="Cost of 1,000 good answers; empty when the price of a pod is not known."
    )
    energy: Energy | None = Field(
        None,
        description="Energy of 1,000 good answers; absent where the Benchmark names no MetricProfile with an energy "
        "series, or it was not known.",
    )
    feasible: Literal["", "Yes", "No", "Unknown"] = Field(
        "",
        description="Yes: every objective of the budget is certified. No: one is breached. Unknown: too little was "
        "seen. Empty without a budget.",
    )
    dominated_by: int | None = Field(
        None,
        ge=1,
        le=MOST_POINTS,
        description="Number of a point that is at least as good in all that was measured of both, and better in "
        "something. None on the frontier, and where there is no measurement.",
    )
    message: Text = Field("", description="Why it is not feasible, or was not measured.")
