"""A Benchmark's way to a result, and every way in which it gets none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour, measurement
from tests.unit.reconcile.operator import OPTIONS
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.world import World
from tollgate.api import transport
from tollgate.ports import BENCHMARK_PROFILE, CONFIG_MAP, JOB
from tollgate.reconcile.benchmark import BenchmarkReconciler
from tollgate.reconcile.key import Key

KEY = Key("benchmark", "vision", "by-hand")


@pytest.fixture
def world() -> World:
    world = populated()
    spec = {"profileRef": {"name": "digits-steady"}, "target": {"name": "digits"}, "limits": ["250ms"]}
    meta = {"name": "by-hand", "namespace": "vision"}
    world.put({"apiVersion": "tollgate.dev/v1alpha1", "kind": "Benchmark", "metadata": meta, "spec": spec})
    return world


async def look(world: World) -> tuple[str, str, str]:
    """One pass; phase, reason and message of the status."""
    ports: dict[str, Any] = {"cluster": world, "metrics": world, "events": world, "clock": world}
    await BenchmarkReconciler(**ports, settings=OPTIONS).reconcile(KEY)
    status = world.objects[("benchmarks", "vision", "by-hand")]["status"]
    condition = status["conditions"][0]
    return status["phase"], condition["reason"], condition["message"]


def last_words(world: World, ended: dict[str, Any]) -> None:
    """The Job's pod ends with this."""
    job = world.objects[("jobs", "vision", "by-hand")]
    labels = {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}
    meta = {"name": "by-hand-pod", "namespace": "vision", "labels": labels}
    status = {"phase": "Failed", "containerStatuses": [{"name": "bench", "state": {"terminated": ended}}]}
    world.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}, "status": status})


async def test_a_benchmark_made_by_hand_is_carried_out(world: World) -> None:
    assert (await look(world))[0] == "Running"
    world.tick()
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Succeeded", "Measured")
    assert "p99" in message
    result = world.objects[("benchmarks", "vision", "by-hand")]["status"]["result"]
    assert [stage["name"] for stage in result["stages"]] == ["warm-up", "steady"]


async def test_what_is_missing_is_waited_for_by_name(world: World) -> None:
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    world.remove(BENCHMARK_PROFILE, "digits-steady", namespace="")
    assert (await look(world))[:2] == ("Pending", "BenchmarkProfileNotFound")
    world.put(profile)
    world.remove(CONFIG_MAP, "digits-dataset")
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Pending", "DatasetNotFound")
    assert "digits-dataset" in message


@pytest.mark.parametrize(
    ("ended", "reason", "said"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, "BadResult", "OOMKilled"),
        ({"exitCode": 0, "message": "garbage"}, "BadResult", ""),
        (
            {"exitCode": 2, "message": transport.encode_error("the dataset is empty")},
            "BadResult",
            "dataset is empty",
        ),
    ],
)
async def test_a_job_without_a_result_has_failed(
    world: World, ended: dict[str, Any], reason: str, said: str
) -> None:
    await look(world)
    last_words(world, ended)
    phase, got, message = await look(world)
    assert (phase, got) == ("Failed", reason)
    assert said in message


async def test_a_result_of_another_profile_is_refused(world: World) -> None:
    await look(world)
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    last_words(world, {"message": transport.encode(measurement(Behaviour(), raw, profile))})
    profile["spec"]["stages"][1]["rate"] = "50req/s"
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Failed", "BadResult")
    assert "profile was changed" in message


async def test_a_result_of_another_repetition_is_refused(world: World) -> None:
    """It would be added to one that met the same arrivals and inputs."""
    await look(world)
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    again = {**raw, "spec": {**raw["spec"], "repetition": 1}}
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    last_words(world, {"message": transport.encode(measurement(Behaviour(), again, profile))})
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Failed", "BadResult")
    assert message == "the result is of repetition 1, not 0"


async def test_a_server_that_turns_every_request_away_was_not_measured(world: World) -> None:
    await look(world)
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    result = measurement(Behaviour(), raw, profile)
    stage = result.stages[1]
    stage.errors, stage.error_kinds, stage.correct, stage.blocks = (
        stage.requests,
        {"http_4xx": stage.requests},
        0,
        [],
    )
    for over in stage.over_limit:
        over.requests = stage.requests
    last_words(world, {"message": transport.encode(result)})
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Failed", "RequestsRefused")
    assert "http_4xx" in message


async def test_a_job_that_is_gone_before_its_result_was_read_has_failed(world: World) -> None:
    await look(world)
    world.remove(JOB, "by-hand")
    assert (await look(world))[:2] == ("Failed", "JobGone")


async def test_a_finished_benchmark_is_left_alone(world: World) -> None:
    await look(world)
    world.tick()
    await look(world)
    writes = len(world.writes)
    await look(world)
    assert len(world.writes) == writes


def paired_with(world: World, deployment: str) -> None:
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    raw["spec"]["baseline"] = {"name": deployment}


async def test_two_deployments_are_loaded_in_turn_by_hand(world: World) -> None:
    paired_with(world, "digits")
    phase, _, message = await look(world)
    assert phase == "Running"
    assert message == "loading 2 pod(s) and, in turn, 2 of the baseline for about 160 s"
    job = world.objects[("jobs", "vision", "by-hand")]
    plan = json.loads(world.objects[("configmaps", "vision", job["metadata"]["name"])]["data"]["plan.json"])
    assert plan["baseline"] == plan["targets"]
    world.tick()
    assert (await look(world))[:2] == ("Succeeded", "Measured")
    status = world.objects[("benchmarks", "vision", "by-hand")]["status"]
    assert [stage["name"] for stage in status["result"]["paired"]] == ["steady"]
    assert status["baselineLoaded"]["hardware"][0]["pods"] == 2


async def test_baseline_without_a_ready_pod_is_waited_for(world: World) -> None:
    paired_with(world, "digits-baseline")
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Pending", "NoReadyPods")
    assert "Deployment digits-baseline, the baseline" in message


async def test_result_without_the_turns_that_were_asked_for_is_refused(world: World) -> None:
    paired_with(world, "digits")
    await look(world)
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    last_words(world, {"message": transport.encode(measurement(Behaviour(), raw, profile))})
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Failed", "BadResult")
    assert "does not hold the turns" in message
