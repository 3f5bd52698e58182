"""Stress in a stage of load: a peak, a mix of inputs, and a surge with what came after it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api import units
from tollgate.api.base import Model
from tollgate.api.quantities import Count, Duration, DurationOrEmpty

Times = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,2}(\.[0-9]{1,3})?$", max_length=7)]
WholePercent = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]?|100)%$", max_length=4)]
GroupName = Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$", min_length=1, max_length=32)]

MOST_GROUPS = 8


class Peak(Model):
    """A rate that is so many times that of another stage."""

    of: Annotated[str, StringConstraints(min_length=1, max_length=32)] = Field(
        description="Name of the other stage, which has a rate of its own."
    )
    times: Times = Field(description="Its rate is multiplied by this, such as 2.5.")


class GroupShare(Model):
    """How many of a stage's requests carry inputs of a group."""

    group: GroupName = Field(description="The group: items of the dataset name theirs.")
    share: WholePercent = Field(description="Its share of the requests, such as 30%.")

    @property
    def fraction(self) -> Decimal:
        """The share between 0 and 1."""
        return units.parse_percent(self.share)


class Recovery(Model):
    """How a server took a surge, and when it was itself again. Reported, not judged."""

    surge: Count = Field(description="Requests of the surge that were sent.")
    failed: Count = Field(description="Of these, those that failed.")
    at: Duration = Field(description="When they were due, from the start of the stage.")
    usual: Duration = Field(
        description="95th percentile of the latency of the requests that were due before."
    )
    slowest: Duration = Field(
        description="Latency of the slowest request that was due in the surge or after it."
    )
    drained: DurationOrEmpty = Field(
        "", description="From the surge until all of it was answered; empty when some of it failed."
    )
    recovered: DurationOrEmpty = Field(
        "",
        description="From the surge until requests were as quick as before it: until the first 20 in a row were due of "
        "which no more than 2 took longer than the usual. Empty when the stage ended before that.",
    )
