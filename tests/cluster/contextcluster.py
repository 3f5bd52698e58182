"""A cluster that the user names with TOLLGATE_CONTEXT. It is theirs: nothing is created or removed by `up` and `down`,
and images come from a registry that it can reach."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.cluster import gobuild, paths
from tests.cluster.choose import Provider
from tests.cluster.errors import ClusterError
from tests.cluster.kindcluster import PROMETHEUS_IMAGE
from tests.cluster.kubectl import Kubectl, forwarded_url, stop_forwarding
from tests.cluster.say import say
from tests.cluster.shell import attempt


class ContextCluster:
    """The cluster behind one context of the user's kubeconfig."""

    provider = Provider.CONTEXT
    audit_log = None

    def __init__(self, context: str) -> None:
        self._context = context
        self.kubeconfig = paths.CACHE / "contexts" / quote(context, safe="")

    def up(self) -> None:
        """Copies that one context into a kubeconfig of its own, and checks that the cluster answers."""
        view = ["config", "view", f"--context={self._context}", "--minify", "--flatten", "--raw"]
        copy = attempt([gobuild.tool("kubectl"), *view])
        if copy.returncode != 0:
            raise ClusterError(
                f"TOLLGATE_CONTEXT={self._context}: kubectl knows no such context ({copy.stderr.strip()}); "
                "`kubectl config get-contexts` lists them."
            )
        paths.write(self.kubeconfig, copy.stdout, mode=0o600)
        Kubectl(self.kubeconfig)("get", "--raw", "/version", "--request-timeout=15s")

    def down(self) -> None:
        """Leaves the cluster as it is."""
        stop_forwarding()
        say(f"  {self._context} is a cluster of your own: it is left as it is")

    def build(self, containerfile: Path, context: Path, name: str) -> None:
        """Raises ClusterError: only a registry can bring images into a cluster of the user's."""
        raise ClusterError(
            f"{self._context} pulls its images from a registry: build {containerfile.relative_to(paths.REPOSITORY)}, "
            "push it, and name the image in TOLLGATE_IMAGE (the operator) or TOLLGATE_DIGITS_IMAGE (the example model)."
        )

    def has_image(self, name: str) -> bool:
        """False: what a foreign cluster's nodes hold cannot be asked."""
        return False

    def prometheus_image(self) -> str:
        """The image to run Prometheus from."""
        return PROMETHEUS_IMAGE

    def service_url(self, namespace: str, service: str, port: int) -> str:
        """The local end of a port-forward."""
        return forwarded_url(self.kubeconfig, namespace, service, port)
