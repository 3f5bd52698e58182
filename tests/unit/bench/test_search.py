"""A search against real servers: how its probes are sent, and that it never finds more than a server can do."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from tests.unit.bench.plans import profile, requests, stage
from tests.unit.bench.servers import Handler, serving
from tollgate.api import transport
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.search import SearchEnd
from tollgate.api.units import parse_rate
from tollgate.bench.plan import Plan
from tollgate.bench.run import run

WARM_UP = stage(name="warm-up", warmUp=True, requests=5, durationSeconds=None).dump()
SEARCH = {
    "objective": {"statistic": "P50", "max": "5s"},
    "lowest": "40req/s",
    "highest": "1000req/s",
    "requests": 20,
    "probes": 5,
}


async def searched(handler: Handler, lines: list[str], **fields: Any) -> BenchmarkResult:
    made: dict[str, Any] = {"stages": [WARM_UP], "search": SEARCH} | fields
    with serving(handler) as target:
        plan = Plan.model_validate({"profile": profile(**made).dump(), "targets": [target], "limits": ["1s"]})
        return await run(plan, requests(**made), lines.append)


class GivesUp:
    """Answers at once, but to requests from the so many-th to the so many-th not."""

    def __init__(self, first: int, last: int) -> None:
        self.refused = range(first, last)
        self.seen: list[Any] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.seen.append((await request.json())["input"])
        if len(self.seen) - 1 in self.refused:
            return web.json_response({"error": "overloaded"}, status=503)
        return web.json_response({"prediction": 1})


async def test_it_goes_up_until_it_is_refused_and_then_between() -> None:
    server = GivesUp(5 + 2 * 20, 5 + 3 * 20)  # all of the third probe
    lines: list[str] = []
    result = await searched(server, lines)
    assert [s.name for s in result.stages] == ["warm-up", *(f"search-{n}" for n in range(1, 6))]
    assert [s.requested_rate for s in result.probes] == [
        *("40req/s", "80req/s", "160req/s", "120req/s", "140req/s"),
    ]
    assert [(s.load, s.requests, s.warm_up) for s in result.probes] == [("Search", 20, False)] * 5
    assert [[over.limit for over in s.over_limit] for s in result.probes] == [["5s"]] * 5
    assert [s.errors for s in result.probes] == [0, 0, 20, 0, 0]
    assert result.search is not None
    assert result.search.ended is SearchEnd.PROBES_USED
    assert (result.search.certified, result.search.not_certified) == ("140req/s", "160req/s")
    assert any(line.startswith("search: p50 <= 5s is certified up to 140req/s") for line in lines)
    assert transport.decode(transport.encode(result)) == result


async def test_each_probe_has_inputs_and_arrivals_of_its_own() -> None:
    server = GivesUp(0, 0)
    result = await searched(server, [])
    shares = [server.seen[5 + 20 * n : 25 + 20 * n] for n in range(5)]
    assert len({str(share) for share in shares}) > 1
    spans = [float(s.seconds.removesuffix("ms").removesuffix("s")) for s in result.probes[:2]]
    assert spans[0] != 2 * spans[1], "not one schedule at two rates"


async def test_a_profile_without_a_search_has_none() -> None:
    result = await searched(
        GivesUp(0, 0), [], search=None, stages=[stage(requests=5, durationSeconds=None).dump()]
    )
    assert (result.search, result.probes) == (None, [])


async def test_it_never_finds_what_a_server_that_queues_can_not_do() -> None:
    one_at_a_time = asyncio.Semaphore(1)

    async def queue(_: web.Request) -> web.Response:
        async with one_at_a_time:
            await asyncio.sleep(0.01)  # the law of this server: it never answers more than 100 a second
        return web.json_response({"prediction": 1})

    objective = {"statistic": "P50", "max": "80ms"}
    result = await searched(queue, [], search=SEARCH | {"objective": objective, "requests": 150})
    assert result.search is not None
    assert result.search.ended is not SearchEnd.HIGHEST_CERTIFIED
    if result.search.certified:  # a busy machine may take longer than that server
        assert parse_rate(result.search.certified) < 140
    over = {probe.requested_rate: probe for probe in result.probes}.get("160req/s")
    assert over is None or over.growth or over.over_limit[0].requests > 75
