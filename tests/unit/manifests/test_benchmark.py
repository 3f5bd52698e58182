from __future__ import annotations

from collections.abc import Callable

from tollgate.api.benchmark import Benchmark
from tollgate.api.protocol import Parameter
from tollgate.api.sweep import Point, Setting
from tollgate.manifests.benchmark import benchmark, point_benchmark
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


def test_the_benchmark_of_an_operating_point(measurement: Identity, golden: Callable[..., None]) -> None:
    point = Point(
        rate="40req/s",
        parameters=[Parameter(name="max_tokens", value="64")],
        environment=[Setting(name="EXIT_THRESHOLD", value="0.4")],
    )
    made = point_benchmark(
        measurement,
        number=3,
        profile="digits-points",
        target="digits-copy-1",
        limits=["250ms"],
        point=point,
        revision="0123456789",
    )
    golden("benchmark-point", made)
    assert Benchmark.model_validate(made).spec.point == point
