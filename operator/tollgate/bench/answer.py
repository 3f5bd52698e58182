"""What a good answer tells, whatever the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NO_CLASS = -1
"""Stands for a class that is not counted by itself."""

OTHER = "other"
"""Stands for exit stages that are not told apart."""


@dataclass(frozen=True, slots=True)
class Stream:
    """When the tokens of a streamed answer came, in seconds on the clock of `now`."""

    first: float  # the chunk with the first of them
    last: float
    gaps: Sequence[float]  # from each chunk with tokens to the next

    @property
    def chunks(self) -> int:
        """How many chunks held tokens."""
        return len(self.gaps) + 1


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer. What it does not tell, and nobody asked for, is None."""

    correct: bool
    stream: Stream | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated: bool = False  # output_tokens is the number of chunks, as the answer tells none
    accepted: bool | None = None
    exit_stage: str | None = None
    confidence: int | None = None  # millionths
    scores: tuple[int, ...] = ()  # millionths
    predicted: int = NO_CLASS  # the place of its class among those that are counted
