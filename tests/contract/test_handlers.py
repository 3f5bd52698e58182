"""Kopf on a real API server: it delivers what happens, and writes nothing, whatever it meets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import kopf
import pytest

from tests.contract.kubectl import Kubectl
from tollgate import handlers
from tollgate.ports import Object
from tollgate.reconcile.key import Key
from tollgate.runtime.feed import WATCHED, Feed

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("crds")]

KOPF = "kopf.zalando.org"  # marks of other operators that are made with kopf


class Woken:
    """The keys that a feed enqueued since the last `clear`."""

    def __init__(self) -> None:
        self._keys: set[Key] = set()
        self._more = asyncio.Event()

    def add(self, key: Key, _after: float) -> None:
        self._keys.add(key)
        self._more.set()

    def clear(self) -> None:
        self._keys.clear()

    async def include(self, *keys: Key) -> None:
        """Returns when all of these were enqueued."""
        async with asyncio.timeout(30):
            while not self._keys.issuperset(keys):
                self._more.clear()
                await self._more.wait()


@contextlib.asynccontextmanager
async def watching() -> AsyncIterator[Woken]:
    """Kopf with the operator's handlers and settings."""
    woken = Woken()
    others = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=handlers.registry(Feed(woken.add)), settings=handlers.settings(), clusterwide=True
    )
    running = asyncio.create_task(kopf.run_tasks(tasks, ignored=others))
    try:
        yield woken
    finally:
        running.cancel()
        await asyncio.wait([running])


def metadata(namespace: str, name: str, **more: Any) -> Object:
    return {"namespace": namespace, "name": name, **more}


