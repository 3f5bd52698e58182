"""A stage of load: how many requests, and when each is due. Part of a `BenchmarkProfile`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Keyed, Model, ObjectName, Rule, checked
from tollgate.api.stress import MOST_GROUPS, GroupShare, Peak


class Arrival(StrEnum):
    """How requests are spaced in an open-loop stage."""

    POISSON = "Poisson"
    CONSTANT = "Constant"
    BURST = "Burst"
    RAMP = "Ramp"
    TRACE = "Trace"


class Scenario(StrEnum):
    """MLPerf's names for ways to load a model."""

    SINGLE_STREAM = "SingleStream"
    MULTI_STREAM = "MultiStream"
    SERVER = "Server"
    OFFLINE = "Offline"


class Load(StrEnum):
    """The kind of a load that is not steady and open: what its requests say must be read with it in mind."""

    BURST = "Burst"
    RAMP = "Ramp"
    TRACE = "Trace"
    SURGE = "Surge"
    CLOSED = "Closed"
    CLOSED_FOR_DURATION = "ClosedForDuration"
    SEARCH = "Search"


IN_FLIGHT: dict[Scenario | None, int] = {
    Scenario.SINGLE_STREAM: 1,
    Scenario.MULTI_STREAM: 8,
    Scenario.OFFLINE: 256,
}
"""Requests that the closed scenarios keep with the server, if the stage does not say how many."""

_LOADS = {Arrival.BURST: Load.BURST, Arrival.RAMP: Load.RAMP, Arrival.TRACE: Load.TRACE}

_RATE_ABOVE_ZERO = "write rate as requests per second above 0, such as 40req/s"
_TO_RATE_ABOVE_ZERO = "write toRate as requests per second above 0, such as 80req/s"
_ONE_LENGTH = "a stage has either durationSeconds or requests: write one of them"
_ONE_LOOP = (
    "a stage has either a rate, or a concurrency or one of the scenarios SingleStream, MultiStream and Offline, or a "
    "trace, or a peak: write one of them"
)
_NO_ARRIVAL = (
    "with a concurrency or a scenario requests do not come in an arrival of your choice: leave it out"
)
_RAMP = "a Ramp goes from rate to toRate, which no other arrival has"
_BURST = "a Burst needs burst, the number of requests that are due at once, and no other arrival has it"
_TRACE = "a Trace needs trace, the ConfigMap with its times, and no other arrival has it"
_TRACE_LENGTH = "a Trace needs requests, how many of its arrivals are replayed, and no durationSeconds"
_STEADY = "a peak or a surge is of a steady rate: leave arrival Poisson or make it Constant"
_SURGE = "a surge comes on top of a rate: write rate or peak, and no concurrency or trace"
_MIX = "the shares of a mix are at most 100% together"
_SINGLE = "SingleStream keeps one request with the server: leave concurrency out"
_LEAST_BESIDE = 100  # requests of a stage with a surge: a third of them are due before it
NO_SUCH_PEAK = "a peak is of a stage of the profile that has a rate, and is no Ramp"
LONGEST = 3600
"""Seconds of a stage."""

MOST_RUNS = 8
"""Of stages in a benchmark, each repeat counted."""

_CLOSED = "has(self.concurrency) || (has(self.scenario) && self.scenario != 'Server')"

LoadRate = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}(\.[0-9]{1,9})?req/s$", max_length=20)]


