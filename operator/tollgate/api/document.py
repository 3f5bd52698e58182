"""`BenchmarkRun`: a whole benchmark as a file, with every request of it where they are known.

A `Benchmark` in the cluster holds what fits into its status; a file has room for each request. It is untrusted as that
is: bounded, and refused where the requests are not those that the result counts.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from tollgate.api.base import Model, Word
from tollgate.api.benchmark import BenchmarkResult, run_label
from tollgate.api.load import MOST_RUNS

API_VERSION = "results.tollgate.dev/v1"
KIND = "BenchmarkRun"

MOST_REQUESTS = 1_000_000
"""Of one stage: as many as the load generator sends in one."""

Micros = Annotated[int, Field(ge=0, le=10**12)]
Ended = Literal[
    "answered", "timeout", "connect", "disconnect", "http_4xx", "http_5xx", "redirect", "garbage", "server_error",
    "cancelled", "empty", "other",
]  # fmt: skip


class Tool(Model):
    """The program that measured."""

    name: Word = Field(description="Name of the program: tollgate, or the one whose file was imported.")
    version: Word = Field("", description="Its version; empty where it is not known.")


class StageSamples(Model):
    """Each request of a stage, column by column, in the order in which they were due.

    Times are whole microseconds since the stage's start, on one monotonic clock.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=32)] = Field(
        description="Name of the stage in the result."
    )
    repeat: int | None = Field(
        None, ge=1, le=MOST_RUNS, description="Which run of a stage that is repeated, from 1."
    )
    scheduled: Annotated[list[Micros], Field(min_length=1, max_length=MOST_REQUESTS)] = Field(
        description="When it was due: latency runs from here."
    )
    sent: Annotated[list[Micros | None], Field(max_length=MOST_REQUESTS)] = Field(
        description="When it was sent; null if it never was."
    )
    ended: Annotated[list[Micros], Field(max_length=MOST_REQUESTS)] = Field(
        description="When its answer was whole, or when it had failed."
    )
    outcome: Annotated[list[Ended], Field(max_length=MOST_REQUESTS)] = Field(
        description="answered, or the kind of its error."
    )
    input: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=MOST_REQUESTS)] | None = Field(
        None, description="Which item of the dataset it carried, from 0; absent where that is not known."
    )
    correct: Annotated[list[bool | None], Field(max_length=MOST_REQUESTS)] | None = Field(
        None,
        description="Whether it was answered as expected, null where nothing is expected; absent where nothing was "
        "scored.",
    )

    @property
    def label(self) -> str:
        """That of the stage."""
        return run_label(self.name, self.repeat)

    @model_validator(mode="after")
    def _as_many_of_each(self) -> StageSamples:
        columns = (self.scheduled, self.sent, self.ended, self.outcome, self.input, self.correct)
        if len({len(column) for column in columns if column is not None}) > 1:
            raise ValueError(f"stage {self.name}: its columns differ in length")
        return self


class BenchmarkRun(Model):
    """A benchmark's result, where it is from, and its requests."""

    api_version: Literal["results.tollgate.dev/v1"] = Field(
        "results.tollgate.dev/v1", description="Version of this document."
    )
    kind: Literal["BenchmarkRun"] = Field("BenchmarkRun", description="The kind: BenchmarkRun.")
    measured_by: Tool = Field(description="What measured it.")
    started_at: AwareDatetime | None = Field(None, description="When the load began; null if not known.")
    result: BenchmarkResult = Field(description="What was measured, as a Benchmark has it in its status.")
    samples: Annotated[list[StageSamples], Field(max_length=MOST_RUNS)] = Field(
        default_factory=list, description="The requests of the stages of which they are known."
    )

    @model_validator(mode="after")
    def _samples_are_of_the_result(self) -> BenchmarkRun:
        stages = {stage.label: stage for stage in self.result.stages}
        for samples in self.samples:
            stage = stages.pop(samples.label, None)
            if stage is None:
                raise ValueError(
                    f"samples of stage {samples.label}, which is not in the result, or was given twice"
                )
            kinds = Counter(samples.outcome)
            answered = kinds.pop("answered", 0)
            counted = {kind: count for kind, count in stage.error_kinds.items() if count}
            if answered + kinds.total() != stage.requests or kinds != counted:
                raise ValueError(
                    f"stage {samples.label}: its samples are not the {stage.requests} requests of the result"
                )
            scores = Counter(samples.correct or ())
            if samples.correct and (scores[True], scores[False]) != (
                stage.correct,
                stage.scored - stage.correct,
            ):
                raise ValueError(
                    f"stage {samples.label}: its samples are not as often correct as the result says"
                )
        return self
