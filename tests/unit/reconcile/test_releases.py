"""Whole releases against the fake world: who serves, what is recorded, what is never done."""

from __future__ import annotations

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.world import World
from tollgate.api.budget import Stage
from tollgate.ports import BUDGET, DEPLOYMENT
from tollgate.reconcile.key import Key

GOOD = Behaviour()
BAD_TAIL = Behaviour(bench_slow=0.08)
BAD_LIVE = Behaviour(live_slow=0.2)


@pytest.fixture
async def op() -> Operator:
    operator = Operator(populated())
    await operator.run(lambda: bool(operator.status.release and operator.status.release.decision))
    return operator


def records(world: World) -> list[tuple[str, str]]:
    found = [o["spec"] for (plural, _, _), o in world.objects.items() if plural == "efficiencydecisions"]
    return [(spec["action"], spec["image"]) for spec in sorted(found, key=lambda spec: spec["release"])]


def target(world: World) -> dict[str, object]:
    found: dict[str, object] = world.objects[("deployments", "vision", "digits")]["spec"]
    return found


def candidate(world: World) -> bool:
    return ("deployments", "vision", "digits-candidate") in world.objects


async def release(op: Operator, version: str, behaviour: Behaviour, until: Stage) -> None:
    """A version is released until its release is in a stage."""
    op.world.git_applies(version, behaviour)
    await op.run(lambda: op.stage is until and op.status.release.image == f"digits:{version}")  # type: ignore[union-attr]


async def test_what_serves_is_adopted(op: Operator) -> None:
    assert op.status.last_good is not None
    assert op.status.last_good.image == "digits:v1"
    assert records(op.world) == [("Adopted", "digits:v1")]
    ready = next(c for c in op.status.conditions if c.type == "Ready")
    assert ready.status == "True", ready.message


async def test_good_version_is_benchmarked_canaried_and_promoted(op: Operator) -> None:
    op.world.git_applies("v2", GOOD)
    seen: list[Stage] = []

    def note() -> None:
        if op.stage is not None and op.stage not in seen[-1:]:
            seen.append(op.stage)
        if op.stage in (Stage.HELD, Stage.STARTING, Stage.BENCHMARKING):
            assert set(op.world.serving()) == {"v1"}, "no user reaches a candidate that is not benchmarked"
        assert sum(op.world.serving().values()) >= 2

    await op.run(Stage.WATCHING, each=note)
    await op.run(lambda: not candidate(op.world))
    assert seen == [
        stage
        for stage in (
            Stage.HELD, Stage.STARTING, Stage.BENCHMARKING, Stage.CANARY, Stage.PROMOTING, Stage.WATCHING,
        )
        if stage in seen
    ]  # fmt: skip
    assert {Stage.BENCHMARKING, Stage.CANARY, Stage.PROMOTING} <= set(seen)
    assert op.world.serving() == {"v2": 2}
    assert ("Promoted", "digits:v2") in records(op.world)
    assert not target(op.world).get("paused")


async def test_bad_benchmark_is_refused_and_never_serves(op: Operator) -> None:
    op.world.git_applies("v3", BAD_TAIL)
    await op.run(Stage.REJECTED, each=lambda: _never(op, "v3"))
    await op.run(lambda: not candidate(op.world), each=lambda: _never(op, "v3"))
    assert op.status.release is not None
    assert op.status.release.reason == "BenchmarkBreach"
    assert target(op.world)["paused"] is True
    assert op.world.serving() == {"v1": 2}
    assert ("Rejected", "digits:v3") in records(op.world)
    latched = next(c for c in op.status.conditions if c.type == "Latched")
    assert latched.reason == "Rejected"


def _never(op: Operator, version: str) -> None:
    assert version not in op.world.serving()


async def test_bad_canary_leaves_the_endpoints_and_is_refused(op: Operator) -> None:
    await release(op, "v4", BAD_LIVE, Stage.REJECTED)
    assert op.status.release is not None
    assert op.status.release.reason == "CanaryBreach"
    await op.pass_once()
    assert op.world.serving() == {"v1": 2}, "out of the endpoints in the very next pass"
    await op.run(lambda: not candidate(op.world))
    assert ("Rejected", "digits:v4") in records(op.world)


async def test_breach_while_serving_rolls_back_and_leaves_the_template(op: Operator) -> None:
    await release(op, "v5", GOOD, Stage.WATCHING)
    await op.run(lambda: op.world.serving() == {"v5": 2})
    template = target(op.world)["template"]
    op.world.versions["v5"].live_slow = 0.3

    def always_served() -> None:
        assert sum(op.world.serving().values()) >= 2
        assert target(op.world)["template"] == template

    await op.run(lambda: op.world.serving() == {"v1": 2}, each=always_served)
    assert op.stage is Stage.ROLLED_BACK
    assert target(op.world)["paused"] is True
    assert [action for action, image in records(op.world) if image == "digits:v5"] == [
        "Promoted",
        "RolledBack",
    ]
    await release(op, "v6", GOOD, Stage.WATCHING)
    await op.run(lambda: op.world.serving() == {"v6": 2})