class TraceConfigMap(Model):
    """A key of a ConfigMap in the namespace of the benchmarked model."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    key: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = (
        Field("arrivals.txt", description="Key that holds the arrival times.")
    )


class LoadStage(Model):
    """A stretch of load: an open loop at a rate, whose requests are sent when due, or a closed loop."""

    model_config = checked(
        Rule(f"!has(self.rate) || self.rate.matches('{units.NONZERO_PATTERN}')", _RATE_ABOVE_ZERO, "rate"),
        Rule(
            f"!has(self.toRate) || self.toRate.matches('{units.NONZERO_PATTERN}')",
            _TO_RATE_ABOVE_ZERO,
            "toRate",
        ),
        Rule("has(self.durationSeconds) != has(self.requests)", _ONE_LENGTH),
        Rule(
            f"[has(self.rate), has(self.trace), has(self.peak), {_CLOSED}].exists_one(given, given)",
            _ONE_LOOP,
        ),
        Rule(
            "!(has(self.peak) || has(self.surge)) || !has(self.arrival) || self.arrival in ['Poisson', 'Constant']",
            _STEADY,
        ),
        Rule("!has(self.surge) || has(self.rate) || has(self.peak)", _SURGE),
        Rule("!has(self.mix) || self.mix.map(m, int(m.share.replace('%', ''))).sum() <= 100", _MIX),
        Rule(
            "!has(self.arrival) || self.arrival == 'Poisson' || !(has(self.scenario) || has(self.concurrency))",
            _NO_ARRIVAL,
        ),
        Rule("has(self.toRate) == (has(self.arrival) && self.arrival == 'Ramp')", _RAMP),
        Rule("has(self.burst) == (has(self.arrival) && self.arrival == 'Burst')", _BURST),
        Rule("has(self.trace) == (has(self.arrival) && self.arrival == 'Trace')", _TRACE),
        Rule("!has(self.trace) || has(self.requests)", _TRACE_LENGTH),
        Rule(
            "!has(self.scenario) || self.scenario != 'SingleStream' || !has(self.concurrency)",
            _SINGLE,
        ),
    )

    name: Annotated[
        str, StringConstraints(min_length=1, max_length=32, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    ] = Field(description="Name of the stage.")
    warm_up: bool = Field(False, description="True: the stage is run and reported, but never judged.")
    scenario: Scenario | None = Field(
        None,
        description="A preset by MLPerf's name. SingleStream: one request after the other. MultiStream: concurrency "
        "(8) at once, the next as many when all are answered. Server: Poisson at rate. Offline: concurrency (256) are "
        "with the server until all are answered.",
    )
    arrival: Arrival = Field(
        Arrival.POISSON,
        description="How the requests of a rate are spaced. Poisson and Constant are judged. Burst (so many at once), "
        "Ramp (from rate to toRate) and Trace (at the times of a file) are reported, not judged: their requests share "
        "one queue.",
    )
    rate: LoadRate | None = Field(
        None, description="Open loop: requests per second to all candidate pods together, such as 40req/s."
    )
    to_rate: LoadRate | None = Field(None, description="Ramp: the rate at the end of the stage.")
    peak: Peak | None = Field(
        None, description="Open loop: so many times the rate of another stage, instead of rate."
    )
    surge: int | None = Field(
        None,
        ge=2,
        le=10_000,
        description="So many requests more are due at once, a third of the stage after its start. The result says when "
        "latencies were back to what they had been. Such a stage is reported, not judged.",
    )
    mix: Annotated[list[GroupShare], Field(min_length=1, max_length=MOST_GROUPS), Keyed("group")] | None = (
        Field(
            None,
            description="Which inputs the requests carry: shares of groups of the dataset; the rest are "
            "inputs of no group in this list. Default: all inputs alike.",
        )
    )
    input_repeats: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="Each input is sent at least so many times: of a large dataset, or of a group in mix, only so many "
        "inputs are drawn. The result tells what of the variance of latency is between inputs. Default: the inputs are "
        "used in turn.",
    )
    burst: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="Burst: so many requests are due at once, and the next as many when rate has it so.",
    )
    trace: TraceConfigMap | None = Field(
        None,
        description="Trace: the file of arrival times, in the namespace of the benchmarked model. It has a time in "
        "seconds in each line, ascending; the first request is sent at once, each other one as long after it as here.",
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Closed loop: requests that are with the server at any time. Latency is then from when a request "
        "was sent, and a server that stands still hides what it would have done to others: no latency is judged.",
    )
    duration_seconds: int | None = Field(
        None, ge=1, le=LONGEST, description="How long the stage lasts; requests is the other way to say it."
    )
    sends: int | None = Field(
        None,
        alias="requests",
        ge=1,
        le=1_000_000,
        description="How many requests the stage sends, at its rate within an hour, instead of durationSeconds.",
    )

    repeats: int | None = Field(
        None,
        ge=2,
        le=MOST_RUNS,
        description="The stage is run so many times, one after the other, each with arrivals and inputs of its own. "
        "The result holds each run; their requests are judged together.",
    )

    _peak_rate: Decimal = PrivateAttr(Decimal(0))

    @model_validator(mode="after")
    def _sends(self) -> LoadStage:
        for rate, what in ((self.rate, _RATE_ABOVE_ZERO), (self.to_rate, _TO_RATE_ABOVE_ZERO)):
            if rate is not None and not re.search(units.NONZERO_PATTERN, rate):
                raise ValueError(f"{what}, not {rate!r}")
        if (self.duration_seconds is None) == (self.sends is None):
            raise ValueError(_ONE_LENGTH)
        if [bool(given) for given in (self.rate, self.trace, self.peak, self.closed)].count(True) != 1:
            raise ValueError(_ONE_LOOP)
        if (self.peak or self.surge) and self.arrival not in (Arrival.POISSON, Arrival.CONSTANT):
            raise ValueError(_STEADY)
        if self.surge and not (self.rate or self.peak):
            raise ValueError(_SURGE)
        if sum(part.fraction for part in self.mix or ()) > 1:
            raise ValueError(_MIX)
        if self.arrival is not Arrival.POISSON and (self.scenario or self.concurrency):
            raise ValueError(_NO_ARRIVAL)
        if (self.to_rate is not None) != (self.arrival is Arrival.RAMP):
            raise ValueError(_RAMP)
        if (self.burst is not None) != (self.arrival is Arrival.BURST):
            raise ValueError(_BURST)
        if (self.trace is not None) != (self.arrival is Arrival.TRACE):
            raise ValueError(_TRACE)
        if self.trace is not None and self.sends is None:
            raise ValueError(_TRACE_LENGTH)
        if self.scenario is Scenario.SINGLE_STREAM and self.concurrency is not None:
            raise ValueError(_SINGLE)
        self._check_length()
        return self

    def _check_length(self) -> None:
        if self.surge and self.mean_rate and self._at_its_rate < _LEAST_BESIDE:
            raise ValueError(
                f"stage {self.name} sends {self._at_its_rate} requests beside its surge, too few to see what the surge "
                f"did: it needs {_LEAST_BESIDE}, so raise its {self.raised_by}"
            )
        if self.seconds > LONGEST:
            raise ValueError(
                f"stage {self.name} takes {self.seconds} s for {self.sends} requests at {self.pace}, and a stage lasts "
                f"{LONGEST} s at most: raise its rate or lower its requests"
            )

    def resolve_peak(self, stages: Sequence[LoadStage]) -> None:
        """Take the rate of a peak from the stage that it is of. ValueError when there is none with a rate."""
        if self.peak is None:
            return
        for stage in stages:
            if stage.name == self.peak.of and stage.rate is not None and stage.to_rate is None:
                self._peak_rate = units.parse_rate(stage.rate) * Decimal(self.peak.times)
                self._check_length()
                return
        raise ValueError(f"stage {self.name}: {NO_SUCH_PEAK}")

    @property
    def closed(self) -> bool:
        """Whether a request is sent when another one is done, and not when it is due."""
        return self.concurrency is not None or self.scenario in IN_FLIGHT

    @property
    def in_flight(self) -> int:
        """How many requests a closed loop keeps with the server."""
        return self.concurrency or IN_FLIGHT.get(self.scenario, 0)

    @property
    def load(self) -> Load | None:
        """The kind of the load; None: a steady rate."""
        if self.closed:
            return Load.CLOSED if self.duration_seconds is None else Load.CLOSED_FOR_DURATION
        return Load.SURGE if self.surge else _LOADS.get(self.arrival)

    @property
    def mean_rate(self) -> Decimal:
        """Requests per second that the stage asks for, without a surge; 0 in a closed loop and in a trace."""
        if self.peak is not None:
            return self._peak_rate
        rates = [units.parse_rate(rate) for rate in (self.rate, self.to_rate) if rate is not None]
        return sum(rates, Decimal(0)) / max(1, len(rates))

    @property
    def requested_rate(self) -> str:
        """The same as it was written, where it was."""
        return self.rate if self.rate and not self.to_rate else units.format_rate(self.mean_rate, 9)

    @property
    def runs(self) -> int:
        """How many times the stage is run."""
        return self.repeats or 1

    @property
    def judged_requests(self) -> int:
        """How many requests all its runs send."""
        return self.runs * self.requests

    @property
    def requests(self) -> int:
        """How many requests a run of the stage sends: known before it starts, as a certificate is a test on a number.

        0 in a closed loop for a duration, in which the server decides how many there are.
        """
        return self._at_its_rate + (self.surge or 0)

    @property
    def _at_its_rate(self) -> int:
        if self.duration_seconds is None:
            return self.sends or 0
        return int(self.mean_rate * self.duration_seconds)

    @property
    def seconds(self) -> int:
        """How long its requests are sent on average, in seconds, rounded up; 0 where the server or a trace decides."""
        if self.duration_seconds is not None:
            return self.duration_seconds
        return math.ceil((self.sends or 0) / self.mean_rate) if self.mean_rate else 0

    @property
    def pace(self) -> str:
        """How fast it sends, in words."""
        if self.closed:
            return f"concurrency {self.in_flight}"
        if self.trace is not None:
            return "the times of its trace"
        if self.peak is not None:
            return self.requested_rate
        return f"{self.rate} to {self.to_rate}" if self.to_rate else self.rate or ""

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
