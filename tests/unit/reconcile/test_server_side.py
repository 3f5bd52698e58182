"""What servers used while a benchmark loaded them: read once it can be known, and never at a measurement's cost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour, measurement
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.test_benchmark import look
from tests.unit.reconcile.world import START, Killed, World
from tollgate.api.budget import Stage
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.api.transport import encode
from tollgate.errors import MetricsError
from tollgate.measure.server_side import read_server
from tollgate.ports import JOB, METRIC_PROFILE, Object, Samples
from tollgate.reconcile.server_side import ask_meters

SERVER = {
    "memory": {"series": "process_resident_memory_bytes"},
    "cpu": {"series": "process_cpu_seconds_total"},
}
SECONDS = 50


@pytest.fixture
def world() -> World:
    world = populated()
    world.objects[("metricprofiles", "", "digits-server")]["spec"]["server"] = SERVER
    spec = {
        "profileRef": {"name": "digits-steady"},
        "target": {"name": "digits"},
        "limits": ["250ms"],
        "metricsRef": {"name": "digits-server"},
    }
    meta = {"name": "by-hand", "namespace": "vision"}
    world.put({"apiVersion": "tollgate.dev/v1alpha1", "kind": "Benchmark", "metadata": meta, "spec": spec})
    return world


def loaded(world: World, **edit: Any) -> None:
    """The Job sends its load for so long, and leaves its result; `edit` replaces fields of the judged stage."""
    job = world.objects[("jobs", "vision", "by-hand")]
    labels = {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}
    owner = [{"uid": job["metadata"]["uid"], "controller": True}]
    meta = {"name": "by-hand-pod", "namespace": "vision", "labels": labels, "ownerReferences": owner}
    world.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}, "status": {}})
    since = world.time
    for _ in range(SECONDS):
        world.tick()
    raw = world.objects[("benchmarks", "vision", "by-hand")]
    profile = world.objects[("benchmarkprofiles", "", "digits-steady")]
    result = measurement(Behaviour(), raw, profile, pods=2, steady=(since, world.time))
    result.stages[1] = result.stages[1].model_copy(update=edit)
    ended = {"exitCode": 0, "message": encode(result)}
    pod = world.objects[("pods", "vision", "by-hand-pod")]
    pod["status"] = {"containerStatuses": [{"name": "bench", "state": {"terminated": ended}}]}


def stored(world: World) -> Object:
    found: Object = world.objects[("benchmarks", "vision", "by-hand")]["status"]
    return found


def readings(world: World) -> Object:
    found: Object = stored(world)["result"]["stages"][1]["server"]
    return found


async def until_done(world: World, most: int = 120) -> tuple[str, str, str]:
    for _ in range(most):
        said = await look(world)
        if said[0] in ("Succeeded", "Failed"):
            return said
        world.tick()
    raise AssertionError(said)


async def test_what_the_server_used_is_read_when_the_last_scrape_is_over(world: World) -> None:
    await look(world)
    loaded(world)
    phase, reason, message = await look(world)
    due = world.time + timedelta(seconds=5)
    assert (phase, reason) == ("Running", "ReadingServer")
    assert message == f"measured; the last scrape of the server is over by {due:%H:%M:%S} UTC"
    assert "server" not in stored(world)["result"]["stages"][1], "stored, and not yet whole"
    world.remove(JOB, "by-hand")
    phase, reason, message = await until_done(world)
    assert (phase, reason, world.time) == ("Succeeded", "Measured", due)
    assert readings(world) == {
        "scrapes": 10,
        "covered": "45s",
        "peakMemory": "256Mi",
        "cpuSeconds": "50s",
        "restarts": 0,
        "intervals": 9,
        "errors": {"cpuSeconds": "0"},
        "unknown": {},
    }, "two pods, each at half a core for 50 s"
    assert "server" not in stored(world)["result"]["stages"][0], "a warm-up is not measured"
    assert "0 errors, 1960/2000 correct (server: peak memory 256Mi, CPU time 50s)" in message


async def test_a_load_generator_that_says_what_the_server_used_is_not_believed(world: World) -> None:
    world.objects[("metricprofiles", "", "digits-server")]["spec"].pop("server")
    await look(world)
    loaded(world, server=ServerReadings(cpu_seconds="1ms", scrapes=9))
    assert (await look(world))[:2] == ("Succeeded", "Measured"), "no series, so nothing to wait for"
    assert "server" not in stored(world)["result"]["stages"][1]


async def test_a_steady_part_that_nobody_can_have_loaded_is_not_asked_for(world: World) -> None:
    await look(world)
    loaded(world, seconds="3s")
    assert (await look(world))[0] == "Succeeded"
    assert "the steady part is not within the stage" in readings(world)["unknown"]["all"]


async def test_a_metric_profile_that_is_not_there_is_named(world: World) -> None:
    world.remove(METRIC_PROFILE, "digits-server", namespace="")
    await look(world)
    loaded(world)
    phase, _, message = await look(world)
    assert (phase, "(server: all unknown)" in message) == ("Succeeded", True)
    assert "there is no MetricProfile digits-server" in readings(world)["unknown"]["all"]


async def test_prometheus_is_waited_for_and_then_done_without(world: World) -> None:
    await look(world)
    loaded(world)
    ended = world.time
    world.prometheus_down = True
    world.tick(10)
    phase, reason, message = await look(world)
    assert (phase, reason) == ("Running", "ReadingServer")
    assert message.startswith("measured; what the server used is not known yet: Prometheus at")
    assert (await until_done(world))[0] == "Succeeded", "the measurement is not lost"
    assert world.time - ended == timedelta(seconds=65)
    assert set(readings(world)["unknown"]) == {"peakMemory", "cpuSeconds"}


async def test_a_pod_that_is_not_scraped_makes_the_readings_unknown(world: World) -> None:
    await look(world)
    world.unscraped = {world.pods()[0]}
    loaded(world)
    await until_done(world)
    assert f"of pod {world.pods()[0]} in the steady part" in readings(world)["unknown"]["cpuSeconds"]
    assert "cpuSeconds" not in readings(world)


class Gpus:
    """A Prometheus that has a meter of a GPU on which another namespace has a pod, too."""

    def __init__(self, *, away: bool = False) -> None:
        self.queries: list[str] = []
        self._away = away

    async def samples(self, query: str, at: datetime) -> list[Samples]:
        self.queries.append(query)
        if self._away and "UUID" in query:
            raise MetricsError("Prometheus is away")
        points = [(at.timestamp() - 60 + s, 1000.0 * s) for s in range(0, 61, 5)]
        found = [
            Samples({"namespace": ns, "pod": pod, "UUID": "GPU-1"}, points)
            for ns, pod in (("vision", "a"), ("other", "x"))
        ]
        return found if "UUID" in query else found[:1]


async def readings_of_gpu(metrics: Gpus, attribution: str) -> ServerReadings:
    energy = {"series": "mJ", "unit": "mJ", "attribution": attribution}
    profile = MetricProfileSpec.model_validate(
        {"scrapeIntervalSeconds": 5, "latency": {"series": "lat"}, "server": {"energy": energy}}
    )
    since, until = START, START + timedelta(seconds=60)
    asked = await ask_meters(metrics, profile, "vision", ["a"], since, until)
    assert asked.refused == ("Prometheus is away" if metrics._away else None)
    return read_server(profile, asked.answers, SteadyWindow(since=since, until=until), ["a"], asked.holders)


async def test_who_shares_a_gpu_is_asked_for_where_it_is_divided() -> None:
    metrics = Gpus()
    seen = await readings_of_gpu(metrics, "Proportional")
    assert (seen.energy, seen.attribution) == ("30J", "0.5 of GPU-1")
    assert metrics.queries == ['mJ{namespace="vision",pod=~"^(?:a)$"}[61s]', 'mJ{UUID=~"^(?:GPU-1)$"}[61s]']
    metrics = Gpus()
    assert (await readings_of_gpu(metrics, "Exclusive")).energy == "60J"
    assert len(metrics.queries) == 1


async def test_a_gpu_whose_holders_are_not_told_is_unknown() -> None:
    seen = await readings_of_gpu(Gpus(away=True), "Proportional")
    assert (seen.energy, seen.unknown) == (None, {"energy": "Prometheus is away"})


@pytest.mark.parametrize("kill_after", range(1, 6))
async def test_an_operator_that_is_killed_on_the_way_goes_on(world: World, kill_after: int) -> None:
    world.writes.clear()
    world.kill_after = kill_after
    for _ in range(200):
        try:
            phase, *_ = await look(world)
        except Killed:
            continue
        if phase == "Succeeded":
            break
        if ("jobs", "vision", "by-hand") in world.objects and (
            "pods",
            "vision",
            "by-hand-pod",
        ) not in world.objects:
            loaded(world)
        world.tick()
    assert readings(world)["cpuSeconds"] == "50s"


async def test_a_release_reads_the_profile_of_its_budget_and_keeps_it_on_record(world: World) -> None:
    del world.objects[("benchmarks", "vision", "by-hand")]
    op = Operator(world)
    await op.run(Stage.PROMOTED)
    world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    made = [o for (plural, *_), o in world.objects.items() if plural == "benchmarks"]
    assert {o["spec"]["metricsRef"]["name"] for o in made} == {"digits-server"}
    records = [o for (plural, *_), o in world.objects.items() if plural == "efficiencydecisions"]
    judged = [
        o["spec"]["benchmarkEvidence"]["candidate"] for o in records if o["spec"].get("benchmarkEvidence")
    ]
    for arm in judged:
        said = arm["result"]["stages"][1]["server"]["unknown"]["cpuSeconds"]
        assert "in the steady part" in said, "which is a second here, without a scrape"
    assert judged
