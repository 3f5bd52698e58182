"""A cluster of kind's: Kubernetes in a container, where a Docker engine answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from string import Template

from tests.cluster import gobuild, paths
from tests.cluster.choose import Provider
from tests.cluster.controlplane import audit_policy
from tests.cluster.kubectl import forwarded_url, stop_forwarding
from tests.cluster.say import say, step
from tests.cluster.shell import attempt, run

NAME = "tollgate"
PROMETHEUS_IMAGE = "docker.io/prom/prometheus:v3.13.5"


def docker_answers() -> bool:
    """Whether a Docker engine (not only its command line) is there."""
    return attempt(["docker", "info", "--format", "{{.ServerVersion}}"]).returncode == 0


class KindCluster:
    """The kind cluster named `tollgate`; kind's other clusters are somebody else's."""

    provider = Provider.KIND
    kubeconfig = paths.KUBECONFIG
    audit_log = paths.AUDIT_LOG

    def up(self) -> None:
        """Creates the cluster unless it exists."""
        kind = gobuild.tool("kind")
        if NAME in run([kind, "get", "clusters"]).split():
            run([kind, "export", "kubeconfig", "--name", NAME, "--kubeconfig", str(self.kubeconfig)])
            say("  the kind cluster is running: reusing it")
            return
        template = Template((paths.CONFIG / "kind.yaml").read_text())
        config = template.substitute(policy=audit_policy(), audit=self.audit_log.parent)
        with step("creating the kind cluster (the first time it pulls the node's image)"):
            create = [kind, "create", "cluster", "--name", NAME, "--config", "-", "--wait", "180s"]
            run([*create, "--kubeconfig", str(self.kubeconfig)], stdin=config)

    def down(self) -> None:
        """Deletes the cluster."""
        stop_forwarding()
        with step("deleting the kind cluster"):
            kind = gobuild.tool("kind")
            run([kind, "delete", "cluster", "--name", NAME, "--kubeconfig", str(self.kubeconfig)])
            shutil.rmtree(paths.CLUSTER, ignore_errors=True)

    def build(self, containerfile: Path, context: Path, name: str) -> None:
        """Builds an image with Docker and loads it into the node."""
        with step(f"building {name} with Docker"):
            run(["docker", "build", "--tag", name, "--file", str(containerfile), str(context)])
        with step(f"loading {name} into kind"):
            run([gobuild.tool("kind"), "load", "docker-image", name, "--name", NAME])

    def has_image(self, name: str) -> bool:
        """Whether the node holds an image of that name."""
        listed = attempt(["docker", "exec", f"{NAME}-control-plane", "crictl", "images", "--output=json"])
        images = json.loads(listed.stdout)["images"] if listed.returncode == 0 else []
        return any(name in image["repoTags"] for image in images)

    def prometheus_image(self) -> str:
        """The image to run Prometheus from."""
        return PROMETHEUS_IMAGE

    def service_url(self, namespace: str, service: str, port: int) -> str:
        """The local end of a port-forward."""
        return forwarded_url(self.kubeconfig, namespace, service, port)
