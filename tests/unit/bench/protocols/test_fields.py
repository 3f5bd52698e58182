"""What is found in an answer, and that one without what the profile names is garbage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.bench.plans import CHAT, TENSOR, read, request
from tollgate.bench.access import Credentials
from tollgate.bench.failures import GarbageError


def test_the_default_prediction_of_each_protocol() -> None:
    assert read(request([1], 7), b'{"prediction": 7}').correct
    assert read(request([1], 7, **TENSOR), b'{"outputs": [{"name": "label", "data": [7]}]}').correct


def test_a_prediction_of_ones_own() -> None:
    made = request([1], "cat", prediction="classes[?best].label | [0]")
    assert read(made, b'{"classes": [{"label": "dog"}, {"label": "cat", "best": true}]}').correct
    assert not read(made, b'{"classes": [{"label": "dog", "best": true}]}').correct


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
        read(request([1], 7), answer)


def test_an_expression_that_cannot_digest_the_answer_is_garbage() -> None:
    with pytest.raises(GarbageError):
        read(request([1], 7, prediction="max(scores)"), b'{"scores": "none"}')


def test_where_nothing_is_expected_any_json_will_do() -> None:
    made = request([1])
    assert made.scored == [False]
    assert not read(made, b"{}").correct
    with pytest.raises(GarbageError):
        read(made, b"<html>")


FIELDS = {"outputTokens": "n.out", "inputTokens": "n.in", "accepted": "ok", "exitStage": "exit"}
TOLD: dict[str, Any] = {"n": {"out": 12, "in": 5}, "ok": False, "exit": 3}


def test_what_the_profile_names_is_told() -> None:
    answer = read(request([1], **FIELDS), json.dumps(TOLD).encode())
    assert (answer.output_tokens, answer.input_tokens, answer.accepted, answer.exit_stage) == (
        12,
        5,
        False,
        "3",
    )
    assert (answer.estimated, answer.stream) == (False, None)


def test_nothing_is_told_that_nobody_asked_for() -> None:
    made = request([1])
    assert not made.tell_more
    answer = read(made, json.dumps(TOLD).encode())
    assert (answer.output_tokens, answer.accepted, answer.exit_stage) == (None, None, None)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"n": {"in": 5}}, "no number of tokens at n.out"),
        ({"n": {"out": -1, "in": 5}}, "no number of tokens at n.out"),
        ({"n": {"out": 1.5, "in": 5}}, "no number of tokens at n.out"),
        ({"n": {"out": True, "in": 5}}, "no number of tokens at n.out"),
        ({"n": {"out": 10**12, "in": 5}}, "no number of tokens at n.out"),
        ({"n": {"out": 1, "in": "five"}}, "no number of tokens at n.in"),
        ({"ok": 1}, "no true or false at ok"),
        ({"ok": None}, "no true or false at ok"),
        ({"exit": None}, "no number or word at exit"),
        ({"exit": True}, "no number or word at exit"),
        ({"exit": [1]}, "no number or word at exit"),
    ],
)
def test_an_answer_without_what_the_profile_names_is_garbage(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(GarbageError, match=complaint):
        read(request([1], **FIELDS), json.dumps(TOLD | wrong).encode())


@pytest.mark.parametrize(
    ("told", "stage"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "other"),
        (-1, "other"),
        ("early", "early"),
        ("a b", "other"),
        ("x" * 33, "other"),
    ],
)
def test_exit_stages_are_small_numbers_and_short_words(told: Any, stage: str) -> None:
    assert read(request([1], exitStage="exit"), json.dumps({"exit": told}).encode()).exit_stage == stage


@pytest.mark.parametrize(("told", "stage"), [(3, "3"), ("early", "other"), ("t0ken", "other")])
def test_with_a_token_no_word_of_the_server_becomes_a_name(told: Any, stage: str) -> None:
    made = request(
        [1], exitStage="exit", bearerToken={"name": "model-key"}, credentials=Credentials(token="t0ken")
    )
    assert read(made, json.dumps({"exit": told}).encode()).exit_stage == stage


def test_tokens_of_an_openai_answer_in_one_piece() -> None:
    made = request("hello", "hi", **CHAT, stream=False)
    document = {
        "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 2},
    }
    answer = read(made, json.dumps(document).encode())
    assert (answer.correct, answer.input_tokens, answer.output_tokens, answer.stream) == (True, 4, 2, None)
    del document["usage"]
    answer = read(made, json.dumps(document).encode())
    assert (answer.output_tokens, answer.estimated) == (None, False)
