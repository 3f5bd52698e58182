"""What is sent for an input, in each protocol, and which inputs none can carry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.bench.plans import CHAT, COMPLETIONS, TENSOR, request


def test_a_json_request_is_the_input_under_its_name() -> None:
    made = request({"text": "hello"}, inputName="instance")
    assert made.access.path == "/predict"
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
    made = request(value, **TENSOR, datatype=datatype)
    assert made.access.path == "/v2/models/digits/infer"
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
        request(value, **TENSOR, datatype=datatype)


def test_parameters_are_fields_of_the_body() -> None:
    parameters = [{"name": "top_k", "value": "5"}, {"name": "mode", "value": '"fast"'}]
    made = request([1], parameters=parameters)
    assert json.loads(made.bodies[0]) == {"top_k": 5, "mode": "fast", "input": [1]}


def test_of_open_inference_they_are_its_parameters() -> None:
    made = request([1], **TENSOR, parameters=[{"name": "priority", "value": "2"}])
    assert json.loads(made.bodies[0])["parameters"] == {"priority": 2}


@pytest.mark.parametrize("value", ["fast", "NaN", "{", "[" * 900])
def test_a_parameter_that_is_no_json_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="parameter mode is no JSON"):
        request([1], parameters=[{"name": "mode", "value": value}])


STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("protocol", "value", "sent"),
    [
        (CHAT, "hello", {"messages": [{"role": "user", "content": "hello"}]}),
        (
            CHAT,
            [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
            {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]},
        ),
        (
            CHAT,
            {"messages": [{"role": "user", "content": "a"}], "max_tokens": 7, "model": "another"},
            {"messages": [{"role": "user", "content": "a"}], "max_tokens": 7},
        ),
        (COMPLETIONS, "once upon", {"prompt": "once upon"}),
        (COMPLETIONS, {"prompt": "once", "max_tokens": 7}, {"prompt": "once", "max_tokens": 7}),
    ],
)
def test_an_openai_request_is_streamed_and_asks_for_the_usage(
    protocol: dict[str, Any], value: Any, sent: dict[str, Any]
) -> None:
    made = request(value, **protocol, parameters=[{"name": "max_tokens", "value": "64"}])
    assert json.loads(made.bodies[0]) == {"max_tokens": 64, "model": "org/tiny:1", **sent, **STREAMED}
    assert made.access.accept == "text/event-stream"


def test_it_is_not_streamed_where_the_profile_does_not_want_it() -> None:
    made = request("hello", **CHAT, stream=False)
    assert "stream" not in json.loads(made.bodies[0])
    assert made.access.accept == "application/json"


@pytest.mark.parametrize(
    ("protocol", "path"), [(CHAT, "/v1/chat/completions"), (COMPLETIONS, "/v1/completions")]
)
def test_openai_has_paths_that_a_profile_may_change(protocol: dict[str, Any], path: str) -> None:
    assert request("hello", **protocol).access.path == path
    assert request("hello", **(protocol | {"path": "/openai/v1/chat"})).access.path == "/openai/v1/chat"


@pytest.mark.parametrize(
    ("protocol", "value"),
    [
        (CHAT, 7),
        (CHAT, []),
        (CHAT, ["hello"]),
        (CHAT, {"prompt": "x"}),
        (COMPLETIONS, [1, 2]),
        (COMPLETIONS, {}),
    ],
)
def test_an_input_that_is_no_prompt_is_refused(protocol: dict[str, Any], value: Any) -> None:
    with pytest.raises(ValueError, match=r"items\[0\] of the dataset: its input is no text"):
        request(value, **protocol)
