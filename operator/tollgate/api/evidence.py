"""What a decision was made from, as its record keeps it: enough to judge again, and nothing that has no bound.

Numbers are decimal strings, exact to the last digit that was judged with.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.arms import ArmsEvidence
from tollgate.api.base import Keyed, Model, NameOrEmpty, Text, Word
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.canonical import Digest
from tollgate.api.comparison import ComparisonResult, ParetoRelation
from tollgate.api.facts import Facts
from tollgate.api.hardware import Hardware
from tollgate.api.objective import Dimension, Objective, ObjectiveName
from tollgate.api.verdict import Results

MOST_BLOCKS = 256
MOST_PODS = 32
MOST_QUERIES = 16
MOST_REPEATS = 16
LONGEST_QUERY = 1024

Number = Annotated[
    str, StringConstraints(pattern=r"^-?[0-9]{1,24}(\.[0-9]{1,32})?([eE][+-]?[0-9]{1,3})?$", max_length=64)
]
Query = Annotated[str, StringConstraints(max_length=LONGEST_QUERY)]
PodName = Annotated[str, StringConstraints(max_length=253)]
Pods = Annotated[list[PodName], Field(max_length=MOST_PODS)]
BlockRow = Annotated[str, StringConstraints(max_length=1024)]
ConfidenceText = Annotated[str, StringConstraints(max_length=8)]


class PodPrice(Model):
    """What one pod cost an hour, or why that was not known."""

    per_hour: Number | None = Field(None, description="Cost of one pod for an hour, in the currency.")
    currency: Annotated[str, StringConstraints(max_length=3)] = Field("", description="ISO 4217 code.")
    unknown: Text = Field("", description="Why the cost was not known.")


class JudgedPods(Model):
    """The pods of one side of a benchmark's verdict."""

    cost: PodPrice | None = Field(None, description="What one of the loaded pods cost.")
    hardware: Annotated[list[Hardware], Field(max_length=16)] = Field(
        default_factory=list, description="What the loaded pods ran on; empty when that was not known."
    )


class JudgedArm(JudgedPods):
    """One side of a benchmark's verdict."""

    benchmark: NameOrEmpty = Field("", description="Name of the Benchmark.")
    facts: Facts | None = Field(None, description="What was known of the loaded pods beside the result.")
    digest: Digest = Field(description="SHA-256 over the canonical JSON of the result that was judged.")


class Judged(Model):
    """How a benchmark was judged, and under which policy."""

    budget_generation: int = Field(ge=0, description="Generation of the budget's spec that was in force.")
    confidence: ConfidenceText = Field(description="Confidence that was in force.")
    objectives: Annotated[list[Objective], Field(max_length=32), Keyed("name")] = Field(
        description="The limits that were in force."
    )
    candidate: JudgedArm = Field(description="The candidate's measurement.")
    baseline: JudgedArm | None = Field(None, description="The measurement it was compared with.")
    paired: JudgedPods | None = Field(
        None,
        description="The pods of last-good that were loaded in turn with the candidate's, and compared with it: "
        "what they measured is in its result.",
    )
    approved: JudgedArm | None = Field(
        None,
        description="The measurement of the approved baseline, with which it was compared, too.",
    )
    approved_release: int = Field(0, ge=0, description="Number of the approved baseline's release.")
    comparisons: Annotated[list[ComparisonResult], Field(max_length=2), Keyed("against")] = Field(
        default_factory=list, description="How the candidate stood to each of them, with the numbers."
    )
    repeats: Annotated[list[JudgedArm], Field(max_length=MOST_REPEATS)] = Field(
        default_factory=list,
        description="Later measurements of the candidate, whose counts were added to the first for the limits. The "
        "comparison is that of the first.",
    )
    look: int = Field(
        1,
        ge=1,
        description="Which of the release's measurements it was that could certify: alpha is shared by all.",
    )
    attempt: int = Field(1, ge=1, description="Which of the release's Benchmarks it was that could breach.")
    asked: Word = Field(
        "", description="Value of the annotation tollgate.dev/measure-again by which somebody asked for it."
    )
    comparison_due: bool = Field(
        False, description="True when there was something to compare with, comparable or not."
    )
    relation: ParetoRelation = Field(description="The candidate against the baseline, over all objectives.")
    message: Text = Field("", description="Why, as a sentence.")


class MeasuredArm(JudgedArm):
    """One side of a benchmark's verdict, with its measurement."""

    result: BenchmarkResult | None = Field(
        None,
        description="The result. Absent when the Benchmark was gone, or held another one, as the record was made.",
    )


