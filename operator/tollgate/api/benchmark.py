"""`Benchmark`: one measurement of one revision, and the result document that the load generator writes.

The result is untrusted input: it comes from a pod. Every list and string is bounded, and `BenchmarkResult`
refuses what does not add up.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from tollgate.api.answers import StreamResult, TokenCounts
from tollgate.api.base import Keyed, Model, NameOrEmpty, NameRef, Revision, Rule, Text, WorkloadRef, checked
from tollgate.api.canonical import Digest
from tollgate.api.cold_start import FirstRequests, StartTimes
from tollgate.api.conditions import Condition
from tollgate.api.counting import MOST_GOALS, Counting, GoalMet
from tollgate.api.hardware import LoadedPods
from tollgate.api.load import MOST_RUNS, Load
from tollgate.api.paired import MOST_STAGES, PairedStage
from tollgate.api.quality import QualityCounts
from tollgate.api.quantities import Count, Duration, DurationOrEmpty, Number, Rate
from tollgate.api.search import SearchResult
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.api.sketch import Sketch
from tollgate.api.stress import Recovery
from tollgate.api.sweep import MOST_POINTS, OperatingPoint, Point, SweepRequest
from tollgate.api.variability import Variability

Repetition = Annotated[int, Field(ge=0, le=1_000_000)]

MOST_WORKERS = 256  # 16 processes in each of 16 pods
MOST_EXITS = 17  # 16 that are told apart, and the others
_LONGEST_KIND = 32
OF_THE_SERVER = ("timeout", "http_5xx", "server_error", "cancelled")
"""Kinds of errors that no delay of the load generator explains."""

Example = Annotated[str, StringConstraints(max_length=400)]


_SWEEP_ALONE = "a sweep compares its own points: leave baseline and point out"


class BenchmarkSpec(Model):
    """What to measure."""

    model_config = checked(
        Rule("self == oldSelf", "a Benchmark is one measurement: make another one"),
        Rule("!has(self.sweep) || !(has(self.baseline) || has(self.point))", _SWEEP_ALONE),
    )

    profile_ref: NameRef = Field(description="BenchmarkProfile that says how to load the model.")
    target: WorkloadRef = Field(
        description="Deployment whose ready pods are loaded directly, in this namespace."
    )
    limits: Annotated[list[Duration], Field(max_length=16)] = Field(
        default_factory=list, description="Latencies at which slower requests are counted exactly."
    )
    counting: Counting | None = Field(
        None,
        description="What is counted beside these: times of tokens, and answers that keep several times.",
    )
    revision: Revision = Field(
        "", description="Revision that is measured; set by the operator for a candidate."
    )
    baseline: WorkloadRef | None = Field(
        None,
        description="Deployment to compare with: its ready pods are loaded in turn with the target's, on the "
        "same inputs. That takes three times as long.",
    )
    sweep: SweepRequest | None = Field(
        None,
        description="Measure the operating points of the profile's sweep, one after the other, on a copy of the "
        "Deployment that no user reaches, instead of the Deployment's pods once.",
    )
    point: Point | None = Field(
        None, description="The operating point that is measured; set by the operator for those of a sweep."
    )
    repetition: Repetition = Field(
        0,
        description="How many measurements came before to whose counts this one is added. Each draws its arrivals and "
        "the order of its inputs anew; 0 is the schedule that all revisions meet.",
    )
    metrics_ref: NameRef | None = Field(
        None,
        description="MetricProfile whose server series are read over the steady part of each stage; without one, or "
        "without such series in it, nothing is.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> BenchmarkSpec:
        if self.sweep and (self.baseline or self.point):
            raise ValueError(_SWEEP_ALONE)
        return self


class OverLimit(Model):
    """How many requests were slower than a limit; failed requests are."""

    limit: Duration = Field(description="The limit.")
    requests: Count = Field(description="Requests slower than the limit, and failed ones.")
    correct: Count | None = Field(
        None,
        description="Requests that were answered as expected and no slower; none where that was not counted.",
    )


class Block(Model):
    """A stretch of a stage, for the spread of its mean."""

    requests: Count = Field(description="Answered requests whose scheduled time is in the block.")
    mean: Duration = Field(description="Their mean latency.")


class Quantiles(Model):
    """Order statistics of the latency (nearest rank); a failed request counts as the time-out."""

    p50: Duration = Field(description="Median.")
    p90: Duration = Field(description="90th percentile.")
    p95: Duration = Field(description="95th percentile.")
    p99: Duration = Field(description="99th percentile.")
    p999: Duration = Field(description="99.9th percentile.")
    max: Duration = Field(description="Slowest request.")


class QuantileBounds(Model):
    """A latency for each quantile; empty where the data give no bound."""

    p50: DurationOrEmpty = Field("", description="For the median.")
    p90: DurationOrEmpty = Field("", description="For the 90th percentile.")
    p95: DurationOrEmpty = Field("", description="For the 95th percentile.")
    p99: DurationOrEmpty = Field("", description="For the 99th percentile.")
    p999: DurationOrEmpty = Field("", description="For the 99.9th percentile.")


class QuantileSpread(Model):
    """Order statistics three standard errors away from each quantile."""

    blocks: int = Field(ge=2, le=64, description="Blocks of time from which the standard errors are known.")
    low: QuantileBounds = Field(description="Below each quantile.")
    high: QuantileBounds = Field(description="Above each quantile.")


class ClientVitals(Model):
    """How the load generator itself was while it sent a stage."""

    workers: int = Field(ge=1, le=MOST_WORKERS, description="Processes that were to send the requests.")
    cpu: Number = Field(description="Cores that the busiest of them used; one process can use 1.")
    lag_p99: Duration = Field(description="How late event loops ran, 99th percentile.")
    in_flight: Count = Field(description="Most requests without an answer at once; each holds a socket.")
    throttled: Duration = Field(description="How long a CPU limit kept processes from running.")


def run_label(name: str, repeat: int | None) -> str:
    """What a run of a stage is called."""
    return f"{name} run {repeat}" if repeat else name


class StageResult(Model):
    """What one stage measured."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=32)] = Field(
        description="Name of the stage."
    )
    warm_up: bool = Field(False, description="True: not judged.")
    repeat: int | None = Field(
        None,
        ge=1,
        le=MOST_RUNS,
        description="Which run of a stage that is repeated, from 1: all are judged together, the first is compared.",
    )
    load: Load | None = Field(
        None,
        description="The kind of a load that is not a steady rate, or whose rate a search chose. Burst, Ramp, Trace, "
        "Surge, ClosedForDuration, Search: reported, not judged. Closed: only whether answers are right is judged. In "
        "a closed loop latency is from the sent time.",
    )
    requested_rate: Rate = Field(
        description="Rate that the profile asked for, on average; 0req/s in a closed loop or a trace, which "
        "ask for none."
    )
    achieved_rate: Rate = Field(description="Rate at which requests were really sent.")
    answered_rate: Rate = Field(
        description="Rate of good answers, from the first scheduled request to the last answer."
    )
    seconds: Duration = Field(description="How long the stage lasted.")
    requests: Count = Field(description="Requests sent.")
    errors: Count = Field(description="Requests that failed, timed out or were answered with an error.")
    error_kinds: Annotated[dict[str, Count], Field(max_length=16)] = Field(
        default_factory=dict,
        description="Errors by kind: timeout, connect, disconnect, http_4xx, http_5xx, redirect, garbage, server_error "
        "(in an answer with a good status), cancelled (a stream that ended too soon), empty (one without a token), "
        "other.",
    )
    error_examples: Annotated[dict[str, Example], Field(max_length=16)] = Field(
        default_factory=dict, description="The first error of each kind, in words."
    )
    over_limit: Annotated[list[OverLimit], Field(max_length=16)] = Field(
        default_factory=list, description="Exact counts at each limit."
    )
    goals: Annotated[list[GoalMet], Field(max_length=MOST_GOALS)] = Field(
        default_factory=list, description="How many answers kept each goal that was asked for."
    )
    scored: Count = Field(0, description="Requests whose input has an expected output.")
    correct: Count = Field(0, description="Of these, those that were answered as expected.")
    quality: QualityCounts | None = Field(
        None, description="What else was counted of the scored requests; none where the profile does not ask."
    )
    accepted: Count | None = Field(
        None,
        description="Good answers whose outcome was accepted; none where the profile does not ask for it.",
    )
    exit_stages: Annotated[dict[str, Count], Field(max_length=MOST_EXITS)] = Field(
        default_factory=dict, description="Good answers by the stage at which the model was done."
    )
    variability: Variability | None = Field(
        None,
        description="How latency depends on the input; none of a warm-up, or where all carried the same one.",
    )
    recovery: Recovery | None = Field(
        None, description="How the server took the surge of the stage, if it has one."
    )
    tokens: TokenCounts | None = Field(None, description="Tokens of the good answers.")
    stream: StreamResult | None = Field(None, description="When the tokens of streamed answers came.")
    mean: Duration = Field(description="Mean latency of the answered requests.")
    blocks: Annotated[list[Block], Field(max_length=32)] = Field(
        default_factory=list, description="The stage in equal stretches of time."
    )
    quantiles: Quantiles = Field(
        description="Latency from the scheduled time of each request; in a closed loop from the sent time."
    )
    spread: QuantileSpread | None = Field(None, description="How far the quantiles may be off.")
    sketch: Sketch = Field(description="The latency distribution.")
    schedule_delay_p99: Duration = Field(description="How late the client sent, 99th percentile.")
    client_limited: Text = Field(
        "", description="Why the client, not the server, was the limit; empty when it was not."
    )
    growth: Text = Field(
        "",
        description="Of a probe: how latency grew all the time, as where the server does not keep up; else empty.",
    )
    uncertified: Text = Field(
        "",
        description="Why latencies of this stage can be too long for a limit, but never be certified; empty when they "
        "can. Of files that were imported.",
    )
    workers_lost: int = Field(
        0,
        ge=0,
        le=MOST_WORKERS,
        description="Processes of the load generator that left no record of their share: the counts lack it, and "
        "nothing can be told from them.",
    )
    client: ClientVitals | None = Field(None, description="How the load generator itself was.")
    steady: SteadyWindow | None = Field(
        None, description="The steady part of a measured stage, if it has one."
    )
    server: ServerReadings | None = Field(
        None, description="What the loaded pods used meanwhile. Read by the operator, from Prometheus."
    )

    @property
    def label(self) -> str:
        """Its name and which run of it: no two stages of a result have the same."""
        return run_label(self.name, self.repeat)

    @model_validator(mode="after")
    def _adds_up(self) -> StageResult:
        for words in (self.error_kinds, self.error_examples, self.exit_stages):
            if any(len(word) > _LONGEST_KIND for word in words):
                raise ValueError(f"stage {self.name}: a kind has more than {_LONGEST_KIND} characters")
        if self.errors > self.requests:
            raise ValueError(
                f"stage {self.name}: more errors ({self.errors}) than requests ({self.requests})"
            )
        if self.correct > self.scored or self.scored > self.requests:
            raise ValueError(f"stage {self.name}: correct, scored and requests do not add up")
        if self.quality is not None and self.quality.most > self.scored:
            raise ValueError(f"stage {self.name}: its quality is of more requests than were scored")
        if self.quality is not None and any(s.requests > self.requests for s in self.quality.scores):
            raise ValueError(f"stage {self.name}: its scores are of more requests than it has")
        answered = self.requests - self.errors
        streams = self.stream.streams if self.stream else 0
        met = max((goal.requests for goal in self.goals), default=0)
        if max(self.accepted or 0, sum(self.exit_stages.values()), streams, met) > answered:
            raise ValueError(f"stage {self.name}: more was told than there are answers ({answered})")
        if any(over.of > self.requests for over in (self.stream.over_limit if self.stream else ())):
            raise ValueError(f"stage {self.name}: times of tokens of more requests than it has")
        if sum(block.requests for block in self.blocks) > self.requests:
            raise ValueError(f"stage {self.name}: the blocks hold more requests than the stage")
        if self.workers_lost and not self.client_limited:
            raise ValueError(f"stage {self.name}: workers were lost, but it does not say so in clientLimited")
        for over in self.over_limit:
            if not self.errors <= over.requests <= self.requests:
                raise ValueError(
                    f"stage {self.name}: {over.requests} over {over.limit} of {self.requests} requests"
                )
            if (over.correct or 0) > min(self.correct, self.requests - over.requests):
                raise ValueError(
                    f"stage {self.name}: {over.correct} correct within {over.limit} do not add up"
                )
        return self


