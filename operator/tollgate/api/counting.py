"""What the load generator counts for the limits of a budget beside latencies: token times, and goals met at once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tollgate.api.base import Model, Rule, checked
from tollgate.api.quantities import Count, Duration

MOST_LIMITS = 8
MOST_GOALS = 4

_A_TIME = "meets needs latency, timeToFirstToken or timePerOutputToken"


class Goal(Model):
    """Times that a single request must keep, all of them."""

    model_config = checked(
        Rule("has(self.latency) || has(self.timeToFirstToken) || has(self.timePerOutputToken)", _A_TIME)
    )

    latency: Duration | None = Field(None, description="Until its whole answer is there, such as 2s.")
    time_to_first_token: Duration | None = Field(None, description="Until its first token, such as 300ms.")
    time_per_output_token: Duration | None = Field(
        None, description="Per token after the first, such as 50ms. An answer of one token keeps it."
    )

    @model_validator(mode="after")
    def _has_a_time(self) -> Goal:
        if not (self.latency or self.of_tokens):
            raise ValueError(_A_TIME)
        return self

    @property
    def of_tokens(self) -> bool:
        """Whether a stream is needed to tell."""
        return bool(self.time_to_first_token or self.time_per_output_token)

    def __str__(self) -> str:
        times = {
            "latency": self.latency,
            "first token": self.time_to_first_token,
            "per token": self.time_per_output_token,
        }
        return ", ".join(f"{what} {time}" for what, time in times.items() if time)


TokenTime = Literal["TimeToFirstToken", "TimePerOutputToken", "InterTokenLatency"]


class TokenLimit(Model):
    """A time of tokens, and the limit over which it is counted."""

    time: TokenTime = Field(description="Which time of tokens.")
    limit: Duration = Field(description="The limit.")


class Counting(Model):
    """What is counted of answers beside how many are slower than a limit."""

    tokens: Annotated[list[TokenLimit], Field(max_length=MOST_LIMITS)] = Field(
        default_factory=list, description="Times of tokens over a limit."
    )
    goals: Annotated[list[Goal], Field(max_length=MOST_GOALS)] = Field(
        default_factory=list, description="Good answers that keep several times at once."
    )


NOTHING_MORE = Counting()


class TokensOver(TokenLimit):
    """How many times of tokens were over a limit."""

    of: Count = Field(description="Of so many: requests, or streams for an InterTokenLatency.")
    least: Count = Field(description="At least so many of them were over it; failed requests are.")
    most: Count = Field(description="At most so many.")

    @model_validator(mode="after")
    def _adds_up(self) -> TokensOver:
        if not self.least <= self.most <= self.of:
            raise ValueError(f"{self.time} over {self.limit} does not add up")
        return self


class GoalMet(Goal):
    """How many answers kept a goal."""

    requests: Count = Field(description="Good answers that kept all of its times.")
