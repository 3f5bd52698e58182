"""Streams of chunks: tokens and their times, and everything that makes a stream no good answer."""

from __future__ import annotations

import json
from array import array
from typing import Any

import pytest

from tests.unit.bench.plans import CHAT, COMPLETIONS, read, request
from tollgate.bench.failures import FailedError
from tollgate.bench.records import Outcome
from tollgate.bench.requests import Requests

DONE = b"data: [DONE]\n\n"


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def token(text: Any, **choice: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, **choice}]})


def usage(**counts: Any) -> bytes:
    return event({"choices": [], "usage": counts})


ROLE = event({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
END = event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": None})
USAGE = usage(prompt_tokens=4, completion_tokens=3)


@pytest.fixture
def chat() -> Requests:
    return request("hello", "hi!", **CHAT)


def test_a_stream_is_timed_by_its_tokens(chat: Requests) -> None:
    """The chunk with the role is no token, nor are the last ones."""
    answer = read(chat, ROLE, token("h"), token("i"), token("!"), END, USAGE, DONE)
    assert answer.correct
    assert answer.stream is not None
    assert (answer.stream.first, answer.stream.last, answer.stream.gaps) == (2.0, 4.0, array("d", [1.0, 1.0]))
    assert (answer.input_tokens, answer.output_tokens, answer.estimated) == (4, 3, False)


def test_a_chunk_may_hold_several_tokens(chat: Requests) -> None:
    answer = read(chat, token("hi"), token("!"), USAGE, DONE)
    assert answer.stream is not None
    assert (answer.stream.chunks, answer.output_tokens) == (2, 3)


def test_without_a_usage_the_chunks_are_counted_and_that_is_said(chat: Requests) -> None:
    answer = read(chat, token("h"), token("i!"), END, DONE)
    assert (answer.output_tokens, answer.estimated, answer.input_tokens) == (2, True, None)


def test_the_last_usage_counts(chat: Requests) -> None:
    first = event({"choices": [{"delta": {"content": "hi!"}}], "usage": {"completion_tokens": 1}})
    assert read(chat, first, USAGE, DONE).output_tokens == 3


@pytest.mark.parametrize("delta", ["reasoning_content", "reasoning", "refusal", "tool_calls"])
def test_whatever_is_generated_is_a_token(delta: str) -> None:
    made = request("hello", **CHAT)
    thought = event({"choices": [{"delta": {delta: [{"index": 0}] if delta == "tool_calls" else "hm"}}]})
    answer = read(made, ROLE, thought, token("a"), DONE)
    assert answer.stream is not None
    assert answer.stream.first == 2.0


def test_thoughts_are_no_part_of_the_prediction(chat: Requests) -> None:
    assert read(chat, event({"choices": [{"delta": {"reasoning": "hm"}}]}), token("hi!"), DONE).correct


def test_all_may_come_at_once(chat: Requests) -> None:
    answer = read(chat, token("hi") + token("!") + USAGE + DONE)
    assert answer.stream is not None
    assert (answer.stream.first, answer.stream.last, answer.stream.gaps) == (1.0, 1.0, array("d", [0.0]))


def test_completions_have_text_in_another_place() -> None:
    made = request("one", " two", **COMPLETIONS)
    parts = [event({"choices": [{"text": text}]}) for text in (" ", "two")]
    answer = read(made, *parts, USAGE, DONE)
    assert answer.correct
    assert answer.output_tokens == 3


BROKEN: dict[str, tuple[list[bytes], Outcome, str]] = {
    "no [DONE]": ([token("hi!"), END, USAGE], Outcome.CANCELLED, "ended before its [DONE]"),
    "nothing but [DONE]": ([DONE], Outcome.EMPTY, "without a token"),
    "a role and no token": ([ROLE, END, DONE], Outcome.EMPTY, "without a token"),
    "tokens told and none seen": ([ROLE, USAGE, DONE], Outcome.EMPTY, "without a token"),
    "given up": (
        [token("h"), token("", finish_reason="abort"), DONE],
        Outcome.CANCELLED,
        "the server gave the request up",
    ),
    "an error": (
        [token("h"), event({"error": {"message": "out of memory", "code": 500}}), DONE],
        Outcome.SERVER_ERROR,
        "out of memory",
    ),
    "an error as a text": ([event({"error": "overloaded"})], Outcome.SERVER_ERROR, "overloaded"),
    "an event of type error": (
        [token("h"), b'event: error\ndata: {"message": "gone"}\n\n'],
        Outcome.SERVER_ERROR,
        "gone",
    ),
    "nothing": ([b""], Outcome.GARBAGE, "no event stream"),
    "no stream": ([b'{"choices": [{"message": {"content": "hi!"}}]}'], Outcome.GARBAGE, "no event stream"),
    "a page": ([b"<html>busy</html>\n"], Outcome.GARBAGE, "no event stream: <html>busy</html>"),
    "comments alone": ([b": ping\n\n", b": ping\n\n"], Outcome.GARBAGE, "no event stream"),
    "no JSON": ([token("h"), b"data: {oops\n\n"], Outcome.GARBAGE, "cannot be read"),
    "half a chunk": ([token("h"), token("i")[:20] + b"\n\n"], Outcome.GARBAGE, "cannot be read"),
    "a list": ([event([1])], Outcome.GARBAGE, "cannot be read"),
    "null": ([event(None)], Outcome.GARBAGE, "cannot be read"),
    "no UTF-8": ([b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n'], Outcome.GARBAGE, "cannot be read"),
    "choices that are none": ([event({"choices": 7})], Outcome.GARBAGE, "cannot be read"),
    "a choice that is none": ([event({"choices": ["hi"]})], Outcome.GARBAGE, "cannot be read"),
    "a delta that is none": ([event({"choices": [{"delta": "hi"}]})], Outcome.GARBAGE, "cannot be read"),
    "a number for a text": ([token(7), DONE], Outcome.GARBAGE, "cannot be read"),
    "a chunk of nothing but brackets": ([b"data: " + b"[" * 100_000 + b"\n\n"], Outcome.GARBAGE, "RecursionError"),
    "fewer than no tokens": ([token("h"), usage(completion_tokens=-3), DONE], Outcome.GARBAGE, "no number of tokens"),
    "no tokens for a text": ([token("h"), usage(completion_tokens=0), DONE], Outcome.GARBAGE, "has no tokens"),
    "more than there can be": ([token("h"), usage(completion_tokens=10**15), DONE], Outcome.GARBAGE, "no number"),
    "an event without an end": ([b"data: " + b"x" * 1_100_000], Outcome.GARBAGE, "an event of the stream is longer"),
    "an event of many lines": ([b"data: " + b"x" * 10_000 + b"\n"] * 110, Outcome.GARBAGE, "an event of the stream"),
    "a text without an end": ([token("x" * 100_000)] * 11, Outcome.GARBAGE, "the text of the stream is longer"),
    "part of a token": ([token("h"), usage(completion_tokens=1.5), DONE], Outcome.GARBAGE, "no number of tokens"),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "outcome", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_stream_is_an_error_of_its_kind(
    chat: Requests, parts: list[bytes], outcome: Outcome, said: str
) -> None:
    with pytest.raises(FailedError) as caught:
        read(chat, *parts)
    assert caught.value.outcome is outcome
    assert said in caught.value.explain(quote=True)


@pytest.mark.parametrize(
    "parts",
    [
        [b": ping\n\n", token("hi!"), b": ping\n\n", DONE],
        [token("hi!").replace(b"\n", b"\r\n"), DONE.replace(b"\n", b"\r\n")],
        [b'data: {"choices": [{"delta":\ndata: {"content": "hi!"}}]}\n\n', DONE],
        [token("hi!"), b"id: 7\n", DONE],
        [token("hi!") + DONE + b"data: {oops\n\n"],  # nothing counts after the end
    ],
)
def test_what_the_standard_allows_is_read(chat: Requests, parts: list[bytes]) -> None:
    assert read(chat, *parts).correct


def test_a_character_may_come_in_two_pieces() -> None:
    made = request("hello", "☃", **CHAT)
    text = b'data: {"choices": [{"delta": {"content": "\xe2\x98\x83"}}]}\n\n'
    assert read(made, text[:42], text[42:44], text[44:], DONE).correct


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        ({"error": {"message": "out of memory"}}, Outcome.SERVER_ERROR),
        ({"choices": [{"message": {"content": ""}}]}, Outcome.EMPTY),
        ({"choices": [{"message": {"content": None}}]}, Outcome.EMPTY),
        ({"choices": [{"message": {"content": "h"}, "finish_reason": "abort"}]}, Outcome.CANCELLED),
        ({"choices": []}, Outcome.GARBAGE),
        ({"choices": [{}]}, Outcome.GARBAGE),
        ({"choices": [{"message": "hi"}]}, Outcome.GARBAGE),
        ({"choices": [{"message": {"content": "a"}}] * 2}, Outcome.GARBAGE),
        ({"text": "hi"}, Outcome.GARBAGE),
        ([], Outcome.GARBAGE),
    ],
)
def test_an_answer_in_one_piece_is_held_to_the_same(document: Any, outcome: Outcome) -> None:
    with pytest.raises(FailedError) as caught:
        read(request("hello", "hi", **CHAT, stream=False), json.dumps(document).encode())
    assert caught.value.outcome is outcome
