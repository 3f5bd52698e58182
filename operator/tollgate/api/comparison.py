"""How a candidate stands to a baseline, as status and records carry it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.base import Keyed, Model, Text
from tollgate.api.quantities import Factor
from tollgate.api.verdict import Quantity, Relation


class ParetoRelation(StrEnum):
    """A candidate against a baseline, over all objectives."""

    DOMINATES = "Dominates"
    EQUAL = "Equal"
    TRADE_OFF = "TradeOff"
    DOMINATED = "Dominated"
    UNKNOWN = "Unknown"


class Against(StrEnum):
    """What a candidate is compared with."""

    LAST_GOOD = "LastGood"
    APPROVED = "Approved"


class ObjectiveComparison(Model):
    """One objective against the baseline, in the measured stage in which it did worst."""

    name: Annotated[str, StringConstraints(max_length=63)] = Field(description="Name of the objective.")
    relation: Relation = Field(
        description="Better or Worse: the whole interval of the ratio is beyond the margin. Equal: no such "
        "difference was shown."
    )
    stage: Annotated[str, StringConstraints(max_length=32)] = Field("", description="Name of the stage.")
    candidate: Quantity = Field("", description="The candidate's value, with its unit.")
    baseline: Quantity = Field("", description="The baseline's value, with its unit.")
    ratio: Factor = Field("", description="Candidate over baseline: 1.05 is 5 % more.")
    low: Factor = Field("", description="Lower end of the ratio's interval.")
    high: Factor = Field("", description="Upper end of the ratio's interval; empty when it has none.")


class ComparisonResult(Model):
    """A candidate against one baseline."""

    against: Against = Field(
        description="LastGood: the version that serves. Approved: the approved baseline, so that many small "
        "losses show."
    )
    relation: ParetoRelation = Field(
        description="Dominates: better in one objective, worse in none. Dominated: worse in one, better in "
        "none. TradeOff: both. Equal: neither. Unknown: it could not be compared."
    )
    message: Text = Field("", description="The relation as a sentence, with the numbers.")
    objectives: Annotated[list[ObjectiveComparison], Field(max_length=32), Keyed("name")] = Field(
        default_factory=list, description="Each objective; empty where the two were not measured alike."
    )

    @property
    def comparable(self) -> bool:
        """True when both were measured alike."""
        return bool(self.objectives)
