"""What must hold of comparisons for all measurements."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.decide.objectives import ACCURACY, ERRORS, MEAN, P99, THROUGHPUT, benchmark, stage
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.transport import write_bins
from tollgate.api.verdict import Relation
from tollgate.decide.compare import Arm, ParetoRelation, compare_benchmarks, pareto, relate
from tollgate.decide.stage_estimates import Estimate

ALL = [P99, MEAN, ERRORS, ACCURACY, THROUGHPUT]
MIRROR = {Relation.BETTER: Relation.WORSE, Relation.WORSE: Relation.BETTER}
PARETO_MIRROR = {
    ParetoRelation.DOMINATES: ParetoRelation.DOMINATED,
    ParetoRelation.DOMINATED: ParetoRelation.DOMINATES,
}


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    low, value, high = sorted(draw(st.lists(st.floats(0.0, 100.0), min_size=3, max_size=3)))
    return Estimate(value, low, high)


@st.composite
def measurements(draw: st.DrawFn) -> BenchmarkResult:
    speed = draw(st.integers(200, 260))
    errors = draw(st.integers(0, 200))
    means = draw(st.lists(st.integers(20, 120), min_size=5, max_size=8))
    return benchmark(
        stage(
            errors=errors,
            overLimit=[],
            correct=draw(st.integers(1000, 2400)),
            answeredRate=f"{draw(st.integers(10, 40))}req/s",
            blocks=[{"requests": 200, "mean": f"{mean}ms"} for mean in means],
            sketch={"growth": "1.05", "bins": write_bins({speed: 2000, speed + 15: 400})},
        )
    )


@given(estimates(), estimates(), st.floats(1.0, 1.5), st.booleans())
def test_swapping_the_arms_swaps_better_and_worse(
    a: Estimate, b: Estimate, factor: float, lower: bool
) -> None:
    one, other = (relate(x, y, factor, lower_is_better=lower) for x, y in ((a, b), (b, a)))
    assert other is MIRROR.get(one, one)


@given(estimates(), st.floats(1.0, 1.5), st.booleans())
def test_nothing_is_better_than_itself(a: Estimate, factor: float, lower: bool) -> None:
    assert relate(a, a, factor, lower_is_better=lower) is Relation.EQUAL


@given(estimates(), estimates(), estimates(), st.booleans())
def test_better_than_the_better_is_better_without_margins(
    a: Estimate, b: Estimate, c: Estimate, lower: bool
) -> None:
    def better(x: Estimate, y: Estimate) -> bool:
        return relate(x, y, 1.0, lower_is_better=lower) is Relation.BETTER

    if better(a, b) and better(b, c):
        assert better(a, c)


@given(st.lists(st.sampled_from(list(Relation))))
def test_whole_is_mirrored_with_its_parts(parts: list[Relation]) -> None:
    whole = pareto(parts)
    assert pareto([MIRROR.get(part, part) for part in parts]) is PARETO_MIRROR.get(whole, whole)


@settings(max_examples=50)
@given(measurements(), measurements())
def test_comparisons_are_mirrored(one: BenchmarkResult, other: BenchmarkResult) -> None:
    forth = compare_benchmarks(ALL, Arm(one, None), Arm(other, None), confidence=0.95)
    back = compare_benchmarks(ALL, Arm(other, None), Arm(one, None), confidence=0.95)
    assert back.relation is PARETO_MIRROR.get(forth.relation, forth.relation)
    itself = compare_benchmarks(ALL, Arm(one, None), Arm(one, None), confidence=0.95)
    assert itself.relation is ParetoRelation.EQUAL
