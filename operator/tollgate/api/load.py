"""A stage of load: how many requests, and when each is due. Part of a `BenchmarkProfile`."""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Model, Rule, checked


class Arrival(StrEnum):
    """How requests are spaced in an open-loop stage."""

    POISSON = "Poisson"
    CONSTANT = "Constant"


_RATE_ABOVE_ZERO = "write rate as requests per second above 0, such as 40req/s"
_ONE_LENGTH = "a stage has either durationSeconds or requests: write one of them"
_LONGEST = 3600  # seconds of a stage


class LoadStage(Model):
    """A stretch of open-loop load. Requests are sent when due, whether or not earlier ones were answered."""

    model_config = checked(
        Rule(f"self.rate.matches('{units.NONZERO_PATTERN}')", _RATE_ABOVE_ZERO, "rate"),
        Rule("has(self.durationSeconds) != has(self.requests)", _ONE_LENGTH),
    )

    name: Annotated[
        str, StringConstraints(min_length=1, max_length=32, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    ] = Field(description="Name of the stage.")
    warm_up: bool = Field(False, description="True: the stage is run and reported, but never judged.")
    arrival: Arrival = Field(Arrival.POISSON, description="Poisson or Constant spacing.")
    rate: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}(\.[0-9]{1,9})?req/s$", max_length=20)] = (
        Field(description="Requests per second to all candidate pods together, such as 40req/s.")
    )
    duration_seconds: int | None = Field(
        None, ge=1, le=_LONGEST, description="How long the stage lasts; requests is the other way to say it."
    )
    sends: int | None = Field(
        None,
        alias="requests",
        ge=1,
        le=1_000_000,
        description="How many requests the stage sends, at its rate within an hour, instead of durationSeconds.",
    )

    @model_validator(mode="after")
    def _sends(self) -> LoadStage:
        if not re.search(units.NONZERO_PATTERN, self.rate):
            raise ValueError(f"{_RATE_ABOVE_ZERO}, not {self.rate!r}")
        if (self.duration_seconds is None) == (self.sends is None):
            raise ValueError(_ONE_LENGTH)
        if self.seconds > _LONGEST:
            raise ValueError(
                f"stage {self.name} takes {self.seconds} s for {self.sends} requests at {self.rate}, and a stage lasts "
                f"{_LONGEST} s at most: raise its rate or lower its requests"
            )
        return self

    @property
    def requests(self) -> int:
        """How many requests the stage sends: a number known before it starts, as its certificate is a test on one."""
        if self.duration_seconds is None:
            return self.sends or 0
        return int(units.parse_rate(self.rate) * self.duration_seconds)

    @property
    def seconds(self) -> int:
        """How long its requests are sent on average, in whole seconds, rounded up."""
        if self.duration_seconds is not None:
            return self.duration_seconds
        return math.ceil((self.sends or 0) / units.parse_rate(self.rate))

    @property
    def length(self) -> str:
        """How its length was given, in words."""
        return f"{self.sends} requests" if self.duration_seconds is None else f"{self.duration_seconds} s"

    @property
    def raised_by(self) -> str:
        """What to raise for more requests, in words."""
        return "requests" if self.duration_seconds is None else "durationSeconds or its rate"

    @property
    def turns_seconds(self) -> int:
        """For so long two arms are loaded in turn, at most: twice as long as if they answer in time, and 10 s."""
        return 4 * self.seconds + 10
