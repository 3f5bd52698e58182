from __future__ import annotations

from collections.abc import Callable

from tollgate.api.benchmark import Benchmark
from tollgate.manifests.benchmark import benchmark
from tollgate.manifests.names import Identity


def test_the_benchmark_of_a_candidate(budget: Identity, golden: Callable[..., None]) -> None:
    made = benchmark(
        budget,
        name="digits-1f0a2-1-0123456789",
        profile="digits-steady",
        target="digits-candidate",
        limits=["250ms"],
        revision="0123456789",
    )
    golden("benchmark", made)
    assert Benchmark.model_validate(made).spec.limits == ["250ms"]
    assert Benchmark.model_validate(made).spec.baseline is None


def test_the_benchmark_of_a_candidate_in_turn_with_last_good(budget: Identity) -> None:
    made = benchmark(
        budget,
        name="digits-1f0a2-1-0123456789",
        profile="digits-steady",
        target="digits-candidate",
        limits=[],
        revision="0123456789",
        baseline="digits-baseline",
    )
    against = Benchmark.model_validate(made).spec.baseline
    assert against is not None
    assert against.name == "digits-baseline"
