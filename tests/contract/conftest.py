"""A real API server for the contract tests: $KUBECONFIG, else the cluster of `make cluster-up`."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.kubectl import Kubectl
from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.api.crd import definitions
from tollgate.ports import Object

ROOT = Path(__file__).parents[2]

Install = Callable[[list[Object]], None]


def _ask_cluster(*question: str) -> str:
    command = [sys.executable, str(ROOT / "tests/cluster/cli.py"), *question]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    return os.environ.get("KUBECONFIG") or _ask_cluster("kubeconfig")


@pytest.fixture(scope="session")
def kubectl(kubeconfig: str) -> Kubectl:
    return Kubectl(_ask_cluster("tool", "kubectl"), kubeconfig)


@pytest.fixture(scope="session")
def prometheus_url(kubeconfig: str) -> str:
    """$TOLLGATE_PROMETHEUS_URL, else the Prometheus of the test cluster."""
    if given := os.environ.get("TOLLGATE_PROMETHEUS_URL"):
        return given
    command = [sys.executable, str(ROOT / "tests/cluster/cli.py"), "prometheus"]
    environment = {**os.environ, "KUBECONFIG": kubeconfig}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def metrics(prometheus_url: str) -> Iterator[PrometheusMetrics]:
    metrics = PrometheusMetrics(prometheus_url)
    yield metrics
    metrics.close()


@pytest.fixture(scope="session", autouse=True)
def operator_stands_by(kubectl: Kubectl) -> Iterator[None]:
    """An operator that is installed is stopped meanwhile: these tests play its part, or start one of their own."""
    installed = ("deployment/tollgate", "-n", "tollgate-system")
    before = kubectl.run("get", *installed, "-o", "jsonpath={.spec.replicas}").stdout or "0"
    if before != "0":
        kubectl("scale", *installed, "--replicas=0")
        kubectl(
            *("wait", "pod", "-n", "tollgate-system", "-l", "app.kubernetes.io/name=tollgate"),
            *("--for=delete", "--timeout=60s"),
        )
    yield
    if before != "0":
        kubectl("scale", *installed, f"--replicas={before}")


@pytest.fixture(scope="session")
def helm() -> str:
    """Path of helm; compiled once where the machine has none."""
    return _ask_cluster("tool", "helm")


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A namespace of the module's own, under the restricted pod security standard."""
    name = f"tollgate-contract-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def installed(kubectl: Kubectl) -> Iterator[Install]:
    """Installs cluster-wide objects for the module; those that were not there before go again.

    Kinds stay: to remove one takes seconds, in which the next module could not make it anew.
    """
    added: list[Object] = []

    def install(objects: list[Object]) -> None:
        passing = [o for o in objects if o["kind"] != "CustomResourceDefinition"]
        added.extend(o for o in passing if kubectl.run("get", o["kind"], o["metadata"]["name"]).returncode)
        kubectl("apply", "--server-side", "--force-conflicts", objects=objects)

    yield install
    if added:
        kubectl("delete", "--ignore-not-found", objects=added)


@pytest.fixture(scope="module")
def crds(kubectl: Kubectl, installed: Install) -> None:
    """Tollgate's kinds, as the models say, served."""
    installed(definitions())
    names = [f"crd/{crd['metadata']['name']}" for crd in definitions()]
    kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