async def test_roll_back_in_the_middle_of_the_rolling_update(op: Operator) -> None:
    await release(op, "v5", GOOD, Stage.PROMOTING)
    op.world.versions["v5"].live_slow = 0.5
    op.world.versions["v5"].ready = True
    await op.run(lambda: op.world.serving() == {"v1": 2})
    assert op.stage is Stage.ROLLED_BACK


async def test_unmeasured_pods_that_came_up_before_the_latch_are_taken_out(op: Operator) -> None:
    deployment = op.world.objects[("deployments", "vision", "digits")]
    deployment["metadata"]["labels"].pop("tollgate.dev/governed")
    op.world.git_applies("v2", GOOD)
    op.world.tick()
    op.world.tick()
    assert "v2" in op.world.serving()
    await op.run(lambda: op.world.serving() == {"v1": 2})
    assert op.stage is not None
    assert op.stage.gating
    await op.run(Stage.WATCHING)


async def test_governed_before_it_is_ready() -> None:
    op = Operator(populated())

    def ready_means_governed() -> None:
        if any(c.type == "Ready" and c.status == "True" for c in op.status.conditions):
            labels = op.world.objects[("deployments", "vision", "digits")]["metadata"].get("labels") or {}
            assert "tollgate.dev/governed" in labels

    await op.run(Stage.PROMOTED, each=ready_means_governed)


async def test_roll_back_goes_to_last_good_not_to_the_youngest(op: Operator) -> None:
    await release(op, "v2", GOOD, Stage.WATCHING)
    op.world.git_applies("v1")  # Git goes back: v1's ReplicaSet is older than v2's
    await op.run(lambda: op.world.serving() == {"v1": 2} and op.stage is Stage.WATCHING)
    await release(op, "v5", GOOD, Stage.WATCHING)
    op.world.versions["v5"].live_slow = 0.3
    await op.run(lambda: op.world.serving() == {"v1": 2})


async def test_same_rejected_revision_stays_latched(op: Operator) -> None:
    await release(op, "v3", BAD_TAIL, Stage.REJECTED)
    await op.run(lambda: not candidate(op.world))
    op.world.git_applies("v1")
    await op.run(lambda: not target(op.world).get("paused"))
    number = op.status.releases
    op.world.git_applies("v3")
    for _ in range(20):
        await op.pass_once()
        op.world.tick()
    assert op.status.releases == number
    assert target(op.world)["paused"] is True
    assert op.world.serving() == {"v1": 2}


async def test_newer_template_supersedes_the_gate(op: Operator) -> None:
    await release(op, "v2", GOOD, Stage.CANARY)
    op.world.git_applies("v3", GOOD)
    await op.run(lambda: op.stage is Stage.WATCHING)
    assert [action for action, image in records(op.world) if image == "digits:v2"] == ["Superseded"]
    await op.run(lambda: op.world.serving() == {"v3": 2})


async def test_return_to_last_good_unlatches_at_once(op: Operator) -> None:
    await release(op, "v2", GOOD, Stage.CANARY)
    op.world.git_applies("v1")
    await op.run(lambda: not target(op.world).get("paused") and not candidate(op.world))
    assert op.stage is Stage.SUPERSEDED
    assert op.world.serving() == {"v1": 2}


async def test_volatile_annotation_is_no_new_candidate(op: Operator) -> None:
    number = op.status.releases
    op.world.git_applies("v1", **{"kubectl.kubernetes.io/restartedAt": "now"})
    await op.run(lambda: not target(op.world).get("paused"))
    for _ in range(5):
        await op.pass_once()
        op.world.tick()
    assert op.status.releases == number
    assert not candidate(op.world)


async def test_resize_never_restarts_the_gate(op: Operator) -> None:
    await release(op, "v2", GOOD, Stage.CANARY)
    assert op.status.release is not None
    number = op.status.release.number
    op.world.scale(5)
    await op.run(lambda: op.world.serving().get("v2", 0) == 5)
    assert op.stage is Stage.CANARY
    await op.run(Stage.WATCHING)
    assert op.status.release.number == number
    await op.run(lambda: op.world.serving() == {"v2": 5})


async def test_prometheus_outage_freezes_the_canary(op: Operator) -> None:
    await release(op, "v2", GOOD, Stage.CANARY)
    op.world.prometheus_down = True
    for _ in range(900):
        await op.pass_once()
        op.world.tick()
        assert op.stage is Stage.CANARY
    progressing = next(c for c in op.status.conditions if c.type == "Progressing")
    assert "Prometheus" in progressing.message
    op.world.prometheus_down = False
    await op.run(Stage.WATCHING)


async def test_prometheus_outage_never_rolls_back(op: Operator) -> None:
    await release(op, "v2", GOOD, Stage.WATCHING)
    op.world.prometheus_down = True
    for _ in range(100):
        await op.pass_once()
        op.world.tick()
    assert op.stage is Stage.WATCHING


