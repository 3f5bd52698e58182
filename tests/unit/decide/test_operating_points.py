"""Operating points against a brute-force oracle, and what the profile is at each of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import profile, stage
from tests.unit.decide import objectives
from tollgate.api.sweep import OperatingPoint, Sweep
from tollgate.decide.operating_points import (
    Terms,
    at_point,
    cheapest,
    grid,
    measured_point,
    sweep_problem,
    told,
    with_dominance,
)
from tollgate.measure.cost import CostUnknown, PodCost

COST = PodCost(Decimal("0.36"), "USD")
UNKNOWN = CostUnknown("no prices")


def point(number: int, quality: int, p99: int, rate: int, cost: int, **fields: Any) -> OperatingPoint:
    measured = {
        "quality": f"{quality}%",
        "p99": f"{p99}ms",
        "throughput": f"{rate}req/s",
        "cost": f"{cost}USD",
    }
    made = {"number": number, "settings": "", "phase": "Measured"}
    return OperatingPoint.model_validate(made | measured | fields)


MERITS = st.tuples(*(st.integers(1, 4),) * 4)


@given(st.lists(MERITS, min_size=1, max_size=12))
def test_the_frontier_is_what_no_other_point_beats(merits: list[tuple[int, int, int, int]]) -> None:
    points = with_dominance([point(n, *m) for n, m in enumerate(merits, start=1)])
    better = [(q, -t, r, -c) for q, t, r, c in merits]
    for mine, own in zip(points, better, strict=True):
        beaten = [o for o in better if o != own and all(a >= b for a, b in zip(o, own, strict=True))]
        assert (mine.dominated_by is None) == (not beaten)
        if mine.dominated_by is not None:
            by = points[mine.dominated_by - 1]
            assert better[by.number - 1] in beaten
            assert by.dominated_by is None


@given(st.lists(st.tuples(MERITS, st.booleans()), max_size=12))
def test_the_cheapest_is_the_feasible_point_of_the_least_cost(
    merits: list[tuple[tuple[int, ...], bool]],
) -> None:
    points = [
        point(n, *m, feasible="Yes" if good else "No")  # type: ignore[arg-type]
        for n, (m, good) in enumerate(merits, start=1)
    ]
    best, costs = cheapest(points), [m[3] for m, good in merits if good]
    assert (best is None) == (not costs)
    if best is not None:
        assert best.feasible == "Yes"
        assert best.cost == f"{min(costs)}USD"
        equals = [m[0] for m, good in merits if good and m[3] == min(costs)]
        assert best.quality == f"{max(equals)}%"


def test_a_point_that_was_not_measured_neither_beats_nor_is_beaten() -> None:
    lost = OperatingPoint(number=1, settings="", phase="Failed")
    assert [p.dominated_by for p in with_dominance([lost, point(2, 90, 20, 40, 1)])] == [None, None]


def test_the_grid_is_every_combination_and_neighbours_share_their_environment() -> None:
    sweep = Sweep.model_validate(
        {
            "rates": ["10req/s", "20req/s"],
            "parameters": [{"name": "depth", "values": ["1", "2"]}],
            "environment": [{"name": "A", "values": ["x", "y"]}, {"name": "B", "values": ["z"]}],
        }
    )
    points = [str(p) for p in grid(sweep)]
    assert len(set(points)) == len(points) == sweep.points == 8
    assert points[0] == "A=x, B=z, depth=1, 10req/s"
    assert [p.split(",")[0] for p in points] == ["A=x"] * 4 + ["A=y"] * 4


SWEEP = {"rates": ["10req/s"], "parameters": [{"name": "depth", "values": ["2"]}]}
PARAMETERS = [{"name": "depth", "value": "1"}, {"name": "width", "value": "3"}]


def test_at_a_point_only_what_it_sets_differs() -> None:
    warm = stage(name="warm", warmUp=True, rate="5req/s").dump()
    of = profile(stages=[warm, stage().dump()], sweep=SWEEP, parameters=PARAMETERS)
    assert of.sweep is not None
    (only,) = grid(of.sweep)
    there = at_point(of, only)
    assert [(s.name, s.rate) for s in there.stages] == [("warm", "5req/s"), ("steady", "10req/s")]
    assert {p.name: p.value for p in there.parameters} == {"width": "3", "depth": "2"}
    assert (there.sweep, there.search) == (None, None)
    assert at_point(of, None) == of.model_copy(update={"sweep": None}), "no sweep: the stages as they are"


def test_a_concurrency_takes_the_place_of_a_rate() -> None:
    of = profile(sweep={"concurrencies": [4]}, stages=[stage(arrival="Poisson").dump()])
    assert of.sweep is not None
    (measured,) = at_point(of, grid(of.sweep)[0]).measured
    assert (measured.rate, measured.concurrency) == (None, 4)


def test_a_point_that_cannot_be_loaded_is_named() -> None:
    of = profile(
        stages=[stage(requests=1000, durationSeconds=None).dump()], sweep={"rates": ["9req/s", "0.01req/s"]}
    )
    said = sweep_problem(of)
    assert said.startswith("point 2 (0.01req/s) cannot be loaded: ")
    assert "3600 s at most" in said


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({}, "a sweep varies something"),
        ({"rates": ["1req/s"], "concurrencies": [1]}, "not both"),
        ({"rates": ["0req/s"]}, "above 0"),
        ({"rates": ["1req/s", "1req/s"]}, "given twice"),
        (
            {
                "rates": [f"{n}req/s" for n in range(1, 9)],
                "environment": [{"name": "A", "values": ["1", "2", "3", "4"]}],
            },
            "at most 24 points",
        ),
    ],
)
def test_what_is_no_grid_is_refused(sweep: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Sweep.model_validate(sweep)


def test_a_profile_that_measures_two_stages_has_no_points() -> None:
    two = [stage(name="one").dump(), stage(name="two").dump()]
    with pytest.raises(ValueError, match="varies one stage"):
        profile(stages=two, sweep=SWEEP)
    with pytest.raises(ValueError, match="varies one stage"):
        profile(stages=[stage(repeats=2).dump()], sweep=SWEEP)


GRID = Sweep.model_validate(SWEEP)


def measured(confidence: float, points: int, **fields: Any) -> OperatingPoint:
    terms = Terms([objectives.P99, objectives.ACCURACY], confidence)
    result = objectives.benchmark(objectives.stage(**fields))
    return measured_point(1, grid(GRID)[0], result, COST, terms, points)


def test_feasible_is_certified_at_a_confidence_that_all_points_share() -> None:
    few = {
        "requests": 460,
        "scored": 460,
        "correct": 460,
        "blocks": [],
        "sketch": {"growth": "1.05", "bins": ""},
    }
    assert measured(0.95, 1, **few).feasible == "Yes"
    assert measured(0.95, 24, **few).feasible == "Unknown"
    assert "too few" in measured(0.95, 24, **few).message
    slow = {"overLimit": [{"limit": "250ms", "requests": 200}]}
    assert measured(0.95, 24, **slow).feasible == "No"
    assert measured(0.95, 24, **slow).message.startswith("tail: stage steady: 200 of 2,400 requests slower")


def test_cost_is_of_a_thousand_answers_of_all_pods() -> None:
    # two pods at 0.36 USD an hour answer 40 requests a second: 0.0002 / 40 USD for each
    assert measured(0.95, 1).cost == "0.005USD"
    alone = measured_point(1, grid(GRID)[0], objectives.benchmark(), UNKNOWN, None, 1)
    assert (alone.cost, alone.feasible, alone.quality) == ("", "", "100%")


def test_energy_is_of_a_thousand_answers_in_the_steady_part() -> None:
    steady = {"since": "2026-01-01T00:00:10Z", "until": "2026-01-01T00:01:00Z"}
    assert (
        measured(0.95, 1, steady=steady, server={"energy": "400J"}).energy == "200J"
    )  # of 40 a second for 50 s
    assert measured(0.95, 1, steady=steady, server={}).energy is None
    one, other = point(1, 90, 20, 40, 2, energy="200J"), point(2, 90, 20, 40, 2, energy="150J")
    assert [p.dominated_by for p in with_dominance([one, other])] == [2, None]


def test_a_point_that_the_client_could_not_load_tells_nothing() -> None:
    told_ = measured(0.95, 1, clientLimited="requests were sent late")
    assert (told_.feasible, told_.p99) == ("Unknown", "")
    assert "requests were sent late" in told_.message


def test_the_outcome_in_a_sentence() -> None:
    points = with_dominance([point(1, 90, 20, 40, 2, feasible="Yes"), point(2, 90, 30, 40, 3, feasible="No")])
    assert told(points, judged=True) == (
        "2 points, 1 on the frontier, 1 feasible; the cheapest feasible one is point 1 (): 2USD per 1,000 answers, "
        "p99 20ms, quality 90%"
    )
    assert told(points[1:], judged=True).endswith("for what each breaches or lacks")
    assert "not known without prices" in told([points[0].model_copy(update={"cost": ""})], judged=True)
