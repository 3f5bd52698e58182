"""Installs what the embedded cluster needs from Debian's packages, and removes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.say import step
from tests.cluster.shell import find, run

NODE = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "openssl": "openssl",
    "mount": "mount",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
}
"""What a node needs: program or file -> package."""

IMAGE_BUILDER = {
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
"""What building images without a container engine takes."""


def require_root() -> None:
    """Raises ClusterError, with the way out, where this machine cannot be a node."""
    if sys.platform != "linux":
        raise ClusterError(
            "The embedded cluster needs Linux: start Docker, or set TOLLGATE_CONTEXT to a cluster of your own."
        )
    if os.geteuid() != 0:
        raise ClusterError(
            "The embedded cluster needs root (it mounts and makes network interfaces): run the command with sudo, "
            "start Docker, or set TOLLGATE_CONTEXT to a cluster of your own."
        )


def ensure(needs: Mapping[str, str]) -> None:
    """Installs the packages of the missing programs or files. What is installed, from wherever, is left alone."""
    packages = sorted({package for needed, package in needs.items() if not _present(needed)})
    if packages:
        install(packages)


def install(packages: Sequence[str]) -> None:
    """Installs packages with apt-get; raises ClusterError, with the way out, where there is none."""
    if not find("apt-get"):
        raise ClusterError(
            f"This machine lacks {', '.join(packages)} and apt-get: install them with its own package manager, "
            "start Docker, or set TOLLGATE_CONTEXT to a cluster of your own."
        )
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {', '.join(packages)} with apt-get"):
        run(["apt-get", "update", "-qq"], environment=environment)
        # --no-remove: containerd conflicts with Docker's own package, which is not ours to throw out.
        arguments = ["install", "-y", "-qq", "--no-remove", "--no-install-recommends", *packages]
        run(["apt-get", *arguments], environment=environment)


def _present(needed: str) -> bool:
    return Path(needed).exists() if needed.startswith("/") else find(needed) is not None
