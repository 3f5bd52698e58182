"""Every record of the fake world's stories is decided again as it is written (tests.unit.reconcile.world).

Here: that the records have the evidence for it, and that another evidence is noticed.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.test_records import stored
from tollgate.api.budget import Stage
from tollgate.api.decision import DecisionSpec
from tollgate.decide.replay import Replay, replay
from tollgate.ports import Object

FASTER_AND_LESS_ACCURATE = Behaviour(mean=0.01, accuracy=0.955)


async def story(until: Stage, behaviour: Behaviour, **budget: Any) -> Object:
    """The last record once v2, after v1, has come that far."""
    world = populated(budget)
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    world.git_applies("v2", behaviour)
    await op.run(
        lambda: op.status.release is not None and op.status.release.number == 2 and op.stage is until
    )
    if until is Stage.WATCHING:
        world.versions["v2"].live_slow = 0.3
        await op.run(Stage.ROLLED_BACK)
    await op.run(lambda: not op.status.unwritten)
    return stored(world)[-1]["spec"]


def again(spec: Object) -> Replay:
    return replay(DecisionSpec.model_validate(spec))


def findings(spec: Object) -> dict[str, str]:
    return {finding.what: finding.now for finding in again(spec).findings}


async def promoted() -> Object:
    return await story(Stage.PROMOTING, Behaviour())


STORIES: dict[str, tuple[Stage, Behaviour, dict[str, Any], str]] = {
    "by the benchmark": (Stage.REJECTED, Behaviour(bench_slow=0.08), {}, "Rejected (BenchmarkBreach)"),
    "in the canary": (Stage.REJECTED, Behaviour(live_slow=0.3), {}, "Rejected (CanaryBreach)"),
    "after the canary": (Stage.PROMOTING, Behaviour(), {}, "Promoted (CanaryPassed)"),
    "while it serves": (Stage.WATCHING, Behaviour(), {}, "RolledBack (ServingBreach)"),
    "observed": (Stage.OBSERVED, Behaviour(), {"mode": "Observe"}, "Observed (Within)"),
    "warned of": (Stage.BREACHED, Behaviour(live_slow=0.3), {"mode": "Warn"}, "Breached (ServingBreach)"),
}


@pytest.mark.parametrize(("until", "behaviour", "budget", "action"), STORIES.values(), ids=STORIES)
async def test_the_action_follows_from_the_record_alone(
    until: Stage, behaviour: Behaviour, budget: dict[str, Any], action: str
) -> None:
    spec = await story(until, behaviour, **budget)
    assert findings(spec)["action"] == action
    assert again(spec).same
    assert again(spec).left_out == ()


async def test_a_promotion_holds_the_benchmark_and_the_canary() -> None:
    spec = await promoted()
    assert spec["benchmarkEvidence"]["candidate"]["result"]["stages"]
    assert spec["liveEvidence"]["blocks"]
    assert 'digits_request_duration_seconds_bucket{namespace="vision"' in spec["liveEvidence"]["queries"][0]
    assert {"benchmark tail", "benchmark acc", "relation", "live tail", "live mean", "action"} <= set(
        findings(spec)
    )


async def test_other_counts_are_another_verdict_and_another_action() -> None:
    spec = copy.deepcopy(await promoted())
    spec["liveEvidence"]["blocks"] = [
        row.rsplit(" ", 1)[0] + " 50/50" for row in spec["liveEvidence"]["blocks"]
    ]
    differing = {f.what: (f.recorded, f.now) for f in again(spec).findings if not f.same}
    assert differing == {
        "live tail": ("Within", "Breach"),
        "action": ("Promoted (CanaryPassed)", "Rejected (CanaryBreach)"),
    }


async def test_another_measurement_is_another_verdict() -> None:
    spec = copy.deepcopy(await story(Stage.REJECTED, Behaviour(bench_slow=0.08)))
    stages = spec["benchmarkEvidence"]["candidate"]["result"]["stages"]
    for stage in stages:
        stage["overLimit"][0]["requests"] = 0
    differing = {f.what: (f.recorded, f.now) for f in again(spec).findings if not f.same}
    assert differing["benchmark tail"] == ("Breach", "Within")
    assert differing["action"] == ("Rejected (BenchmarkBreach)", "none: Canary goes on")


async def test_an_altered_verdict_is_named_with_both_values() -> None:
    spec = copy.deepcopy(await story(Stage.WATCHING, Behaviour()))
    spec["liveObjectives"][0] |= {"verdict": "Within"}
    (finding,) = [f for f in again(spec).findings if not f.same]
    assert (finding.what, finding.recorded, finding.now) == ("live tail", "Within", "Breach")


async def test_the_limits_that_were_in_force_are_those_that_count() -> None:
    spec = copy.deepcopy(await promoted())
    spec["benchmarkEvidence"]["objectives"][1]["max"] = "1ms"
    assert findings(spec)["benchmark mean"] == "Breach"


async def test_a_benchmark_that_was_deleted_meanwhile_is_said_to_be() -> None:
    world = populated()
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    world.git_applies("v2", Behaviour())
    await op.run(Stage.CANARY)
    for key in [key for key in world.objects if key[0] == "benchmarks"]:
        del world.objects[key]
    await op.run(Stage.PROMOTING)
    await op.run(lambda: not op.status.unwritten)
    spec = stored(world)[-1]["spec"]
    assert "result" not in spec["benchmarkEvidence"]["candidate"]
    decided = again(spec)
    assert decided.same
    assert decided.left_out == (
        "a benchmark's result is not in the record: its Benchmark was gone when it was made",
    )


async def test_what_was_no_measurement_is_not_judged_again() -> None:
    world = populated()
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    decided = again(stored(world)[0]["spec"])
    assert decided == Replay((), ("the action rests on no measurement, but on what its message says",))