class BenchmarkResult(Model):
    """What the load generator hands back through the termination message of its container."""

    format: Literal["tollgate-benchmark/1"] = Field(
        "tollgate-benchmark/1", description="Version of this document."
    )
    dataset: Digest = Field(description="Digest of the dataset that was sent.")
    profile: Digest = Field(description="Digest of the profile that was run.")
    pods: int = Field(ge=1, le=1000, description="Number of pods that were loaded.")
    repetition: Repetition = Field(0, description="The repetition that was asked for.")
    stages: Annotated[list[StageResult], Field(min_length=1, max_length=8)] = Field(
        description="The stages, in order."
    )
    paired: Annotated[list[PairedStage], Field(max_length=MOST_STAGES), Keyed("name")] = Field(
        default_factory=list,
        description="The measured stages once more, target and baseline in turn; empty without a baseline.",
    )
    baseline_pods: int = Field(0, ge=0, le=1000, description="Number of the baseline's pods.")
    first_requests: FirstRequests | None = Field(
        None, description="The first requests of the first stage, if the profile has a coldStart."
    )
    search: SearchResult | None = Field(
        None,
        description="What the search found, if the profile asks for one; its probes are the last stages.",
    )

    @property
    def declared(self) -> list[StageResult]:
        """The stages that the profile declares, each run of them."""
        return [stage for stage in self.stages if stage.load is not Load.SEARCH]

    @property
    def probes(self) -> list[StageResult]:
        """Those of the search."""
        return [stage for stage in self.stages if stage.load is Load.SEARCH]


