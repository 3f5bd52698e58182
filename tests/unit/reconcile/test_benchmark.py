"""A Benchmark's way to a result, and every way in which it gets none."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.decide import objectives
from tests.unit.measure.probes import probe, search
from tests.unit.reconcile.behaviour import Behaviour, measurement
from tests.unit.reconcile.operator import OPTIONS
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.world import World
from tollgate.api import transport
from tollgate.api.benchmark import Benchmark, BenchmarkResult
from tollgate.api.cold_start import FirstRequests
from tollgate.api.part_transport import encode_part
from tollgate.api.parts import BenchmarkPart
from tollgate.api.profiles import BenchmarkProfile
from tollgate.api.transport import encode
from tollgate.ports import BENCHMARK_PROFILE, CONFIG_MAP, JOB
from tollgate.reconcile.benchmark import BenchmarkReconciler, summary
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


def test_one_line_tells_what_was_judged_and_what_certifies_nothing() -> None:
    late = objectives.stage(name="peak", clientLimited="requests were sent late")
    inputs = {"inputs": 300, "repeated": 300, "between": "13ms", "within": "9ms", "share": "0.68"}
    steady = objectives.stage(errors=1, overLimit=[], variability=inputs)
    made = [objectives.stage(name="warm-up", warmUp=True), steady, late]
    said = summary(objectives.benchmark(*made))
    assert "warm-up" not in said
    assert "steady: 2,400 requests at 40req/s, mean 50ms, p99 110ms, 1 error, 2400/2400 correct, 68%" in said
    assert "68% of the variance between inputs; peak" in said
    assert "peak certifies nothing, as the load generator was the limit: requests were sent late" in said


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


async def test_a_trace_is_waited_for_by_name_and_key(world: World) -> None:
    spec = world.objects[("benchmarkprofiles", "", "digits-steady")]["spec"]
    traced = {"name": "monday", "arrival": "Trace", "trace": {"name": "week"}, "requests": 9}
    spec["stages"] = [*spec["stages"], traced]
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Pending", "TraceNotFound")
    assert message == (
        "ConfigMap week with key arrivals.txt is not in this namespace: create it, as stage monday of the profile "
        "replays the arrival times in it"
    )
    trace: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"other.txt": "0"}}
    trace["metadata"] = {"name": "week", "namespace": "vision"}
    world.put(trace)
    assert (await look(world))[1] == "TraceNotFound"
    world.objects[("configmaps", "vision", "week")]["data"] = {"arrivals.txt": "0"}
    assert (await look(world))[0] == "Running"


async def searching(world: World, edit: Callable[[dict[str, Any]], object] = lambda _: None) -> str:
    """The reason, once a benchmark with a search is over whose result was edited."""
    world.objects[("benchmarkprofiles", "", "digits-steady")]["spec"]["search"] = search().dump()
    _, _, message = await look(world)
    assert message.startswith("loading 2 pods for at most ")
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    result = measurement(
        Behaviour(holds=30), raw, world.objects[("benchmarkprofiles", "", "digits-steady")], pods=2
    ).dump()
    edit(result)
    last_words(world, {"exitCode": 0, "message": encode(BenchmarkResult.model_validate(result))})
    return (await look(world))[1]


async def test_what_a_search_found_is_what_its_probes_say(world: World) -> None:
    lie = {"objective": "p99 <= 1ms", "certified": "9999req/s", "ended": "Narrowed", "message": "fast"}
    assert await searching(world, lambda result: result.update(search=lie)) == "Measured"
    status = world.objects[("benchmarks", "vision", "by-hand")]["status"]
    assert status["result"]["search"]["certified"] == "30req/s"
    assert status["result"]["search"]["notCertified"] == "32.5req/s"
    assert "search: p99 <= 250ms is certified up to 30req/s" in status["conditions"][0]["message"]
    assert "search-1" not in status["conditions"][0]["message"], "its probes are in the result"


@pytest.mark.parametrize(
    "edit",
    [
        lambda result: result["stages"].pop(),
        lambda result: result["stages"][-1].update(requestedRate="33req/s"),
        lambda result: result["stages"].insert(2, result["stages"].pop()),
        lambda result: [result["stages"].pop() for _ in range(6)],
    ],
)
async def test_a_search_that_is_not_the_one_that_was_asked_for_is_refused(world: World, edit: Any) -> None:
    assert await searching(world, edit) == "BadResult"


async def test_probes_that_nobody_asked_for_are_refused(world: World) -> None:
    await look(world)
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    result = measurement(Behaviour(), world.objects[("benchmarks", "vision", "by-hand")], profile, pods=2)
    probed = result.model_copy(update={"stages": [*result.stages, probe("10req/s")]})
    last_words(world, {"exitCode": 0, "message": encode(probed)})
    assert (await look(world))[1] == "BadResult"


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


async def test_a_result_that_hides_what_kind_of_load_it_is_of_is_refused(world: World) -> None:
    """A burst, or a closed loop, would else be judged as if it were a steady rate."""
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    profile["spec"]["stages"][1] |= {"arrival": "Burst", "burst": 20}
    await look(world)
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    result = measurement(Behaviour(), raw, profile)
    result.stages[1].load = None
    last_words(world, {"message": transport.encode(result)})
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Failed", "BadResult")
    assert "stage steady of the result is not what the profile and the limits ask for" in message


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
    stage.error_examples = {"http_4xx": "HTTP 404: model not found"}
    for over in stage.over_limit:
        over.requests = stage.requests
    last_words(world, {"message": transport.encode(result)})
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Failed", "RequestsRefused")
    assert "(http_4xx): HTTP 404: model not found; does the BenchmarkProfile fit" in message


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
    assert message == "loading 2 pods and, in turn, 2 of the baseline for about 160 s"
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


def sent_by(world: World, pods: int, **fields: Any) -> None:
    world.objects[("benchmarkprofiles", "", "digits-steady")]["spec"] |= {"pods": pods, **fields}


def part_ends(world: World, number: int, *, message: str = "", **fields: Any) -> None:
    """One of the Job's pods ends, with its part of the result, or with this message."""
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    last_words(world, {"message": message or encode_part(part(raw, profile, number, **fields))})
    pod = world.objects.pop(("pods", "vision", "by-hand-pod"))
    pod["metadata"]["name"] = f"by-hand-{number}"
    pod["metadata"]["annotations"] = {"batch.kubernetes.io/job-completion-index": str(number)}
    world.put(pod)


