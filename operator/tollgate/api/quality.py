"""What a stage counted of its answers beside how many are right: classes, and how sure the model was. Exact integers.

Everything here adds up over workers, pods, runs and measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from tollgate.api.base import Model
from tollgate.api.quantities import Count

MOST_CLASSES = 16
BINS = 10
"""Bins of confidence, of equal width."""

SURE = 1_000_000
"""A confidence of 1, in millionths."""

MOST_SCORES = 4
ScoreName = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z][-_a-zA-Z0-9]*$", min_length=1, max_length=32)
]

Millionths = Annotated[int, Field(ge=0, le=10**15)]


class ClassCount(Model):
    """One class against all others."""

    label: Annotated[str, StringConstraints(max_length=32)] = Field(description="The class, as JSON.")
    expected: Count = Field(description="Requests whose input is of it: tp + fn.")
    predicted: Count = Field(description="Answers that say it is: tp + fp.")
    correct: Count = Field(description="Both: tp.")

    @model_validator(mode="after")
    def _adds_up(self) -> ClassCount:
        if self.correct > min(self.expected, self.predicted):
            raise ValueError(f"class {self.label}: more correct than expected or predicted")
        return self

    @property
    def touched(self) -> int:
        """Requests that are expected or predicted to be of the class: tp + fp + fn."""
        return self.expected + self.predicted - self.correct


class ConfidenceBin(Model):
    """Answers that were about as sure."""

    answers: Count = Field(description="Scored answers with a confidence in the bin.")
    correct: Count = Field(description="Of these, those that are right.")
    confidence: Millionths = Field(description="Sum of their confidences.")

    @model_validator(mode="after")
    def _adds_up(self) -> ConfidenceBin:
        if self.correct > self.answers or self.confidence > self.answers * SURE:
            raise ValueError("a bin of confidence does not add up")
        return self


class ScoreSum(Model):
    """A score that the answers tell, over all requests; one that failed has a score of 0."""

    name: ScoreName = Field(description="Its name.")
    requests: Count = Field(description="Requests.")
    total: Millionths = Field(description="Sum of their scores.")
    squares: Millionths = Field(description="Sum of the squares.")

    @model_validator(mode="after")
    def _adds_up(self) -> ScoreSum:
        if not self.squares - self.requests <= self.total <= self.requests * SURE:
            raise ValueError(f"the sums of score {self.name} do not add up")
        return self


class QualityCounts(Model):
    """What was counted for F1, for the calibration error and of scores."""

    positive: ClassCount | None = Field(
        None,
        description="The positive class. A failed request counts as the wrong answer: of another class, it is a false "
        "positive.",
    )
    classes: Annotated[list[ClassCount], Field(max_length=MOST_CLASSES)] = Field(
        default_factory=list, description="The classes of the dataset. A failed request is of none."
    )
    confidence: Annotated[list[ConfidenceBin], Field(max_length=BINS)] = Field(
        default_factory=list, description="Scored answers by confidence: 0 to 0.1, to 0.2 and so on to 1."
    )
    squared_error: Millionths = Field(
        0, description="Sum of (right - confidence)^2 over the same answers; their mean is the Brier score."
    )

    scores: Annotated[list[ScoreSum], Field(max_length=MOST_SCORES)] = Field(
        default_factory=list, description="Scores that the answers tell."
    )

    @model_validator(mode="after")
    def _adds_up(self) -> QualityCounts:
        if self.confidence and len(self.confidence) != BINS:
            raise ValueError(f"there must be {BINS} bins of confidence")
        if self.squared_error > self.sure * SURE:
            raise ValueError("the squared error of the confidences does not add up")
        return self

    @property
    def sure(self) -> int:
        """Answers that told a confidence."""
        return sum(b.answers for b in self.confidence)

    @property
    def most(self) -> int:
        """No count but that of scores is of more requests than this."""
        classes = [*self.classes, *filter(None, [self.positive])]
        return max([self.sure, *(max(c.expected, c.predicted) for c in classes)])


def added(counts: Sequence[QualityCounts | None]) -> QualityCounts | None:
    """Counts of shares of the same requests, or of more of them; None where one of them has none."""
    known = [one for one in counts if one is not None]
    if not known or len(known) < len(counts):
        return None
    first = known[0]
    if any(_labels(one) != _labels(first) for one in known):
        raise ValueError("the classes or scores that were counted differ")
    positives = [one.positive for one in known if one.positive is not None]
    return QualityCounts(
        positive=_class(positives) if positives else None,
        classes=[_class(same) for same in zip(*(one.classes for one in known), strict=True)],
        confidence=[
            ConfidenceBin(
                answers=sum(b.answers for b in same),
                correct=sum(b.correct for b in same),
                confidence=sum(b.confidence for b in same),
            )
            for same in zip(*(one.confidence for one in known), strict=True)
        ],
        squared_error=sum(one.squared_error for one in known),
        scores=[
            ScoreSum(
                name=same[0].name,
                requests=sum(s.requests for s in same),
                total=sum(s.total for s in same),
                squares=sum(s.squares for s in same),
            )
            for same in zip(*(one.scores for one in known), strict=True)
        ],
    )


def _labels(one: QualityCounts) -> object:
    named = [c.label for c in one.classes], [s.name for s in one.scores]
    return one.positive and one.positive.label, named, len(one.confidence)


def _class(same: Sequence[ClassCount]) -> ClassCount:
    return ClassCount(
        label=same[0].label,
        expected=sum(c.expected for c in same),
        predicted=sum(c.predicted for c in same),
        correct=sum(c.correct for c in same),
    )
