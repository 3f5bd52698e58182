"""The three-valued verdict and the result of judging one objective, as status and records carry it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.base import Keyed, Model, Text

Quantity = Annotated[str, StringConstraints(max_length=64)]


class Verdict(StrEnum):
    """No data is `Inconclusive`: never a pass, never a reason to roll back."""

    WITHIN = "Within"
    BREACH = "Breach"
    INCONCLUSIVE = "Inconclusive"


class Reason(StrEnum):
    """Why an objective has no verdict; and, of a Breach that is none of the limit, what it is of."""

    TOO_FEW_REQUESTS = "TooFewRequests"
    BUCKET_RESOLUTION = "BucketResolution"
    MEAN_ONLY = "MeanOnly"
    SHARED_SERIES = "SharedSeries"
    NO_TRAFFIC = "NoTraffic"
    TOO_FEW_SCRAPES = "TooFewScrapes"
    PODS_NOT_SCRAPED = "PodsNotScraped"
    SERIES_MISSING = "SeriesMissing"
    INVALID_SAMPLES = "InvalidSamples"
    METRICS_UNAVAILABLE = "MetricsUnavailable"
    COST_UNKNOWN = "CostUnknown"
    LOW_LOAD = "LowLoad"
    ESTIMATED = "Estimated"
    CLIENT_LIMITED = "ClientLimited"
    UNCERTIFIED = "Uncertified"
    NO_DATA = "NoData"
    NOT_JUDGED_HERE = "NotJudgedHere"
    WORSE_THAN_STABLE = "WorseThanStable"


NOTHING_COUNTED = frozenset(
    {
        Reason.NO_TRAFFIC,
        Reason.TOO_FEW_SCRAPES,
        Reason.PODS_NOT_SCRAPED,
        Reason.SERIES_MISSING,
        Reason.INVALID_SAMPLES,
    }
)
"""The reasons that say only that no request was counted, or not each: after a few scrapes they may be gone."""


class Relation(StrEnum):
    """An objective, or a whole candidate, against the baseline."""

    BETTER = "Better"
    EQUAL = "Equal"
    WORSE = "Worse"
    UNKNOWN = "Unknown"


class ObjectiveResult(Model):
    """One objective judged once, with all that a reader needs to judge it again."""

    name: Annotated[str, StringConstraints(max_length=63)] = Field(description="Name of the objective.")
    verdict: Verdict = Field(description="Within, Breach or Inconclusive.")
    reason: Reason | None = Field(
        None,
        description="Why there is no verdict yet; or WorseThanStable, of a breach that is none of the limit; or "
        "Estimated, of one that rests on a model of the server and not on a meter.",
    )
    message: Text = Field(
        "", description="The verdict as a sentence, with what to do where something is missing."
    )
    limit: Quantity = Field("", description="The limit in force, with its unit.")
    observed: Quantity = Field(
        "", description="The point estimate, with its unit; empty when nothing was observed."
    )
    low: Quantity = Field("", description="Lower end of the interval at the budget's confidence.")
    high: Quantity = Field("", description="Upper end of the interval at the budget's confidence.")
    requests: int | None = Field(None, ge=0, description="Number of requests the verdict rests on.")
    over_limit: int | None = Field(None, ge=0, description="Requests slower than the limit, failed or wrong.")
    evidence_breach: Quantity = Field("", description="Natural logarithm of the evidence for a breach.")
    evidence_within: Quantity = Field("", description="Natural logarithm of the evidence for being within.")
    enough: bool = Field(
        False, description="True once a severe regression would have been caught with 95 % probability."
    )
    relation: Relation | None = Field(None, description="Against last-good: Better, Equal, Worse or Unknown.")
    relation_to_approved: Relation | None = Field(
        None, description="Against the approved baseline: Worse once many small losses have added up."
    )


Results = Annotated[list[ObjectiveResult], Field(max_length=32), Keyed("name")]
