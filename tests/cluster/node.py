"""Composes the embedded cluster's one node: containerd, kubelet, kube-proxy. And takes it apart again.

Says which processes with which configuration; starting them is the supervisor's work. Taking apart must succeed on
any remains, also after everything was killed at once.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from string import Template

from tests.cluster import network, paths
from tests.cluster.controlplane import SERVER
from tests.cluster.pki import Authority
from tests.cluster.processes import Daemon
from tests.cluster.shell import attempt, find

NAME = "tollgate-node"
SOCKET = paths.RUN / "containerd.sock"
CGROUP = "/tollgate"

_CGROUPS = Path("/sys/fs/cgroup")


def containerd(folder: Path) -> Daemon:
    """The container runtime; writes its configuration and that of the pods' network."""
    data = folder / "containerd"
    # An overlay cannot lie on an overlay, which is what the disk of a container is.
    disk = attempt(["stat", "--file-system", "--format=%T", str(folder)]).stdout.strip()
    network_folder = folder / "cni"
    _write(
        "cni.conflist",
        network_folder / "10-tollgate.conflist",
        pod_cidr=network.POD_CIDR,
        data=folder / "ipam",
    )
    config = _write(
        "containerd.toml",
        folder / "containerd.toml",
        data=data,
        run=paths.RUN,
        cni=network_folder,
        snapshotter="native" if disk == "overlayfs" else "overlayfs",
    )
    return Daemon("containerd", (find("containerd") or "containerd", f"--config={config}"), reads=(config,))


def kubelet(authority: Authority, folder: Path) -> Daemon:
    """The node's agent. Its pods live under a cgroup of our own, made here."""
    for controller in _controllers():
        (controller / CGROUP.lstrip("/")).mkdir(exist_ok=True)
    _delegate_controllers()
    certificate, key = authority.issue("kubelet-server", NAME, hosts=[network.NODE_IP, NAME])
    kubeconfig = authority.kubeconfig(
        folder / "kubelet.kubeconfig", SERVER, f"system:node:{NAME}", "system:nodes"
    )
    config = _write(
        "kubelet.yaml",
        folder / "kubelet.yaml",
        node_ip=network.NODE_IP,
        dns_ip=network.DNS_IP,
        ca=authority.certificate,
        certificate=certificate,
        key=key,
        run=paths.RUN,
        cgroup=CGROUP,
        logs=folder / "logs" / "pods",
        data=folder / "kubelet",
    )
    argv = (
        str(paths.BIN / "kubelet"),
        f"--config={config}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={NAME}",
        f"--node-ip={network.NODE_IP}",
        f"--root-dir={folder / 'kubelet'}",
    )
    return Daemon("kubelet", argv, reads=(config, kubeconfig))


def kube_proxy(authority: Authority, folder: Path) -> Daemon:
    """Makes Services reachable from pods and from this machine."""
    kubeconfig = authority.kubeconfig(folder / "kube-proxy.kubeconfig", SERVER, "system:kube-proxy")
    config = _write(
        "kube-proxy.yaml",
        folder / "kube-proxy.yaml",
        kubeconfig=kubeconfig,
        node=NAME,
        pod_cidr=network.POD_CIDR,
    )
    return Daemon(
        "kube-proxy", (str(paths.BIN / "kube-proxy"), f"--config={config}"), reads=(config, kubeconfig)
    )


def end_containers() -> None:
    """Kills the pods' processes and their shims, then removes their cgroups, mounts and network namespaces.

    Expects kubelet and containerd to be stopped: they would start the pods again.
    """
    deadline = time.monotonic() + 10
    while (pids := _container_pids()) and time.monotonic() < deadline:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    for controller in _controllers():
        group = controller / CGROUP.lstrip("/")
        for child in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            child.rmdir()
        if group.exists():
            group.rmdir()
    for mounted in reversed(_mounts()):
        attempt(["umount", "--lazy", mounted])
    shutil.rmtree(paths.RUN, ignore_errors=True)
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and Path(os.readlink(link)).is_relative_to(paths.CLUSTER):
            link.unlink()


def _write(template: str, target: Path, **values: object) -> Path:
    text = Template((paths.CONFIG / template).read_text())
    paths.write(target, text.substitute({name: str(value) for name, value in values.items()}))
    return target


def _controllers() -> list[Path]:
    """The roots of the cgroup trees: one with cgroup v2, one for each controller with v1."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return sorted(path.parent for path in _CGROUPS.glob("*/cgroup.procs") if not path.parent.is_symlink())


def _delegate_controllers() -> None:
    """With cgroup v2 a parent must hand its controllers down before a child can limit anything."""
    available = _CGROUPS / "cgroup.controllers"
    if available.exists():
        for controller in available.read_text().split():
            for group in (_CGROUPS, _CGROUPS / CGROUP.lstrip("/")):
                attempt(["sh", "-c", f"echo +{controller} > {group}/cgroup.subtree_control"])


def _container_pids() -> set[int]:
    """Processes in our cgroup, and the shims, which are known by the socket they report to."""
    pids: set[int] = set()
    for controller in _controllers():
        for group in (controller / CGROUP.lstrip("/")).rglob("cgroup.procs"):
            pids.update(int(pid) for pid in group.read_text().split())
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"containerd-shim" in words[0] and str(SOCKET).encode() in words:
            pids.add(int(command.parent.name))
    return pids


def _mounts() -> list[str]:
    """Mount points under our folders, parents first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [Path(line.split()[4].replace("\\040", " ")) for line in lines]
    return [
        str(point)
        for point in points
        if point.is_relative_to(paths.RUN) or point.is_relative_to(paths.CLUSTER)
    ]
