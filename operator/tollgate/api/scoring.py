"""How a prediction is held against what the dataset expects: part of a `BenchmarkProfile`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Keyed, Model, Rule, checked
from tollgate.api.protocol import JMESPath
from tollgate.api.quality import MOST_SCORES, ScoreName


class Match(StrEnum):
    """When a prediction is right."""

    EXACT = "Exact"
    TEXT = "Text"
    NUMERIC = "Numeric"


_NEEDS_TOLERANCE = "match Numeric needs a tolerance: write absolute, relative or both"
_ONLY_NUMERIC = "absolute and relative are tolerances of match Numeric: set it, or leave them out"
_NO_CLASSES = "a number is no class: leave positive and classes out, or use match Exact or Text"


class Score(Model):
    """A score that an answer tells of itself, whatever it is called."""

    name: ScoreName = Field(
        description="Its name, by which an objective limits it: rougeL, faithfulness, ..."
    )
    path: JMESPath = Field(
        description="JMESPath of it in the answer: a number from 0 to 1, the more the better. A request that failed "
        "has a score of 0."
    )


class Scoring(Model):
    """How answers are scored, and what is counted beside how many are right."""

    model_config = checked(
        Rule(
            "!has(self.match) || self.match != 'Numeric' || has(self.absolute) || has(self.relative)",
            _NEEDS_TOLERANCE,
        ),
        Rule(
            "(has(self.match) && self.match == 'Numeric') || !(has(self.absolute) || has(self.relative))",
            _ONLY_NUMERIC,
        ),
        Rule(
            "!has(self.match) || self.match != 'Numeric' || "
            "!(has(self.positive) || (has(self.classes) && self.classes))",
            _NO_CLASSES,
        ),
    )

    match: Match = Field(
        Match.EXACT,
        description="When a prediction is right. Exact: it is what is expected, as JSON. Text: both are the same text "
        "but for case, punctuation, English articles and white space (exact match, as SQuAD defines it). Numeric: no "
        "number is further off than the tolerance.",
    )
    absolute: Annotated[str, StringConstraints(pattern=rf"^{units.NUMBER}$", max_length=22)] | None = Field(
        None, description="Numeric: so far may a prediction be off, in its own unit, such as 0.01."
    )
    relative: Annotated[str, StringConstraints(pattern=units.PERCENT_PATTERN, max_length=16)] | None = Field(
        None,
        description="Numeric: so far may it be off, as a percentage of what is expected. The wider of the two counts.",
    )
    positive: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None,
        description="The positive class, as JSON: 1, or a text in its own quotes. It is counted for the metric F1.",
    )
    classes: bool = Field(
        False,
        description="True: the classes of the dataset, 16 at most, are counted one by one, for the metric F1Macro.",
    )
    confidence: JMESPath | None = Field(
        None,
        description="JMESPath of how sure the model is of its prediction: a number from 0 to 1 in the answer. It is "
        "counted for a CalibrationError.",
    )

    scores: Annotated[list[Score], Field(max_length=MOST_SCORES), Keyed("name")] = Field(
        default_factory=list,
        description="Scores that the answers tell, by name: of a judge model, a grader or the server itself, such as "
        "rougeL. Their means are counted for the metric Score.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Scoring:
        numeric, tolerant = self.match is Match.NUMERIC, bool(self.absolute or self.relative)
        if numeric and not tolerant:
            raise ValueError(_NEEDS_TOLERANCE)
        if tolerant and not numeric:
            raise ValueError(_ONLY_NUMERIC)
        if numeric and (self.positive is not None or self.classes):
            raise ValueError(_NO_CLASSES)
        return self