async def test_deleted_budget_gives_the_deployment_back(op: Operator) -> None:
    await release(op, "v2", GOOD, Stage.CANARY)
    op.world.remove(BUDGET, "digits")
    for _ in range(20):
        await op.orphans.reconcile(Key("deployment", "vision", "digits"))
        op.world.tick()
    assert not candidate(op.world)
    assert (
        "tollgate.dev/governed"
        not in op.world.objects[("deployments", "vision", "digits")]["metadata"]["labels"]
    )
    assert op.world.serving() == {"v2": 2}


async def test_recreated_deployment_with_known_good_template_goes_on(op: Operator) -> None:
    old = op.world.objects[("deployments", "vision", "digits")]
    op.world.remove(DEPLOYMENT, "digits")
    await op.pass_once()
    bare = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": old["spec"]}
    op.world.put({**bare, "metadata": {"name": "digits", "namespace": "vision"}})
    await op.run(lambda: op.world.serving() == {"v1": 2} and op.status.governed_uid != old["metadata"]["uid"])
    await release(op, "v2", GOOD, Stage.WATCHING)


async def test_recreated_deployment_with_a_new_template_is_measured_while_it_serves(op: Operator) -> None:
    old = op.world.objects[("deployments", "vision", "digits")]
    op.world.remove(DEPLOYMENT, "digits")
    op.world.versions["v9"] = GOOD
    spec = {**old["spec"], "template": {**old["spec"]["template"]}}
    container = {**spec["template"]["spec"]["containers"][0], "image": "digits:v9"}
    spec["template"]["spec"] = {"containers": [container]}
    bare = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}
    op.world.put({**bare, "metadata": {"name": "digits", "namespace": "vision"}})
    await op.run(lambda: op.stage is Stage.PROMOTED and op.status.last_good.image == "digits:v9")  # type: ignore[union-attr]
    assert op.world.serving() == {"v9": 2}


async def test_initial_gate_measures_what_serves() -> None:
    op = Operator(populated({"initial": "Gate"}))
    await op.run(lambda: op.recorded(Stage.PROMOTED))
    assert op.status.last_good is not None
    assert op.status.last_good.benchmark
    assert records(op.world) == [("Promoted", "digits:v1")]
    await op.run(lambda: not candidate(op.world))


async def test_resting_latch_where_admission_policies_are_not_served() -> None:
    world = populated()
    world.has_admission_latch = False
    op = Operator(world)
    await op.run(Stage.PROMOTED)
    await op.run(lambda: target(world).get("paused") is True)
    world.git_applies("v3", BAD_TAIL)
    await op.run(Stage.REJECTED, each=lambda: _never(op, "v3"))
    world.git_applies("v2", GOOD)
    await op.run(Stage.WATCHING)
    await op.run(lambda: target(world).get("paused") is True and world.serving() == {"v2": 2})
    world.git_applies("v2", **{"kubectl.kubernetes.io/restartedAt": "now"})
    await op.run(lambda: target(world).get("paused") is True and world.serving() == {"v2": 2})


async def test_candidate_that_never_starts_says_why(op: Operator) -> None:
    op.world.git_applies("v7", Behaviour(ready=False))
    for _ in range(30):
        await op.pass_once()
        op.world.tick()
    assert op.stage is Stage.STARTING
    progressing = next(c for c in op.status.conditions if c.type == "Progressing")
    assert "0 of" in progressing.message
    assert op.world.serving() == {"v1": 2}


async def test_no_write_at_rest(op: Operator) -> None:
    for _ in range(30):
        await op.pass_once()
        op.world.tick()
    await op.pass_once()
    before = len(op.world.writes)
    for _ in range(30):
        await op.pass_once()
    assert op.world.writes[before:] == []


async def test_recreated_in_the_gate_is_no_roll_back_and_no_revert(op: Operator) -> None:
    old = op.world.objects[("deployments", "vision", "digits")]
    known = {**old["spec"], "template": World._bare(old["spec"]["template"])}
    await release(op, "v2", GOOD, Stage.BENCHMARKING)
    op.world.remove(DEPLOYMENT, "digits")
    await op.pass_once()
    bare = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": known}
    op.world.put({**bare, "metadata": {"name": "digits", "namespace": "vision"}})
    await op.run(lambda: op.recorded(Stage.SUPERSEDED))
    assert op.status.release is not None
    assert op.status.release.reason == "TargetRecreated"
    await op.run(lambda: op.world.serving() == {"v1": 2} and not candidate(op.world))
    assert [action for action, _ in records(op.world)] == ["Adopted", "Superseded"]


async def test_the_plan_of_a_canary_follows_the_load_and_stays_the_same_while_that_does(op: Operator) -> None:
    def said() -> str:
        return next(c.message for c in op.status.conditions if c.type == "Ready")

    await op.run(lambda: "At about" in said())
    assert "At about 50req/s a canary takes " in said(), "the fake world's users send 40 a second"
    seen: set[str] = set()
    for _ in range(60):
        op.world.tick()
        await op.pass_once()
        seen.add(said())
    assert len(seen) == 1, "no status is written for a plan that says the same"
