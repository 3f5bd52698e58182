"""Searches, and the stages that their probes leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tollgate.api.benchmark import StageResult
from tollgate.api.search import RateSearch
from tollgate.api.units import parse_rate
from tollgate.measure.search import next_rate

TIMES = dict.fromkeys(("p50", "p90", "p95", "p99", "p999", "max"), "5ms")


def search(**fields: Any) -> RateSearch:
    """P99 within 250 ms, from 10 to 640 requests a second."""
    objective = {"statistic": "P99", "max": "250ms"}
    given = {"objective": objective, "lowest": "10req/s", "highest": "640req/s", "requests": 1000}
    return RateSearch.model_validate(given | fields)


def probe(rate: str, over: int = 0, **fields: Any) -> StageResult:
    """A probe of 1,000 requests that were answered at the rate they were sent, in 5 ms on average."""
    return StageResult.model_validate(
        {
            "name": "search-1",
            "load": "Search",
            "requestedRate": rate,
            "achievedRate": rate,
            "answeredRate": rate,
            "seconds": "10s",
            "requests": 1000,
            "errors": 0,
            "overLimit": [{"limit": "250ms", "requests": over}],
            "mean": "5ms",
            "quantiles": TIMES,
            "sketch": {"growth": "1.05", "bins": ""},
            "scheduleDelayP99": "0.1ms",
            **fields,
        }
    )


def searched(wanted: RateSearch, server: Callable[[float], StageResult]) -> list[StageResult]:
    """The probes of a search of this server, which answers a rate with what a probe of it leaves."""
    probes: list[StageResult] = []
    while rate := next_rate(wanted, probes):
        told = server(float(parse_rate(rate)))
        name = f"search-{len(probes) + 1}"
        probes.append(told.model_copy(update={"name": name, "requested_rate": rate}))
    return probes


def holds(capacity: float) -> Callable[[float], StageResult]:
    """A server that is late with each request beyond its capacity, and with none within it."""
    return lambda rate: probe("0req/s", over=0 if rate <= capacity else 1000)
