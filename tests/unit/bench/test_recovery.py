"""When a surge was over: by hand-made records, and by a real server with one queue."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from aiohttp import web

from tests.unit.bench.plans import profile, record, requests, stage
from tests.unit.bench.servers import serving
from tollgate.api import units
from tollgate.api.benchmark import StageResult
from tollgate.bench.inputs import check_mix
from tollgate.bench.plan import Plan
from tollgate.bench.records import Outcome
from tollgate.bench.recovery import recovery
from tollgate.bench.run import run
from tollgate.bench.schedule import plan_stage
from tollgate.bench.summary import summarize


def surged(seconds_slow: float, *, failed: int = 0, after: float = 0.01) -> StageResult:
    """100 requests a second for 12 s, and 60 more after 4 s; what is due so soon after that takes 0.5 s."""
    plan = stage(durationSeconds=12, surge=60)
    schedule = plan_stage(plan, [""], seed=1, number=0)
    slow = (schedule.due >= 4) & (schedule.due <= 4 + seconds_slow)
    latency = np.where(slow, 0.5, np.where(schedule.due > 4, after, 0.01))
    run = record(latency, timeout=10, planned=schedule)
    run.outcome[np.flatnonzero(schedule.due == 4)[:failed]] = Outcome.HTTP_5XX
    return summarize(plan, run, ["1s"])


def test_a_surge_that_is_felt_for_two_seconds() -> None:
    seen = surged(2.0).recovery
    assert seen is not None
    assert (seen.surge, seen.failed) == (61, 0)  # one of the steady requests is due with them
    assert (seen.at, seen.usual, seen.slowest, seen.drained) == ("4s", "10ms", "500ms", "500ms")
    # 20 in a row of which two are still slow: they start with the last two of the slow ones
    assert seen.recovered == "1.99s"


def test_what_failed_is_no_recovery_however_quick_it_was() -> None:
    seen = surged(0.0, failed=5).recovery
    assert seen is not None
    assert (seen.failed, seen.drained) == (5, "")
    assert seen.recovered


@pytest.mark.parametrize(("seconds", "after"), [(9.0, 0.01), (1.0, 0.02)])
def test_a_server_that_stays_slow_has_not_recovered(seconds: float, after: float) -> None:
    seen = surged(seconds, after=after).recovery
    assert seen is not None
    assert seen.recovered == ""


def test_no_surge_no_recovery() -> None:
    run = record([0.01] * 100, timeout=10)
    assert recovery(run, np.full(100, 0.01)) is None


async def test_a_server_that_answers_one_at_a_time_works_a_surge_off() -> None:
    one_at_a_time = asyncio.Lock()

    async def answer(_: web.Request) -> web.Response:
        async with one_at_a_time:
            await asyncio.sleep(0.005)
        return web.json_response({"prediction": 1})

    stages = [stage(rate="40req/s", durationSeconds=6, surge=60).dump()]
    with serving(answer) as target:
        plan = Plan.model_validate({"profile": profile(stages=stages).dump(), "targets": [target]})
        result = await run(plan, requests(stages=stages), print)
    assert result.stages[0].requests == 300
    seen = result.stages[0].recovery
    assert seen is not None
    assert units.parse_duration(seen.drained) >= 60 * units.parse_duration("5ms")
    assert units.parse_duration(seen.slowest) > units.parse_duration(seen.usual)


def test_a_mix_that_the_dataset_cannot_give_is_refused() -> None:
    mixed = stage(mix=[{"group": "long", "share": "30%"}])
    check_mix([mixed], ["long", ""])
    with pytest.raises(
        ValueError, match=r"stage steady asks for inputs of the group long, .* \(its groups: odd\)"
    ):
        check_mix([mixed], ["", "odd"])
    with pytest.raises(ValueError, match="leaves 70% to inputs of other groups, and the dataset has none"):
        check_mix([mixed], ["long"])
