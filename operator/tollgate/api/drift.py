"""Drift: what serves does worse than it did when it was approved, at the same load and with the same sort of input."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Keyed, Model, Revision, Rule, Text, checked
from tollgate.api.objective import ObjectiveName, Statistic
from tollgate.api.quantities import Number
from tollgate.api.verdict import Quantity

MOST_STRATA = 24

_RATIO = "ratio is a number above 1, such as 1.5"
_Correlation = Annotated[str, StringConstraints(pattern=r"^-?[01]\.[0-9]{2}$", max_length=5)]
_Row = Annotated[str, StringConstraints(pattern=r"^[-:a-zA-Z0-9,. ]+$", max_length=160)]


class Drift(Model):
    """When what serves counts as another than it was."""

    model_config = checked(Rule("!has(self.ratio) || double(self.ratio) > 1.0", _RATIO, "ratio"))

    ratio: Annotated[str, StringConstraints(pattern=rf"^{units.NUMBER}$", max_length=22)] = Field(
        "1.5",
        description="It has drifted once requests are over a limit, or fail, so many times as often as they did at the "
        "same load and with the same sort of input; they may still keep the limit.",
    )
    reference_hours: int = Field(
        24,
        ge=1,
        le=168,
        description="For so long after its approval it is counted what a version does: that it is held against.",
    )

    @model_validator(mode="after")
    def _above_one(self) -> Self:
        if float(self.ratio) <= 1:
            raise ValueError(f"{_RATIO}, not {self.ratio!r}")
        return self


class DriftOfObjective(Model):
    """What was counted of an objective, by load and sort of input."""

    name: ObjectiveName = Field(description="Name of the objective.")
    statistic: Statistic | None = Field(None, description="The statistic that the limit is for.")
    limit: Quantity = Field(
        description="The limit over which requests are counted; under another it begins anew."
    )
    load_correlation: _Correlation | None = Field(
        None,
        description="Rank correlation (Spearman), from -1 to 1, of the objective with the load of a pod, over the "
        "stretches of the last window of requests.",
    )
    clumping: Number = Field(
        "1", description="By how much counts are divided, as slow requests come in clumps."
    )
    evidence: Quantity = Field("", description="Logarithm of the evidence of a drift in the present period.")
    strata: Annotated[list[_Row], Field(max_length=MOST_STRATA)] = Field(
        default_factory=list,
        description="By load and sort of input: its bins, then requests and those over the limit, of the reference and "
        "of the present period. Bins of the load are a factor of 2 wide, those of the input a factor of 1.25.",
    )


class DriftFinding(Model):
    """That what serves has drifted."""

    objective: ObjectiveName = Field(description="Name of the objective.")
    at: datetime = Field(description="When it was found.")
    message: Text = Field(description="How much, at which load, against when.")


class DriftState(Model):
    """What the version that serves did, and does."""

    revision: Revision = Field(description="The revision that is followed.")
    since: datetime = Field(description="From when on it is: its approval, or the Benchmark after a finding.")
    period_since: datetime | None = Field(
        None, description="Start of the present period of a day. Absent while the reference is counted."
    )
    objectives: Annotated[list[DriftOfObjective], Field(max_length=32), Keyed("name")] = Field(
        default_factory=list, description="The objectives that are followed."
    )
    found: DriftFinding | None = Field(None, description="The finding, until it is measured again.")