def job_ends(world: World) -> None:
    condition = {"type": "Failed", "status": "True", "reason": "FailedIndexes", "message": "index 1 failed"}
    world.objects[("jobs", "vision", "by-hand")]["status"] = {"conditions": [condition]}


def part(raw: Any, raw_profile: Any, number: int, **fields: Any) -> BenchmarkPart:
    """What a pod would have measured: its share of the requests, a tenth of them slow."""
    profile = BenchmarkProfile.model_validate(raw_profile).spec
    stages = []
    for stage in profile.stages:
        n = len(range(number, stage.requests, profile.pods))
        slow = n // 10
        stages.append(
            {
                "name": stage.name,
                "warmUp": stage.warm_up,
                "requestedRate": stage.rate,
                "requests": n,
                "errors": 0,
                "overLimit": [{"limit": limit, "requests": slow} for limit in raw["spec"]["limits"]],
                "sent": n,
                **dict.fromkeys(("span", "lastSent", "lastAnswer", "ended"), stage.seconds * 10**6),
                "firstDue": 0,
                "slowest": 300_000,
                "growth": "1.01",
                "blocks": [{"answered": n, "sum": n * 20_000, "bins": f"996:{n - slow},1268:{slow}"}],
                **dict.fromkeys(("scheduleDelayP99", "lagP99", "throttled"), "1ms"),
                "cpu": "0.2",
                "inFlight": 4,
                "workers": profile.workers,
            }
        )
    digests = {"dataset": "sha256:" + "0" * 64, "profile": transport.digest(profile)}
    return BenchmarkPart.model_validate(digests | {"pods": 2, "pod": number, "stages": stages} | fields)


