"""Several processes against a real server: one schedule, one start, one record; and what becomes of it if one dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from tests.unit.bench.plans import profile, requests, schedule, stage
from tests.unit.bench.servers import Handler, serving
from tollgate.bench.crew import Crew
from tollgate.bench.plan import Plan
from tollgate.bench.records import Outcome
from tollgate.bench.run import run
from tollgate.bench.schedule import Schedule


def plan(target: str, workers: int, baseline: str = "") -> Plan:
    made = {"profile": profile(workers=workers, timeoutSeconds=5).dump(), "targets": [target]}
    return Plan.model_validate(made | {"baseline": [baseline] if baseline else []})


async def add(request: web.Request) -> web.Response:
    return web.json_response({"prediction": sum((await request.json())["input"])})


def children() -> list[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return sorted(int(pid) for task in tasks for pid in task.read_text().split())


async def test_each_request_is_sent_once_and_the_record_is_in_the_schedules_order() -> None:
    due = np.arange(90) / 300
    whole = Schedule(due, np.arange(90) % 3, 0.3)
    seen: Counter[str] = Counter()

    async def remember(request: web.Request) -> web.Response:
        seen[str((await request.json())["input"])] += 1
        return await add(request)

    with serving(remember) as target:
        async with Crew(plan(target, 3), requests()) as crew:
            record = await crew.load(whole)
    assert seen == {"[1, 2]": 30, "[4, 5]": 30, "[0, 0]": 30}
    assert record.schedule.due.tolist() == due.tolist()
    assert (record.outcome == Outcome.ANSWERED).all()
    np.testing.assert_array_equal(record.correct, whole.items != 2)
    assert (record.sent >= due).all()
    assert (record.workers, record.lost) == (3, [])
    assert len(record.lags) > 0


async def test_targets_are_met_in_the_turn_of_one_process() -> None:
    seen: dict[str, list[list[int]]] = {"a": [], "b": []}

    def named(name: str) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            seen[name].append((await request.json())["input"])
            return await add(request)

        return answer

    whole = Schedule(np.arange(8) / 20, np.array([0, 1, 1, 0, 0, 1, 1, 0]), 0.4)
    with serving(named("a")) as one, serving(named("b")) as other:
        made = plan(one, 2)
        made.targets.append(other)
        async with Crew(made, requests()) as crew:
            await crew.load(whole)
    assert seen == {"a": [[1, 2], [4, 5], [1, 2], [4, 5]], "b": [[4, 5], [1, 2], [4, 5], [1, 2]]}


async def test_targets_and_baseline_are_told_apart() -> None:
    log: list[str] = []

    def named(name: str) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            log.append(name)
            return await add(request)

        return answer

    with serving(named("new")) as target, serving(named("old")) as baseline:
        async with Crew(plan(target, 2, baseline), requests()) as crew:
            await crew.load(schedule(np.arange(10) / 100))
            await crew.load(schedule(np.arange(10) / 100), of_baseline=True)
    assert log == ["new"] * 10 + ["old"] * 10


async def test_a_worker_that_dies_is_lost_for_good_and_hides_nothing() -> None:
    before = set(children())
    load = schedule(np.arange(40) / 400)
    with serving(add) as target:
        async with Crew(plan(target, 2), requests()) as crew:
            (worker,) = set(children()) - before
            await crew.load(load)
            os.kill(worker, signal.SIGKILL)
            for _ in range(2):
                record = await crew.load(load)
                assert record.lost == ["2 (its process ended with status -9)"]
                assert record.schedule.due.tolist() == load.due[::2].tolist()
                assert (record.outcome == Outcome.ANSWERED).all()


async def test_no_worker_outlives_the_benchmark() -> None:
    before = set(children())

    async def fail(target: str) -> None:
        async with Crew(plan(target, 3), requests()):
            assert len(set(children()) - before) == 2
            raise RuntimeError("on purpose")

    with serving(add) as target, pytest.raises(RuntimeError, match="on purpose"):
        await fail(target)
    assert set(children()) <= before


async def test_a_worker_whose_parent_is_gone_sends_no_more(tmp_path: Path) -> None:
    """The parent is killed: nobody can tell the worker to stop, and no signal reaches it."""
    seen: list[float] = []
    loop = asyncio.get_running_loop()

    async def remember(request: web.Request) -> web.Response:
        seen.append(loop.time())
        return await add(request)

    code = (
        "import asyncio, sys; import numpy as np; from tests.unit.bench import test_crew as t; "
        "from tests.unit.bench.plans import requests, schedule; from tollgate.bench.crew import Crew\n"
        "async def main():\n"
        "    async with Crew(t.plan(sys.argv[1], 2), requests()) as crew:\n"
        "        print(*t.children(), flush=True)\n"
        "        await crew.load(schedule(np.arange(6000) / 100))\n"
        "asyncio.run(main())"
    )
    with serving(remember) as target:
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, target, stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        worker = int(await parent.stdout.readline())
        while not seen:  # noqa: ASYNC110 -- filled by another thread's loop
            await asyncio.sleep(0.01)
        parent.kill()
        await parent.wait()
        async with asyncio.timeout(10):
            while "\nState:\tZ" not in _status(worker):  # noqa: ASYNC110 -- another process
                await asyncio.sleep(0.01)


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "\nState:\tZ"


async def test_a_whole_benchmark_by_two_workers() -> None:
    said: list[str] = []
    stages = [stage(name="warm-up", warmUp=True).dump(), stage(arrival="Poisson", rate="200req/s").dump()]
    with serving(add) as target:
        made = Plan.model_validate(
            {"profile": profile(workers=2, stages=stages).dump(), "targets": [target], "limits": ["250ms"]}
        )
        result = await run(made, requests(workers=2, stages=stages), said.append)
    assert [(s.requests, s.errors, s.workers_lost) for s in result.stages] == [(100, 0, 0), (200, 0, 0)]
    assert all(s.client is not None and s.client.workers == 2 for s in result.stages)
    assert any("(worker 1 of 2)" in line for line in said)
