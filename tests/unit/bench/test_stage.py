"""A stage against real servers: open loop, no coordinated omission, and every request accounted for."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from aiohttp import web

from tests.unit.bench.plans import requests, schedule
from tests.unit.bench.servers import read_request, serving, serving_raw
from tollgate.bench.client import Client
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.schedule import Schedule
from tollgate.bench.stage import Stage


async def load(target: str, plan: Schedule, within: float = 5.0, capacity: int | None = None) -> StageRun:
    made = requests()
    client = Client([target], made.access)
    client.capacity = capacity or client.capacity
    try:
        return await Stage(plan, made, client, within).run()
    finally:
        await client.close()


async def add(request: web.Request) -> web.Response:
    numbers = (await request.json())["input"]
    return web.json_response({"prediction": sum(numbers)})


async def test_every_request_is_sent_when_due_answered_and_scored() -> None:
    plan = Schedule(np.arange(100) / 400, np.arange(100) % 3, 0.25)
    with serving(add) as target:
        run = await load(target, plan)
    assert (run.outcome == Outcome.ANSWERED).all()
    np.testing.assert_array_equal(run.scored, plan.items != 2)
    np.testing.assert_array_equal(run.correct, plan.items != 2)
    assert (run.sent >= plan.due).all()
    assert (run.ended > run.sent).all()
    assert run.lags
    assert run.held == run.starved == 0


async def test_a_wrong_answer_is_answered_but_not_correct() -> None:
    async def wrong(_: web.Request) -> web.Response:
        return web.json_response({"prediction": -1})

    with serving(wrong) as target:
        run = await load(target, schedule(np.arange(10) / 100))
    assert (run.outcome == Outcome.ANSWERED).all()
    assert run.scored.all()
    assert not run.correct.any()


async def test_the_latency_law_of_the_server_is_found_again() -> None:
    """Every tenth answer takes 120 ms, the others 20 ms: the client must see that much (how exactly: bench/)."""
    numbers: Iterator[int] = iter(range(1000))

    async def law(_: web.Request) -> web.Response:
        await asyncio.sleep(0.12 if next(numbers) % 10 == 9 else 0.02)
        return web.json_response({"prediction": 3})

    with serving(law) as target:
        run = await load(target, schedule(np.arange(200) / 400))
    latency = run.ended - run.schedule.due
    assert latency.min() >= 0.02
    assert np.count_nonzero(latency >= 0.12) >= 20


async def test_requests_that_a_stall_swallows_are_timed_from_when_they_were_due() -> None:
    """The coordinated omission of a closed loop: it would have sent one request in the stall, and seen one slow."""
    stalled = 0.5
    numbers = iter(range(1000))

    async def stalls(_: web.Request) -> web.Response:
        if next(numbers) == 20:
            time.sleep(stalled)  # noqa: ASYNC251 -- the whole server stands still
        return web.json_response({"prediction": 3})

    plan = schedule(np.arange(100) / 100)
    with serving(stalls) as target:
        run = await load(target, plan)
    begin = run.sent[20]
    meanwhile = (plan.due > begin) & (plan.due < begin + stalled - 0.05)
    assert 40 <= np.count_nonzero(meanwhile) <= 50
    assert np.count_nonzero(run.sent[meanwhile] < begin + stalled) >= 35  # sent although nothing was answered
    assert (run.ended[meanwhile] >= begin + stalled).all()
    latency = run.ended - plan.due
    assert np.count_nonzero(latency > 0.25) >= 25
    assert latency.max() >= stalled


async def test_each_failure_is_counted_under_its_kind() -> None:
    numbers = iter(range(1000))
    statuses = [200, 200, 500, 404, 302]

    async def mixed(_: web.Request) -> web.Response:
        number = next(numbers)
        text = "oops" if number % 10 == 0 else '{"prediction": 3}'
        return web.Response(status=statuses[number % 5], text=text, headers={"Location": "/elsewhere"})

    with serving(mixed) as target:
        run = await load(target, schedule(np.arange(50) / 200))
    kinds = Counter(Outcome(code) for code in run.outcome.tolist())
    assert kinds == {
        Outcome.ANSWERED: 15,
        Outcome.GARBAGE: 5,
        Outcome.HTTP_5XX: 10,
        Outcome.HTTP_4XX: 10,
        Outcome.REDIRECT: 10,
    }
    assert run.examples[Outcome.HTTP_5XX] == 'HTTP 500: {"prediction": 3}'
    assert np.count_nonzero(run.correct) == 15


async def test_a_dead_server_fails_every_request_and_ends_the_stage() -> None:
    run = await load("127.0.0.1:1", schedule(np.arange(20) / 100))
    assert (run.outcome == Outcome.CONNECT).all()
    assert not np.isnan(run.ended).any()


async def test_a_hanging_server_costs_one_time_out_not_one_per_request() -> None:
    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with serving_raw(hangs) as target:
        run = await load(target, schedule(np.arange(20) / 100), within=0.3)
    assert (run.outcome == Outcome.TIMEOUT).all()
    assert run.ended.max() < 4  # and not 20 times 0.3 s


async def test_a_full_client_holds_requests_and_says_so() -> None:
    """Their clocks run on: the ones whose time-out passes meanwhile have failed without being sent."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            await asyncio.sleep(0.25)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + b'{"prediction":3}')

    with serving_raw(slow) as target:
        run = await load(target, schedule(np.zeros(20), 0.1), within=0.4, capacity=5)
    assert run.held == 15
    assert (run.outcome[:5] == Outcome.ANSWERED).all()
    assert run.sent[5] >= run.ended[:5].min()
    assert np.isnan(run.sent[10:]).all()
    assert (run.outcome[5:] == Outcome.TIMEOUT).all()


async def test_progress_adds_up() -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()

    async def waits(_: web.Request) -> web.Response:
        loop.call_soon_threadsafe(seen.set)
        while not release.is_set():  # noqa: ASYNC110 -- set by another thread's loop
            await asyncio.sleep(0.01)
        return web.json_response({"prediction": 3})

    with serving(waits) as target:
        made = requests()
        client = Client([target], made.access)
        stage = Stage(schedule([0.0, 60.0]), made, client, 5.0)
        task = asyncio.create_task(stage.run())
        await asyncio.wait_for(seen.wait(), 5)
        assert stage.progress == "1 of 2 sent, 0 answered, 0 failed, 1 in flight"
        release.set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.close()
