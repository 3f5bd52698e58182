from __future__ import annotations

from decimal import Decimal

from tests.unit.api.test_document import document
from tollgate.api.document import BenchmarkRun
from tollgate.measure.samples import counted_at


def counts(*limits: str) -> dict[str, int]:
    run = BenchmarkRun.model_validate(document())
    result = counted_at(run, [Decimal(limit) for limit in limits])
    return {over.limit: over.requests for over in result.stages[0].over_limit}


def test_a_failed_request_is_over_every_limit_and_one_at_the_limit_is_not() -> None:
    # 500 us and 900 us, and one that failed
    assert counts("0.0004", "0.0005", "0.0009", "100") == {"400us": 3, "500us": 2, "900us": 1, "100s": 1}


def test_right_answers_are_counted_where_it_is_known_which_are_right() -> None:
    raw = document(correct=[True, False, True])
    raw["result"]["stages"][0] |= {"scored": 3, "correct": 2}
    run = BenchmarkRun.model_validate(raw)
    (over,) = counted_at(run, [Decimal("0.0006")]).stages[0].over_limit
    assert (over.requests, over.correct) == (2, 1)  # the other right one took 900 us


def test_what_was_counted_when_it_was_measured_is_left_alone() -> None:
    raw = document()
    raw["result"]["stages"][0]["overLimit"] = [{"limit": "400us", "requests": 2}]
    run = BenchmarkRun.model_validate(raw)
    (over,) = counted_at(run, [Decimal("0.0004")]).stages[0].over_limit
    assert over.requests == 2


def test_a_stage_without_samples_is_as_it_was() -> None:
    raw = document()
    raw["samples"] = []
    run = BenchmarkRun.model_validate(raw)
    assert counted_at(run, [Decimal("0.0004")]) == run.result
