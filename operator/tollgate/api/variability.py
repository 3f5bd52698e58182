"""What latency owes to the input: how it varies between inputs and within them, and which inputs are the worst.

Estimates, for people: no budget judges them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from tollgate.api.base import Model
from tollgate.api.quantities import Count, Duration, DurationOrEmpty, Factor

MOST_WORST = 5


class WorstInput(Model):
    """One of the inputs with the highest median latency."""

    input: Count = Field(description="Which item of the dataset, from 0.")
    requests: int = Field(ge=1, description="Requests that carried it.")
    failed: Count = Field(0, description="Of these, those that failed; in the median they took the time-out.")
    median: Duration = Field(description="Median of their latencies.")


class Variability(Model):
    """How latency depends on the input. Known where inputs were sent more than once, from one pod."""

    inputs: Count = Field(description="Different inputs that were sent.")
    repeated: Count = Field(0, description="Of these, those that were answered more than once.")
    between: DurationOrEmpty = Field(
        "", description="Standard deviation of latency between inputs: what the model does more of for some."
    )
    within: DurationOrEmpty = Field(
        "",
        description="Standard deviation among answers to the same input: queues, and noise of the machine.",
    )
    share: Factor = Field("", description="Share of the variance that is between inputs, from 0 to 1.")
    share_error: Factor = Field(
        "", description="Standard error of the share, by a jackknife over groups of inputs."
    )
    groups: int = Field(0, ge=0, le=64, description="How many groups these were.")
    worst: Annotated[list[WorstInput], Field(max_length=MOST_WORST)] = Field(
        default_factory=list, description="The inputs with the highest median latency, the worst first."
    )
    hard: Factor = Field(
        "", description="Share of the requests that carried a hard input: a tenth, or a little more."
    )
    p99: DurationOrEmpty = Field(
        "", description="99th percentile over the repeated inputs, as they were sent."
    )
    p99_if_hard_doubles: DurationOrEmpty = Field(
        "",
        description="The same, predicted for twice the share of hard inputs at the same queues. Which inputs are hard "
        "is told, for each request, by the other requests of its input.",
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Variability:
        if self.repeated > self.inputs or len(self.worst) > self.inputs:
            raise ValueError("more inputs were repeated, or are the worst, than there are")
        if any(one.failed > one.requests for one in self.worst):
            raise ValueError("an input failed more often than it was sent")
        return self

    def __str__(self) -> str:
        said = []
        if self.share:
            said.append(
                f"{float(self.share):.0%} of the variance of latency is between inputs (standard deviation "
                f"{self.between}, within an input {self.within})"
            )
        if self.worst:
            first = self.worst[0]
            said.append(f"slowest input {first.input} (median {first.median})")
        if self.p99_if_hard_doubles:
            said.append(
                f"p99 {self.p99_if_hard_doubles} instead of {self.p99} with twice as many of the hard inputs"
            )
        return ", ".join(said)
