"""What must hold of measurements that are added up, whatever they counted."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.decide.objectives import ACCURACY, ERRORS, P99, benchmark, stage
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.transport import read_bins, write_bins
from tollgate.api.units import format_duration
from tollgate.bench.audit import nearest_rank
from tollgate.decide.judge_benchmark import judge_benchmark
from tollgate.decide.levels import Looks
from tollgate.decide.pooling import pooled


def distribution(bins: dict[int, int]) -> dict[str, object]:
    """The fields of a stage whose requests took as long as the upper edges of these bins."""
    latency = np.repeat([1.05**index * 1e-6 for index in bins], list(bins.values()))
    shares = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "p999": 999, "max": 1000}
    quantiles = {name: format_duration(nearest_rank(latency, share)) for name, share in shares.items()}
    return {"quantiles": quantiles, "sketch": {"growth": "1.05", "bins": write_bins(bins)}}


@st.composite
def measurements(draw: st.DrawFn) -> BenchmarkResult:
    """A benchmark of any length, of which some requests failed, and others were slow or answered wrongly."""
    errors = draw(st.integers(0, 20))
    slow = draw(st.integers(errors, errors + 30))
    requests = draw(st.integers(max(1, slow), 3000))
    bins = {221: requests - slow, 260: slow}
    return benchmark(
        stage(
            requests=requests,
            errors=errors,
            overLimit=[{"limit": "250ms", "requests": slow}],
            scored=requests,
            correct=draw(st.integers(0, requests - errors)) if requests > errors else 0,
            blocks=[],
            **distribution({i: n for i, n in bins.items() if n}),
        )
    )


def counts(result: BenchmarkResult) -> tuple[object, ...]:
    (only,) = result.stages
    bins = dict(read_bins(only.sketch))
    return only.requests, only.errors, only.over_limit, only.scored, only.correct, bins


@given(st.lists(measurements(), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_neither_order_nor_grouping_makes_a_difference(
    results: list[BenchmarkResult], random: object
) -> None:
    shuffled = sorted(results, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert counts(pooled(results)) == counts(pooled(shuffled))
    assert counts(pooled(results)) == counts(pooled([pooled(results[:2]), *results[2:]]))


@given(st.lists(measurements(), min_size=1, max_size=4), st.integers(1, 4))
def test_the_verdict_is_that_of_one_benchmark_that_counted_it_all(
    results: list[BenchmarkResult], look: int
) -> None:
    requests, errors, over_limit, scored, correct, bins = counts(pooled(results))
    whole = benchmark(
        stage(
            requests=requests,
            errors=errors,
            overLimit=[{"limit": "250ms", "requests": over_limit[0].requests}],  # type: ignore[index]
            scored=scored,
            correct=correct,
            blocks=[],
            **distribution(bins),  # type: ignore[arg-type]
        )
    )
    looks = Looks(look, look)
    judged = [
        judge_benchmark([P99, ERRORS, ACCURACY], result, confidence=0.95, looks=looks)
        for result in (pooled(results), whole)
    ]
    said = [[(r.verdict, r.requests, r.over_limit, r.low, r.high) for r in results] for results in judged]
    assert said[0] == said[1]
