"""Installs the operator into the cluster as a user would, and kills it as an accident would."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import yaml

from tests.cluster import images
from tests.cluster.cluster import Cluster
from tests.support.kube import Kube, Object, wait_until

NAMESPACE = "tollgate-system"
NAME = "tollgate"
OVERLAY = Path(__file__).parent / "install"
CONTENT = "tollgate.dev/content"
PODS = "app.kubernetes.io/name=tollgate"


class _Loader(yaml.SafeLoader):
    """Reads a lone `=` as text, as YAML 1.2 does; PyYAML knows it as a value of a type of its own."""

    yaml_implicit_resolvers = {
        first: resolvers
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        if first != "="
    }


class Operator:
    """The operator in the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.kube = Kube(cluster.kubeconfig, NAMESPACE)

    def install(self, image: str) -> None:
        """Apply the plain install with this image, and wait until it leads. It restarts only if something changed."""
        objects = list(yaml.load_all(self.kube.run("kustomize", str(OVERLAY)), _Loader))
        self.kube.apply(*(_with_image(obj, image) for obj in objects), manager="tollgate-install")
        self.wait()

    def pods(self) -> list[Object]:
        """Its pods."""
        return self.kube.list("pods", PODS)

    def log(self, lines: int = 60) -> str:
        """The end of its log."""
        return self.kube.run("logs", f"deployment/{NAME}", f"--tail={lines}", "--ignore-errors")

    def end(self) -> None:
        """End its process without a warning: nothing is handed over, no lease given back.

        SIGKILL where the node is this machine; elsewhere the pod is deleted by force, which is the nearest to it.
        """
        for pod in self.pods():
            for process in _processes_of(pod["metadata"]["uid"]):
                os.kill(process, signal.SIGKILL)
            # A container that is restarted in its pod waits longer each time; a new pod starts at once.
            self.kube.run(
                "delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0", "--wait=false"
            )

    def wait(self) -> None:
        """Wait until it leads; after an end that takes until the old lease has run out."""
        wait_until("the operator leads", self._leads, 120, otherwise=self.log)

    def _leads(self) -> bool:
        """The newest pod is ready, which it is not before it holds the lease."""
        deployment = self.kube.find("deployment", NAME) or {}
        generation = deployment.get("metadata", {}).get("generation")
        status = deployment.get("status", {})
        wanted = deployment.get("spec", {}).get("replicas", 1)
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")]
        lease = self.kube.find("lease", NAME) or {}
        holder = str(lease.get("spec", {}).get("holderIdentity", ""))
        names = [
            pod["metadata"]["name"] for pod in self.pods() if not pod["metadata"].get("deletionTimestamp")
        ]
        return (
            status.get("observedGeneration") == generation
            and counts == [wanted] * 3
            and any(name in holder for name in names)
        )


def _with_image(obj: Object, image: str) -> Object:
    """The object; the operator's Deployment runs this image, and anew when its content has changed."""
    if obj["kind"] == "Deployment" and obj["metadata"]["name"] == NAME:
        template = obj["spec"]["template"]
        template["spec"]["containers"][0]["image"] = image
        operator = images.OPERATOR
        containerfile = str(operator.containerfile.relative_to(operator.context))
        content = images.content_hash(operator.context, [containerfile, *operator.inputs])
        template["metadata"].setdefault("annotations", {})[CONTENT] = content
    if obj["kind"] == "ConfigMap" and "config.yaml" in obj.get("data", {}):
        config = yaml.safe_load(obj["data"]["config.yaml"])
        config["benchmark"]["image"] = image
        obj["data"]["config.yaml"] = yaml.safe_dump(config)
    return obj


def _processes_of(pod_uid: str) -> list[int]:
    """The processes of a pod, if its node is this machine: by the pod's UID in the names of their cgroups."""
    spellings = (pod_uid, pod_uid.replace("-", "_"))
    found = []
    for file in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            groups = file.read_text()
        except OSError:  # it has ended meanwhile
            continue
        if any(spelling in groups for spelling in spellings):
            found.append(int(file.parent.name))
    return found
