"""Whether a prediction is right, as the profile's `scoring` says, and which of the counted classes it is. Pure."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Sequence
from typing import Any

from tollgate.api import units
from tollgate.api.quality import MOST_CLASSES
from tollgate.api.scoring import Match, Scoring
from tollgate.bench.answer import NO_CLASS
from tollgate.bench.protocols.same import same

_LONGEST_LABEL = 32
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)

Matcher = Callable[[Any, Any], bool]


def matcher(scoring: Scoring) -> Matcher:
    """What says whether a prediction (first) is the expected output (second)."""
    match scoring.match:
        case Match.TEXT:
            return _same_text
        case Match.NUMERIC:
            absolute = float(scoring.absolute or 0)
            relative = float(units.parse_percent(scoring.relative)) if scoring.relative else 0.0
            return lambda prediction, expected: _near(prediction, expected, absolute, relative)
        case _:
            return same


class Classes:
    """The classes that are counted one by one: those of the dataset, or the positive one alone, or none."""

    def __init__(self, scoring: Scoring | None, expected: Sequence[Any]) -> None:
        """`expected` is None for an item that is not scored. ValueError where the classes cannot be counted."""
        self._same = matcher(scoring) if scoring else same
        self._values: list[Any] = []
        self.all = scoring is not None and scoring.classes
        self.positive: int | None = None
        if self.all:
            for value in expected:
                if value is not None and self.of(value) == NO_CLASS:
                    self._values.append(value)
            if not 2 <= len(self._values) <= MOST_CLASSES:
                raise ValueError(
                    f"the dataset expects {len(self._values)} different outputs, and scoring.classes counts 2 to "
                    f"{MOST_CLASSES}: leave it out"
                )
        if scoring is not None and scoring.positive is not None:
            self.positive = self._positive(scoring.positive, expected)
        self.labels = [json.dumps(value, ensure_ascii=False)[:_LONGEST_LABEL] for value in self._values]

    def _positive(self, text: str, expected: Sequence[Any]) -> int:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(
                f"scoring.positive {text} is no JSON: write a number as it is, and a text with its own quotes"
            ) from None
        if not any(one is not None and self._same(one, value) for one in expected):
            raise ValueError(f"scoring.positive is {text}, and no item of the dataset expects it")
        if not self.all:
            self._values = [value]
        return self.of(value)

    def of(self, value: Any) -> int:
        """The place of a value's class in `labels`; NO_CLASS for any other value."""
        return next((i for i, known in enumerate(self._values) if self._same(value, known)), NO_CLASS)


def _same_text(prediction: Any, expected: Any) -> bool:
    """Exact match as SQuAD's evaluation has it (P. Rajpurkar et al., EMNLP 2016)."""
    if isinstance(prediction, str) and isinstance(expected, str):
        return _plain(prediction) == _plain(expected)
    return same(prediction, expected)


def _plain(text: str) -> str:
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _near(prediction: Any, expected: Any, absolute: float, relative: float) -> bool:
    """Numbers, and lists of them, each no further off than the wider tolerance; a bool is no number."""
    if isinstance(prediction, list) and isinstance(expected, list):
        return len(prediction) == len(expected) and all(
            _near(one, other, absolute, relative) for one, other in zip(prediction, expected, strict=True)
        )
    if not (_is_number(prediction) and _is_number(expected)):
        return False
    try:
        return bool(abs(prediction - expected) <= max(absolute, relative * abs(expected)))
    except OverflowError:  # an integer of more than 308 digits
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
