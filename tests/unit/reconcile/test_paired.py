"""Releases that are measured in turn with last-good: a copy of it beside the candidate's, for as long as it takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import budget, populated
from tollgate.api.budget import Release, Stage
from tollgate.api.comparison import ParetoRelation
from tollgate.api.verdict import Relation
from tollgate.ports import BENCHMARK, Object

PAIRED = {"profileRef": {"name": "digits-steady"}, "baseline": "Paired"}
BASELINE = ("deployments", "vision", "digits-baseline")
CANDIDATE = ("deployments", "vision", "digits-candidate")
SLOWER = Behaviour(mean=0.024)


async def adopted(**spec: Any) -> Operator:
    """A world in which v1 serves, was never measured, and is last-good."""
    op = Operator(populated({"benchmark": PAIRED} | spec))
    await op.run(lambda: bool(op.status.release and op.status.release.decision))
    return op


def release(op: Operator) -> Release:
    assert op.status.release is not None
    return op.status.release


def change(op: Operator, **spec: Any) -> None:
    raw = op.world.objects[("efficiencybudgets", "vision", "digits")]
    raw["spec"] = budget(**spec)
    raw["metadata"]["generation"] += 1


def benchmarks(op: Operator) -> list[Object]:
    return [o for (plural, _, _), o in op.world.objects.items() if plural == "benchmarks"]


def pods_of(op: Operator, label: str) -> list[Object]:
    pods = [o for (plural, _, _), o in op.world.objects.items() if plural == "pods"]
    return [pod for pod in pods if label in (pod["metadata"].get("labels") or {})]


async def test_last_good_is_measured_beside_the_candidate_and_no_user_meets_its_copy() -> None:
    op = await adopted()
    op.world.git_applies("v2", Behaviour())
    seen: set[tuple[int, int]] = set()

    def look() -> None:
        seen.add((len(pods_of(op, "tollgate.dev/candidate")), len(pods_of(op, "tollgate.dev/baseline"))))
        assert op.world.serving() == {"v1": 2} or op.stage is Stage.CANARY

    await op.run(Stage.CANARY, each=look)
    assert (2, 2) in seen
    (bench,) = benchmarks(op)
    assert bench["spec"]["target"]["name"] == "digits-candidate"
    assert bench["spec"]["baseline"]["name"] == "digits-baseline"
    assert "last-good" in release(op).message
    assert {r.relation for r in release(op).benchmark_objectives} == {Relation.EQUAL}
    await op.run(lambda: BASELINE not in op.world.objects)
    assert CANDIDATE in op.world.objects


async def test_worse_than_a_last_good_that_was_never_measured_before_waits_for_people() -> None:
    """Recorded would have had nothing to compare with."""
    op = await adopted()
    op.world.git_applies("v2", SLOWER)
    await op.run(Stage.AWAITING_SIGN_OFF)
    relations = {r.name: r.relation for r in release(op).benchmark_objectives}
    assert relations == {"tail": Relation.EQUAL, "mean": Relation.WORSE, "acc": Relation.EQUAL}
    judged = release(op).judged
    assert judged is not None
    assert judged.relation is ParetoRelation.DOMINATED
    assert judged.baseline is None
    assert judged.paired is not None
    assert [str(kind) for kind in judged.paired.hardware] == ["2 on m5.xlarge (amd64, 4 CPUs)"]
    await op.run(lambda: BASELINE not in op.world.objects)


async def test_other_hardware_since_the_last_release_does_not_matter() -> None:
    op = await adopted()
    op.world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    await op.run(lambda: CANDIDATE not in op.world.objects)
    op.world.schedules_on = "node-2"
    op.world.git_applies("v3", Behaviour())
    await op.run(lambda: release(op).number == 3 and op.stage is Stage.CANARY)
    assert {r.relation for r in release(op).benchmark_objectives} == {Relation.EQUAL}


async def test_copies_on_unlike_machines_are_not_comparable() -> None:
    op = await adopted()
    op.world.git_applies("v2", Behaviour())
    original = op.world._replica_set_controller

    def placed(rs: Object) -> None:
        is_baseline = "tollgate.dev/baseline" in rs["metadata"]["labels"]
        op.world.schedules_on = "node-2" if is_baseline else "node-1"
        original(rs)

    op.world._replica_set_controller = placed  # type: ignore[method-assign]
    await op.run(lambda: release(op).reason == "NotComparable")
    assert "of the pods now 2 on m5.xlarge (amd64, 4 CPUs); then 2 on m6i.xlarge" in release(op).message


async def test_baseline_that_cannot_start_is_waited_for_and_said() -> None:
    op = await adopted()
    op.world.versions["v1"].ready = False
    op.world.git_applies("v2", Behaviour())
    await op.run(lambda: CANDIDATE in op.world.objects)
    for _ in range(20):
        await op.pass_once()
        op.world.tick()
    assert op.stage is Stage.STARTING
    said = next(c.message for c in op.status.conditions if c.type == "Progressing")
    assert "2 of 2 candidate pods are ready. 0 of 2 baseline pods are ready" in said
    op.world.versions["v1"].ready = True
    await op.run(Stage.CANARY)


@pytest.mark.parametrize(
    ("on_inconclusive", "stage"), [("Reject", Stage.REJECTED), ("Promote", Stage.STARTING)]
)
async def test_time_for_the_baseline_runs_out(on_inconclusive: str, stage: Stage) -> None:
    canary = {"steps": [{"share": "50%"}], "maxDurationSeconds": 600, "onInconclusive": on_inconclusive}
    op = await adopted(canary=canary)
    op.world.versions["v1"].ready = False
    op.world.git_applies("v2", Behaviour())
    await op.run(lambda: release(op).reason == "BaselineNotReady", passes=800)
    assert op.stage is stage, "nothing was measured: no pass"
    await op.run(lambda: (BASELINE in op.world.objects) is (stage is Stage.STARTING))
    if stage is Stage.STARTING:
        writes = len(op.world.writes)
        for _ in range(5):
            op.world.tick()
            await op.pass_once()
        assert len(op.world.writes) == writes, "said once"


async def test_without_a_replica_set_of_last_good_its_record_is_used_and_that_is_said() -> None:
    op = await adopted()
    op.world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    await op.run(lambda: CANDIDATE not in op.world.objects)
    op.world.git_applies("v3", Behaviour())

    def lose() -> None:
        for key, obj in list(op.world.objects.items()):
            owner = (obj["metadata"].get("ownerReferences") or [{}])[0]
            target = op.world.objects[("deployments", "vision", "digits")]["metadata"]["uid"]
            if key[0] == "replicasets" and owner.get("uid") == target:
                del op.world.objects[key]

    lose()
    await op.run(lambda: release(op).reason != "" and op.stage is Stage.CANARY, each=lose)
    assert "not measured in turn with last-good, which has no ReplicaSet any more" in release(op).message
    assert {r.relation for r in release(op).benchmark_objectives} == {Relation.EQUAL}


async def test_held_release_is_measured_again_once_the_budget_says_paired() -> None:
    op = await adopted(benchmark={"profileRef": {"name": "digits-steady"}})
    op.world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    await op.run(lambda: CANDIDATE not in op.world.objects)
    op.world.schedules_on = "node-2"
    op.world.git_applies("v3", Behaviour())
    await op.run(lambda: release(op).reason == "NotComparable")
    assert "to measure last-good again beside the candidate, Paired" in release(op).message
    change(op, benchmark=PAIRED)
    await op.run(lambda: release(op).reason == "MeasuredInTurn")
    await op.run(Stage.CANARY)
    assert release(op).attempt == 2
    assert {r.relation for r in release(op).benchmark_objectives} == {Relation.EQUAL}


async def test_benchmark_under_way_keeps_its_baseline_when_the_budget_no_longer_wants_one() -> None:
    op = await adopted()
    op.world.git_applies("v2", Behaviour())
    await op.run(lambda: bool(benchmarks(op)))
    change(op)
    await op.pass_once()
    assert BASELINE in op.world.objects
    await op.run(Stage.CANARY)
    assert "no recorded benchmark of last-good to compare with yet" in release(op).message
    await op.run(lambda: BASELINE not in op.world.objects)


async def test_template_that_moves_on_takes_the_baseline_along() -> None:
    op = await adopted()
    op.world.git_applies("v2", Behaviour())
    await op.run(lambda: BASELINE in op.world.objects)
    op.world.git_applies("v1")
    await op.run(lambda: BASELINE not in op.world.objects and CANDIDATE not in op.world.objects)


async def test_deployment_of_that_name_that_is_not_ours_is_never_touched() -> None:
    op = await adopted()
    template = op.world.objects[("deployments", "vision", "digits")]["spec"]["template"]
    selector = {"matchLabels": {"mine": "yes"}}
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "digits-baseline", "namespace": "vision"},
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }
    op.world.put(theirs)
    op.world.git_applies("v2", Behaviour())
    await op.run(Stage.STARTING)
    for _ in range(10):
        await op.pass_once()
        op.world.tick()
    assert op.stage is Stage.STARTING
    said = next(c.message for c in op.status.conditions if c.type == "Progressing")
    assert "Deployment digits-baseline exists that this budget does not own" in said
    assert op.world.objects[BASELINE]["spec"]["replicas"] == 0
    change(op, benchmark=PAIRED | {"baseline": "None"})
    await op.run(Stage.CANARY)
    assert BASELINE in op.world.objects


async def test_operator_that_is_killed_after_any_write_ends_the_same() -> None:
    for writes in range(1, 40, 3):
        op = await adopted()
        op.world.git_applies("v2", SLOWER)
        op.world.kill_after = len(op.world.writes) + writes
        await op.run(Stage.AWAITING_SIGN_OFF)
        await op.run(lambda op=op: BASELINE not in op.world.objects)  # type: ignore[misc]
        assert len(benchmarks(op)) == 1


async def test_record_with_the_turns_is_decided_again_from_itself() -> None:
    """The fake world replays each record as it is made; here: that this one has something to replay."""
    op = await adopted()
    op.world.git_applies("v2", SLOWER)
    await op.run(lambda: op.recorded(Stage.AWAITING_SIGN_OFF))
    records = [o["spec"] for (plural, _, _), o in op.world.objects.items() if plural == "efficiencydecisions"]
    evidence = next(spec for spec in records if spec["action"] == "AwaitingSignOff")["benchmarkEvidence"]
    assert evidence["candidate"]["result"]["paired"][0]["mean"]["value"] == "1.200000"
    assert evidence["paired"]["cost"]
    assert "baseline" not in evidence
    assert op.world.objects[(BENCHMARK.plural, "vision", evidence["candidate"]["benchmark"])]
