"""What one pod of several measured of a benchmark: everything that an exact merge needs, and no percentile.

Percentiles of pods cannot be put together; counts, sums and the bins of a distribution can. Each block of time keeps a
distribution of its own, as how far a quantile may be off is seen from block to block. Times are whole microseconds, so
that a sum is the same in any order. The document is untrusted input, and bounded like `api.benchmark`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from tollgate.api.base import Model, Text
from tollgate.api.benchmark import MOST_WORKERS, Example, OverLimit, Repetition
from tollgate.api.canonical import Digest
from tollgate.api.load import MOST_RUNS, Load
from tollgate.api.quality import QualityCounts
from tollgate.api.quantities import Count, Duration, Number, Rate
from tollgate.api.server_side import SteadyWindow
from tollgate.api.sketch import pairs

MOST_PODS = 16
FINEST = 1.01
"""Growth of the bins of a part, before it is made to fit."""

Micros = Annotated[int, Field(ge=0, le=10**15)]
Bins = Annotated[str, StringConstraints(pattern=r"^([0-9]+:[0-9]+(,[0-9]+:[0-9]+)*)?$", max_length=32768)]


class PartBlock(Model):
    """A stretch of a stage, the same in all pods: stage time in equal parts."""

    answered: Count = Field(description="Answered requests that were due in it.")
    sum: Micros = Field(description="Sum of their latencies.")
    bins: Bins = Field(
        description="All requests that were due in it, by latency: index:count, as in a Sketch."
    )


class StagePart(Model):
    """One pod's share of a stage."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=32)] = Field(description="The stage.")
    warm_up: bool = Field(False, description="True: not judged.")
    repeat: int | None = Field(None, ge=1, le=MOST_RUNS, description="Which run of a stage that is repeated.")
    load: Load | None = Field(None, description="The kind of a load that is not a steady rate.")
    requested_rate: Rate = Field(description="Rate that the profile asked for, of all pods together.")
    requests: Count = Field(description="Requests of the share that were measured.")
    errors: Count = Field(description="Of these, those that failed.")
    error_kinds: Annotated[dict[str, Count], Field(max_length=16)] = Field(
        default_factory=dict, description="Errors by kind."
    )
    error_examples: Annotated[dict[str, Example], Field(max_length=16)] = Field(
        default_factory=dict, description="The first error of each kind, in words."
    )
    over_limit: Annotated[list[OverLimit], Field(max_length=16)] = Field(
        default_factory=list, description="Exact counts at each limit."
    )
    scored: Count = Field(0, description="Requests whose input has an expected output.")
    correct: Count = Field(0, description="Of these, those that were answered as expected.")
    quality: QualityCounts | None = Field(None, description="What else was counted of them.")
    accepted: Count | None = Field(None, description="Good answers whose outcome was accepted.")
    sent: Count = Field(description="Requests that were sent at all.")
    span: Micros = Field(description="Stretch of time that the whole stage's arrivals stand for.")
    last_sent: Micros = Field(description="When the last request was sent.")
    first_due: Micros = Field(description="When the first request was due.")
    last_answer: Micros = Field(description="When the last good answer was whole.")
    ended: Micros = Field(description="When the last request was answered or had failed.")
    slowest: Micros = Field(description="The greatest latency; a failed request has its time-out.")
    growth: Annotated[str, StringConstraints(pattern=r"^1\.[0-9]{1,6}$", max_length=9)] = Field(
        description="Growth factor of the bins."
    )
    blocks: Annotated[list[PartBlock], Field(min_length=1, max_length=20)] = Field(
        description="The distribution."
    )
    schedule_delay_p99: Duration = Field(description="How late this pod sent, 99th percentile.")
    lag_p99: Duration = Field(description="How late its event loops ran, 99th percentile.")
    cpu: Number = Field(description="Cores that its busiest process used.")
    in_flight: Count = Field(description="Most requests without an answer at once.")
    throttled: Duration = Field(description="How long a CPU limit kept its processes from running.")
    workers: int = Field(ge=1, le=MOST_WORKERS, description="Its processes.")
    workers_lost: int = Field(0, ge=0, le=MOST_WORKERS, description="Of these, those that left no record.")
    client_limited: Text = Field("", description="Why this pod was the limit; empty when it was not.")
    steady: SteadyWindow | None = Field(None, description="The steady part of its share.")

    @model_validator(mode="after")
    def _adds_up(self) -> StagePart:
        counted = sum(count for block in self.blocks for _, count in pairs(block.bins))
        if counted != self.requests:
            raise ValueError(
                f"stage {self.name}: the bins hold {counted} requests, the share {self.requests}"
            )
        if sum(block.answered for block in self.blocks) != self.requests - self.errors:
            raise ValueError(f"stage {self.name}: the blocks do not hold the requests that were answered")
        if self.workers_lost and not self.client_limited:
            raise ValueError(f"stage {self.name}: workers were lost, but it does not say so in clientLimited")
        return self


class BenchmarkPart(Model):
    """What one pod hands back through the termination message of its container."""

    format: Literal["tollgate-benchmark-part/1"] = Field(
        "tollgate-benchmark-part/1", description="Version of this document."
    )
    dataset: Digest = Field(description="Digest of the dataset that was sent.")
    profile: Digest = Field(description="Digest of the profile that was run.")
    pods: int = Field(ge=1, le=1000, description="Number of pods that were loaded.")
    repetition: Repetition = Field(0, description="The repetition that was asked for.")
    pod: int = Field(ge=0, lt=MOST_PODS, description="Which of the pods that sent the load this one is.")
    stages: Annotated[list[StagePart], Field(min_length=1, max_length=8)] = Field(description="The stages.")
