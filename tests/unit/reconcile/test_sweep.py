"""A sweep's way through its operating points, on copies that no user reaches."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import OPTIONS
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.world import Killed, World
from tollgate.api.benchmark import BenchmarkStatus
from tollgate.ports import BENCHMARK, BUDGET, DEPLOYMENT
from tollgate.reconcile.benchmark import BenchmarkReconciler
from tollgate.reconcile.key import Key

SWEEP = {
    "rates": ["40req/s", "80req/s"],
    "environment": [{"name": "THRESHOLD", "values": ["0.5", "0.9"]}],
}


@pytest.fixture
def world() -> World:
    """A model that is quick and wrong at one threshold, and slow and right at the other."""
    made = populated()
    made.versions |= {"THRESHOLD=0.5": Behaviour(accuracy=0.9), "THRESHOLD=0.9": Behaviour(accuracy=0.99)}
    profile = made.objects[("benchmarkprofiles", "", "digits-steady")]["spec"]
    profile["sweep"] = SWEEP
    profile["stages"][1] |= {"durationSeconds": 100}
    ask(made, budgetRef={"name": "digits"})
    return made


def ask(world: World, **sweep: Any) -> None:
    spec = {"profileRef": {"name": "digits-steady"}, "target": {"name": "digits"}, "sweep": sweep}
    meta = {"name": "points", "namespace": "vision"}
    world.put({"apiVersion": "tollgate.dev/v1alpha1", "kind": "Benchmark", "metadata": meta, "spec": spec})


def status(world: World) -> BenchmarkStatus:
    return BenchmarkStatus.model_validate(world.objects[("benchmarks", "vision", "points")]["status"])


def benchmarks(world: World) -> list[str]:
    return sorted(name for plural, _, name in world.objects if plural == "benchmarks")


def copies(world: World) -> list[str]:
    return [name for plural, _, name in world.objects if plural == "deployments" and name != "digits"]


async def look(world: World) -> None:
    """One pass over every Benchmark, by an operator that has just started."""
    ports: dict[str, Any] = {"cluster": world, "metrics": world, "events": world, "clock": world}
    for name in benchmarks(world):
        await BenchmarkReconciler(**ports, settings=OPTIONS).reconcile(Key("benchmark", "vision", name))


async def until_done(world: World, passes: int = 100) -> BenchmarkStatus:
    for _ in range(passes):
        await look(world)
        if status(world).phase in ("Succeeded", "Failed"):
            return status(world)
        world.tick(5)
    raise AssertionError(status(world))


async def test_each_point_is_measured_and_the_cheapest_feasible_one_is_named(world: World) -> None:
    done = await until_done(world)
    assert (done.phase, done.conditions[0].reason) == ("Succeeded", "Measured")
    assert [(p.settings, p.quality, p.throughput, p.feasible) for p in done.operating_points] == [
        ("THRESHOLD=0.5, 40req/s", "90%", "40req/s", "No"),
        ("THRESHOLD=0.5, 80req/s", "90%", "80req/s", "No"),
        ("THRESHOLD=0.9, 40req/s", "99%", "40req/s", "Yes"),
        ("THRESHOLD=0.9, 80req/s", "99%", "80req/s", "Yes"),
    ]
    assert [p.dominated_by for p in done.operating_points] == [4, 4, 4, None]
    assert done.cheapest == 4
    assert "acc" in done.operating_points[0].message
    message = done.conditions[0].message
    assert message.startswith(
        "4 points, 1 on the frontier, 2 feasible; the cheapest feasible one is point 4 ("
    )
    assert copies(world) == [], "nothing is left running"


async def test_no_user_meets_a_copy_and_each_environment_has_one(world: World) -> None:
    seen = set()
    for _ in range(100):
        await look(world)
        if status(world).phase == "Succeeded":
            break
        assert len(copies(world)) <= 1
        seen |= set(copies(world))
        for name in copies(world):
            template = world.objects[("deployments", "vision", name)]["spec"]["template"]
            assert "app" not in template["metadata"]["labels"], "the Service selects it by this label"
        world.tick(5)
    assert seen == {"points-copy-1", "points-copy-3"}


async def test_a_restart_at_any_write_measures_no_point_twice(world: World) -> None:
    for _ in range(200):
        world.kill_after = len(world.writes) + 2
        try:
            await look(world)
        except Killed:
            continue
        world.tick(5)
        if status(world).phase == "Succeeded":
            break
    assert status(world).cheapest == 4
    assert benchmarks(world) == ["points", *(f"points-point-{n}" for n in range(1, 5))]


async def test_progress_names_the_point_and_what_is_waited_for(world: World) -> None:
    await look(world)
    first = status(world)
    assert first.phase == "Running"
    assert first.conditions[0].message == (
        "point 1 of 4 (THRESHOLD=0.5, 40req/s): starting 1 pod of Deployment points-copy-1"
    )
    assert [p.phase for p in first.operating_points] == ["Pending"] * 4
    for _ in range(4):
        world.tick(5)
        await look(world)
    assert "see Benchmark points-point-" in status(world).conditions[0].message


async def test_a_copy_that_does_not_become_ready_fails_its_points_alone(world: World) -> None:
    stuck = {"type": "Progressing", "status": "False", "message": "timed out progressing"}
    for _ in range(100):
        copy = world.objects.get(("deployments", "vision", "points-copy-1"))
        if copy:
            copy["status"] = {"conditions": [stuck]}
        await look(world)
        if status(world).phase == "Succeeded":
            break
        world.tick(5)
    done = status(world)
    assert [p.phase for p in done.operating_points] == ["Failed", "Failed", "Measured", "Measured"]
    assert done.operating_points[0].message == "the copy did not become ready: timed out progressing"
    assert "2 not measured" in done.conditions[0].message


async def test_points_of_two_versions_are_not_mixed(world: World) -> None:
    await look(world)
    while status(world).operating_points[0].phase == "Pending":
        world.tick(5)
        await look(world)
    world.git_applies("v2", Behaviour())
    done = await until_done(world)
    assert (done.phase, done.conditions[0].reason) == ("Failed", "TargetChanged")
    assert done.operating_points[0].phase == "Measured"


async def test_without_a_budget_nothing_is_feasible_or_not(world: World) -> None:
    world.remove(BENCHMARK, "points")
    ask(world)
    done = await until_done(world)
    assert {p.feasible for p in done.operating_points} == {""}
    assert done.cheapest is None
    assert done.conditions[0].message == "4 points, 1 on the frontier"


async def test_what_is_missing_is_waited_for(world: World) -> None:
    budget = world.objects[("efficiencybudgets", "vision", "digits")]
    world.remove(BUDGET, "digits")
    await look(world)
    assert status(world).phase == "Pending"
    assert "there is no EfficiencyBudget digits" in status(world).conditions[0].message
    world.put(budget)
    world.remove(DEPLOYMENT, "digits")
    await look(world)
    assert "there is no Deployment digits" in status(world).conditions[0].message


async def test_a_name_that_something_else_has_is_never_touched(world: World) -> None:
    other = world.objects[("deployments", "vision", "digits")]
    meta = {"name": "points-copy-1", "namespace": "vision"}
    world.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": other["spec"]})
    await look(world)
    assert status(world).conditions[0].reason == "NameTaken"
    assert ("deployments", "vision", "points-copy-1") in world.objects


async def test_a_profile_without_a_sweep_is_refused_with_what_to_do(world: World) -> None:
    del world.objects[("benchmarkprofiles", "", "digits-steady")]["spec"]["sweep"]
    await look(world)
    assert status(world).conditions[0].reason == "NoSweep"
    assert "add one" in status(world).conditions[0].message
