"""Ten releases, each a little slower than the one before: no step is beyond its margin, and the sum of them is."""

from __future__ import annotations

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tollgate.api.budget import Stage
from tollgate.api.release import ApprovedBaseline
from tollgate.api.verdict import Relation
from tollgate.ports import BENCHMARK

ENDS = (Stage.WATCHING, Stage.REJECTED, Stage.AWAITING_SIGN_OFF)


def slower(steps: int, percent: float = 1.0) -> Behaviour:
    """A version that is so many steps slower than the first."""
    return Behaviour(mean=0.02 * (1 + percent / 100) ** steps)


async def adopted(**spec: object) -> Operator:
    op = Operator(populated(spec))
    await op.run(lambda: bool(op.status.release and op.status.release.decision))
    return op


async def released(op: Operator, version: str, behaviour: Behaviour) -> Stage:
    """Where the release of a version ends up, or waits."""
    op.world.git_applies(version, behaviour)

    def there() -> bool:
        release = op.status.release
        return release is not None and release.image == f"digits:{version}" and release.stage in ENDS

    await op.run(there)
    assert op.stage is not None
    if op.stage is Stage.WATCHING:
        await op.run(lambda: ("deployments", "vision", "digits-candidate") not in op.world.objects)
    return op.stage


def baseline(op: Operator) -> ApprovedBaseline:
    assert op.status.approved_baseline is not None
    return op.status.approved_baseline


@pytest.mark.parametrize(
    ("trade_offs", "ends"), [("RequireSignOff", Stage.AWAITING_SIGN_OFF), ("Forbid", Stage.REJECTED)]
)
async def test_one_percent_a_release_is_flagged_although_no_step_was(trade_offs: str, ends: Stage) -> None:
    op = await adopted(tradeOffs=trade_offs)
    for step in range(10):
        if await released(op, f"v{step + 2}", slower(step)) is ends:
            break
    assert step == 6, "6.2 % is the first that is beyond 5 % for sure"
    release = op.status.release
    assert release is not None
    assert release.reason == "CreepingRegression"
    results = {r.name: (r.relation, r.relation_to_approved) for r in release.benchmark_objectives}
    assert results["mean"] == (Relation.EQUAL, Relation.WORSE)
    assert results["acc"] == (Relation.EQUAL, Relation.EQUAL)
    assert "no difference from last-good beyond the margins was shown" in release.message
    assert (
        "Small losses have added up: against the approved baseline (release 2): mean is worse"
        in release.message
    )
    assert "21.33ms against 20.1ms" in release.message
    assert baseline(op).release == 2
    assert op.world.serving() == {"v7": 2}


async def test_allowed_losses_are_put_on_record() -> None:
    op = await adopted(tradeOffs="Allow")
    for step in range(8):
        assert await released(op, f"v{step + 2}", slower(step)) is Stage.WATCHING
    assert baseline(op).release == 2, "nobody has looked"
    records = [o["spec"] for (plural, _, _), o in op.world.objects.items() if plural == "efficiencydecisions"]
    last = max(records, key=lambda spec: spec["release"])
    assert last["benchmarkEvidence"]["approvedRelease"] == 2
    relations = {c["against"]: c["relation"] for c in last["benchmarkEvidence"]["comparisons"]}
    assert relations == {"LastGood": "Equal", "Approved": "Dominated"}


async def test_better_release_is_the_new_baseline_and_its_roll_back_brings_the_old_one_back() -> None:
    op = await adopted()
    await released(op, "v2", Behaviour(mean=0.03))
    assert (baseline(op).release, baseline(op).reason) == (2, "First")
    await released(op, "v3", Behaviour(mean=0.02))
    assert (baseline(op).release, baseline(op).reason) == (3, "Dominates")
    op.world.versions["v3"].live_slow = 0.3
    await op.run(lambda: op.stage is Stage.ROLLED_BACK)
    assert (baseline(op).release, baseline(op).reason) == (2, "First")


async def test_way_back_to_the_approved_baseline_is_not_held() -> None:
    """Better than what serves, though not as good as what was approved: refusing it would keep the worse one."""
    op = await adopted(tradeOffs="Allow")
    await released(op, "v2", Behaviour(mean=0.02))
    await released(op, "v3", Behaviour(mean=0.04))
    raw = op.world.objects[("efficiencybudgets", "vision", "digits")]
    raw["spec"]["tradeOffs"] = "Forbid"
    raw["metadata"]["generation"] += 1
    assert await released(op, "v4", Behaviour(mean=0.03)) is Stage.WATCHING
    assert baseline(op).release == 2


async def test_baseline_whose_benchmark_is_gone_gives_way_to_last_good() -> None:
    op = await adopted()
    for step in range(3):
        await released(op, f"v{step + 2}", slower(step))
    gone = baseline(op).benchmark
    op.world.remove(BENCHMARK, gone)
    assert await released(op, "v5", slower(3)) is Stage.WATCHING
    assert op.status.release is not None
    assert op.status.release.judged is not None
    assert f"the approved baseline's Benchmark {gone} is gone" in op.status.release.judged.message
    assert (baseline(op).release, baseline(op).reason) == (4, "MeasuredOtherwise")


async def test_known_version_leaves_the_baseline_where_it_is() -> None:
    op = await adopted()
    await released(op, "v2", GOOD := Behaviour(mean=0.02))
    await released(op, "v3", GOOD)
    before = baseline(op)
    op.world.git_applies("v2")
    await op.run(lambda: op.world.serving() == {"v2": 2} and op.stage is Stage.WATCHING)
    assert baseline(op) == before
