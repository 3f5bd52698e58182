"""The ratio of one objective in one stage: what each dimension makes of the two measurements."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT, stage
from tollgate.api.benchmark import StageResult
from tollgate.api.objective import Objective
from tollgate.decide.estimates import Loaded, NoEstimate
from tollgate.decide.ratio import Ratio, Side, compare_stage
from tollgate.measure.cost import CostUnknown, PodCost

BOUNDED = ("p50", "p90", "p95", "p99", "p999")


def side(**fields: Any) -> Side:
    pods = Loaded(2, PodCost(Decimal("3.60"), "USD"))
    return Side(StageResult.model_validate(stage(**fields)), pods)


def tail(low: str, value: str, high: str) -> Side:
    """A stage whose quantiles all have these bounds."""
    return side(
        quantiles={**dict.fromkeys(BOUNDED, value), "max": "1s"},
        spread={"blocks": 20, "low": dict.fromkeys(BOUNDED, low), "high": dict.fromkeys(BOUNDED, high)},
    )


def ratio(o: Objective, new: Side, old: Side, alpha: float = 0.001) -> Ratio:
    found = compare_stage(o, new, old, alpha=alpha)
    assert not isinstance(found, NoEstimate)
    return found.ratio


def test_ratio_of_means_is_sharper_than_two_intervals() -> None:
    means = [f"{50 + (i % 5 - 2)}ms" for i in range(20)]
    old = side(blocks=[{"requests": 120, "mean": mean} for mean in means])
    new = side(blocks=[{"requests": 120, "mean": mean.replace("ms", ".5ms")} for mean in means])
    found = ratio(MEAN, new, old)
    assert found.value == pytest.approx(1.01)
    # Welch: 38 degrees of freedom, each standard error is 1.451 / sqrt(20) of 50 ms.
    assert math.log(found.high / found.value) == pytest.approx(3.319 * 0.00649 * math.sqrt(2), rel=0.02)


def test_ratio_of_quantiles_goes_by_their_bounds() -> None:
    """Three standard errors of a hundredth each; at the least three of them are taken."""
    old, new = tail("97.04ms", "100ms", "103.05ms"), tail("116.45ms", "120ms", "123.65ms")
    found = ratio(P99, new, old, alpha=0.05)
    assert found.value == pytest.approx(1.2)
    assert math.log(found.high / found.low) == pytest.approx(2 * 3 * 0.01 * math.sqrt(2), rel=0.01)
    assert ratio(P99, new, old, alpha=0.0001).low < found.low


def test_quantile_without_an_upper_bound_bounds_no_ratio() -> None:
    known, open_ended = tail("97ms", "100ms", "103ms"), tail("97ms", "100ms", "")
    assert math.isinf(ratio(P99, open_ended, known).high)
    assert ratio(P99, known, open_ended).low == 0


def test_without_bounds_the_sketch_decides() -> None:
    found = ratio(P99, side(), side())
    assert found.low < 1 < found.high
    assert math.isfinite(found.high)


def test_failures_are_compared_given_all_of_them() -> None:
    found = ratio(ERRORS, side(errors=30, overLimit=[]), side(errors=10, overLimit=[]), alpha=0.025)
    assert found.value == pytest.approx(3.0)
    # 30 of 40: the 95 % Clopper-Pearson bounds of a proportion are 0.5880 and 0.8731.
    assert found.low == pytest.approx(0.5880 / 0.4120, rel=1e-3)
    assert found.high == pytest.approx(0.8731 / 0.1269, rel=1e-3)
    assert ratio(ERRORS, side(), side()) == Ratio(1.0, 0.0, math.inf)


def test_accuracy_takes_both_intervals() -> None:
    found = ratio(ACCURACY, side(correct=2300), side(correct=2350))
    assert found.value == pytest.approx(2300 / 2350)
    assert 0.95 < found.low < found.value < found.high < 1.01


@pytest.mark.parametrize("o", [COST, THROUGHPUT])
def test_same_arrivals_leave_little_to_chance(o: Objective) -> None:
    found = ratio(o, side(answeredRate="39.9req/s"), side(answeredRate="39.9req/s"))
    assert found.high / found.low < 1.03, "two Poisson counts would leave 1.29"


def test_price_that_rises_by_six_percent_is_seen() -> None:
    dear = replace(side(), pods=Loaded(2, PodCost(Decimal("3.816"), "USD")))
    assert ratio(COST, dear, side()).low > 1.05


def test_server_that_cannot_keep_up_is_compared_by_its_answers() -> None:
    """Where it was the limit, chance is that of Poisson answers."""
    slow = side(answeredRate="20req/s")
    found = ratio(THROUGHPUT, slow, side(answeredRate="20req/s"))
    assert math.log(found.high) == pytest.approx(3.09 * math.sqrt(2 / 2400), rel=0.01)
    assert ratio(THROUGHPUT, slow, side()).high < 0.6


def test_too_few_answers_take_both_intervals() -> None:
    few = side(requests=20, overLimit=[], scored=0, correct=0, blocks=[], answeredRate="40req/s")
    found = ratio(THROUGHPUT, few, few)
    assert found.low < 0.5
    assert found.high > 2


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (side(clientLimited="the loop ran late"), "the load generator was the limit"),
        (side(blocks=[]), "0 blocks of time do not show the spread of a mean"),
    ],
)
def test_what_was_not_measured_is_not_compared(new: Side, why: str) -> None:
    for found in (
        compare_stage(MEAN, new, side(), alpha=0.01),
        compare_stage(MEAN, side(), new, alpha=0.01),
    ):
        assert isinstance(found, NoEstimate)
        assert found.why == why


def test_unknown_price_is_not_compared() -> None:
    found = compare_stage(COST, side(), replace(side(), pods=Loaded(2, CostUnknown("no prices"))), alpha=0.01)
    assert isinstance(found, NoEstimate)
    assert found.why == "no prices"


def test_numbers_that_nobody_could_measure_end_in_no_error() -> None:
    """A result comes from a pod and may hold anything."""
    nothing = tail("0us", "0us", "0us")
    vast = side(blocks=[{"requests": 1, "mean": m} for m in ("0.000000001us", "999999999999s") * 5])
    for o in (P99, MEAN, COST, THROUGHPUT):
        for odd in (nothing, vast, side(answeredRate="0req/s"), side(achievedRate="0req/s")):
            for found in (
                compare_stage(o, odd, side(), alpha=1e-6),
                compare_stage(o, side(), odd, alpha=1e-6),
            ):
                assert isinstance(found, NoEstimate) or not math.isnan(found.ratio.low)
