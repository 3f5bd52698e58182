"""Pods that send a benchmark together: processes that share nothing but a plan and a clock."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.unit.bench.plans import DATASET, profile, requests, stage
from tests.unit.bench.servers import serving
from tollgate.api.part_transport import decode_part
from tollgate.api.transport import decode
from tollgate.bench.__main__ import main
from tollgate.bench.plan import parse_plan
from tollgate.bench.pods import run_part
from tollgate.measure.parts import merge_parts

STAGES = [
    stage(name="warm-up", warmUp=True).dump(),
    stage(arrival="Poisson", rate="200req/s").dump(),
]


def written(folder: Path, target: str, begins_in: float, **fields: Any) -> Path:
    begin = datetime.now(UTC) + timedelta(seconds=begins_in)
    spec = profile(stages=STAGES, timeoutSeconds=1, **fields).dump()
    plan = {"profile": spec, "limits": ["250ms"], "targets": [target], "beginsAt": begin.isoformat()}
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "inputs.json").write_bytes(DATASET)
    return folder / "plan.json"


async def test_their_parts_are_the_whole_benchmark(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    log: list[float] = []
    loop = asyncio.get_running_loop()

    async def add(request: web.Request) -> web.Response:
        numbers = (await request.json())["input"]
        seen[str(numbers)] += 1
        log.append(loop.time())
        return web.json_response({"prediction": sum(numbers)})

    with serving(add) as target:
        plan = parse_plan(written(tmp_path, target, 2.0, pods=2).read_text())
        pods = [run_part(plan, requests(stages=STAGES), number, lambda _: None) for number in range(2)]
        parts = dict(enumerate(await asyncio.gather(*pods)))
    result = merge_parts(parts, {}, 1)
    assert [(s.name, s.requests, s.errors) for s in result.stages] == [
        ("warm-up", 100, 0),
        ("steady", 200, 0),
    ]
    assert [part.stages[1].requests for part in parts.values()] == [100, 100]
    assert seen.total() == 300
    assert max(seen.values()) - min(seen.values()) <= 2
    assert all(s.client is not None and s.client.workers == 2 for s in result.stages)
    assert max(after - before for before, after in pairwise(log)) > 1.5, (
        "a slot lasts until the last time-out"
    )


def test_the_program_leaves_the_part_of_its_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = written(tmp_path, "127.0.0.1:1", 2.0, pods=2)
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    assert main(["--plan", str(plan), "--dataset", str(tmp_path / "inputs.json"),
                 "--output", str(tmp_path / "result")]) == 0  # fmt: skip
    part = decode_part((tmp_path / "result").read_text())
    assert part.pod == 1
    assert [made.error_kinds for made in part.stages] == [{"connect": 50}, {"connect": 100}]


def test_one_that_comes_too_late_says_so_and_sends_nothing(tmp_path: Path) -> None:
    plan = written(tmp_path, "127.0.0.1:1", -5.0, pods=2)
    assert main(["--plan", str(plan), "--dataset", str(tmp_path / "inputs.json"),
                 "--output", str(tmp_path / "result")]) == 1  # fmt: skip
    with pytest.raises(
        ValueError, match=r"ready \d+\.\d s too late to begin with the others: raise startSeconds"
    ):
        decode((tmp_path / "result").read_text())


def test_each_pod_must_have_a_request_to_send() -> None:
    few = profile(pods=4, stages=[stage(rate="3req/s").dump()]).dump()
    with pytest.raises(ValueError, match="fewer requests than there are pods, 4"):
        parse_plan(json.dumps({"profile": few, "targets": ["a:1"]}))


def test_two_arms_in_turn_need_one_pod() -> None:
    both = {"profile": profile(pods=2).dump(), "targets": ["a:1"], "baseline": ["b:1"]}
    with pytest.raises(ValueError, match="from one only: set pods to 1"):
        parse_plan(json.dumps(both))
