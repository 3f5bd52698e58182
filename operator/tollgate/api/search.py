"""The search for the highest rate at which an objective is certified: how a profile asks for it, what comes of it."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Model, Rule, Text, checked
from tollgate.api.load import LONGEST, MOST_RUNS, LoadRate, LoadStage
from tollgate.api.objective import Statistic
from tollgate.api.quantities import Confidence, Duration, RateOrEmpty

PROBE = "search-"
"""Begins the name of each probe's stage; its number follows, from 1."""

_MAX_ABOVE_ZERO = "write max as a duration above 0, such as 250ms"
_LOWEST_ABOVE_ZERO = "write lowest as requests per second above 0, such as 20req/s"
_ASCENDING = "the search goes from lowest to highest: highest must be the greater one"
_TOO_LONG = f"a probe at the lowest rate takes more than {LONGEST} s: raise lowest or lower requests"

_LOWEST, _HIGHEST = (f"double(self.{field}.replace('req/s', ''))" for field in ("lowest", "highest"))


class SearchObjective(Model):
    """What must hold at a rate; a failed request is over any limit."""

    model_config = checked(Rule(f"self.max.matches('{units.NONZERO_PATTERN}')", _MAX_ABOVE_ZERO, "max"))

    statistic: Literal["P50", "P90", "P95", "P99", "P999"] = Field(
        description="The percentile of the latency that is limited (P999 is 99.9 %)."
    )
    max: Duration = Field(description="Its limit, such as 250ms.")

    @model_validator(mode="after")
    def _above_zero(self) -> SearchObjective:
        if not re.search(units.NONZERO_PATTERN, self.max):
            raise ValueError(f"{_MAX_ABOVE_ZERO}, not {self.max!r}")
        return self

    @property
    def allowed(self) -> float:
        """The fraction of requests that may be over the limit."""
        tail = Statistic(self.statistic).tail
        assert tail is not None  # each of these is a percentile
        return float(tail)

    def __str__(self) -> str:
        return f"{self.statistic.lower()} <= {self.max}"


class RateSearch(Model):
    """Probes of Poisson load at rates that double until the objective is not certified, and then halve what is left."""

    model_config = checked(
        Rule(f"self.lowest.matches('{units.NONZERO_PATTERN}')", _LOWEST_ABOVE_ZERO, "lowest"),
        Rule(f"{_LOWEST} < {_HIGHEST}", _ASCENDING),
        Rule(f"double(self.requests) <= {LONGEST}.0 * {_LOWEST}", _TOO_LONG),
    )

    objective: SearchObjective = Field(description="What must be certified.")
    lowest: LoadRate = Field(description="The first rate, to all candidate pods together, such as 20req/s.")
    highest: LoadRate = Field(description="No rate above it is tried.")
    sends: int = Field(
        alias="requests",
        ge=1,
        le=100_000,
        description="How many requests each probe sends. More of them certify a rate that is nearer the true one.",
    )
    probes: int = Field(
        6,
        ge=2,
        le=MOST_RUNS,
        description="So many probes at most, which share the probability of being wrong.",
    )
    confidence: Confidence = Field(
        "0.99",
        description="That any rate is certified which does not keep the objective has at most probability "
        "1 - confidence, over all probes together.",
    )

    @model_validator(mode="after")
    def _can_be_searched(self) -> RateSearch:
        lowest, highest = units.parse_rate(self.lowest), units.parse_rate(self.highest)
        if not lowest:
            raise ValueError(f"{_LOWEST_ABOVE_ZERO}, not {self.lowest!r}")
        if lowest >= highest:
            raise ValueError(_ASCENDING)
        if self.sends > LONGEST * lowest:
            raise ValueError(_TOO_LONG)
        return self

    @property
    def level(self) -> float:
        """The probability with which one probe may be certified wrongly."""
        return float((1 - Decimal(self.confidence)) / self.probes)

    @property
    def longest_seconds(self) -> int:
        """How long its requests are sent at most: none of the probes is slower than the first."""
        return self.probes * math.ceil(self.sends / units.parse_rate(self.lowest))

    def probe(self, number: int, rate: str) -> LoadStage:
        """The stage of a probe."""
        return LoadStage(name=f"{PROBE}{number}", rate=rate, sends=self.sends)


class SearchEnd(StrEnum):
    """Why a search ended."""

    NARROWED = "Narrowed"
    PROBES_USED = "ProbesUsed"
    HIGHEST_CERTIFIED = "HighestCertified"
    LOWEST_NOT_CERTIFIED = "LowestNotCertified"
    CLIENT_LIMITED = "ClientLimited"


class SearchResult(Model):
    """What a search found; each probe is a stage of the result."""

    objective: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="What was to be certified."
    )
    certified: RateOrEmpty = Field(
        "", description="The highest rate at which it was certified; empty when it was at none."
    )
    not_certified: RateOrEmpty = Field(
        "",
        description="The lowest rate at which the server was tried, and it was not; empty when there was none.",
    )
    ended: SearchEnd = Field(
        description="Narrowed: the two rates are within 2 % of each other. ProbesUsed, HighestCertified, "
        "LowestNotCertified: the search as it was asked for has no more. ClientLimited: the load generator could not "
        "send what came next, and what the server holds beyond is not known."
    )
    knee: RateOrEmpty = Field(
        "",
        description="The probed rate of the greatest power, answered rate by mean latency: beyond it latency grows "
        "faster than answers. Empty when no probe beyond showed less. An estimate, not certified.",
    )
    message: Text = Field(description="The same as a sentence, with what to do to learn more.")
