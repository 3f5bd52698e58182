"""From the records of a stage to the counts of its classes, confidences and scores: exact integers. Pure.

A failed request is never right. For the positive class it counts as the wrong answer, of several classes it is none, it
has no confidence, and every score of it is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tollgate.api.quality import BINS, SURE, ClassCount, ConfidenceBin, QualityCounts, ScoreSum
from tollgate.bench.records import StageRun
from tollgate.bench.told import UNTOLD, Told

Bools = NDArray[np.bool_]


def count_quality(run: StageRun, good: Bools) -> QualityCounts | None:
    """None where the profile does not ask for it. `good` says which requests were answered."""
    told = run.told
    if told is None or not (told.asked.labels or told.asked.confidence or told.asked.scores):
        return None
    asked = told.asked
    answered = run.scored & good
    bins, squares = _confidence(run.correct, told.confidence, answered) if asked.confidence else ([], 0)
    return QualityCounts(
        positive=None if asked.positive is None else _positive(run.scored, answered, told, asked.positive),
        classes=[_class(run.scored, answered, told, i) for i in range(len(asked.labels))]
        if asked.all
        else [],
        confidence=bins,
        squared_error=squares,
        scores=[_score(name, told.scores[:, i]) for i, name in enumerate(asked.scores)],
    )


def _score(name: str, scores: NDArray[np.int32]) -> ScoreSum:
    """Squares rounded up, as those of the errors of confidences."""
    exact = scores.astype(np.int64)
    squares = -(-(exact**2) // SURE)
    return ScoreSum(name=name, requests=len(exact), total=int(exact.sum()), squares=int(squares.sum()))


def _class(scored: Bools, answered: Bools, told: Told, number: int) -> ClassCount:
    expected = scored & (told.expected == number)
    predicted = answered & (told.predicted == number)
    return ClassCount(
        label=told.asked.labels[number],
        expected=int(np.count_nonzero(expected)),
        predicted=int(np.count_nonzero(predicted)),
        correct=int(np.count_nonzero(expected & predicted)),
    )


def _positive(scored: Bools, answered: Bools, told: Told, number: int) -> ClassCount:
    counted = _class(scored, answered, told, number)
    failed = scored & ~answered & (told.expected != number)
    return counted.model_copy(update={"predicted": counted.predicted + int(np.count_nonzero(failed))})


def _confidence(
    correct: Bools, confidence: NDArray[np.int32], answered: Bools
) -> tuple[list[ConfidenceBin], int]:
    """The bins, and the sum of squared errors in millionths, each rounded up: no bound gets narrower by rounding."""
    which = answered & (confidence != UNTOLD)
    sure, right = confidence[which].astype(np.int64), correct[which]
    bin_of = np.minimum(sure * BINS // SURE, BINS - 1)
    bins = [
        ConfidenceBin(
            answers=int(np.count_nonzero(bin_of == b)),
            correct=int(np.count_nonzero(right & (bin_of == b))),
            confidence=int(sure[bin_of == b].sum()),
        )
        for b in range(BINS)
    ]
    squares = -(-((right * SURE - sure) ** 2) // SURE)
    return bins, int(squares.sum())
