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

# Leads with short times, and while it leads, creates ConfigMaps as fast as it can: each names its author.
_OPERATOR = """
import asyncio, itertools, sys
from tollgate.adapters.cluster import KubernetesCluster
from tollgate.adapters.connection import connect
from tollgate.errors import ClusterError
from tollgate.runtime.lease import Lease

async def main(namespace, identity):
    client = await connect()
    lease = Lease(KubernetesCluster(client), namespace=namespace, identity=identity,
                  duration=4.0, deadline=2.5, interval=0.5)
    cluster = KubernetesCluster(client, write_seconds=lease.seconds_left)
    numbers = itertools.count()

    async def lead():
        while True:
            name = f"{identity}-{next(numbers)}"
            metadata = {"name": name, "namespace": namespace, "labels": {"author": identity}}
            try:
                await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
            except ClusterError as error:
                print(error, flush=True)
            await asyncio.sleep(0.02)

    await lease.run(lead)

asyncio.run(main(*sys.argv[1:]))
"""

Spawn = Callable[[str], "subprocess.Popen[bytes]"]


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


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> float:
    """Seconds until the condition held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come true"
        time.sleep(0.1)
    return time.monotonic() - began


def authors(kubectl: Any, namespace: str) -> list[str]:
    """Who wrote, in the order of the API server's own versions."""
    found = kubectl.get("configmaps", "-n", namespace, "-l", "author")["items"]
    found.sort(key=lambda item: int(item["metadata"]["resourceVersion"]))
    return [item["metadata"]["labels"]["author"] for item in found]


def test_a_stopped_process_writes_nothing_when_it_is_resumed(
    spawn: Spawn, holder: Callable[[], str], kubectl: Any, namespace: str
) -> None:
    first = spawn("first")
    wait_for(lambda: holder() == "first")
    wait_for(lambda: "first" in authors(kubectl, namespace))
    second = spawn("second")
    os.kill(first.pid, signal.SIGSTOP)
    wait_for(lambda: holder() == "second")
    wait_for(lambda: "second" in authors(kubectl, namespace))
    os.kill(first.pid, signal.SIGCONT)
    before = authors(kubectl, namespace).count("second")
    wait_for(lambda: authors(kubectl, namespace).count("second") > before + 20)
    written = authors(kubectl, namespace)
    assert set(written[written.index("second") :]) == {"second"}
    assert holder() == "second"

    second.send_signal(signal.SIGINT)  # gives the lease back
    assert wait_for(lambda: holder() == "first") < 4.0


def test_only_one_of_three_writes_and_a_killed_one_is_succeeded(
    spawn: Spawn, holder: Callable[[], str], kubectl: Any, namespace: str
) -> None:
    kubectl("delete", "lease", "tollgate", "-n", namespace, "--ignore-not-found")
    kubectl("delete", "configmaps", "-n", namespace, "-l", "author")
    processes = {identity: spawn(identity) for identity in ("a", "b", "c")}
    wait_for(lambda: len(authors(kubectl, namespace)) > 20)
    [leader] = set(authors(kubectl, namespace))
    processes[leader].kill()
    wait_for(lambda: len(set(authors(kubectl, namespace))) == 2)
    written = authors(kubectl, namespace)
    heir = written[-1]
    assert set(written[written.index(heir) :]) == {heir}