class BenchmarkEvidence(Judged):
    """What a benchmark's verdict rests on."""

    candidate: MeasuredArm = Field(description="The candidate's measurement.")
    baseline: MeasuredArm | None = Field(None, description="The measurement it was compared with.")
    approved: MeasuredArm | None = Field(None, description="The measurement of the approved baseline.")
    repeats: Annotated[list[MeasuredArm], Field(max_length=MOST_REPEATS)] = Field(  # type: ignore[assignment]
        default_factory=list, description="Later measurements of the candidate, whose counts were added."
    )


class CountedOf(StrEnum):
    """Whose requests were counted."""

    PODS = "Pods"
    SERVICE = "Service"
    SEVERAL_VERSIONS = "SeveralVersions"


class Edges(Model):
    """The edges of the histogram around a limit, in seconds; both are the limit where it is an edge itself."""

    limit: Number = Field(description="The limit.")
    below: Number | None = Field(None, description="The edge below.")
    above: Number | None = Field(None, description="The edge above.")


class PodRequests(Model):
    """A pod whose histogram was found."""

    name: PodName = Field(description="Name of the pod.")
    requests: int = Field(ge=0, description="Requests counted of it.")


class EvidenceStart(Model):
    """What the evidence of an objective began with, where it serves."""

    name: ObjectiveName = Field(description="Name of the objective.")
    start: Number = Field(description="Factor that the evidence of the window is multiplied with.")


class Counted(Model):
    """What was counted of a series, block by block."""

    columns: Annotated[list[Query], Field(max_length=40)] = Field(
        default_factory=list, description="What the numbers of a block are, in order."
    )
    blocks: Annotated[list[BlockRow], Field(max_length=MOST_BLOCKS)] = Field(
        default_factory=list, description="The counts of each block of time, separated by spaces."
    )
    block_seconds: Number | None = Field(
        None,
        description="Length of a block; one whose time is not over when the window ends is still filling.",
    )
    edges: Annotated[list[Edges], Field(max_length=32)] = Field(
        default_factory=list, description="The edges of the histogram around each limit."
    )
    sums_seen: bool = Field(False, description="Whether there was a sum of latencies.")
    errors_asked: bool = Field(False, description="Whether the profile has an error counter.")
    errors_seen: bool = Field(False, description="Whether any pod exported it.")
    counted_of: CountedOf = Field(
        CountedOf.PODS,
        description="Whose requests were counted: those of pods, or of a Service by the series of its gateway; "
        "SeveralVersions: of no one, as several versions were behind the Service.",
    )
    requests_missing: bool = Field(
        False, description="Whether the counter of requests was asked for and not found."
    )
    pods: Annotated[list[PodRequests], Field(max_length=MOST_PODS)] = Field(
        default_factory=list, description="The first pods whose histogram was found, by name."
    )
    scraped: Pods = Field(default_factory=list, description="The first of the pods that were scraped lately.")
    silent: Pods = Field(default_factory=list, description="The first of the pods without a fresh sample.")
    garbled: Pods = Field(default_factory=list, description="The first of the pods that cannot be read.")


class TimedCounts(Counted):
    """What was counted of the series of one dimension: requests, and of InterTokenLatency tokens."""

    dimension: Dimension = Field(description="The dimension.")


class LiveEvidence(Counted):
    """What a verdict on live traffic rests on: raw counts, block by block, and how they were asked for."""

    since: datetime = Field(description="Start of the window.")
    until: datetime = Field(description="End of the window; the queries were asked at that instant.")
    queries: Annotated[list[Query], Field(max_length=MOST_QUERIES)] = Field(
        default_factory=list,
        description="The first of the PromQL queries that were asked; what is too long ends in an ellipsis.",
    )
    unavailable: Text = Field("", description="Why Prometheus gave nothing; empty when it did.")
    scrape_seconds: int = Field(
        30, ge=1, le=3600, description="Scrape interval, of which a block is a multiple."
    )
    cost: PodPrice | None = Field(None, description="What one pod cost.")
    reference_rate: Number | None = Field(
        None,
        description="Requests per second and pod at which the benchmark found the cost within its limit.",
    )
    starts: Annotated[list[EvidenceStart], Field(max_length=32), Keyed("name")] | None = Field(
        None, description="What the evidence began with; absent in the canary, where it begins with 1."
    )
    beside: ArmsEvidence | None = Field(
        None, description="What the stable version did beside a canary, where the two are compared."
    )
    standing: Results = Field(
        default_factory=list,
        description="Results of earlier looks that stood: a breach, and in the modes Observe and Warn all.",
    )
    timed: Annotated[list[TimedCounts], Field(max_length=4), Keyed("dimension")] = Field(
        default_factory=list,
        description="The same counts of those dimensions whose times have a series of their own.",
    )
