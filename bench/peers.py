"""Other load generators, beside which ours is measured: compiled from the Go module proxy, run on a core we name.

fortio keeps a fixed number of connections and times each request from when it was sent. vegeta sends each when it is
due, on as many connections as that takes, and times it from when it was really sent: late sending does not show.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"fortio": "fortio.org/fortio@v1.66.0", "vegeta": "github.com/tsenart/vegeta/v12@v12.13.0"}
BODY = '{"input":[0]}'


@dataclass(frozen=True)
class Seen:
    """What a peer says of its run: rates in requests a second, latencies in seconds."""

    rate: float
    p50: float
    p99: float
    errors: int
    cpu: float  # cores


def build(name: str) -> Path:
    """The program, compiled if it is not there yet."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tollgate-bench"
    program = folder / name
    if not program.exists():
        sys.path.append(str(ROOT))
        from tests.cluster import gobuild

        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0", "GOFLAGS": ""}
        subprocess.run(
            [gobuild.toolchain(), "install", PACKAGES[name]], env=environment, check=True, cwd=folder
        )
    return program


def fortio(url: str, rate: int, seconds: int, connections: int, cores: set[int]) -> Seen:
    """A run of fortio at a constant rate."""
    command = [str(build("fortio")), "load", "-quiet", "-json", "-", "-qps", str(rate), "-t", f"{seconds}s",
               "-c", str(connections), "-r", "0.0001", "-p", "50,99", "-content-type", "application/json",
               "-payload", BODY, "-allow-initial-errors", url]  # fmt: skip
    said, cpu = _run(command, cores, seconds)
    found = json.loads(said)
    times = {point["Percentile"]: point["Value"] for point in found["DurationHistogram"]["Percentiles"]}
    errors = sum(count for code, count in found["RetCodes"].items() if code != "200")
    return Seen(found["ActualQPS"], times[50], times[99], errors, cpu)


def vegeta(url: str, rate: int, seconds: int, cores: set[int]) -> Seen:
    """A run of vegeta at a constant rate."""
    program = str(build("vegeta"))
    with tempfile.TemporaryDirectory() as folder:
        body, targets, results = (Path(folder) / name for name in ("body", "targets", "results"))
        body.write_text(BODY)
        targets.write_text(f"POST {url}\nContent-Type: application/json\n@{body}\n")
        attack = [program, "attack", f"-rate={rate}/1s", f"-duration={seconds}s", f"-targets={targets}",
                  f"-output={results}"]  # fmt: skip
        _, cpu = _run(attack, cores, seconds)
        report = [program, "report", "-type=json", str(results)]
        found = json.loads(subprocess.run(report, check=True, capture_output=True).stdout)
    latencies = found["latencies"]
    errors = sum(count for code, count in found["status_codes"].items() if code != "200")
    return Seen(found["rate"], latencies["50th"] / 1e9, latencies["99th"] / 1e9, errors, cpu)


def _run(command: list[str], cores: set[int], seconds: int) -> tuple[bytes, float]:
    """What it prints, and the cores that it used while it sent."""
    before = os.times()
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GOMAXPROCS": str(len(cores))},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return done.stdout, used / seconds
