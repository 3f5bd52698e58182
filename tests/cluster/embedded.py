"""The embedded cluster: a single-node Kubernetes whose daemons are ordinary processes of this machine.

Idempotent: `up` starts what is missing or changed and reuses the rest, after a reboot or a kill too.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from string import Template

from tests.cluster import buildah, controlplane, debian, gobuild, network, node, paths, scratchimage
from tests.cluster.choose import Provider
from tests.cluster.errors import ClusterError
from tests.cluster.kubectl import Kubectl
from tests.cluster.pki import Authority
from tests.cluster.processes import Daemon, Supervisor
from tests.cluster.say import say, step
from tests.cluster.shell import attempt, run

PAUSE, COREDNS, PROMETHEUS = (f"tollgate.dev/{program}:dev" for program in ("pause", "coredns", "prometheus"))
STOP_ORDER = (
    "kubelet", "kube-proxy", "containerd", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"
)  # fmt: skip

_OWNER = paths.RUN / "owner"
"""Holds the state folder of the one embedded cluster that a machine can run."""


class EmbeddedCluster:
    """The cluster on this machine."""

    provider = Provider.EMBEDDED
    kubeconfig = paths.KUBECONFIG
    audit_log = paths.AUDIT_LOG

    def __init__(self) -> None:
        self._supervisor = Supervisor(paths.CLUSTER)
        self._sysctls = paths.CLUSTER / "sysctls.json"

    def up(self) -> None:
        """Starts the cluster, or what is missing of it, and waits until pods can run and names resolve."""
        debian.require_root()
        _refuse_foreign()
        debian.ensure(debian.NODE)
        gobuild.ensure(list(gobuild.CLUSTER))
        paths.CLUSTER.mkdir(parents=True, exist_ok=True)
        authority = Authority(paths.CLUSTER / "pki")
        authority.kubeconfig(self.kubeconfig, controlplane.SERVER, "tollgate-admin", "system:masters")
        control_plane = controlplane.daemons(authority, paths.CLUSTER)
        runtime = node.containerd(paths.CLUSTER)
        agents = [node.kubelet(authority, paths.CLUSTER), node.kube_proxy(authority, paths.CLUSTER)]
        kubectl = Kubectl(self.kubeconfig)
        daemons = [*control_plane, runtime, *agents]
        if all(map(self._supervisor.current, daemons)) and kubectl.api_ready() and network.names_resolve():
            say("  the embedded cluster is running: reusing it")
            return
        paths.write(_OWNER, str(paths.CLUSTER))
        network.create(self._sysctls)
        with step("starting the control plane"):
            self._start_control_plane(control_plane, kubectl)
        with step("starting the node"):
            self._start_node(runtime, agents, kubectl)
        with step("waiting for CoreDNS to answer"):
            manifest = (paths.MANIFESTS / "coredns.yaml").read_text()
            kubectl.apply(Template(manifest).substitute(dns_ip=network.DNS_IP))
            self._supervisor.wait("CoreDNS answered", network.names_resolve, 120, logs_of="kubelet")

    def down(self) -> None:
        """Removes the cluster and all its traces. Compiled programs and built images stay in the cache."""
        debian.require_root()
        _refuse_foreign()
        with step("removing the embedded cluster"):
            for name in STOP_ORDER:
                self._supervisor.stop([name], patience_seconds=1)
            node.end_containers()
            network.remove(self._sysctls)
            shutil.rmtree(paths.CLUSTER, ignore_errors=True)

    def build(self, containerfile: Path, context: Path, name: str) -> None:
        """Builds an image and imports it into the node."""
        archive = paths.IMAGES / "build.tar"
        with step(f"building {name}"):
            buildah.build(containerfile, context, name)
        with step(f"importing {name} into the node"):
            buildah.export(name, archive)
            self._import(archive)
            archive.unlink()

    def has_image(self, name: str) -> bool:
        """Whether the node holds an image of that name."""
        return name in run([*self._ctr(), "images", "list", "--quiet"]).split()

    def prometheus_image(self) -> str:
        """The image to run Prometheus from: its program alone, put into an image on the node."""
        gobuild.ensure(["prometheus"])
        self._load_program("prometheus", PROMETHEUS)
        return PROMETHEUS

    def service_url(self, namespace: str, service: str, port: int) -> str:
        """Where this machine reaches a Service: at its own address, since this machine is the node."""
        address = Kubectl(self.kubeconfig)(
            "get", "service", service, "-n", namespace, "-o", "jsonpath={.spec.clusterIP}"
        )
        return f"http://{address}:{port}"

    def _containerd_answers(self) -> bool:
        return attempt([*self._ctr(), "version"]).returncode == 0

    def _start_control_plane(self, daemons: list[Daemon], kubectl: Kubectl) -> None:
        for daemon in daemons:
            self._supervisor.ensure(daemon)
            if daemon.name == "kube-apiserver":
                # The others give up if they may not read what the API server grants them only when it is ready.
                self._supervisor.wait("the API server was ready", kubectl.api_ready, 90, logs_of=daemon.name)

    def _start_node(self, runtime: Daemon, agents: list[Daemon], kubectl: Kubectl) -> None:
        self._supervisor.ensure(runtime)
        self._supervisor.wait("containerd answered", self._containerd_answers, 30, logs_of=runtime.name)
        self._load_program("pause", PAUSE)
        self._load_program("coredns", COREDNS)
        for agent in agents:
            self._supervisor.ensure(agent)
        self._supervisor.wait(
            "the node was ready", lambda: kubectl.node_ready(node.NAME), 90, logs_of="kubelet"
        )

    def _load_program(self, program: str, image: str) -> None:
        """Puts a static program into an image on the node, unless that very program is there."""
        stamp = (paths.BIN / f"{program}.fingerprint").read_text()
        loaded = paths.CLUSTER / "loaded" / program
        if loaded.exists() and loaded.read_text() == stamp and self.has_image(image):
            return
        archive = paths.IMAGES / f"{program}.tar"
        scratchimage.write(archive, image, {f"/{program}": paths.BIN / program}, [f"/{program}"])
        self._import(archive)
        archive.unlink()
        loaded.parent.mkdir(exist_ok=True)
        loaded.write_text(stamp)

    def _import(self, archive: Path) -> None:
        run([*self._ctr(), "images", "import", str(archive)])

    def _ctr(self) -> list[str]:
        return ["ctr", f"--address={node.SOCKET}", "--namespace=k8s.io"]


def _refuse_foreign() -> None:
    """Raises ClusterError if another cache folder's embedded cluster is on this machine: ours would tear it down."""
    owner = Path(_OWNER.read_text()) if _OWNER.exists() else paths.CLUSTER
    if owner != paths.CLUSTER and owner.exists():
        raise ClusterError(
            f"The embedded cluster of {owner} is on this machine, and there is room for one only: remove that one "
            f"with XDG_CACHE_HOME={owner.parents[1]} make cluster-down."
        )
