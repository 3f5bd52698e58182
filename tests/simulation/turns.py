"""Simulated machines that get slower or faster while two versions are measured: in turn, or one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.unit.decide.objectives import benchmark
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.load import LoadStage
from tollgate.bench.pairs import compare_turns
from tollgate.bench.records import StageRun
from tollgate.bench.schedule import Schedule, plan_stage
from tollgate.bench.summary import summarize
from tollgate.bench.turns import turns

Floats = NDArray[np.float64]
Machine = Callable[[Floats], Floats]
"""How much longer everything takes, by the part of the whole measurement that has passed."""

PLAN = LoadStage(name="steady", rate="40req/s", duration_seconds=50)
ITEMS = 300


def steady(passed: Floats) -> Floats:
    """A machine that stays as it is."""
    return np.ones_like(passed)


def drifts(by: float) -> Machine:
    """It gets slower by that much, little by little."""
    return lambda passed: 1 + by * passed


def steps(by: float) -> Machine:
    """It gets slower by that much in the middle, at once."""
    return lambda passed: np.where(passed < 0.5, 1.0, 1 + by)


@dataclass(frozen=True)
class Server:
    """Lognormal latencies of 50 ms; of the inputs, a share is `hard` and takes twenty times as long. 97 % are right."""

    machine: Machine = steady
    sigma: float = 0.4
    hard: float = 0.0

    def run(
        self, rng: np.random.Generator, part: Schedule, slower: float, begin: float, end: float
    ) -> StageRun:
        """Meets a schedule while the measurement is between these parts of it."""
        n = len(part)
        run = StageRun(part, timeout=10.0, scored=np.ones(n, np.bool_))
        passed = np.linspace(begin, end, n)
        latency = rng.lognormal(math.log(0.05 * slower), self.sigma, n) * self.machine(passed)
        latency[part.items < self.hard * ITEMS] *= 20
        run.sent[:] = part.due
        run.ended[:] = part.due + latency
        run.correct[:] = rng.random(n) < 0.97
        return run


def in_turn(rng: np.random.Generator, server: Server, slower: float = 1.0) -> BenchmarkResult:
    """The candidate, so much slower, in turn with the baseline, as the load generator has it."""
    planned = turns(_schedule(rng), int(rng.integers(2**31)))
    runs: dict[bool, list[StageRun]] = {True: [], False: []}
    for number, turn in enumerate(planned):
        for place, candidate in enumerate((turn.candidate_first, not turn.candidate_first)):
            begin, end = ((2 * number + place + i) / (2 * len(planned)) for i in (0, 1))
            factor = slower if candidate else 1.0
            runs[candidate].append(server.run(rng, turn.schedule, factor, begin, end))
    seen = compare_turns(PLAN.name, len(planned), runs[True], runs[False], [])
    result = benchmark()
    return result.model_copy(update={"paired": [seen], "baseline_pods": result.pods})


def one_after_the_other(
    rng: np.random.Generator, server: Server, slower: float = 1.0
) -> tuple[BenchmarkResult, BenchmarkResult]:
    """Candidate and baseline, which was measured just before: two benchmarks of their own."""
    schedule = _schedule(rng)
    baseline = server.run(rng, schedule, 1.0, 0.0, 0.5)
    candidate = server.run(rng, schedule, slower, 0.5, 1.0)
    first, second = (benchmark(summarize(PLAN, run, []).dump()) for run in (baseline, candidate))
    return second, first


def _schedule(rng: np.random.Generator) -> Schedule:
    return plan_stage(PLAN, [""] * ITEMS, int(rng.integers(2**31)), 0)
