"""The demo's world: a clean namespace `vision` with the model's Service, its users, Git repository and budget."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from examples.digits.demo.progress import Progress, waiting
from examples.digits.demo.screen import Mood, Screen
from tests.cluster import images
from tests.cluster.cluster import Cluster
from tests.support.gitops import GitOps
from tests.support.kube import Kube, Object, is_ready
from tests.support.traffic import Traffic, by_version, failed
from tests.support.watch import TemplateWatch
from tollgate.api.budget import BudgetStatus
from tollgate.manifests.revision import revision

NAME = "digits"
NAMESPACE = "vision"
FOLDER = Path(__file__).resolve().parents[1]
RATE = 50.0
HARD_SHARE = 0.1
QUIET_SECONDS = 8.0


@dataclass
class Vision:
    """What the stories act on and look at."""

    kube: Kube
    screen: Screen
    git: GitOps
    users: Traffic
    template: TemplateWatch
    progress: Progress
    versions: dict[str, str] = field(default_factory=dict)
    """Version by revision, of what was pushed."""

    def push(self, version: str) -> None:
        """Commit a version's manifest to Git, from where it is applied."""
        manifest = manifest_of(version)
        self.screen.say("git", f"{version} is pushed; the GitOps loop applies it now, and again every 2 s")
        self.template.expect(manifest)
        self.git.commit(manifest)
        stored = self.kube.get("deployment", NAME)["spec"]["template"]  # with the API server's defaults
        self.versions[revision(stored)] = version

    def serves(self, version: str) -> bool:
        """Whether all pods are of this version, as many as wanted, and ready, and none is left of a roll-back."""
        labels = "app.kubernetes.io/name=digits,app.kubernetes.io/version"
        pods = [p for p in self.kube.list("pods", labels) if not p["metadata"].get("deletionTimestamp")]
        released = self.kube.list("replicasets", f"tollgate.dev/released={NAME}")
        wanted = manifest_of(version)["spec"]["replicas"]
        right = [
            p for p in pods if is_ready(p) and p["metadata"]["labels"]["app.kubernetes.io/version"] == version
        ]
        return len(pods) == len(right) == wanted and not released


def manifest_of(version: str) -> Object:
    """A version's manifest, with the image that this cluster has."""
    manifest: Object = yaml.safe_load((FOLDER / "manifests" / f"{version}.yaml").read_text())
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = image()
    return manifest


def image() -> str:
    """The digits image that this cluster has."""
    return os.environ.get(images.DIGITS.variable) or images.DIGITS.name


def dataset() -> Object:
    """The benchmark's dataset, as the example's own program writes it."""
    written = subprocess.run(
        [sys.executable, "inputs.py"], cwd=FOLDER, check=True, capture_output=True, text=True
    )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "digits-dataset"},
        "data": {"dataset.json": written.stdout},
    }


@contextmanager
def vision(cluster: Cluster, screen: Screen) -> Iterator[Vision]:
    """The world, made anew; the GitOps loop and the watches end with the context, the objects stay."""
    kube = Kube(cluster.kubeconfig, NAMESPACE)
    namespace = yaml.safe_load((FOLDER / "manifests" / "namespace.yaml").read_text())
    kube.fresh_namespace(namespace["metadata"]["labels"])
    screen.say("vision", "a clean namespace")
    kube.run("apply", "--server-side", "-f", str(FOLDER / "manifests" / "service.yaml"))
    kube.apply(dataset())
    users = Traffic(kube, image())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="tollgate-git-")))
        template = stack.enter_context(TemplateWatch(kube, NAME))
        git = stack.enter_context(GitOps(kube, folder))
        idle = _Heartbeat(screen, users)
        progress = stack.enter_context(Progress(kube, NAME, screen, idle))
        yield Vision(kube, screen, git, users, template, progress)


class _Heartbeat:
    """Says what is waited for and what the users get, while nothing else happens."""

    def __init__(self, screen: Screen, users: Traffic) -> None:
        self._screen, self._users = screen, users
        self._told = ""

    def __call__(self, status: BudgetStatus) -> None:
        if self._screen.silent_seconds < QUIET_SECONDS:
            return
        detail = waiting(status)
        if detail and detail != self._told:
            self._screen.say("", detail)
            self._told = detail
        recent = self._users.recent(int(QUIET_SECONDS))
        if not recent:
            return
        latencies = sorted(answer.latency_ms for answer in recent)
        served = ", ".join(f"{version} {n}" for version, n in sorted(by_version(recent).items()))
        p99 = latencies[int(0.99 * (len(latencies) - 1))]
        self._screen.say(
            "users",
            f"last {QUIET_SECONDS:.0f} s: answers from {served}; p99 {p99:.0f} ms; {len(failed(recent))} failed",
            Mood.FAINT,
        )
