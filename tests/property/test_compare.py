"""What must hold of comparisons for all measurements."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.decide.objectives import ACCURACY, ERRORS, MEAN, P99, THROUGHPUT, benchmark, stage
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.comparison import ParetoRelation
from tollgate.api.paired import PairedStage
from tollgate.api.verdict import Relation
from tollgate.decide.compare import Arm, compare_benchmarks, compare_in_turn, pareto, relate
from tollgate.decide.paired import InTurn
from tollgate.decide.ratio import Ratio

ALL = [P99, MEAN, ERRORS, ACCURACY, THROUGHPUT]
MIRROR = {Relation.BETTER: Relation.WORSE, Relation.WORSE: Relation.BETTER}
PARETO_MIRROR = {
    ParetoRelation.DOMINATES: ParetoRelation.DOMINATED,
    ParetoRelation.DOMINATED: ParetoRelation.DOMINATES,
}


BOUNDED = ("p50", "p90", "p95", "p99", "p999")


@st.composite
def measurements(draw: st.DrawFn) -> BenchmarkResult:
    """Any benchmark of 2,400 requests: its mean, tail, errors and accuracy have nothing to do with each other."""
    errors = draw(st.integers(0, 200))
    means = draw(st.lists(st.integers(200, 1200), min_size=20, max_size=20))
    low, value, high = sorted(draw(st.lists(st.integers(500, 2000), min_size=3, max_size=3)))
    return benchmark(
        stage(
            errors=errors,
            overLimit=[],
            correct=draw(st.integers(1000, 2400 - errors)),
            answeredRate=f"{draw(st.integers(10, 40))}req/s",
            blocks=[{"requests": (2400 - errors) // 20, "mean": f"{mean}us"} for mean in means],
            quantiles={**dict.fromkeys(BOUNDED, f"{value}us"), "max": f"{high}us"},
            spread={
                "blocks": 20,
                "low": dict.fromkeys(BOUNDED, f"{low}us"),
                "high": dict.fromkeys(BOUNDED, draw(st.sampled_from([f"{high}us", ""]))),
            },
        )
    )


def relations(one: BenchmarkResult, other: BenchmarkResult, margin: str = "0%") -> dict[str, Relation]:
    objectives = [o.model_copy(update={"max_regression": margin}) for o in ALL]
    compared = compare_benchmarks(objectives, Arm(one, None), Arm(other, None), confidence=0.9)
    return {seen.objective.name: seen.relation for seen in compared.worst}


@settings(max_examples=200)
@given(measurements(), measurements(), st.sampled_from(["0%", "5%"]))
def test_swapping_the_arms_swaps_better_and_worse(
    one: BenchmarkResult, other: BenchmarkResult, margin: str
) -> None:
    forth, back = relations(one, other, margin), relations(other, one, margin)
    assert back == {name: MIRROR.get(relation, relation) for name, relation in forth.items()}


@given(measurements())
def test_nothing_is_better_than_itself(one: BenchmarkResult) -> None:
    assert set(relations(one, one).values()) == {Relation.EQUAL}


@settings(max_examples=400)
@given(measurements(), measurements(), measurements())
def test_better_than_the_better_is_better_without_margins(
    a: BenchmarkResult, b: BenchmarkResult, c: BenchmarkResult
) -> None:
    first, second, both = relations(a, b), relations(b, c), relations(a, c)
    for name, relation in first.items():
        if relation is Relation.BETTER and second[name] is Relation.BETTER:
            assert both[name] is Relation.BETTER, name


VALUES = st.lists(st.floats(0.1, 10.0), min_size=3, max_size=3)


@given(VALUES, VALUES, VALUES)
def test_dominance_of_what_is_known_exactly_is_transitive(
    a: list[float], b: list[float], c: list[float]
) -> None:
    def against(x: list[float], y: list[float]) -> ParetoRelation:
        ratios = [one / other for one, other in zip(x, y, strict=True)]
        return pareto(relate(Ratio(r, r, r), 1.0, lower_is_better=True) for r in ratios)

    assert against(a, a) is ParetoRelation.EQUAL
    if against(a, b) is against(b, c) is ParetoRelation.DOMINATES:
        assert against(a, c) is ParetoRelation.DOMINATES


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


NAMES = ("mean", "rate", *BOUNDED)


@st.composite
def turns_of_two(draw: st.DrawFn) -> tuple[BenchmarkResult, BenchmarkResult]:
    """Any turns of two arms, and the same with the arms swapped."""
    n = draw(st.integers(100, 5000))
    errors, others = draw(st.integers(0, 100)), draw(st.integers(0, 100))
    gained, lost = draw(st.integers(0, 50)), draw(st.integers(0, 50))
    clumping = draw(st.sampled_from(["", "2.5"]))
    forth: dict[str, object] = {
        "name": "steady",
        "turns": draw(st.integers(6, 20)),
        "requests": n,
        "scored": n,
        "bothCorrect": draw(st.integers(0, n - gained - lost)) if n > gained + lost else 0,
        "errorClumping": clumping,
        "answerClumping": clumping,
    }
    if gained + lost > n:
        gained = lost = 0
    back = dict(forth)
    forth |= {"errors": errors, "baselineErrors": others, "onlyCandidate": gained, "onlyBaseline": lost}
    back |= {"errors": others, "baselineErrors": errors, "onlyCandidate": lost, "onlyBaseline": gained}
    for name in NAMES:
        level = "40req/s" if name == "rate" else "50ms"
        value = draw(st.floats(0.5, 2))
        below, above = (draw(st.sampled_from(["0.001", "0.01", "0.1", ""])) for _ in range(2))
        forth[name] = {"baseline": level, "value": f"{value:.9f}", "below": below, "above": above}
        back[name] = {"baseline": level, "value": f"{1 / value:.9f}", "below": above, "above": below}
    one, other = (
        benchmark().model_copy(update={"paired": [PairedStage.model_validate(stage)], "baseline_pods": 2})
        for stage in (forth, back)
    )
    return one, other


@settings(max_examples=200)
@given(turns_of_two(), st.sampled_from(["0%", "5%"]))
def test_swapping_the_arms_that_were_measured_in_turn_does_the_same(
    both: tuple[BenchmarkResult, BenchmarkResult], margin: str
) -> None:
    objectives = [o.model_copy(update={"max_regression": margin}) for o in ALL]
    forth, back = (
        compare_in_turn(objectives, Arm(result, None), InTurn(None), confidence=0.9) for result in both
    )
    assert {s.objective.name: s.relation for s in back.worst} == {
        s.objective.name: MIRROR.get(s.relation, s.relation) for s in forth.worst
    }
    assert back.relation is PARETO_MIRROR.get(forth.relation, forth.relation)
