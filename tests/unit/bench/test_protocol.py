"""What is sent, and what counts as the right answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.bench.plans import profile
from tollgate.bench.dataset import Dataset, Item
from tollgate.bench.protocol import GarbageError, Requests, same

TENSOR = {"protocol": "OpenInference", "model": "digits", "path": None, "inputName": "pixels"}


def requests(value: Any, expected: Any = None, **fields: Any) -> Requests:
    return Requests(profile(**fields), Dataset([Item(value, expected)], ""))


def test_a_json_request_is_the_input_under_its_name() -> None:
    made = requests({"text": "hello"}, inputName="instance")
    assert made.path == "/predict"
    assert json.loads(made.bodies[0]) == {"instance": {"text": "hello"}}


@pytest.mark.parametrize(
    ("value", "datatype", "shape", "data"),
    [
        ([0.5, 1, 2], "FP32", [1, 3], [0.5, 1, 2]),
        ([[1, 2, 3], [4, 5, 6]], "INT64", [1, 2, 3], [1, 2, 3, 4, 5, 6]),
        ([[[1], [2]]], "INT32", [1, 1, 2, 1], [1, 2]),
        ([True, False], "BOOL", [1, 2], [True, False]),
        ("a text", "BYTES", [1, 1], ["a text"]),
        (7, "FP64", [1, 1], [7]),
    ],
)
def test_an_open_inference_request_is_one_tensor_in_a_batch_of_one(
    value: Any, datatype: str, shape: list[int], data: list[Any]
) -> None:
    made = requests(value, **TENSOR, datatype=datatype)
    assert made.path == "/v2/models/digits/infer"
    tensor = {"name": "pixels", "shape": shape, "datatype": datatype, "data": data}
    assert json.loads(made.bodies[0]) == {"inputs": [tensor]}


@pytest.mark.parametrize(
    ("value", "datatype", "complaint"),
    [
        ([[1, 2], [3]], "FP32", "ragged"),
        ([1, [2]], "FP32", "mixes numbers and lists"),
        ([1, "2"], "FP32", "'2' is no FP32"),
        ([1, True], "INT32", "True is no INT32"),
        ([1.5], "INT64", "1.5 is no INT64"),
        ([1], "BOOL", "1 is no BOOL"),
        ({"a": 1}, "FP32", "is no FP32"),
    ],
)
def test_an_input_that_is_no_such_tensor_is_refused(value: Any, datatype: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=rf"items\[0\] of the dataset: .*{complaint}"):
        requests(value, **TENSOR, datatype=datatype)


def test_the_default_prediction_of_each_protocol() -> None:
    assert requests([1], 7).correct(0, b'{"prediction": 7}')
    assert requests([1], 7, **TENSOR).correct(0, b'{"outputs": [{"name": "label", "data": [7]}]}')


def test_a_prediction_of_ones_own() -> None:
    made = requests([1], "cat", prediction="classes[?best].label | [0]")
    assert made.correct(0, b'{"classes": [{"label": "dog"}, {"label": "cat", "best": true}]}')
    assert not made.correct(0, b'{"classes": [{"label": "dog", "best": true}]}')


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"\xff",
        b"{}",
        b'{"prediction": null}',
        b"[" * 100_000,
        b"9" * 5000,
    ],
)
def test_an_answer_without_a_prediction_is_garbage(answer: bytes) -> None:
    with pytest.raises(GarbageError):
        requests([1], 7).correct(0, answer)


def test_an_expression_that_cannot_digest_the_answer_is_garbage() -> None:
    with pytest.raises(GarbageError):
        requests([1], 7, prediction="max(scores)").correct(0, b'{"scores": "none"}')


def test_where_nothing_is_expected_any_json_will_do() -> None:
    made = requests([1])
    assert made.scored == [False]
    assert not made.correct(0, b"{}")
    with pytest.raises(GarbageError):
        made.correct(0, b"<html>")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (7, 7.0),
        (0.1, 0.10000000149011612),
        ("a", "a"),
        ([1, [2.0]], [1.0, [2]]),
        ({"a": 1}, {"a": 1.0}),
        (True, True),
    ],
)
def test_the_same(one: Any, other: Any) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (7, 8),
        (10**9, 10**9 + 1),
        (0.1, 0.1001),
        (True, 1),
        (False, 0),
        ("7", 7),
        ([7], 7),
        ([1, 2], [1]),
        ({"a": 1}, {"b": 1}),
        (float("nan"), 1.0),
        (10**400, 1.5),
    ],
)
def test_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert not same(other, one)
