"""Composes the control plane of the embedded cluster: etcd, API server, controller manager, scheduler.

Says which processes with which flags; starting them is the supervisor's work.
"""

from __future__ import annotations

from pathlib import Path

from tests.cluster import network, paths
from tests.cluster.pki import Authority
from tests.cluster.processes import Daemon

PORT = 26443
ETCD_PORT, ETCD_PEER_PORT, CONTROLLER_PORT, SCHEDULER_PORT = 22379, 22380, 20257, 20259
SERVER = f"https://{network.NODE_IP}:{PORT}"

_NAMES = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
]
_FAST_CLIENT = ("--kube-api-qps=200", "--kube-api-burst=400", "--leader-elect=false")


def daemons(authority: Authority, folder: Path) -> list[Daemon]:
    """The control plane's daemons in the order in which they start; writes their kubeconfigs into `folder`."""
    return [
        _etcd(folder),
        _api_server(authority),
        _controller_manager(authority, folder),
        _scheduler(authority, folder),
    ]


def audit_policy() -> Path:
    """Says where the audit policy lies: a copy, for the cluster may outlive the checkout that started it."""
    paths.AUDIT_LOG.parent.mkdir(parents=True, exist_ok=True)
    policy = paths.CLUSTER / "audit-policy.yaml"
    paths.write(policy, (paths.CONFIG / policy.name).read_text())
    return policy


def _program(name: str) -> str:
    return str(paths.BIN / name)


def _etcd(folder: Path) -> Daemon:
    url, peer = f"http://127.0.0.1:{ETCD_PORT}", f"http://127.0.0.1:{ETCD_PEER_PORT}"
    return Daemon(
        "etcd",
        (
            _program("etcd"),
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # losing a test cluster in a power cut costs nothing
            "--log-level=warn",
        ),
    )


def _api_server(authority: Authority) -> Daemon:
    hosts = [network.NODE_IP, network.API_SERVICE_IP, "127.0.0.1", "localhost", *_NAMES]
    certificate, key = authority.issue("apiserver", "kube-apiserver", hosts=hosts)
    client, client_key = authority.issue("apiserver-kubelet", "kube-apiserver", "system:masters")
    accounts = authority.signing_key("service-accounts")
    policy = audit_policy()
    return Daemon(
        "kube-apiserver",
        (
            _program("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{ETCD_PORT}",
            f"--bind-address={network.NODE_IP}",
            f"--advertise-address={network.NODE_IP}",
            f"--secure-port={PORT}",
            f"--service-cluster-ip-range={network.SERVICE_CIDR}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--profiling=false",
            f"--client-ca-file={authority.certificate}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--kubelet-certificate-authority={authority.certificate}",
            f"--kubelet-client-certificate={client}",
            f"--kubelet-client-key={client_key}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={accounts}",
            f"--service-account-signing-key-file={accounts}",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={paths.AUDIT_LOG}",
            "--audit-log-maxsize=64",
            "--audit-log-maxbackup=2",
        ),
        reads=(certificate, authority.certificate, policy),
    )


def _controller_manager(authority: Authority, folder: Path) -> Daemon:
    user = "system:kube-controller-manager"
    kubeconfig = authority.kubeconfig(folder / "controller-manager.kubeconfig", SERVER, user)
    return Daemon(
        "kube-controller-manager",
        (
            _program("kube-controller-manager"),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={authority.signing_key('service-accounts')}",
            f"--root-ca-file={authority.certificate}",
            "--use-service-account-credentials=true",
            "--bind-address=127.0.0.1",
            f"--secure-port={CONTROLLER_PORT}",
            "--concurrent-deployment-syncs=20",
            "--concurrent-replicaset-syncs=20",
            *_FAST_CLIENT,
        ),
        reads=(kubeconfig,),
    )


def _scheduler(authority: Authority, folder: Path) -> Daemon:
    kubeconfig = authority.kubeconfig(folder / "scheduler.kubeconfig", SERVER, "system:kube-scheduler")
    return Daemon(
        "kube-scheduler",
        (
            _program("kube-scheduler"),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={SCHEDULER_PORT}",
            *_FAST_CLIENT,
        ),
        reads=(kubeconfig,),
    )
