"""Measures what the versions in manifests/ do on this machine: each one's real server, under real requests.

For each version it prints mean, p99, share of slow requests, accuracy, and CPU on the benchmark's dataset, on the
live mix, and on the live mix while labels come in. Numbers are of this machine only: run it with --cgroup to hold the
server to the CPU limit that the manifests set.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import yaml
from prometheus_client.parser import text_string_to_metric_families

from client import Client, Mix, Options, Record, percentile
from handwriting import load
from inputs import Traffic, benchmark_traffic, live_traffic

HERE = Path(__file__).parent
VERSIONS = ("v1", "v2", "v3", "v4", "v5")
SLOW_MS = 250.0  # the tail budget


@dataclass(frozen=True)
class Load:
    """One kind of load on one pod."""

    name: str
    traffic: Traffic
    mix: Mix


def environment(version: str) -> dict[str, str]:
    """The environment that the version's Deployment gives its container."""
    manifest = yaml.safe_load((HERE / "manifests" / f"{version}.yaml").read_text())
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    return {variable["name"]: variable["value"] for variable in container["env"]}


@contextmanager
def running(env: dict[str, str], cgroup: Path | None) -> Iterator[str]:
    """A server of its own, in the CPU cgroup if one is given; yields its URL once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, **env, "PORT": str(port), "DRAIN_SECONDS": "0"}
    server = subprocess.Popen([sys.executable, str(HERE / "server.py")], env=env, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        if cgroup is not None:
            (cgroup / "cgroup.procs").write_text(str(server.pid))
        while not is_ready(url):
            if server.poll() is not None:
                raise SystemExit(f"the server ended with status {server.returncode} before it was ready")
            time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait()


def is_ready(url: str) -> bool:
    """Whether the server answers, and says that its model is trained."""
    try:
        with urlopen(f"{url}/v2/health/ready", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def gauge(url: str, name: str) -> float:
    """The value of one unlabelled series of the server."""
    with urlopen(f"{url}/metrics", timeout=30) as response:
        text = response.read().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                return sample.value
    raise SystemExit(f"the server has no series {name}")


def measure(url: str, load_: Load, seconds: float) -> str:
    """Put the load on the server; a line of the table."""
    records: list[Record] = []
    cpu, began = gauge(url, "process_cpu_seconds_total"), time.monotonic()
    options = Options(url, load_.mix, seconds=seconds, poisson=True)
    asyncio.run(_drive(Client(options, load_.traffic, records.append)))
    cores = (gauge(url, "process_cpu_seconds_total") - cpu) / (time.monotonic() - began)
    answers = [record for record in records if record.status == 200]
    latencies = [record.latency_ms if record.status == 200 else float("inf") for record in records]
    return (
        f"{load_.name:<16} {len(records):>6} {len(records) - len(answers):>6} "
        f"{sum(record.latency_ms for record in records) / len(records):>8.1f} {percentile(latencies, 0.5):>8.1f} "
        f"{percentile(latencies, 0.99):>8.1f} {_share(latency > SLOW_MS for latency in latencies):>8.1%} "
        f"{_share(answer.exit_stage == 2 for answer in answers):>8.1%} "
        f"{_share(bool(answer.correct) for answer in answers):>8.1%} {cores:>6.2f} "
        f"{gauge(url, 'process_resident_memory_bytes') / 2**20:>6.0f}"
    )


async def _drive(client: Client) -> None:
    await client.run()


def _share(flags: Iterator[bool]) -> float:
    values = list(flags)
    return sum(values) / max(len(values), 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--versions", nargs="+", default=VERSIONS, choices=VERSIONS)
    parser.add_argument("--seconds", type=float, default=30, help="of each load")
    parser.add_argument("--rate", type=float, default=45, help="requests/s of the benchmark, to one pod")
    parser.add_argument(
        "--live-rate", type=float, default=15, help="requests/s that one of several pods receives"
    )
    parser.add_argument("--hard-share", type=float, default=0.1, help="of the live requests")
    parser.add_argument(
        "--feedback-rate", type=float, default=1.5, help="batches/s that one of several pods receives"
    )
    parser.add_argument("--cgroup", type=Path, help="CPU cgroup to run the servers in; it must exist")
    given = parser.parse_args()
    split = load()
    live = live_traffic(split)
    loads = [
        Load("dataset", benchmark_traffic(split), Mix(given.rate, 0)),
        Load("live", live, Mix(given.live_rate, given.hard_share)),
        Load("live + feedback", live, Mix(given.live_rate, given.hard_share, given.feedback_rate)),
    ]
    print(
        f"{'':3} {'load':<16} {'sent':>6} {'failed':>6} {'mean ms':>8} {'p50 ms':>8} {'p99 ms':>8} {'>250 ms':>8} "
        f"{'stage 2':>8} {'correct':>8} {'cores':>6} {'MiB':>6}"
    )
    for version in given.versions:
        for load_ in loads:
            with running(environment(version), given.cgroup) as url:
                print(f"{version:3} {measure(url, load_, given.seconds)}", flush=True)


if __name__ == "__main__":
    main()
