"""kubectl with JSON in and out, bound to one cluster and one namespace, and the one way to wait for something.

Everything goes through kubectl, as a user's commands do. Must not know of Tollgate's kinds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.cluster.errors import ClusterError
from tests.cluster.kubectl import Kubectl

Object = dict[str, Any]
Found = TypeVar("Found")

POLL_SECONDS = 0.4


class TimedOutError(AssertionError):
    """What was waited for did not happen; says what, for how long, and what was there instead."""


class Kube:
    """The API server, seen from one namespace. Every call raises ClusterError with kubectl's words if it fails."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self._kubectl = Kubectl(kubeconfig)

    def within(self, namespace: str) -> Kube:
        """The same cluster, seen from another namespace."""
        return Kube(self.kubeconfig, namespace)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """The output of a kubectl command in this namespace."""
        return self._kubectl("-n", self.namespace, *arguments, stdin=stdin)

    def find(self, kind: str, name: str) -> Object | None:
        """The object, or None."""
        text = self.run("get", kind, name, "--ignore-not-found", "-o", "json")
        found: Object | None = json.loads(text) if text else None
        return found

    def get(self, kind: str, name: str) -> Object:
        """The object, which must exist."""
        found: Object = json.loads(self.run("get", kind, name, "-o", "json"))
        return found

    def list(self, kind: str, labels: str = "") -> list[Object]:
        """The objects of a kind, the oldest first."""
        text = self.run("get", kind, "-l", labels, "-o", "json")
        items: list[Object] = json.loads(text)["items"]
        return sorted(items, key=lambda item: str(item["metadata"]["creationTimestamp"]))

    def apply(self, *objects: Object, manager: str = "tests") -> None:
        """Server-side apply, conflicts forced: it can be repeated."""
        text = yaml.safe_dump_all(objects)
        self.run(
            "apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-", stdin=text
        )

    def patch(self, kind: str, name: str, body: Mapping[str, Any]) -> None:
        """JSON merge patch."""
        self.run("patch", kind, name, "--type=merge", "-p", json.dumps(body))

    def delete(self, kind: str, name: str, *, wait: bool = True) -> None:
        """Delete an object; gone already is fine."""
        self.run("delete", kind, name, "--ignore-not-found", f"--wait={str(wait).lower()}")

    def scale(self, deployment: str, replicas: int) -> None:
        """Scale a Deployment by hand."""
        self.run("scale", "deployment", deployment, f"--replicas={replicas}")

    def fresh_namespace(self, labels: Mapping[str, str]) -> None:
        """Make this namespace anew: whatever was in it is gone."""
        self.delete_namespace()
        namespace = {"apiVersion": "v1", "kind": "Namespace"}
        self.apply({**namespace, "metadata": {"name": self.namespace, "labels": dict(labels)}})

    def delete_namespace(self, *, wait: bool = True) -> None:
        """Delete this namespace and all that is in it."""
        # Its pods go first: the namespace controller looks again only after the time that they may take to end.
        for kind in ("deployments,jobs", "pods"):
            self.run("delete", kind, "--all", "--grace-period=1", f"--wait={str(wait).lower()}")
        self.delete("namespace", self.namespace, wait=wait)


def wait_until(
    what: str,
    probe: Callable[[], Found | None],
    timeout: float = 60.0,
    *,
    otherwise: Callable[[], object] | None = None,
) -> Found:
    """Ask `probe` until its answer is true, and return that.

    Raises TimedOutError with `what` and the answer of `otherwise` (the state then) after `timeout` seconds.
    """
    end = time.monotonic() + timeout
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            there = f"; instead: {otherwise()}" if otherwise else ""
            raise TimedOutError(f"waited {timeout:.0f} s for: {what}{there}")
        time.sleep(POLL_SECONDS)


def stays(what: str, probe: Callable[[], object], seconds: float) -> None:
    """Ask `probe` for so long; raises AssertionError once its answer is false."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert probe(), f"no longer so: {what}"
        time.sleep(POLL_SECONDS)


def is_ready(pod: Object) -> bool:
    """Whether the pod's Ready condition is true."""
    conditions = pod.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def diagnose(namespaces: Iterable[Kube]) -> str:
    """What a reader needs to find the cause of a failure: objects, pods and events of these namespaces."""
    commands = (
        ("get", "efficiencybudgets,benchmarks,efficiencydecisions,efficiencysignoffs", "-o", "yaml"),
        ("get", "deployments,replicasets,pods,jobs", "-o", "wide", "--show-labels"),
        ("get", "events", "--sort-by=.lastTimestamp"),
    )
    parts = []
    for kube in namespaces:
        for command in commands:
            try:
                said = kube.run(*command)
            except ClusterError as error:
                said = str(error)
            parts.append(f"--- kubectl -n {kube.namespace} {' '.join(command)}\n{said}")
    return "\n".join(parts)
