"""What a benchmark saw of two arms that it loaded in turn, on the same inputs: ratios, and what they rest on.

The load generator works the ratios out, as only it knows what happened in each turn.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Model, Text
from tollgate.api.quantities import Count, Factor

FEWEST_TURNS = 6
"""Of each arm: fewer do not show what varies from one to the next."""

FEWEST_REQUESTS = 10 * FEWEST_TURNS
"""Of a stage that is met in turn: with fewer in a turn there is no mean."""

MOST_STAGES = 5
"""Whose turns fit into a result that has to be short, whatever else is in it."""

Level = Annotated[str, StringConstraints(pattern=rf"^{units.NUMBER}(us|ms|s|req/s)$", max_length=32)]


class TurnRatio(Model):
    """Candidate over baseline: 1.05 is 5 % more."""

    baseline: Level = Field(description="The baseline's value.")
    value: Factor = Field(description="The ratio.")
    below: Factor = Field(
        "", description="Standard error of its logarithm downwards: 0.02 is about 2 %. Empty: not bounded."
    )
    above: Factor = Field("", description="The same upwards.")


class PairedStage(Model):
    """A stage whose load both arms met, turn by turn."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=32)] = Field(
        description="Name of the stage."
    )
    turns: int = Field(ge=1, le=64, description="Turns of each arm.")
    requests: Count = Field(description="Requests to each arm.")
    errors: Count = Field(0, description="Of these, those that the candidate failed to answer.")
    baseline_errors: Count = Field(0, description="Those that the baseline failed to answer.")
    error_clumping: Factor = Field(
        "",
        description="How many times as much the difference of the failures varies from turn to turn as it would by "
        "chance; empty: not more.",
    )
    scored: Count = Field(0, description="Requests whose input has an expected output.")
    both_correct: Count = Field(0, description="Of these, those that both arms answered as expected.")
    only_candidate: Count = Field(0, description="Those that only the candidate answered as expected.")
    only_baseline: Count = Field(0, description="Those that only the baseline answered as expected.")
    answer_clumping: Factor = Field("", description="As errorClumping, of the answers that differ.")
    mean: TurnRatio | None = Field(None, description="Of the mean latencies.")
    p50: TurnRatio | None = Field(
        None, description="Of the medians; a failed request counts as the time-out."
    )
    p90: TurnRatio | None = Field(None, description="Of the 90th percentiles.")
    p95: TurnRatio | None = Field(None, description="Of the 95th percentiles.")
    p99: TurnRatio | None = Field(None, description="Of the 99th percentiles.")
    p999: TurnRatio | None = Field(None, description="Of the 99.9th percentiles.")
    rate: TurnRatio | None = Field(
        None, description="Of the good answers a second, once each turn had got going."
    )
    unusable: Text = Field("", description="Why this says nothing about the two; empty when it does.")

    @model_validator(mode="after")
    def _adds_up(self) -> PairedStage:
        answers = self.both_correct + self.only_candidate + self.only_baseline
        if max(self.errors, self.baseline_errors, self.scored) > self.requests or answers > self.scored:
            raise ValueError(f"stage {self.name}: the counts of its turns do not add up")
        return self
