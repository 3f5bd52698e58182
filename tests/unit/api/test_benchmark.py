from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tollgate.api.benchmark import BenchmarkResult, StageResult

STAGE: dict[str, Any] = {
    "name": "steady",
    "requestedRate": "40req/s",
    "achievedRate": "39.9req/s",
    "answeredRate": "39.8req/s",
    "seconds": "25s",
    "requests": 1000,
    "errors": 2,
    "errorKinds": {"timeout": 2},
    "overLimit": [{"limit": "250ms", "requests": 5}],
    "scored": 900,
    "correct": 880,
    "mean": "30ms",
    "blocks": [{"requests": 500, "mean": "29ms"}, {"requests": 498, "mean": "31ms"}],
    "quantiles": {"p50": "28ms", "p90": "50ms", "p95": "60ms", "p99": "90ms", "p999": "10s", "max": "10s"},
    "sketch": {"growth": "1.02", "bins": "500:600,520:400"},
    "scheduleDelayP99": "400us",
}


def test_a_result_that_adds_up_is_taken() -> None:
    result = BenchmarkResult.model_validate(
        {
            "dataset": "sha256:" + "a" * 64,
            "profile": "sha256:" + "b" * 64,
            "pods": 1,
            "stages": [STAGE],
        }
    )
    assert result.stages[0].over_limit[0].requests == 5


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"errors": 1001}, "more errors"),
        ({"correct": 901}, "do not add up"),
        ({"scored": 1001}, "do not add up"),
        ({"blocks": [{"requests": 1001, "mean": "1ms"}]}, "more requests than the stage"),
        ({"overLimit": [{"limit": "250ms", "requests": 1}]}, "1 over 250ms of 1000"),
        ({"overLimit": [{"limit": "250ms", "requests": 1001}]}, "1001 over 250ms of 1000"),
        ({"mean": "fast"}, "String should match"),
        ({"requests": -1}, "greater than or equal to 0"),
        ({"accepted": 999}, "more was told than there are answers"),
        ({"exitStages": {"1": 500, "2": 499}}, "more was told than there are answers"),
        ({"stream": {"streams": 999, "timed": 1, "chunks": 999}}, "more was told than there are answers"),
        ({"stream": {"streams": 9, "timed": 10, "chunks": 99}}, "do not add up"),
        ({"stream": {"streams": 9, "timed": 9, "chunks": 8}}, "do not add up"),
        ({"tokens": {"rate": "fast"}}, "String should match"),
        ({"errorExamples": {"timeout": "x" * 401}}, "at most 400 characters"),
        ({"errorExamples": {"x" * 33: ""}}, "a kind has more than 32 characters"),
        ({"errorKinds": {str(i): 0 for i in range(17)}}, "at most 16 items"),
    ],
)
def test_a_result_that_does_not_add_up_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        StageResult.model_validate({**STAGE, **changed})
