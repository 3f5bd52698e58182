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
from examples.digits.demo.progress import Progress
from examples.digits.demo.screen import Mood, Screen
from tests.cluster import images
from tests.cluster.cluster import Cluster
from tests.support.gitops import GitOps
from tests.support.kube import Kube, Object, wait_until
from tests.support.traffic import Traffic, by_version, failed
from tests.support.watch import TemplateWatch
from tollgate.manifests.revision import revision

NAME = "digits"
FOLDER = Path(__file__).resolve().parents[1]
RATE = 50.0
HARD_SHARE = 0.15
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
        self.template.expect(manifest)
        self.git.commit(manifest)
        stored = self.kube.get("deployment", NAME)["spec"]["template"]  # with the API server's defaults
        self.versions[revision(stored)] = version
        self.screen.say("git", f"{version} is pushed; the GitOps loop applies it, and goes on to every 2 s")

    def ready(self, replicas: int) -> bool:
        """Whether the Deployment is there with so many ready pods."""
        deployment = self.kube.find("deployment", NAME) or {}
        return bool(deployment.get("status", {}).get("readyReplicas", 0) == replicas)


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
    kube = Kube(cluster.kubeconfig, "vision")
    namespace = yaml.safe_load((FOLDER / "manifests" / "namespace.yaml").read_text())
    screen.say("vision", "making the namespace anew")
    kube.fresh_namespace(namespace["metadata"]["labels"])
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
    """Says what the users get while nothing else happens."""

    def __init__(self, screen: Screen, users: Traffic) -> None:
        self._screen, self._users = screen, users

    def __call__(self) -> None:
        if self._screen.silent_seconds < QUIET_SECONDS:
            return
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


def settle(world: Vision, replicas: int) -> None:
    """Wait until a roll-back is complete: the good pods are ready, and what was released is gone."""

    def over() -> bool:
        sets = world.kube.list("replicasets", f"tollgate.dev/released={NAME}")
        return not sets and world.ready(replicas)

    wait_until("the good pods serve alone", over, 60)
