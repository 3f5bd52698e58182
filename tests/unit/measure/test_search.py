"""Where a search for the highest certified rate goes, what it finds, and how often it may be wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.bench.plans import profile
from tests.unit.measure.probes import holds, probe, search, searched
from tollgate.api.search import SearchEnd, SearchResult
from tollgate.api.units import parse_rate
from tollgate.measure.binomial import chance_of_at_most
from tollgate.measure.search import check_search, concluded, next_rate, too_few


def rates(wanted: Any, server: Any) -> list[str]:
    return [stage.requested_rate for stage in searched(wanted, server)]


def test_it_doubles_and_then_halves_what_is_left() -> None:
    wanted = search(probes=8)
    assert rates(wanted, holds(95)) == [
        *("10req/s", "20req/s", "40req/s", "80req/s", "160req/s"),
        *("120req/s", "100req/s", "90req/s"),
    ]
    found = concluded(wanted, searched(wanted, holds(95)))
    assert (found.certified, found.not_certified, found.ended) == (
        "90req/s",
        "100req/s",
        SearchEnd.PROBES_USED,
    )
    assert found.objective == "p99 <= 250ms"
    assert found.message == (
        "p99 <= 250ms is certified up to 90req/s at confidence 0.99 and not at 100req/s; all probes were used: search "
        "again between the two for more; no knee was seen"
    )


def test_a_rate_between_two_that_are_close_is_not_worth_a_probe() -> None:
    wanted = search(lowest="100req/s", highest="104req/s", probes=8)
    assert rates(wanted, holds(101)) == ["100req/s", "104req/s", "102req/s"]
    found = concluded(wanted, searched(wanted, holds(101)))
    assert (found.ended, found.certified, found.not_certified) == (
        SearchEnd.NARROWED,
        "100req/s",
        "102req/s",
    )


def test_the_highest_rate_ends_it_and_says_that_there_may_be_more() -> None:
    wanted = search(highest="50req/s")
    assert rates(wanted, holds(1e9)) == ["10req/s", "20req/s", "40req/s", "50req/s"]
    found = concluded(wanted, searched(wanted, holds(1e9)))
    assert (found.ended, found.certified, found.not_certified) == (
        SearchEnd.HIGHEST_CERTIFIED,
        "50req/s",
        "",
    )
    assert "raise it to find the limit" in found.message


def test_a_server_that_does_not_hold_the_lowest_rate_is_certified_at_none() -> None:
    wanted = search()
    found = concluded(wanted, searched(wanted, holds(5)))
    assert (found.ended, found.certified, found.not_certified) == (
        SearchEnd.LOWEST_NOT_CERTIFIED,
        "",
        "10req/s",
    )
    assert "not certified at 10req/s (1,000 of 1,000 over)" in found.message


def test_a_few_probes_of_a_wide_search_may_never_meet_the_limit() -> None:
    found = concluded(search(probes=3), searched(search(probes=3), holds(1e9)))
    assert (found.ended, found.certified) == (SearchEnd.PROBES_USED, "40req/s")
    assert "raise the lowest rate or probes" in found.message


def limited_from(rate: float, **fields: Any) -> Any:
    return lambda at: probe(
        "0req/s", **({"clientLimited": "requests were sent late"} | fields if at >= rate else {})
    )


def test_the_limit_of_the_load_generator_is_not_taken_for_the_servers() -> None:
    wanted = search()
    found = concluded(wanted, searched(wanted, limited_from(40)))
    assert (found.ended, found.certified, found.not_certified) == (SearchEnd.CLIENT_LIMITED, "20req/s", "")
    assert (
        "at 40req/s the load generator was the limit, not the server (requests were sent late)"
        in found.message
    )


def test_a_server_that_fails_is_refuted_though_the_load_generator_was_late() -> None:
    failing = {
        "errors": 900,
        "errorKinds": {"timeout": 900},
        "overLimit": [{"limit": "250ms", "requests": 1000}],
    }
    wanted = search(probes=4)
    assert rates(wanted, limited_from(40, **failing)) == ["10req/s", "20req/s", "40req/s", "30req/s"]


def test_what_a_lost_worker_left_refutes_nothing() -> None:
    wanted = search()
    failing = {
        "errors": 900,
        "errorKinds": {"timeout": 900},
        "overLimit": [{"limit": "250ms", "requests": 1000}],
    }
    found = concluded(wanted, searched(wanted, limited_from(40, workersLost=1, **failing)))
    assert found.ended is SearchEnd.CLIENT_LIMITED


@pytest.mark.parametrize("probes", [2, 6, 8])
@pytest.mark.parametrize("requests", [700, 1000, 5000])
def test_all_probes_together_are_wrong_with_the_probability_that_is_left(probes: int, requests: int) -> None:
    wanted = search(probes=probes, requests=requests)
    certifying = [
        over
        for over in range(requests)
        if next_rate(wanted, [probe("10req/s", over=over, requests=requests)]) == "20req/s"
    ]
    most = max(certifying)
    assert certifying == list(range(most + 1))
    wrong = chance_of_at_most(most, requests, 0.01)  # of a server that is exactly at the limit
    assert wrong * probes <= 0.01
    assert chance_of_at_most(most + 1, requests, 0.01) * probes > 0.01, "and no stricter than that"


@pytest.mark.parametrize(
    "told",
    [
        {"requests": 999},
        {"overLimit": []},
        {"growth": "latency grew all the time"},
        {"overLimit": [{"limit": "300ms", "requests": 0}]},
    ],
)
def test_what_was_not_counted_is_not_certified(told: dict[str, Any]) -> None:
    assert next_rate(search(), [probe("10req/s", **told)]) is None


@given(capacity=st.floats(min_value=1, max_value=2000), probes=st.integers(min_value=2, max_value=8))
def test_the_limit_is_always_between_what_it_found(capacity: float, probes: int) -> None:
    wanted = search(probes=probes)
    found = concluded(wanted, searched(wanted, holds(capacity)))
    if found.certified:
        assert float(parse_rate(found.certified)) <= capacity
    if found.not_certified:
        assert float(parse_rate(found.not_certified)) > capacity
    assert bool(found.certified) != (found.ended is SearchEnd.LOWEST_NOT_CERTIFIED)
    assert bool(found.not_certified) or found.ended in (SearchEnd.HIGHEST_CERTIFIED, SearchEnd.PROBES_USED)
    assert SearchResult.model_validate(found.dump()) == found


def test_what_does_not_follow_is_refused() -> None:
    wanted = search()
    with pytest.raises(ValueError, match=r"probe 2 of the search is at 640req/s, which does not follow"):
        concluded(wanted, [probe("10req/s"), probe("640req/s")])
    with pytest.raises(ValueError, match="the search ended after 1 probes, before it came to 20req/s"):
        concluded(wanted, [probe("10req/s")])
    with pytest.raises(ValueError, match="before it came to 10req/s"):
        concluded(wanted, [])
    with pytest.raises(ValueError, match="probe 2 of the search"):
        concluded(wanted, [probe("10req/s", over=1000), probe("20req/s")])


def latencies(of: dict[float, str], answered: dict[float, str] | None = None) -> Any:
    def server(rate: float) -> Any:
        rates = {"answeredRate": (answered or {}).get(rate, f"{rate:g}req/s")}
        return probe("0req/s", over=0 if rate < 100 else 1000, mean=of.get(rate, "5ms"), **rates)

    return server


def test_the_knee_is_where_power_is_greatest() -> None:
    wanted = search(probes=8)
    # 10, 20, 40, 80, 160, 120, 100, 90; power: 2, 4, 8, 13, 0.2 and less
    server = latencies(
        {80.0: "6ms", 90.0: "9ms", 100.0: "20ms", 120.0: "300ms", 160.0: "900ms"}, {160.0: "105req/s"}
    )
    found = concluded(wanted, searched(wanted, server))
    assert found.knee == "80req/s"
    assert found.message.endswith("knee at 80req/s")


def test_latency_that_does_not_grow_has_no_knee() -> None:
    wanted = search(probes=8)
    assert concluded(wanted, searched(wanted, holds(1e9))).knee == ""


def test_latency_that_grows_from_the_start_has_no_knee_that_was_seen() -> None:
    wanted = search(highest="40req/s")
    server = latencies({10.0: "5ms", 20.0: "20ms", 40.0: "80ms"})
    assert concluded(wanted, searched(wanted, server)).knee == ""


def test_a_probe_that_says_nothing_of_the_server_is_no_part_of_the_curve() -> None:
    wanted = search(highest="40req/s")
    probes = searched(wanted, limited_from(40, mean="900ms"))
    assert concluded(wanted, probes).knee == ""
    nothing = {"errors": 1000, "errorKinds": {"connect": 1000}, "mean": "10s"}
    probes = [probe("10req/s", over=1000, **nothing)]
    assert concluded(wanted, probes).knee == ""


def test_too_few_requests_for_any_certificate_are_refused_with_the_number() -> None:
    assert too_few(search(requests=637)) == ""
    assert too_few(search(requests=636)) == (
        "the search sends 636 requests in each probe, too few to certify p99 <= 250ms in any of 6 at confidence 0.99 "
        "even if all goes well: set its requests to 637 or more"
    )
    with pytest.raises(ValueError, match="set its requests to 637 or more"):
        check_search(profile(search=search(requests=10).dump()))
    check_search(profile(search=search().dump(), stages=profile().dump()["stages"]))
    check_search(profile())


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"lowest": "0req/s"}, "write lowest as requests per second above 0"),
        ({"lowest": "640req/s"}, "highest must be the greater one"),
        ({"requests": 36001}, "more than 3600 s"),
        ({"probes": 1}, "greater than or equal to 2"),
        ({"objective": {"statistic": "P99", "max": "0s"}}, "write max as a duration above 0"),
        ({"objective": {"statistic": "Mean", "max": "5ms"}}, "P50"),
        ({"confidence": "1"}, "pattern"),
    ],
)
def test_a_search_that_cannot_be_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        search(**fields)


def test_it_knows_how_long_it_takes_at_most() -> None:
    assert search(probes=6).longest_seconds == 600


def test_a_probe_is_a_stage_of_its_own() -> None:
    stage = search().probe(3, "40req/s")
    assert (stage.name, stage.requested_rate, stage.requests, stage.load) == (
        "search-3",
        "40req/s",
        1000,
        None,
    )
