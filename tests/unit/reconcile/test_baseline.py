"""Releases and what they are compared with: last-good's record, and when there is none that fits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import budget, populated
from tollgate.api.budget import Release, Stage
from tollgate.api.verdict import Relation
from tollgate.ports import BENCHMARK

GOOD = Behaviour()


async def released(op: Operator, version: str, behaviour: Behaviour = GOOD) -> None:
    """A version is released, and rolled out completely."""
    op.world.git_applies(version, behaviour)
    await op.run(lambda: _release(op).image == f"digits:{version}" and op.stage is Stage.WATCHING)
    await op.run(lambda: ("deployments", "vision", "digits-candidate") not in op.world.objects)


async def measured(**spec: Any) -> Operator:
    """A world in which v1 was adopted and v2 measured and promoted."""
    op = Operator(populated(spec))
    await op.run(lambda: bool(op.status.release and op.status.release.decision))
    await released(op, "v2")
    return op


def change(op: Operator, **spec: Any) -> None:
    """The user changes the budget."""
    raw = op.world.objects[("efficiencybudgets", "vision", "digits")]
    raw["spec"] = budget(**spec)
    raw["metadata"]["generation"] += 1


def _release(op: Operator) -> Release:
    assert op.status.release is not None
    return op.status.release


def progress(op: Operator) -> str:
    return next(c.message for c in op.status.conditions if c.type == "Progressing")


async def until_not_comparable(op: Operator) -> str:
    """The next release, v3, is held as it cannot be compared; what the budget says of it."""
    op.world.git_applies("v3", GOOD)
    await op.run(lambda: _release(op).reason == "NotComparable")
    for _ in range(10):
        await op.pass_once()
        op.world.tick()
    assert op.stage is Stage.BENCHMARKING, "held, and neither refused nor let through"
    assert "v3" not in op.world.serving()
    return progress(op)


async def test_first_release_after_adoption_has_nothing_to_be_compared_with_and_goes_on() -> None:
    op = Operator(populated())
    await op.run(lambda: bool(op.status.release and op.status.release.decision))
    op.world.git_applies("v2", GOOD)
    await op.run(Stage.CANARY)
    assert "no recorded benchmark of last-good to compare with yet" in _release(op).message


async def test_same_hardware_is_compared() -> None:
    op = await measured()
    op.world.git_applies("v3", GOOD)
    await op.run(Stage.CANARY)
    assert {r.relation for r in _release(op).benchmark_objectives} == {Relation.EQUAL}
    assert "no difference from last-good" in _release(op).message


async def test_other_hardware_is_inconclusive_and_says_what_differs() -> None:
    op = await measured()
    op.world.schedules_on = "node-2"
    said = await until_not_comparable(op)
    assert "2 on m6i.xlarge (amd64, 4 CPUs); then 2 on m5.xlarge (amd64, 4 CPUs)" in said
    assert "benchmark.baseline: None" in said


async def test_hardware_that_may_not_be_seen_is_inconclusive_and_says_what_to_grant() -> None:
    op = await measured()
    op.world.hidden.add("nodes")
    assert "verb get on nodes" in await until_not_comparable(op)


async def test_changed_profile_is_inconclusive() -> None:
    op = await measured()
    op.world.objects[("benchmarkprofiles", "", "digits-steady")]["spec"]["stages"][1]["rate"] = "41req/s"
    assert "the benchmark profile has changed" in await until_not_comparable(op)


async def test_record_that_was_deleted_is_no_pass() -> None:
    op = await measured()
    assert op.status.last_good is not None
    op.world.remove(BENCHMARK, op.status.last_good.benchmark)
    assert f"its Benchmark {op.status.last_good.benchmark} is gone" in await until_not_comparable(op)


async def test_held_release_goes_on_once_nothing_is_to_be_compared() -> None:
    op = await measured()
    op.world.schedules_on = "node-2"
    await until_not_comparable(op)
    change(op, benchmark={"profileRef": {"name": "digits-steady"}, "baseline": "None"})
    await op.run(Stage.CANARY)


@pytest.mark.parametrize(
    ("on_inconclusive", "stage"), [("Reject", Stage.REJECTED), ("Promote", Stage.CANARY)]
)
async def test_on_inconclusive_decides(on_inconclusive: str, stage: Stage) -> None:
    canary = {"steps": [{"share": "50%"}], "maxDurationSeconds": 600, "onInconclusive": on_inconclusive}
    op = await measured(canary=canary)
    op.world.schedules_on = "node-2"
    op.world.git_applies("v3", GOOD)
    await op.run(stage)


async def test_nothing_hangs_on_the_comparison_where_trade_offs_are_allowed() -> None:
    op = await measured(tradeOffs="Allow")
    op.world.schedules_on = "node-2"
    op.world.git_applies("v3", GOOD)
    await op.run(Stage.CANARY)


async def test_resize_between_releases_leaves_them_comparable() -> None:
    op = await measured()
    op.world.scale(5)
    await op.run(lambda: op.world.serving() == {"v2": 5})
    op.world.git_applies("v3", GOOD)
    await op.run(Stage.CANARY)
    assert {r.relation for r in _release(op).benchmark_objectives} == {Relation.EQUAL}
    await op.run(lambda: op.world.serving().get("v3", 0) == 5)


async def test_baseline_is_priced_by_what_its_pods_reserved_even_without_its_replica_set() -> None:
    objectives = [{"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "1USD"}]
    op = await measured(objectives=objectives)
    for (plural, _, name), obj in list(op.world.objects.items()):
        if plural == "replicasets" and obj["spec"]["replicas"] == 0:
            del op.world.objects[(plural, "vision", name)]
    op.world.git_applies("v3", GOOD)
    await op.run(Stage.CANARY)
    assert [r.relation for r in _release(op).benchmark_objectives] == [Relation.EQUAL]
