"""What the answers of a stage told beyond their prediction: when tokens came, how many, and what became of them.

Raw, an element per request, so that the records of several workers or turns can be put together exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tollgate.bench.answer import OTHER, Answer
from tollgate.bench.histogram import TimeHistogram

UNTOLD = -1
_ARRAYS = (
    *("first", "last", "chunks", "input", "output", "estimated", "accepted"),
    *("confidence", "scores", "expected", "predicted"),
)
_MOST_STAGES = 64  # different ones; a server that makes up more has them counted together


@dataclass(frozen=True)
class Asked:
    """What is counted of the quality of answers: which classes, all of them or a positive one, confidences, scores."""

    labels: Sequence[str] = ()
    all: bool = False
    positive: int | None = None
    confidence: bool = False
    scores: Sequence[str] = ()


class Told:
    """Arrays have an element per request; what only good answers tell is NaN or UNTOLD for the others."""

    def __init__(self, requests: int, asked: Asked = Asked()) -> None:
        self.asked = asked
        self.first = np.full(requests, np.nan)  # seconds since the stage's start: the first token came
        self.last = np.full(requests, np.nan)  # and the last one
        self.chunks = np.zeros(requests, np.int32)  # that held tokens
        self.input = np.full(requests, UNTOLD, np.int32)  # tokens
        self.output = np.full(requests, UNTOLD, np.int32)
        self.estimated = np.zeros(requests, np.bool_)  # output is the number of chunks
        self.accepted = np.full(requests, UNTOLD, np.int8)  # 1: it was, 0: it was not
        self.confidence = np.full(requests, UNTOLD, np.int32)  # millionths
        self.scores = np.zeros(
            (requests, len(asked.scores)), np.int32
        )  # millionths; of a request that failed 0
        self.expected = np.full(requests, UNTOLD, np.int16)  # the place of its class among the labels
        self.predicted = np.full(requests, UNTOLD, np.int16)
        self.exit_stages: Counter[str] = Counter()
        self.gaps = TimeHistogram()  # from chunk to chunk

    def note(self, number: int, answer: Answer, start: float) -> None:
        """Write down what a request's answer told; `start` is the stage's, on the clock of its times."""
        if answer.stream is not None:
            self.first[number] = answer.stream.first - start
            self.last[number] = answer.stream.last - start
            self.chunks[number] = answer.stream.chunks
            self.gaps.add(answer.stream.gaps)
        if answer.input_tokens is not None:
            self.input[number] = answer.input_tokens
        if answer.output_tokens is not None:
            self.output[number] = answer.output_tokens
            self.estimated[number] = answer.estimated
        if answer.accepted is not None:
            self.accepted[number] = answer.accepted
        if answer.confidence is not None:
            self.confidence[number] = answer.confidence
        self.scores[number] = answer.scores
        self.predicted[number] = answer.predicted
        if answer.exit_stage is not None:
            new = answer.exit_stage not in self.exit_stages and len(self.exit_stages) >= _MOST_STAGES
            self.exit_stages[OTHER if new else answer.exit_stage] += 1

    @classmethod
    def joined(cls, parts: Sequence[Told], order: NDArray[np.int64]) -> Told:
        """Several records of one stage as one: their requests one after the other, then put into an order."""
        whole = cls(0, parts[0].asked)
        for name in _ARRAYS:
            setattr(whole, name, np.concatenate([getattr(part, name) for part in parts])[order])
        for part in parts:
            whole.exit_stages.update(part.exit_stages)
            whole.gaps.merge(part.gaps)
        return whole