async def test_several_pods_begin_together_and_their_parts_are_one_result(world: World) -> None:
    sent_by(world, 2, workers=3, startSeconds=30)
    assert (await look(world))[0] == "Running"
    job = world.objects[("jobs", "vision", "by-hand")]
    assert job["spec"]["completions"] == 2
    plan = json.loads(world.objects[("configmaps", "vision", job["metadata"]["name"])]["data"]["plan.json"])
    assert datetime.fromisoformat(plan["beginsAt"]) == world.now() + timedelta(seconds=30)
    part_ends(world, 1)
    assert (await look(world))[0] == "Running", "the other one has not ended"
    part_ends(world, 0)
    assert (await look(world))[:2] == ("Succeeded", "Measured")
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    steady = raw["status"]["result"]["stages"][1]
    profile = BenchmarkProfile.model_validate(world.objects[("benchmarkprofiles", "", "digits-steady")]).spec
    assert steady["requests"] == profile.stages[1].requests
    assert steady["client"]["workers"] == 6
    assert steady.get("clientLimited", "") == ""


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("", "it is gone, or was never started"),
        ("tollgate-error: it was ready 3.0 s too late", "it was ready 3.0 s too late"),
        ("garbage", "the termination message is no benchmark result"),
    ],
)
async def test_a_pod_that_leaves_no_part_makes_every_stage_inconclusive(
    world: World, message: str, said: str
) -> None:
    sent_by(world, 2)
    await look(world)
    part_ends(world, 0)
    if message:
        part_ends(world, 1, message=message)
    else:
        assert (await look(world))[0] == "Running"
        job_ends(world)
    assert (await look(world))[0] == "Succeeded"
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    for stage in Benchmark.model_validate(raw).status.result.stages:  # type: ignore[union-attr]
        assert stage.workers_lost == 1
        assert stage.client_limited.startswith(f"1 of 2 pods left no result: pod 1: {said}")


async def test_pods_that_all_leave_nothing_are_no_measurement(world: World) -> None:
    sent_by(world, 2)
    await look(world)
    part_ends(world, 0, message=transport.encode_error("the dataset is empty"))
    job_ends(world)
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Failed", "BadResult")
    assert "pod 0: the dataset is empty" in message


@pytest.mark.parametrize(
    "fields", [{"pod": 0}, {"dataset": "sha256:" + "1" * 64}, {"pods": 9}, {"repetition": 3}]
)
async def test_parts_that_do_not_belong_together_are_refused(world: World, fields: dict[str, Any]) -> None:
    sent_by(world, 2)
    await look(world)
    part_ends(world, 0)
    part_ends(world, 1, **fields)
    assert (await look(world))[:2] == ("Failed", "BadResult")


async def test_how_pods_started_is_told_where_the_profile_asks(world: World) -> None:
    world.objects[("benchmarkprofiles", "", "digits-steady")]["spec"]["coldStart"] = {}
    for (plural, *_), one in world.objects.items():
        if plural == "pods":
            ready = world.time.isoformat().replace("+00:00", "Z")
            one["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": ready}]
    await look(world)
    status = world.objects[("benchmarks", "vision", "by-hand")]["status"]
    took = status["coldStart"]["fromCreation"]
    assert status["coldStart"] | {"fromCreation": took} == {
        "pods": 2, "restarted": 0, "readyFor": "0s", "fromCreation": took,
    }  # fmt: skip
    world.tick()
    _, _, message = await look(world)
    assert f"; cold start: ready {took['median']} (worst {took['worst']}) after creation" in message


async def test_first_requests_that_nobody_asked_for_are_left_out(world: World) -> None:
    await look(world)
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    first = FirstRequests(requests=2, errors=0, median="1ms", worst="1ms")
    result = measurement(Behaviour(), raw, profile, pods=2).model_copy(update={"first_requests": first})
    last_words(world, {"exitCode": 0, "message": encode(result)})
    assert (await look(world))[0] == "Succeeded"
    assert "firstRequests" not in world.objects[("benchmarks", "vision", "by-hand")]["status"]["result"]
