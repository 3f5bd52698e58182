"""A cluster of kind's: Kubernetes in a container, where a Docker engine answers."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from string import Template

from tests.cluster import gobuild, paths
from tests.cluster.choose import Provider
from tests.cluster.controlplane import audit_policy
from tests.cluster.errors import ClusterError
from tests.cluster.kubectl import Kubectl, forwarded_url, stop_forwarding
from tests.cluster.say import say, step
from tests.cluster.shell import attempt, run

NAME = "tollgate"
NODE = f"{NAME}-control-plane"
PROMETHEUS_IMAGE = "docker.io/prom/prometheus:v3.13.5"

_BUILD = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""Docker before 23 builds without cache mounts unless told; and kind cannot load an image with an attestation of its
build from Docker's containerd image store (kubernetes-sigs/kind#3795)."""

READY_SECONDS = 60.0
"""How long a node may take that was stopped."""

_LOGS = paths.CACHE / "kind-logs"


def docker_answers() -> bool:
    """Whether a Docker engine (not only its command line) is there."""
    return attempt(["docker", "info", "--format", "{{.ServerVersion}}"]).returncode == 0


def last_words(output: str, count: int = 15) -> str:
    """The last lines of what kind and its kubeadm said, without the informative ones and the stacks of Go calls."""
    frames = r"^\S+\.\S+\n\t\S+\.(go|s):\d+$\n?"
    informative = r"^I\d{4} .*\n?"
    return "\n".join(re.sub(f"{frames}|{informative}", "", output, flags=re.MULTILINE).splitlines()[-count:])


class KindCluster:
    """The kind cluster named `tollgate`; kind's other clusters are somebody else's."""

    provider = Provider.KIND
    kubeconfig = paths.KUBECONFIG
    audit_log = paths.AUDIT_LOG

    def up(self) -> None:
        """Creates the cluster, unless it is there and answers."""
        kind = gobuild.tool("kind")
        if NAME in run([kind, "get", "clusters"]).split():
            if self._complete.exists() and self._revive(kind):
                say("  the kind cluster is running: reusing it")
                return
            say(
                "  the kind cluster is there, but its creation was interrupted or it does not start: making it anew"
            )
            self.down()
        template = Template((paths.CONFIG / "kind.yaml").read_text())
        config = template.substitute(policy=audit_policy(), audit=self.audit_log.parent)
        # The API server would make it unreadable for a user who may run Docker but is not root.
        self.audit_log.touch()
        with step("creating the kind cluster (the first time it pulls the node's image)"):
            create = [kind, "create", "cluster", *self._named, "--config", "-", "--wait", "180s", "--retain"]
            made = attempt(create, stdin=config)
            if made.returncode != 0:
                attempt([kind, "export", "logs", str(_LOGS), "--name", NAME])
                attempt([kind, "delete", "cluster", *self._named])
                said = f"{last_words(made.stderr)}\nIts node's logs are in {_LOGS}."
                raise ClusterError(f"kind could not make the cluster:\n{said}")
        paths.write(self._complete, NODE)

    def down(self) -> None:
        """Deletes the cluster."""
        stop_forwarding()
        with step("deleting the kind cluster"):
            kind = gobuild.tool("kind")
            run([kind, "delete", "cluster", *self._named])
            shutil.rmtree(paths.CLUSTER, ignore_errors=True)

    def build(self, containerfile: Path, context: Path, name: str) -> None:
        """Builds an image with Docker and loads it into the node."""
        with step(f"building {name} with Docker"):
            build = ["docker", "build", "--tag", name, "--file", str(containerfile), str(context)]
            run(build, environment=_BUILD)
        with step(f"loading {name} into kind"):
            run([gobuild.tool("kind"), "load", "docker-image", name, "--name", NAME])

    def has_image(self, name: str) -> bool:
        """Whether the node holds an image of that name."""
        listed = attempt(["docker", "exec", NODE, "crictl", "images", "--output=json"])
        images = json.loads(listed.stdout)["images"] if listed.returncode == 0 else []
        return any(name in image["repoTags"] for image in images)

    def prometheus_image(self) -> str:
        """The image to run Prometheus from."""
        return PROMETHEUS_IMAGE

    def service_url(self, namespace: str, service: str, port: int) -> str:
        """The local end of a port-forward."""
        return forwarded_url(self.kubeconfig, namespace, service, port)

    @property
    def _complete(self) -> Path:
        """Exists once kind has finished: a node is ready some seconds before pods may be scheduled on it."""
        return paths.CLUSTER / "complete"

    @property
    def _named(self) -> list[str]:
        return ["--name", NAME, "--kubeconfig", str(self.kubeconfig)]

    def _revive(self, kind: str) -> bool:
        """Starts the node if it was stopped; returns whether it is ready, or is before the time is up."""
        export = [kind, "export", "kubeconfig", *self._named]
        if attempt(["docker", "start", NODE]).returncode != 0 or attempt(export).returncode != 0:
            return False
        kubectl = Kubectl(self.kubeconfig)
        if kubectl.node_ready(NODE):
            return True
        with step("waiting for the kind cluster's node") as waiting:
            while not (ready := kubectl.node_ready(NODE)) and waiting.seconds < READY_SECONDS:
                time.sleep(0.25)
        return ready
