from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.bench.plans import record
from tests.unit.decide.objectives import benchmark, stage
from tests.unit.report.contents import measured
from tollgate.api.benchmark import StageResult
from tollgate.bench.records import Outcome
from tollgate.bench.samples import samples_of
from tollgate.report.content import Measured, by_rate, lateness, slower_than, undominated


def of(**fields: Any) -> StageResult:
    return StageResult.model_validate(stage(**fields))


def at(rate: int, *, answered: int | None = None, limited: str = "") -> StageResult:
    return of(
        name=f"r{rate}",
        requestedRate=f"{rate}req/s",
        achievedRate=f"{rate}req/s",
        answeredRate=f"{answered or rate}req/s",
        clientLimited=limited,
    )


def test_the_curve_goes_through_the_order_statistics() -> None:
    latency = np.arange(1, 1001) / 1000
    curve = slower_than(of(), samples_of(of(), record(latency)))
    assert all(share == pytest.approx(1 - seconds, abs=1e-6) for seconds, share in curve)
    assert curve[0][0] == pytest.approx(0.001)
    assert curve[-1] == (pytest.approx(1.0), 0)
    assert len(curve) < 200


def test_failed_requests_took_longer_than_any() -> None:
    run = record(np.full(100, 0.01))
    run.outcome[:5] = Outcome.CONNECT  # refused at once: no quick answers
    run.ended[:5] = run.schedule.due[:5] + 0.001
    curve = slower_than(of(), samples_of(of(), run))
    assert min(share for _, share in curve) == 0.05
    assert curve[0] == (pytest.approx(0.01), 0.99)


def test_without_requests_the_sketch_is_drawn_and_without_one_the_quantiles() -> None:
    curve = slower_than(of(), None)
    assert curve[0] == (pytest.approx(0.048, rel=0.05), 600 / 2400)
    assert curve[-1][1] == 0
    for sketch in ({"growth": "1.05", "bins": ""}, {"growth": "1.0", "bins": "3:2400"}):
        assert slower_than(of(sketch=sketch), None)[0] == (0.048, 0.5)


@pytest.mark.parametrize("bins", ["99999999999999999999:2400", "1:99999999"])
def test_a_sketch_that_makes_no_sense_is_drawn_all_the_same(bins: str) -> None:
    ((seconds, share),) = slower_than(of(sketch={"growth": "1.05", "bins": bins}), None)
    assert 0 < seconds < 1e9
    assert 0 <= share <= 1


def test_lateness_is_of_the_requests_that_were_sent() -> None:
    run = record(np.full(100, 0.01))
    run.sent[50] = run.schedule.due[50] + 0.02
    run.sent[99] = np.nan
    late = lateness(samples_of(of(), run), stretches=10)
    assert len(late) == 10
    assert max(most for _, _, most in late) == pytest.approx(0.02)
    assert late[0][1] == pytest.approx(1e-4)
    run.sent[:] = np.nan
    assert lateness(samples_of(of(), run)) == []


def test_one_rate_is_no_curve() -> None:
    assert by_rate([at(10), at(10)]) == []
    assert [s.name for s in by_rate([at(20), at(5), at(10)])] == ["r5", "r10", "r20"]


def test_a_burst_is_no_point_of_the_curve() -> None:
    burst = of(name="burst", requestedRate="40req/s", load="Burst")
    assert [s.name for s in by_rate([at(20), burst, at(5)])] == ["r5", "r20"]


def test_the_requests_of_each_run_of_a_stage_are_its_own() -> None:
    runs = [of(repeat=number) for number in (1, 2)]
    samples = [
        samples_of(run, record(np.full(10, seconds))) for run, seconds in zip(runs, (0.1, 0.2), strict=True)
    ]
    both = Measured(benchmark(*(run.dump() for run in runs)), {one.label: one for one in samples})
    assert [both.requests(run) for run in both.stages] == samples
    assert both.stage("steady run 2") == runs[1]


def test_the_frontier_is_what_nothing_dominates() -> None:
    points = [(1.0, 0.9), (2.0, 0.9), (2.0, 0.95), (3.0, 0.94), (0.5, 0.5), (1.0, 0.9)]
    assert undominated(points) == [(0.5, 0.5), (1.0, 0.9), (2.0, 0.95)]


def test_judged_stages_are_not_those_of_the_warm_up() -> None:
    assert [s.name for s in measured(1).stages] == ["low", "steady", "full"]
    assert measured(1).stage("warm-up") is None
    assert benchmark().stages[0].name == "steady"
