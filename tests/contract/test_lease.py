"""Leader election between real processes on a real API server, one of which is stopped in the middle and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.cluster

# Leads with short times, and while it leads, counts in a ConfigMap under its own name. Before each write it computes
# without giving the loop a chance to notice anything: that is where a stop must be survived.
_OPERATOR = """
import asyncio, itertools, sys, time
from tollgate.adapters.cluster import KubernetesCluster
from tollgate.adapters.connection import connect
from tollgate.errors import ClusterError
from tollgate.ports import CONFIG_MAP
from tollgate.runtime.lease import Lease

async def main(namespace, identity):
    client = await connect()
    lease = Lease(KubernetesCluster(client), namespace=namespace, identity=identity,
                  duration=4.0, deadline=2.5, interval=0.5)
    cluster = KubernetesCluster(client, write_seconds=lease.seconds_left)
    numbers = itertools.count(1)

    async def lead():
        for number in numbers:
            time.sleep(0.05)
            try:
                await cluster.patch(CONFIG_MAP, namespace, "counts", {"data": {identity: str(number)}})
            except ClusterError as error:
                print(error, flush=True)
                await asyncio.sleep(0.1)

    await lease.run(lead)

asyncio.run(main(*sys.argv[1:]))
"""

Spawn = Callable[[str], "subprocess.Popen[bytes]"]
Count = Callable[[str], int]


@pytest.fixture
def spawn(kubeconfig: str, namespace: str) -> Iterator[Spawn]:
    """Starts operators by identity; kills them at the end."""
    processes: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, "KUBECONFIG": kubeconfig}

    def start(identity: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _OPERATOR, namespace, identity]
        processes.append(subprocess.Popen(command, env=environment))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def holder(kubectl: Any, namespace: str) -> Callable[[], str]:
    def read() -> str:
        done = kubectl.run("get", "lease", "tollgate", "-n", namespace, "-o", "json")
        spec = json.loads(done.stdout)["spec"] if done.returncode == 0 else {}
        return str(spec.get("holderIdentity", ""))

    return read


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> float:
    """Seconds until the condition held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come true"
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.fixture
def count(kubectl: Any, namespace: str) -> Iterator[Count]:
    """How far an identity has counted."""
    kubectl("create", "configmap", "counts", "-n", namespace)

    def read(identity: str) -> int:
        counts = kubectl.get("configmap", "counts", "-n", namespace).get("data") or {}
        return int(counts.get(identity, 0))

    yield read
    kubectl("delete", "configmap/counts", "lease/tollgate", "-n", namespace)


def test_a_stopped_process_writes_nothing_when_it_is_resumed(
    spawn: Spawn, holder: Callable[[], str], count: Count
) -> None:
    first = spawn("first")
    wait_for(lambda: count("first") > 10)
    second = spawn("second")
    os.kill(first.pid, signal.SIGSTOP)
    wait_for(lambda: count("second") > 10)
    assert holder() == "second"
    written = count("first")
    os.kill(first.pid, signal.SIGCONT)
    reached = count("second")
    wait_for(lambda: count("second") > reached + 40)
    assert count("first") == written
    assert holder() == "second"

    second.send_signal(signal.SIGINT)  # gives the lease back
    assert wait_for(lambda: holder() == "first") < 4.0
    wait_for(lambda: count("first") > written)


def test_only_one_of_three_writes_and_a_killed_one_is_succeeded(spawn: Spawn, count: Count) -> None:
    processes = {identity: spawn(identity) for identity in ("a", "b", "c")}
    wait_for(lambda: sum(map(count, processes)) > 20)
    [leader] = filter(count, processes)
    processes.pop(leader).kill()
    wait_for(lambda: sum(map(count, processes)) > 20)
    assert len(list(filter(count, processes))) == 1
