"""Closed loops against a real server: never more, and while there is something to send never fewer, than so many."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from tests.unit.bench.plans import profile, requests, stage
from tests.unit.bench.servers import serving
from tollgate.bench.crew import Crew
from tollgate.bench.plan import Plan
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.run import run
from tollgate.bench.schedule import plan_stage

CLOSED = {"arrival": "Poisson", "rate": None, "durationSeconds": None}


class Server:
    """Answers after a while; remembers how many requests it had at once."""

    def __init__(self, delay: float = 0.005) -> None:
        self.delay, self.now = delay, 0
        self.had: list[int] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.now += 1
        self.had.append(self.now)
        numbers = (await request.json())["input"]
        await asyncio.sleep(self.delay)
        self.now -= 1
        return web.json_response({"prediction": sum(numbers)})


async def load(server: Any, workers: int = 1, **fields: Any) -> StageRun:
    with serving(server) as target:
        made = profile(workers=workers, timeoutSeconds=5)
        plan = Plan.model_validate({"profile": made.dump(), "targets": [target]})
        async with Crew(plan, requests()) as crew:
            return await crew.load(plan_stage(stage(**CLOSED | fields), groups=[""] * 3, seed=1, number=0))


@pytest.mark.parametrize("workers", [1, 3])
async def test_so_many_are_with_the_server_and_each_is_sent_once(workers: int) -> None:
    server = Server()
    record = await load(server, workers, concurrency=4, requests=60)
    assert len(server.had) == len(record.sent) == 60
    assert max(server.had) <= 4
    assert (record.outcome == Outcome.ANSWERED).all()
    np.testing.assert_array_equal(record.correct, record.schedule.items != 2)
    assert record.workers == workers
    assert record.in_flight == 4


async def test_latency_is_from_when_a_request_was_sent() -> None:
    record = await load(Server(0.02), concurrency=2, requests=10)
    np.testing.assert_array_equal(record.schedule.due, record.sent)
    assert ((record.ended - record.schedule.due) >= 0.019).all()
    assert record.schedule.span == record.ended.max()


async def test_more_workers_than_places_are_left_out() -> None:
    server = Server()
    record = await load(server, 3, scenario="SingleStream", requests=8)
    assert (record.workers, max(server.had), len(server.had)) == (1, 1, 8)


async def test_multi_stream_sends_the_next_ones_when_all_are_answered() -> None:
    begun: list[int] = []
    answered = 0

    async def uneven(request: web.Request) -> web.Response:
        nonlocal answered
        begun.append(answered)
        await asyncio.sleep(0.02 if len(begun) % 3 == 1 else 0)
        answered += 1
        return web.json_response({"prediction": 3})

    await load(uneven, 2, scenario="MultiStream", concurrency=3, requests=9)
    assert len(begun) == 9
    assert all(before >= number // 3 * 3 for number, before in enumerate(begun))


async def test_a_loop_for_a_duration_ends_by_itself_and_keeps_what_it_sent() -> None:
    server = Server()
    record = await load(server, 2, concurrency=2, durationSeconds=1)
    assert len(server.had) == len(record.sent) == len(record.outcome) > 2
    assert len(record.sent) < 10_000, "it ended by its duration, not by what it was given"
    assert not np.isnan(record.ended).any()


async def test_a_server_that_answers_nothing_ends_it_too() -> None:
    async def refuse(_: web.Request) -> web.Response:
        raise web.HTTPServiceUnavailable

    record = await load(refuse, concurrency=2, requests=20)
    assert (record.outcome == Outcome.HTTP_5XX).all()
    assert len(record.sent) == 20


async def test_a_closed_stage_says_so_in_the_result() -> None:
    stages = [stage(**CLOSED, scenario="Offline", requests=300).dump(), stage(name="fast").dump()]
    made = profile(stages=stages, timeoutSeconds=5)
    with serving(Server()) as target:
        plan = Plan.model_validate({"profile": made.dump(), "targets": [target], "limits": ["250ms"]})
        result = await run(plan, requests(stages=stages), lambda _: None)
    closed, steady = result.stages
    assert (closed.load, closed.requested_rate, closed.requests) == ("Closed", "0req/s", 300)
    assert closed.scored == closed.correct == 200
    assert float(closed.answered_rate.removesuffix("req/s")) > 0
    assert steady.load is None
