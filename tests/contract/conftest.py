"""A real API server for the contract tests: $KUBECONFIG, else the cluster of `make cluster-up`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "tests/cluster/cli.py"


class Kubectl:
    """kubectl against the test cluster; objects go in as JSON."""

    def __init__(self, kubeconfig: str) -> None:
        self._environment = {**os.environ, "KUBECONFIG": kubeconfig}

    def run(
        self, *arguments: str, objects: list[dict[str, Any]] | None = None
    ) -> subprocess.CompletedProcess[str]:
        given = (
            None if objects is None else json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        )
        files = [] if objects is None else ["-f", "-"]
        return subprocess.run(
            ["kubectl", *arguments, *files],
            input=given,
            env=self._environment,
            capture_output=True,
            text=True,
        )

    def __call__(self, *arguments: str, objects: list[dict[str, Any]] | None = None) -> str:
        """What it prints; it must succeed."""
        done = self.run(*arguments, objects=objects)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments: str, objects: list[dict[str, Any]] | None = None) -> str:
        """What the user reads; the API server must refuse."""
        done = self.run(*arguments, objects=objects)
        assert done.returncode != 0, f"accepted: {done.stdout}"
        return done.stderr

    def get(self, *arguments: str) -> dict[str, Any]:
        """The object, as the API server has it."""
        found: dict[str, Any] = json.loads(self("get", *arguments, "--show-managed-fields", "-o", "json"))
        return found


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    if path := os.environ.get("KUBECONFIG"):
        return path
    found = subprocess.run([sys.executable, str(CLUSTER), "kubeconfig"], capture_output=True, text=True)
    assert found.returncode == 0, f"no cluster: {found.stderr}"
    return found.stdout.strip()


@pytest.fixture(scope="session")
def kubectl(kubeconfig: str) -> Kubectl:
    return Kubectl(kubeconfig)


@pytest.fixture(scope="session")
def helm() -> str:
    """Path of helm; compiled once where the machine has none."""
    found = subprocess.run([sys.executable, str(CLUSTER), "tool", "helm"], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A namespace of the module's own, under the restricted pod security standard."""
    name = f"tollgate-contract-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def installed(kubectl: Kubectl) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """Installs cluster-wide objects for the module; those that were not there before go again."""
    added: list[dict[str, Any]] = []

    def install(objects: list[dict[str, Any]]) -> None:
        added.extend(o for o in objects if kubectl.run("get", o["kind"], o["metadata"]["name"]).returncode)
        kubectl("apply", "--server-side", "--force-conflicts", objects=objects)

    yield install
    if added:
        kubectl("delete", "--ignore-not-found", objects=added)


@pytest.fixture(scope="module")
def crds(kubectl: Kubectl, installed: Callable[[list[dict[str, Any]]], None]) -> None:
    """Tollgate's kinds, as the models say, served."""
    from tollgate.api.crd import definitions

    installed(definitions())
    kubectl(
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "crd",
        "-l",
        "app.kubernetes.io/part-of=tollgate",
    )
