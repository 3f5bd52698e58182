"""Budgets of cost, energy, memory and variability: each refuses a candidate that keeps every other limit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from examples.digits.demo.vision import image

from tests.e2e.scene import CANDIDATE, Scene, Version, fast, fast_and_dear, profiles, slow
from tests.support.kube import Object, wait_until
from tests.support.meter import SERIES, FakeMeter
from tollgate.api.budget import Release, Stage
from tollgate.api.verdict import Verdict

FRUGAL, HUNGRY = 2.0, 40.0
"""Watts of a pod, of the fake meter: 0.16 J and 3.2 J a request."""

OBJECTIVES = [
    {"name": "tail", "dimension": "Latency", "statistic": "P95", "max": "5s"},
    {"name": "errs", "dimension": "ErrorRate", "max": "5%"},
    {"name": "acc", "dimension": "Quality", "metric": "Accuracy", "min": "0.80"},
    {"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "0.00005USD"},
    {"name": "energy", "dimension": "Energy", "per": "Request", "max": "1J", "measured": True},
    {"name": "memory", "dimension": "Memory", "max": "240Mi"},
    {"name": "alike", "dimension": "Variability", "metric": "BetweenInputs", "max": "0.4"},
]


def roomy(name: str) -> Version:
    """As fast as `fast`; holds a second stage that no input ever reaches."""
    return Version(name, {**slow(name).settings, "EXIT_THRESHOLD": "0", "AUGMENTATIONS": "4096"})


def uneven(name: str) -> Version:
    """Takes some hundred times as long for a fifth of the inputs, and is as dear and as small as it may be."""
    return Version(name, {**slow(name).settings, "AUGMENTATIONS": "600"})


@pytest.fixture
def metered(scene: Scene) -> Iterator[tuple[Scene, FakeMeter]]:
    """A good version under a budget of all these dimensions, and the meter of its namespace."""
    load, metrics = profiles()
    name = scene.kube.namespace
    meters: Object = {
        "memory": {"series": "process_resident_memory_bytes"},
        "energy": {"series": SERIES, "labels": {"namespace": "namespace", "pod": "exported_pod"}},
    }
    stage = {"name": "steady", "arrival": "Constant", "rate": "25req/s", "durationSeconds": 32}
    made = [
        replace_spec(load, name, {"stages": [stage]}),
        replace_spec(metrics, name, {"server": meters}),
    ]
    scene.kube.apply(*made)
    meter = FakeMeter(scene.kube, image())
    meter.start()
    changes = {
        "objectives": OBJECTIVES,
        "benchmark": {"profileRef": {"name": name}},
        "metrics": {"profileRef": {"name": name}},
    }
    scene.adopt(fast("v1"), **changes)
    yield scene, meter
    scene.kube.delete("benchmarkprofile", name)
    scene.kube.delete("metricprofile", name)


def replace_spec(profile: Object, name: str, fields: Object) -> Object:
    return profile | {"metadata": {"name": name}, "spec": profile["spec"] | fields}


def pushed(scene: Scene, meter: FakeMeter, number: int, version: Version, watts: float) -> None:
    """Push a version whose pods draw so much."""
    scene.push(version)
    scene.reaches(number, Stage.STARTING)

    def candidates() -> list[str]:
        pods = [pod["metadata"]["name"] for pod in scene.pods()]
        return [pod for pod in pods if pod.startswith(CANDIDATE)]

    wait_until("the candidate's pods", lambda: len(candidates()) == 2, 60)
    meter.attach(candidates(), watts)


def refused(scene: Scene, meter: FakeMeter, number: int, version: Version, watts: float) -> Release:
    """The same, and wait until it is refused."""
    pushed(scene, meter, number, version, watts)
    return scene.reaches(number, Stage.REJECTED, 300)


def test_each_catches_what_no_other_does(metered: tuple[Scene, FakeMeter]) -> None:
    scene, meter = metered
    bad = {
        "cost": (fast_and_dear("v2"), FRUGAL),
        "energy": (fast("v3"), HUNGRY),
        "memory": (roomy("v4"), FRUGAL),
        "alike": (uneven("v5"), FRUGAL),
    }
    for number, (name, (version, watts)) in enumerate(bad.items(), start=2):
        release = refused(scene, meter, number, version, watts)
        verdicts = {r.name: r.verdict for r in release.benchmark_objectives}
        said = {r.name: r.message for r in release.benchmark_objectives}
        assert verdicts.pop(name) is Verdict.BREACH, said
        assert set(verdicts.values()) == {Verdict.WITHIN}, said
    # And one that keeps them all meets users.
    pushed(scene, meter, 6, fast("v6"), FRUGAL)
    scene.reaches(6, Stage.CANARY, 300)
