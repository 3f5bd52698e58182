"""A whole benchmark of two arms against real servers."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from aiohttp import web

from tests.unit.bench.plans import profile, requests, stage
from tests.unit.bench.servers import serving
from tollgate.api import transport
from tollgate.api.load import LoadStage
from tollgate.api.units import parse_duration
from tollgate.bench.plan import Plan, parse_plan
from tollgate.bench.run import run

STAGES = [
    stage(name="warm-up", warmUp=True, rate="40req/s").dump(),
    stage(rate="200req/s", durationSeconds=1).dump(),
]


def plan(target: str, baseline: list[str], **fields: Any) -> Plan:
    made = {"profile": profile(stages=STAGES, **fields).dump(), "targets": [target], "baseline": baseline}
    return Plan.model_validate(made | {"limits": ["250ms"]})


class Server:
    """Answers after so many seconds, and remembers when it was asked."""

    def __init__(self, delay: float, log: list[str], name: str) -> None:
        self.delay, self.log, self.name = delay, log, name

    async def __call__(self, request: web.Request) -> web.Response:
        self.log.append(self.name)
        await asyncio.sleep(self.delay)
        return web.json_response({"prediction": sum((await request.json())["input"])})


async def test_both_arms_meet_warm_up_and_turns_and_only_the_target_meets_the_stage_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LoadStage, "turns_seconds", 60)  # the machine may be busy
    log: list[str] = []
    said: list[str] = []
    with serving(Server(0.03, log, "new")) as target, serving(Server(0.01, log, "old")) as baseline:
        result = await run(plan(target, [baseline]), requests(stages=STAGES), said.append)
    assert [s.name for s in result.stages] == ["warm-up", "steady"]
    (turns,) = result.paired
    assert (turns.name, turns.turns, turns.requests) == ("steady", 10, 200)
    assert (result.pods, result.baseline_pods) == (1, 1)
    even = 20  # one turn, before they count
    assert log.count("new") == 40 + 200 + even + 200
    assert log.count("old") == 40 + even + 200
    assert log[:40] == ["new"] * 40
    assert log[40:80] == ["old"] * 40, "the baseline is warmed up, too"
    assert log[80:280] == ["new"] * 200
    blocks = [set(log[i : i + 20]) for i in range(280, len(log), 20)]
    assert all(len(block) == 1 for block in blocks), "never both at once"
    if not turns.unusable:  # a busy machine
        assert turns.p50 is not None
        assert 1.5 < float(turns.p50.value) < 5
        assert any("target over baseline: mean" in line for line in said)
    assert turns.both_correct == turns.scored > 0
    assert transport.decode(transport.encode(result)) == result


async def test_the_first_requests_and_the_steady_part_are_told() -> None:
    asked: list[float] = []

    async def wakes_up(request: web.Request) -> web.Response:
        asked.append(time.time())
        await asyncio.sleep(0.3 if len(asked) == 1 else 0.0)
        return web.json_response({"prediction": 1})

    with serving(wakes_up) as target:
        made = plan(target, [], coldStart={})
        result = await run(made, requests(stages=STAGES, coldStart={}), lambda _: None)
    first = result.first_requests
    assert first is not None
    assert (first.requests, first.errors) == (1, 0)
    assert float(parse_duration(first.worst)) >= 0.3
    warm_up, judged = result.stages
    assert warm_up.steady is None
    assert judged.steady is not None
    assert asked[0] < judged.steady.since.timestamp() < judged.steady.until.timestamp() < time.time()
    assert transport.decode(transport.encode(result)) == result


async def test_baseline_that_never_answers_does_not_hold_the_benchmark_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LoadStage, "turns_seconds", 2)

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.json_response({})

    with serving(Server(0.0, [], "new")) as target, serving(hang) as baseline:
        result = await run(
            plan(target, [baseline], timeoutSeconds=1),
            requests(stages=STAGES, timeoutSeconds=1),
            lambda _: None,
        )
    assert result.stages[1].errors == 0, "the candidate's own stage is untouched"
    assert "turns were done in the time there was" in result.paired[0].unusable


def test_stage_with_too_few_requests_for_turns_is_refused() -> None:
    few = profile(stages=[stage(rate="20req/s", durationSeconds=2).dump()]).dump()
    text = {"profile": few, "targets": ["a:1"], "baseline": ["b:1"]}
    with pytest.raises(ValueError, match="stage steady sends 40 requests, too few to load two arms in turn"):
        parse_plan(json.dumps(text))
    assert parse_plan(json.dumps(text | {"baseline": []})).baseline == []


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        ({"rate": None, "arrival": "Poisson", "concurrency": 4}, "ClosedForDuration"),
        (
            {"rate": None, "arrival": "Poisson", "scenario": "SingleStream", "warmUp": True},
            "ClosedForDuration",
        ),
        ({"rate": "400req/s", "arrival": "Burst", "burst": 20}, "Burst"),
        ({"rate": "400req/s", "arrival": "Ramp", "toRate": "800req/s"}, "Ramp"),
    ],
)
def test_what_cannot_be_cut_into_turns_is_refused(odd: dict[str, Any], kind: str) -> None:
    stages = [*STAGES, stage(name="odd", **odd).dump()]
    text = {"profile": profile(stages=stages).dump(), "targets": ["a:1"], "baseline": ["b:1"]}
    with pytest.raises(
        ValueError, match=f"stage odd is a load of kind {kind}, which cannot be cut into turns"
    ):
        parse_plan(json.dumps(text))
    assert parse_plan(json.dumps(text | {"baseline": []})).baseline == []


async def test_a_repeated_stage_leaves_a_result_of_each_run() -> None:
    stages = [
        stage(requests=40, durationSeconds=None, repeats=2, arrival="Poisson").dump(),
        stage(name="last").dump(),
    ]
    with serving(Server(0.0, [], "new")) as target:
        made = {"profile": profile(stages=stages).dump(), "targets": [target]}
        result = await run(Plan.model_validate(made), requests(stages=stages), lambda _: None)
    assert [(s.name, s.repeat, s.requests) for s in result.stages] == [
        ("steady", 1, 40),
        ("steady", 2, 40),
        ("last", None, 100),
    ]
    assert result.stages[0].seconds != result.stages[1].seconds, "arrivals of its own"
    text = {"profile": profile(stages=stages).dump(), "targets": ["a:1"], "baseline": ["b:1"]}
    with pytest.raises(ValueError, match="stage steady is repeated, and turns repeat it already"):
        parse_plan(json.dumps(text))
