"""Gives the embedded node an address and lets its pods reach it, each other and the outside.

Everything made here carries the name `tollgate` and is taken away again by `remove`: the machine has other users.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.cluster.shell import attempt, run

INTERFACE = "tollgate0"
NODE_IP = "10.212.0.1"
POD_CIDR = "10.213.0.0/16"
SERVICE_CIDR = "10.214.0.0/16"
API_SERVICE_IP = "10.214.0.1"
DNS_IP = "10.214.0.10"

SYSCTLS = (
    "net/ipv4/ip_forward",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
)
"""The node sets the first; kubelet sets the others without asking."""

_NFTABLES = f"""
table ip tollgate
delete table ip tollgate
table ip tollgate {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {POD_CIDR} ip daddr != {{ {POD_CIDR}, {SERVICE_CIDR}, {NODE_IP} }} masquerade
  }}
}}
"""


def create(saved_sysctls: Path) -> None:
    """Makes the interface and the rules; remembers the kernel settings as they were. Idempotent."""
    if not saved_sysctls.exists():
        saved_sysctls.parent.mkdir(parents=True, exist_ok=True)
        saved_sysctls.write_text(json.dumps({name: _sysctl(name).read_text().strip() for name in SYSCTLS}))
    if attempt(["ip", "link", "show", INTERFACE]).returncode != 0:
        # A bridge without ports: a dummy interface is simpler, but small kernels lack its driver.
        run(["ip", "link", "add", INTERFACE, "type", "bridge"])
    run(["ip", "address", "replace", f"{NODE_IP}/32", "dev", INTERFACE])
    run(["ip", "link", "set", INTERFACE, "up"])
    # Without a route of its own, a Service's address is unreachable on a machine that has no default route.
    run(["ip", "route", "replace", SERVICE_CIDR, "dev", INTERFACE, "src", NODE_IP])
    _sysctl("net/ipv4/ip_forward").write_text("1")
    run(["nft", "-f", "-"], stdin=_NFTABLES)
    for rule in _forward_rules():
        if attempt(["iptables", "-w", "-C", *rule]).returncode != 0:
            run(["iptables", "-w", "-I", *rule])


def remove(saved_sysctls: Path) -> None:
    """Takes away all that `create`, kube-proxy and kubelet left in the kernel. Idempotent."""
    attempt(["ip", "link", "delete", INTERFACE])
    for family, table in (("ip", "tollgate"), ("ip", "kube-proxy"), ("ip6", "kube-proxy")):
        attempt(["nft", "delete", "table", family, table])
    for rule in _forward_rules():
        while attempt(["iptables", "-w", "-D", *rule]).returncode == 0:
            pass
    if saved_sysctls.exists():
        for name, value in json.loads(saved_sysctls.read_text()).items():
            _sysctl(name).write_text(value)


def names_resolve() -> bool:
    """Whether the cluster's DNS answers through its Service: pods run, and Services and pods are reachable."""
    labels = b"".join(
        bytes([len(part)]) + part for part in b"kubernetes.default.svc.cluster.local".split(b".")
    )
    query = b"\x54\x47\x01\x00\x00\x01" + bytes(6) + labels + b"\x00\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        try:
            client.sendto(query, (DNS_IP, 53))
            return client.recv(512).endswith(socket.inet_aton(API_SERVICE_IP))
        except OSError:
            return False


def _forward_rules() -> list[list[str]]:
    """Docker sets the policy of FORWARD to DROP, which no rule in another table can undo."""
    return [
        ["FORWARD", flag, POD_CIDR, "-j", "ACCEPT", "-m", "comment", "--comment", "tollgate"]
        for flag in ("-s", "-d")
    ]


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name