def deployment(namespace: str, name: str, **more: Any) -> Object:
    """Paused and without replicas, so that its own controller soon leaves it alone."""
    labels = {"app": name}
    containers = [{"name": "model", "image": "example.invalid/model:1"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(namespace, name, **more),
        "spec": {
            "replicas": 0,
            "paused": True,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


def budget(namespace: str) -> Object:
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "EfficiencyBudget",
        "metadata": metadata(namespace, "policy"),
        "spec": {
            "target": {"name": "digits"},
            "owners": [{"role": "SRE", "team": "platform"}],
            "metrics": {"profileRef": {"name": "server"}},
            "benchmark": {"profileRef": {"name": "steady"}},
            "objectives": [{"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "80ms"}],
        },
    }


def benchmark(namespace: str) -> Object:
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "Benchmark",
        "metadata": metadata(namespace, "m"),
        "spec": {"profileRef": {"name": "steady"}, "target": {"name": "digits"}},
    }


def job(namespace: str, name: str, owner: Object, labels: dict[str, str]) -> Object:
    reference = {field: owner[field] for field in ("apiVersion", "kind")}
    reference |= {field: owner["metadata"][field] for field in ("name", "uid")}
    containers = [{"name": "load", "image": "example.invalid/load:1"}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(namespace, name, labels=labels, ownerReferences=[reference]),
        "spec": {"suspend": True, "template": {"spec": {"restartPolicy": "Never", "containers": containers}}},
    }


@pytest.fixture
def world(kubectl: Kubectl, namespace: str) -> Iterator[str]:
    """A budget with its Deployment, an orphan, a Benchmark with a Job, and Deployments that bear kopf's marks."""
    kubectl("create", objects=[benchmark(namespace)])
    measured = kubectl.get("benchmark", "m", "-n", namespace)
    kubectl(
        "create",
        objects=[
            budget(namespace),
            deployment(namespace, "digits", labels={"tollgate.dev/governed": "Resume"}),
            deployment(namespace, "orphan", labels={"tollgate.dev/governed": "Hold"}),
            deployment(namespace, "finalized", finalizers=[f"{KOPF}/KopfFinalizerMarker"]),
            deployment(namespace, "marked", annotations={f"{KOPF}/last-handled-configuration": "{not json"}),
            job(namespace, "load", measured, {"tollgate.dev/benchmark": "m"}),
        ],
    )
    yield namespace
    kubectl(
        *("patch", "deployment", "finalized", "-n", namespace),
        *("--type=merge", "-p", '{"metadata": {"finalizers": null}}'),
    )
    kubectl("delete", "efficiencybudgets,benchmarks,deployments,jobs", "--all", "-n", namespace)


def versions(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    """Resource versions of all that is watched in the namespace, once its own controllers leave it alone."""

    def read() -> dict[str, str]:
        listed = [kubectl.get(kind.plural, "-n", namespace)["items"] for kind in WATCHED if kind.namespaced]
        found = [item for items in listed for item in items]
        assert all("status" in item for item in found if item["kind"] in ("Deployment", "Job"))
        return {f"{o['kind']} {o['metadata']['name']}": o["metadata"]["resourceVersion"] for o in found}

    for _ in range(100):
        with contextlib.suppress(AssertionError):
            before = read()
            if before == read():
                return before
    raise AssertionError("it does not settle")


@pytest.fixture
def admin(kubeconfig: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig)


@pytest.mark.usefixtures("admin")
async def test_it_delivers_what_is_there_and_what_happens_and_writes_nothing(
    kubectl: Kubectl, world: str
) -> None:
    itself, target = Key("budget", world, "policy"), Key("deployment", world, "digits")
    measurement, orphan = Key("benchmark", world, "m"), Key("deployment", world, "orphan")
    before = versions(kubectl, world)
    async with watching() as woken:
        await woken.include(itself, measurement, orphan)

        woken.clear()
        kubectl("annotate", "deployment", "digits", "-n", world, "touched=yes")
        await woken.include(itself)

        woken.clear()
        kubectl("label", "job", "load", "-n", world, "touched=yes")
        await woken.include(measurement)

        for name in ("finalized", "marked"):
            kubectl("label", "deployment", name, "-n", world, "tollgate.dev/governed=Hold")
            await woken.include(Key("deployment", world, name))

        woken.clear()
        kubectl("delete", "efficiencybudget", "policy", "-n", world)
        await woken.include(itself, target)
        await asyncio.sleep(1)  # for what must not come

    after = versions(kubectl, world)
    untouched = {"Benchmark m", "Deployment orphan"}
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}
    for name in ("digits", "finalized", "marked"):
        found = kubectl.get("deployment", name, "-n", world)["metadata"]
        managers = {entry["manager"] for entry in found["managedFields"]}
        assert managers <= {"kubectl-create", "kubectl-annotate", "kubectl-label", "kube-controller-manager"}
    assert kubectl.get("deployment", "finalized", "-n", world)["metadata"]["finalizers"]


@pytest.fixture
def onlooker(
    kubectl: Kubectl, world: str, kubeconfig: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Credentials that may list and watch what is watched, and nothing else."""
    name = f"onlooker-{world}"
    rules = [
        {
            "apiGroups": [kind.api_version.rpartition("/")[0]],
            "resources": [kind.plural],
            "verbs": ["list", "watch"],
        }
        for kind in WATCHED
    ]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    kubectl("create", "serviceaccount", "onlooker", "-n", world)
    kubectl("create", objects=[{**role, "rules": rules}])
    kubectl(
        "create", "clusterrolebinding", name, f"--clusterrole={name}", f"--serviceaccount={world}:onlooker"
    )
    token = kubectl("create", "token", "onlooker", "-n", world).strip()
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(path))
    yield
    kubectl("delete", "clusterrole,clusterrolebinding", name)


@pytest.mark.usefixtures("onlooker")
async def test_listing_and_watching_are_all_the_rights_it_needs(
    kubectl: Kubectl, world: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with watching() as woken:
            await woken.include(Key("benchmark", world, "m"))
            kubectl("delete", "efficiencybudget", "policy", "-n", world)
            await woken.include(Key("deployment", world, "digits"))
    assert [record.getMessage() for record in caplog.records if record.name.startswith("kopf")] == []