class BenchmarkStatus(Model):
    """How the measurement went."""

    observed_generation: int = Field(0, ge=0, description="Generation of the spec that this status is for.")
    phase: Literal["Pending", "Running", "Succeeded", "Failed"] = Field("Pending", description="Where it is.")
    conditions: Annotated[list[Condition], Field(max_length=8), Keyed("type")] = Field(
        default_factory=list, description="Complete: the measurement is done; its reason says how."
    )
    job: NameOrEmpty = Field("", description="The Job that loads the model.")
    started_at: datetime | None = Field(None, description="When the Job was made.")
    completed_at: datetime | None = Field(None, description="When the result was read.")
    loaded: LoadedPods | None = Field(None, description="The pods that were loaded, as the load began.")
    baseline_loaded: LoadedPods | None = Field(
        None, description="The pods of the baseline that were loaded in turn with them."
    )
    cold_start: StartTimes | None = Field(
        None, description="How the loaded pods started, if the profile has a coldStart."
    )
    result: BenchmarkResult | None = Field(
        None, description="The measurement; while the phase is Running, what is known of it so far."
    )
    operating_points: Annotated[list[OperatingPoint], Field(max_length=MOST_POINTS), Keyed("number")] = Field(
        default_factory=list, description="Of a sweep: what was measured at each point of its grid."
    )
    cheapest: int | None = Field(
        None, ge=1, le=MOST_POINTS, description="Number of the feasible operating point of the least cost."
    )


class Benchmark(Model):
    """One measurement of one revision. Made by the operator for a candidate, or by hand."""

    spec: BenchmarkSpec = Field(description="What to measure.")
    status: BenchmarkStatus = Field(default_factory=BenchmarkStatus, description="How the measurement went.")
