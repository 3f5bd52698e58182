"""Simulated benchmarks: the load generator's own summaries of a server whose truth is known."""

from __future__ import annotations

import math

import numpy as np

from tests.unit.decide.objectives import benchmark
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.load import LoadStage
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.schedule import plan_stage
from tollgate.bench.summary import summarize

BLOCKS = 20


def measure(
    rng: np.random.Generator,
    *,
    slower: float = 1.0,
    requests: int = 1200,
    sigma: float = 0.4,
    swing: float = 0.0,
    correlation: float = 0.0,
    hard: float = 0.0,
) -> BenchmarkResult:
    """Lognormal latencies of 50 ms x `slower`, 0.2 % errors, 97 % right, at 40 requests/s.

    `swing` is the relative standard deviation of the load from one block of time to the next, `correlation` how much
    of it a block inherits from the one before. A share `hard` of the inputs takes twenty times as long.
    """
    load = rng.normal(size=BLOCKS)
    for i in range(1, BLOCKS):
        load[i] = correlation * load[i - 1] + math.sqrt(1 - correlation**2) * load[i]
    plan = LoadStage(name="steady", rate="40req/s", duration_seconds=requests // 40)
    schedule = plan_stage(plan, groups=[""] * 300, seed=1, number=0)
    run = StageRun(schedule, timeout=10.0, scored=np.ones(requests, np.bool_))
    block_of = np.minimum((schedule.due / schedule.span * BLOCKS).astype(int), BLOCKS - 1)
    latency = rng.lognormal(math.log(0.05 * slower), sigma, size=requests) * (1 + swing * load[block_of])
    latency[rng.random(requests) < hard] *= 20
    run.outcome[rng.random(requests) < 0.002] = Outcome.HTTP_5XX
    run.correct[:] = (rng.random(requests) < 0.97) & (run.outcome == Outcome.ANSWERED)
    run.sent[:] = schedule.due
    run.ended[:] = schedule.due + latency
    return benchmark(summarize(plan, run, ["250ms"]).dump())
