"""What a stage's answers told beyond their prediction: when tokens came, how many, and what became of the outcome."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from tollgate.api.base import Model
from tollgate.api.counting import MOST_LIMITS, TokensOver
from tollgate.api.quantities import Duration, Factor, TokenRate
from tollgate.api.sketch import Sketch

TokenCount = Annotated[int, Field(ge=0, le=100_000_000_000_000)]
"""Tokens of a whole stage: more than a `Count` holds."""


class TokenTimes(Model):
    """The distribution of a time that tokens took: its mean, and order statistics (nearest rank)."""

    mean: Duration = Field(description="Mean.")
    p50: Duration = Field(description="Median.")
    p90: Duration = Field(description="90th percentile.")
    p95: Duration = Field(description="95th percentile.")
    p99: Duration = Field(description="99th percentile.")
    max: Duration = Field(description="Longest.")
    error: Factor = Field("", description="Standard error of the mean, relative, from blocks of time.")
    blocks: int = Field(0, ge=0, le=64, description="How many blocks of time these were.")
    sketch: Sketch | None = Field(None, description="The distribution, as that of the latency.")


class StreamResult(Model):
    """When the tokens of streamed answers came."""

    streams: TokenCount = Field(description="Good answers that were streamed; each has a token at least.")
    timed: TokenCount = Field(
        description="Of these, those with a timePerOutputToken: two tokens, in two chunks."
    )
    chunks: TokenCount = Field(description="Chunks with tokens, of all streams.")
    time_to_first_token: TokenTimes | None = Field(
        None,
        description="From the time that latencies run from to the first chunk with a token. A failed request counts "
        "as the time-out, except in the mean.",
    )
    time_per_output_token: TokenTimes | None = Field(
        None,
        description="(last token - first token) / (tokens - 1) of each good stream that has one.",
    )
    inter_token_latency: TokenTimes | None = Field(
        None,
        description="From each chunk with tokens to the next, of all good streams, to 1 %. A chunk may hold several "
        "tokens.",
    )

    over_limit: Annotated[list[TokensOver], Field(max_length=MOST_LIMITS)] = Field(
        default_factory=list, description="How many were over each limit that was asked for."
    )

    @model_validator(mode="after")
    def _adds_up(self) -> StreamResult:
        if not self.timed <= self.streams <= self.chunks:
            raise ValueError("streams, those that are timed, and their chunks do not add up")
        return self


class TokenCounts(Model):
    """Tokens of the good answers."""

    input: TokenCount | None = Field(None, description="Of the inputs; none where an answer does not tell.")
    output: TokenCount | None = Field(None, description="Generated; none where an answer does not tell.")
    input_deviation: Factor = Field("", description="Standard deviation of the tokens of an input.")
    output_deviation: Factor = Field("", description="The same of those generated for an answer.")
    total_deviation: Factor = Field("", description="The same of both together.")
    estimated: TokenCount = Field(
        0, description="Answers that told no number of tokens: their chunks were counted in its place."
    )
    rate: TokenRate | None = Field(
        None, description="Generated tokens a second, from the first scheduled request to the last answer."
    )
