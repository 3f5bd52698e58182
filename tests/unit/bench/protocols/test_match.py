"""When a prediction is right, and of which class it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.bench.plans import profile, read, request
from tollgate.api.scoring import Scoring
from tollgate.bench.answer import NO_CLASS
from tollgate.bench.dataset import parse_dataset
from tollgate.bench.failures import FailedError
from tollgate.bench.protocols.match import Classes, matcher
from tollgate.bench.requests import Requests


def is_right(prediction: Any, expected: Any, **scoring: Any) -> bool:
    return matcher(Scoring.model_validate(scoring))(prediction, expected)


@pytest.mark.parametrize(
    ("prediction", "expected", "right"),
    [
        ("The  Eiffel Tower.", "eiffel tower", True),
        ("an apple", "Apple!", True),
        ("another apple", "apple", False),
        ("theatre", "atre", False),
        (7, 7.0, True),
        ("7", 7, False),
    ],
)
def test_text_is_the_same_but_for_how_it_is_written(prediction: Any, expected: Any, right: bool) -> None:
    assert is_right(prediction, expected, match="Text") is right


@pytest.mark.parametrize(
    ("prediction", "expected", "right"),
    [
        (10.5, 10, True),
        (10.6, 10, False),
        (-10.5, -10, True),
        (0.02, 0, True),
        (0.03, 0, False),
        ([1.0, 20.9], [1, 20], True),
        ([1.0, 21.1], [1, 20], False),
        ([1.0], [1, 20], False),
        (float("nan"), 1, False),
        (float("inf"), 1, False),
        (True, 1, False),
        ("1", 1, False),
        (10**400, 1.5, False),
    ],
)
def test_a_number_may_be_off_by_the_wider_tolerance(prediction: Any, expected: Any, right: bool) -> None:
    assert is_right(prediction, expected, match="Numeric", absolute="0.02", relative="5%") is right


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"match": "Numeric"}, "needs a tolerance"),
        ({"absolute": "0.1"}, "tolerances of match Numeric"),
        ({"match": "Numeric", "relative": "1%", "classes": True}, "a number is no class"),
        ({"match": "Numeric", "relative": "1%", "positive": "1"}, "a number is no class"),
    ],
)
def test_scoring_that_means_nothing_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scoring.model_validate(fields)


def test_the_classes_are_those_that_the_dataset_expects() -> None:
    classes = Classes(Scoring(classes=True, positive='"dog"'), ["cat", None, "dog", "cat"])
    assert classes.labels == ['"cat"', '"dog"']
    assert classes.positive == 1
    assert [classes.of(value) for value in ("dog", "cat", "cow", None)] == [1, 0, NO_CLASS, NO_CLASS]


def test_a_positive_class_alone_is_held_against_all_others() -> None:
    classes = Classes(Scoring(positive="1"), [0, 1, 2])
    assert (classes.labels, classes.positive, classes.of(1.0), classes.of(0)) == (["1"], 0, 0, NO_CLASS)


@pytest.mark.parametrize(
    ("scoring", "expected", "message"),
    [
        ({"classes": True}, list(range(17)), "expects 17 different outputs"),
        ({"classes": True}, [1, 1], "expects 1 different outputs"),
        ({"positive": "spam"}, ["spam"], "is no JSON"),
        ({"positive": "3"}, [1, 2], "no item of the dataset expects it"),
    ],
)
def test_classes_that_cannot_be_counted_are_refused_before_anything_is_sent(
    scoring: dict[str, Any], expected: list[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Classes(Scoring.model_validate(scoring), expected)


def test_an_answer_tells_its_class_and_how_sure_it_is() -> None:
    made = request([1], 7, scoring={"positive": "7", "confidence": "p"})
    assert made.tell_more
    answer = read(made, b'{"prediction": 7, "p": 0.25}')
    assert (answer.correct, answer.predicted, answer.confidence) == (True, 0, 250_000)
    assert read(made, b'{"prediction": 8, "p": 1}').predicted == NO_CLASS


@pytest.mark.parametrize("said", ["1.5", "-0.1", "true", '"0.5"', "null"])
def test_a_confidence_that_is_no_share_is_garbage(said: str) -> None:
    made = request([1], 7, scoring={"confidence": "p"})
    with pytest.raises(FailedError, match="no number from 0 to 1 at p"):
        read(made, f'{{"prediction": 7, "p": {said}}}'.encode())


def test_an_item_that_is_not_scored_needs_no_confidence() -> None:
    made = Requests(
        profile(scoring={"confidence": "p", "classes": True}),
        parse_dataset(b'{"items": [{"input": 1}, {"input": 2, "expected": 0}, {"input": 3, "expected": 1}]}'),
    )
    assert made.classes == [NO_CLASS, 0, 1]
    assert read(made, b"{}").confidence is None


def test_scores_of_any_name_are_read_also_where_nothing_is_expected() -> None:
    scores = [{"name": "rougeL", "path": "scores.rouge"}, {"name": "faithfulness", "path": "judge"}]
    made = Requests(
        profile(scoring={"scores": scores}),
        parse_dataset(b'{"items": [{"input": 1}, {"input": 2, "expected": 0}]}'),
    )
    assert made.tell_more
    assert made.asked.scores == ("rougeL", "faithfulness")
    assert read(made, b'{"scores": {"rouge": 0.5}, "judge": 1}').scores == (500_000, 1_000_000)
    with pytest.raises(FailedError, match="no number from 0 to 1 at judge"):
        read(made, b'{"scores": {"rouge": 0.5}, "judge": 7}')
