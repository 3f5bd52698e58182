"""The users' log, read as a proof."""

from __future__ import annotations

import json

from tests.support.traffic import Answer, between, by_version, failed, longest_gap, parse


def _line(scheduled: float, version: str | None = "v1", status: int = 200, latency_ms: float = 10.0) -> str:
    record = {
        "scheduled": scheduled, "latency_ms": latency_ms, "status": status, "version": version, "exit_stage": 1,
        "correct": True, "hard": False, "error": None,
    }  # fmt: skip
    return json.dumps(record)


def test_lines_are_sorted_by_when_they_were_due_and_chatter_is_left_out() -> None:
    log = [
        "/control/mix.json: no such file; the mix stays as it was",
        _line(2.0),
        _line(1.0, "v2"),
        "failed: 0",
    ]
    assert parse(log) == [Answer(1.0, 10.0, 200, "v2", False), Answer(2.0, 10.0, 200, "v1", False)]


def test_a_request_under_way_at_either_end_belongs_to_the_stretch() -> None:
    answers = parse([_line(8.0, latency_ms=1000), _line(9.5, latency_ms=1000), _line(20.0), _line(20.1)])
    assert [answer.scheduled for answer in between(answers, 10.0, 20.0)] == [9.5, 20.0]


def test_failures_count_for_no_version() -> None:
    answers = parse([_line(1.0), _line(2.0, None, status=503), _line(3.0, None, status=0)])
    assert by_version(answers) == {"v1": 1}
    assert [answer.status for answer in failed(answers)] == [503, 0]


def test_a_missing_line_leaves_a_gap() -> None:
    assert longest_gap(parse([_line(1.0), _line(1.02), _line(1.06)])) > 0.039
    assert longest_gap(parse([_line(1.0)])) == 0.0
