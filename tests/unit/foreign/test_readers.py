from __future__ import annotations

from typing import Any

import pytest

from tests.unit.foreign import files
from tollgate.bench.records import Outcome
from tollgate.foreign import aiperf, guidellm, inference_perf
from tollgate.foreign.stages import FROM_SENT, Foreign, Summary, from_requests, from_summary, kind_of


def only(stages: list[Foreign | Summary]) -> Foreign:
    (stage,) = stages
    assert isinstance(stage, Foreign)
    return stage


def test_guidellms_requests_are_timed_from_when_they_were_due() -> None:
    stage, samples = from_requests(only(guidellm.read(files.guidellm(failed=3))))
    assert (stage.name, stage.requests, stage.errors) == ("0-constant", 400, 3)
    assert stage.error_kinds == {"http_5xx": 3}
    assert stage.requested_rate == "50req/s"
    assert stage.quantiles.p50 == "40ms", "39 ms from when it was sent"
    assert samples.sent[0] == 1000
    assert stage.uncertified == ""
    assert guidellm.version(files.guidellm()) == "0.5.0"


def test_guidellms_sample_of_the_requests_is_not_all_of_them() -> None:
    (stage,) = guidellm.read(files.guidellm(sampled=True))
    assert isinstance(stage, Summary)
    made = from_summary(stage)
    assert (made.requests, made.quantiles.p50, made.quantiles.p99) == (400, "40ms", "50ms")
    assert made.quantiles.p90 == "45ms", "no better than p95"
    assert "percentiles and no requests" in made.uncertified


def test_requests_that_guidellm_cut_off_may_have_been_the_slow_ones() -> None:
    stage, _ = from_requests(only(guidellm.read(files.guidellm(cut_off=5))))
    assert stage.requests == 395
    assert "5 requests were cut off" in stage.uncertified


def test_inference_perf_does_not_tell_when_requests_were_due() -> None:
    stage, _ = from_requests(only(inference_perf.read(files.inference_perf_requests(failed=2))))
    assert (stage.requests, stage.errors, stage.error_kinds) == (400, 2, {"timeout": 2})
    assert stage.achieved_rate == "50req/s"
    assert stage.uncertified == FROM_SENT


def test_a_summary_of_inference_perf_is_a_summary() -> None:
    (stage,) = inference_perf.read(files.inference_perf_stage())
    assert isinstance(stage, Summary)
    made = from_summary(stage)
    assert (made.requests, made.errors, made.quantiles.p50) == (400, 2, "40ms")
    assert (made.quantiles.p95, made.quantiles.p999) == ("50ms", "60ms")


def test_aiperfs_warm_up_is_one_and_credits_are_when_requests_were_due() -> None:
    made = [from_requests(s)[0] for s in aiperf.read(files.aiperf_lines(failed=1)) if isinstance(s, Foreign)]
    assert [(s.name, s.warm_up, s.requests, s.errors) for s in made] == [
        ("warmup", True, 20, 0),
        ("profiling", False, 400, 1),
    ]
    assert made[1].quantiles.p50 == "40ms"
    assert made[1].error_kinds == {"http_5xx": 1}
    assert {s.uncertified for s in made} == {""}


def test_an_older_aiperf_does_not_tell_when_requests_were_due() -> None:
    stages = [s for s in aiperf.read(files.aiperf_lines(issued=False)) if isinstance(s, Foreign)]
    assert from_requests(stages[1])[0].uncertified == FROM_SENT


def test_aiperfs_summary_is_in_milliseconds() -> None:
    (stage,) = aiperf.read(files.aiperf_summary())
    assert isinstance(stage, Summary)
    assert (stage.requests, stage.errors, stage.quantiles["p99"]) == (400, 2, 0.05)


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        ("HTTP Error 429", None, Outcome.HTTP_4XX),
        ("status code: 503", None, Outcome.HTTP_5XX),
        ("Bad Gateway", 502, Outcome.HTTP_5XX),
        ("ServerTimeoutError", None, Outcome.TIMEOUT),
        ("ServerDisconnectedError", None, Outcome.DISCONNECT),
        ("ClientConnectorError: Cannot connect", None, Outcome.CONNECT),
        ("RequestCancellationError", 499, Outcome.CANCELLED),
        ("", None, Outcome.OTHER),
    ],
)
def test_errors_are_of_our_kinds(words: str, code: int | None, kind: Outcome) -> None:
    assert kind_of(words, code) is kind


@pytest.mark.parametrize("reader", [guidellm.read, inference_perf.read, aiperf.read])
@pytest.mark.parametrize(
    "document",
    [{}, [], [{}], {"benchmarks": [{}]}, {"load_summary": {}}, {"request_latency": 3}, 7, None, "x"],
)
def test_what_is_no_such_file_is_said_to_be_none(reader: Any, document: Any) -> None:
    def read() -> None:
        for stage in reader(document):
            from_requests(stage) if isinstance(stage, Foreign) else from_summary(stage)

    with pytest.raises(ValueError, match=r"\w"):
        read()


def test_times_that_make_no_sense_are_refused() -> None:
    backwards = files.inference_perf_requests()
    backwards[7]["end_time"] = 0.0
    with pytest.raises(ValueError, match="ends before it begins"):
        from_requests(only(inference_perf.read(backwards)))
