"""What every cluster can do, whoever provides it, and which one is in use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from tests.cluster import paths
from tests.cluster.choose import Provider, choose
from tests.cluster.contextcluster import ContextCluster
from tests.cluster.embedded import EmbeddedCluster
from tests.cluster.errors import ClusterError
from tests.cluster.kindcluster import KindCluster, docker_answers
from tests.cluster.say import say

_RECORD = paths.CACHE / "provider"


class Cluster(Protocol):
    """A Kubernetes to test on. Errors are ClusterErrors whose text is for the user."""

    @property
    def provider(self) -> Provider:
        """Where the cluster comes from."""

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of this cluster alone."""

    @property
    def audit_log(self) -> Path | None:
        """The API server's audit log (JSON lines), if this machine can read it."""

    def up(self) -> None:
        """Makes the cluster ready for pods. Idempotent."""

    def down(self) -> None:
        """Removes what `up` made."""

    def build(self, containerfile: Path, context: Path, name: str) -> None:
        """Builds an image and puts it where the cluster's pods find it."""

    def has_image(self, name: str) -> bool:
        """Whether the cluster's node holds an image of that name."""

    def prometheus_image(self) -> str:
        """The image to run Prometheus from; makes it where no registry is used."""

    def service_url(self, namespace: str, service: str, port: int) -> str:
        """Where this machine reaches a port of a Service."""


def chosen(*, announce: bool = False) -> Cluster:
    """The cluster in use, or the one that `up` would make; says which and why if asked to."""
    recorded = _RECORD.read_text() if _RECORD.exists() else ""
    choice = choose(os.environ, recorded, docker_answers)
    if announce:
        say(f"cluster: {choice.provider.value} ({choice.reason})")
    match choice.provider:
        case Provider.CONTEXT:
            return ContextCluster(choice.context)
        case Provider.KIND:
            return KindCluster()
        case Provider.EMBEDDED:
            return EmbeddedCluster()


def running() -> Cluster:
    """The cluster in use. Raises ClusterError if there is none."""
    cluster = chosen()
    if not cluster.kubeconfig.exists():
        raise ClusterError("No cluster is up: run `make cluster-up` first.")
    return cluster


def remember(cluster: Cluster) -> None:
    """Makes the cluster the choice of later commands, until `forget`. A named context is never remembered."""
    if cluster.provider is not Provider.CONTEXT:
        _RECORD.write_text(cluster.provider.value)


def forget() -> None:
    """Makes the next `up` choose anew."""
    _RECORD.unlink(missing_ok=True)
