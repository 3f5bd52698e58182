"""Simulated benchmarks: results as the load generator would write them, of a server whose truth is known."""

from __future__ import annotations

import math

import numpy as np

from tests.unit.decide.objectives import benchmark, stage
from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.transport import write_bins

BLOCKS = 20
_GROWTH = 1.05
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}


def measure(
    rng: np.random.Generator,
    *,
    slower: float = 1.0,
    requests: int = 1200,
    sigma: float = 0.4,
    swing: float = 0.0,
    correlation: float = 0.0,
) -> BenchmarkResult:
    """Lognormal latencies of 50 ms x `slower`, 0.2 % errors, 97 % right, at 40 requests/s.

    `swing` is the relative standard deviation of the load from one block of time to the next, `correlation` how much
    of it a block inherits from the one before.
    """
    load = rng.normal(size=BLOCKS)
    for i in range(1, BLOCKS):
        load[i] = correlation * load[i - 1] + math.sqrt(1 - correlation**2) * load[i]
    blocks = rng.lognormal(math.log(0.05 * slower), sigma, size=(BLOCKS, requests // BLOCKS))
    blocks *= (1 + swing * load)[:, None]
    index, counts = np.unique(
        np.ceil(np.log(blocks * 1e6) / math.log(_GROWTH)).astype(int), return_counts=True
    )
    bins = dict(zip(index.tolist(), counts.tolist(), strict=True))
    errors = int(rng.binomial(requests, 0.002))
    return benchmark(
        stage(
            requests=requests,
            errors=errors,
            overLimit=[{"limit": "250ms", "requests": min(requests, errors + int((blocks > 0.25).sum()))}],
            scored=requests,
            correct=min(requests - errors, int(rng.binomial(requests, 0.97))),
            answeredRate=units.format_rate(float(rng.poisson(requests)) / (requests / 40)),
            mean=units.format_duration(float(blocks.mean())),
            blocks=[
                {"requests": len(block), "mean": units.format_duration(float(block.mean()))}
                for block in blocks
            ],
            quantiles={
                name: units.format_duration(float(np.quantile(blocks, q, method="inverted_cdf")))
                for name, q in {
                    "p50": 0.5,
                    "p90": 0.9,
                    "p95": 0.95,
                    "p99": 0.99,
                    "p999": 0.999,
                    "max": 1.0,
                }.items()
            },
            sketch={"growth": str(_GROWTH), "bins": write_bins(bins)},
        )
    )
