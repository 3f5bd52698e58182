"""The forms that a stage of load can take, and those that it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from tollgate.api.load import Load, LoadStage


def stage(**fields: Any) -> LoadStage:
    return LoadStage.model_validate({"name": "s"} | fields)


@pytest.mark.parametrize(
    ("fields", "kind", "in_flight"),
    [
        ({"rate": "40req/s"}, None, 0),
        ({"rate": "40req/s", "arrival": "Constant"}, None, 0),
        ({"rate": "40req/s", "scenario": "Server"}, None, 0),
        ({"rate": "40req/s", "arrival": "Burst", "burst": 20}, Load.BURST, 0),
        ({"rate": "40req/s", "arrival": "Ramp", "toRate": "80req/s"}, Load.RAMP, 0),
        ({"arrival": "Trace", "trace": {"name": "monday"}}, Load.TRACE, 0),
        ({"rate": "40req/s", "surge": 50}, Load.SURGE, 0),
        ({"peak": {"of": "steady", "times": "2"}}, None, 0),
        ({"peak": {"of": "steady", "times": "2"}, "surge": 50}, Load.SURGE, 0),
        ({"rate": "40req/s", "mix": [{"group": "long", "share": "30%"}]}, None, 0),
        ({"concurrency": 4}, Load.CLOSED, 4),
        ({"scenario": "SingleStream"}, Load.CLOSED, 1),
        ({"scenario": "MultiStream"}, Load.CLOSED, 8),
        ({"scenario": "MultiStream", "concurrency": 3}, Load.CLOSED, 3),
        ({"scenario": "Offline"}, Load.CLOSED, 256),
    ],
)
def test_each_form_says_what_kind_of_load_it_is(
    fields: dict[str, Any], kind: Load | None, in_flight: int
) -> None:
    made = stage(**fields, requests=100)
    assert (made.load, made.in_flight, made.closed) == (kind, in_flight, in_flight > 0)
    assert LoadStage.model_validate(made.dump()) == made


def test_a_closed_loop_for_a_duration_has_no_number_of_requests() -> None:
    made = stage(concurrency=4, durationSeconds=30)
    assert (made.load, made.requests, made.seconds) == (Load.CLOSED_FOR_DURATION, 0, 30)
    assert made.requested_rate == "0req/s"


def test_a_ramp_has_the_requests_of_its_mean_rate() -> None:
    ramp = {"rate": "10req/s", "arrival": "Ramp", "toRate": "35req/s"}
    assert stage(**ramp, durationSeconds=10).requests == 225
    assert stage(**ramp, requests=225).seconds == 10
    assert (stage(**ramp, requests=1).requested_rate, stage(**ramp, requests=1).pace) == (
        "22.5req/s",
        "10req/s to 35req/s",
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "either a rate, or a concurrency or one of the scenarios"),
        ({"rate": "40req/s", "concurrency": 4}, "either a rate, or a concurrency"),
        ({"rate": "40req/s", "scenario": "Offline"}, "either a rate, or a concurrency"),
        ({"scenario": "Server"}, "either a rate, or a concurrency"),
        ({"scenario": "Server", "rate": "40req/s", "concurrency": 2}, "either a rate, or a concurrency"),
        ({"scenario": "Server", "rate": "40req/s", "arrival": "Constant"}, "in an arrival of your choice"),
        ({"concurrency": 4, "arrival": "Constant"}, "in an arrival of your choice"),
        ({"scenario": "SingleStream", "concurrency": 1}, "SingleStream keeps one request"),
        ({"rate": "40req/s", "arrival": "Ramp"}, "a Ramp goes from rate to toRate"),
        ({"rate": "40req/s", "toRate": "80req/s"}, "a Ramp goes from rate to toRate"),
        ({"rate": "40req/s", "arrival": "Ramp", "toRate": "0req/s"}, "write toRate as requests per second"),
        ({"rate": "40req/s", "arrival": "Burst"}, "a Burst needs burst"),
        ({"rate": "40req/s", "burst": 20}, "a Burst needs burst"),
        ({"rate": "40req/s", "arrival": "Trace"}, "a Trace needs trace"),
        ({"trace": {"name": "monday"}}, "a Trace needs trace"),
        (
            {"rate": "4req/s", "arrival": "Trace", "trace": {"name": "monday"}},
            "either a rate, or a concurrency",
        ),
        ({"rate": "40req/s", "peak": {"of": "steady", "times": "2"}}, "either a rate, or a concurrency"),
        ({"peak": {"of": "steady", "times": "0.5"}}, "peak.times"),
        ({"peak": {"of": "steady", "times": "2"}, "arrival": "Burst", "burst": 4}, "of a steady rate"),
        ({"rate": "40req/s", "arrival": "Ramp", "toRate": "80req/s", "surge": 20}, "of a steady rate"),
        ({"concurrency": 4, "surge": 20}, "a surge comes on top of a rate"),
        ({"rate": "40req/s", "requests": 99, "surge": 20}, "too few to see what the surge did: it needs 100"),
        ({"rate": "40req/s", "mix": [{"group": "a", "share": "0%"}]}, "mix.0.share"),
        (
            {"rate": "40req/s", "mix": [{"group": "a", "share": "60%"}, {"group": "b", "share": "50%"}]},
            "the shares of a mix are at most 100% together",
        ),
        (
            {"rate": "40req/s", "mix": [{"group": "a", "share": "6%"}, {"group": "a", "share": "5%"}]},
            "given twice: a",
        ),
        ({"concurrency": 0}, "greater than or equal to 1"),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stage(**({"requests": 100} | fields))


def test_a_trace_says_how_many_of_its_arrivals_are_replayed() -> None:
    with pytest.raises(ValueError, match="a Trace needs requests"):
        stage(arrival="Trace", trace={"name": "monday"}, durationSeconds=10)
