"""Speaks to whichever cluster was chosen, through kubectl and the cluster's own kubeconfig."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from tests.cluster import gobuild, paths
from tests.cluster.errors import ClusterError
from tests.cluster.processes import Daemon, Supervisor
from tests.cluster.say import step
from tests.cluster.shell import attempt, run


class Kubectl:
    """kubectl, bound to one kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._command = [gobuild.tool("kubectl"), f"--kubeconfig={kubeconfig}"]

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Runs kubectl; raises ClusterError with what it said if it fails."""
        return run([*self._command, *arguments], stdin=stdin)

    def apply(self, manifest: str) -> None:
        """Applies a manifest, server-side, so that it can be repeated."""
        self(
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=tollgate-cluster",
            "-f",
            "-",
            stdin=manifest,
        )

    def answers(self, *arguments: str) -> str:
        """The output of kubectl, or nothing if it fails."""
        return attempt([*self._command, *arguments]).stdout.strip()

    def api_ready(self) -> bool:
        """Whether the API server says that it is ready."""
        return self.answers("get", "--raw", "/readyz") == "ok"

    def node_ready(self, name: str) -> bool:
        """Whether the node's last word was that it is ready."""
        condition = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        return self.answers("get", "node", name, "-o", condition) == "True"

    def rolled_out(self, namespace: str, deployment: str, timeout_seconds: float = 120) -> None:
        """Waits until a Deployment's pods are available; raises ClusterError with their states if they are not."""
        with step(f"waiting for {deployment} in {namespace}") as waiting:
            # fmt: off
            wanted = ("get", "deployment", deployment, "-n", namespace, "-o", "jsonpath={.metadata.generation} "
                      "{.status.observedGeneration} {.spec.replicas} {.status.updatedReplicas} "
                      "{.status.availableReplicas} {.status.replicas}")
            # fmt: on
            while not _complete(state := self.answers(*wanted)):
                waiting.progress(f"generation, seen, wanted, updated, available, all: {state or 'no answer'}")
                if waiting.seconds > timeout_seconds:
                    pods = self.answers("get", "pods", "-n", namespace, "-o", "wide")
                    events = self.answers("get", "events", "-n", namespace, "--sort-by=.lastTimestamp")
                    latest = "\n".join(events.splitlines()[-8:])
                    raise ClusterError(
                        f"{deployment} in {namespace} is not available after {timeout_seconds:.0f} s:\n{pods}\n{latest}"
                    )
                time.sleep(0.25)


def _complete(state: str) -> bool:
    numbers = state.split()
    return len(numbers) == 6 and numbers[0] == numbers[1] and len(set(numbers[2:])) == 1


def forwarded_url(kubeconfig: Path, namespace: str, service: str, port: int) -> str:
    """Forwards a local port to a Service, in a process that outlives this one, and returns its address."""
    local = 20000 + port
    target = ["port-forward", "-n", namespace, f"service/{service}", f"{local}:{port}"]
    argv = (gobuild.tool("kubectl"), f"--kubeconfig={kubeconfig}", *target)
    forwards = _forwards()
    forwards.ensure(Daemon(f"forward-{service}", argv, reads=(kubeconfig,)))

    def connects() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", local)) == 0

    forwards.wait(f"port {local} was forwarded to {service}", connects, 30, logs_of=f"forward-{service}")
    return f"http://127.0.0.1:{local}"


def stop_forwarding() -> None:
    """Ends the processes that `forwarded_url` started."""
    _forwards().stop()


def _forwards() -> Supervisor:
    return Supervisor(paths.CACHE / "forward")
