"""Our load generator, as the scripts here run it: one stage of constant load against the reference server."""

from __future__ import annotations

import json
import time

import numpy as np
import uvloop
from numpy.typing import NDArray

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.bench.audit import client_limited, nearest_rank, schedule_delay_p99
from tollgate.bench.client import Client
from tollgate.bench.crew import Crew
from tollgate.bench.dataset import parse_dataset
from tollgate.bench.pacing import now
from tollgate.bench.plan import Plan
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.requests import Requests
from tollgate.bench.schedule import plan_stage
from tollgate.bench.stage import Stage

LIMIT = 0.05  # seconds: the latency that is judged, of which 5 % is what a request may be sent late


class Load:
    """A stage at a constant rate, in which each input is used once."""

    def __init__(self, target: str, rate: int, seconds: int, workers: int = 1) -> None:
        profile = BenchmarkProfileSpec.model_validate(
            {
                "protocol": "JSON",
                "path": "/",
                "port": 1,
                "dataset": {"configMap": {"name": "none"}},
                "workers": workers,
                "stages": [
                    {"name": "s", "arrival": "Constant", "rate": f"{rate}req/s", "durationSeconds": seconds}
                ],
            }
        )
        items = [{"input": [number], "expected": 1} for number in range(rate * seconds)]
        self._requests = Requests(profile, parse_dataset(json.dumps({"items": items}).encode()))
        self._plan = Plan.model_validate({"profile": profile.dump(), "targets": [target]})
        self.schedule = plan_stage(profile.stages[0], [""] * len(items), 1, 0)

    def run(self) -> StageRun:
        """As a benchmark runs it."""

        async def load() -> StageRun:
            async with Crew(self._plan, self._requests) as crew:
                return await crew.load(self.schedule)

        return uvloop.run(load())

    def run_from(self, connections: int | None = None) -> tuple[StageRun, float]:
        """In this process alone, on so many connections at most, and the moment at which its clock started."""

        async def load() -> tuple[StageRun, float]:
            client = Client(self._plan.targets, self._requests.access)
            client.capacity = connections or client.capacity
            start = now() + 0.3
            try:
                return await Stage(self.schedule, self._requests, client, 10.0).run(start), start
            finally:
                await client.close()

        return uvloop.run(load())


class Row:
    """What a stage shows of the client that sent it."""

    def __init__(self, run: StageRun) -> None:
        asked = len(run.schedule) / run.schedule.span
        sent = run.sent[~np.isnan(run.sent)]
        self.rate = len(sent) / max(run.schedule.span, float(np.max(sent, initial=0.0)))
        self.rate_error = abs(1 - self.rate / asked)
        self.delay_p99 = schedule_delay_p99(run)
        latency = from_schedule(run)
        self.p50, self.p99 = nearest_rank(latency, 500), nearest_rank(latency, 990)
        self.errors = int(np.count_nonzero(run.outcome != Outcome.ANSWERED))
        self.cpu = run.cpu
        self.limited = client_limited(run, [LIMIT])


def from_schedule(run: StageRun) -> NDArray[np.float64]:
    """Latencies as they are judged, in seconds."""
    return np.where(run.outcome == Outcome.ANSWERED, run.ended - run.schedule.due, run.timeout)


def from_sent(run: StageRun) -> NDArray[np.float64]:
    """Latencies of what was sent, from when it was."""
    return (run.ended - run.sent)[~np.isnan(run.sent)]


def rest() -> None:
    """Let closed connections and garbage of the last run be forgotten."""
    time.sleep(0.5)
