from __future__ import annotations

import math
from decimal import Decimal

import pytest

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT, objective
from tollgate.api.objective import Objective
from tollgate.decide.limits import (
    allowed_fraction,
    count,
    limit_value,
    price_per_second,
    show,
    span,
    tail_limit,
)
from tollgate.measure.cost import CostUnknown, PodCost


@pytest.mark.parametrize(
    ("o", "limit", "allowed", "shown"),
    [
        (P99, 0.25, 0.01, "212ms"),
        (MEAN, 0.08, None, "212ms"),
        (ERRORS, 0.005, 0.005, "21.2%"),
        (ACCURACY, 0.95, 0.05, "0.212"),
        (COST, 0.4, None, "0.212USD"),
        (THROUGHPUT, 30.0, None, "0.212req/s"),
        (objective("Latency", statistic="P999", max="1s"), 1.0, 0.001, "212ms"),
    ],
)
def test_objective_in_numbers(o: Objective, limit: float, allowed: float | None, shown: str) -> None:
    assert limit_value(o) == limit
    assert allowed_fraction(o) == allowed
    assert show(o, 0.212) == shown


def test_only_tails_count_at_a_latency() -> None:
    assert tail_limit(P99) == Decimal("0.25")
    assert [tail_limit(o) for o in (MEAN, ERRORS, ACCURACY, COST)] == [None] * 4


@pytest.mark.parametrize("value", [None, math.inf, math.nan])
def test_what_is_not_known_is_not_shown(value: float | None) -> None:
    assert show(P99, value) == ""


def test_price_is_for_the_unit_of_the_limit() -> None:
    cost = PodCost(Decimal("3.60"), "USD")
    assert price_per_second(COST, cost) == pytest.approx(1.0)
    single = objective("Cost", per="Request", max="0.40USD")
    assert price_per_second(single, cost) == pytest.approx(0.001)


def test_price_in_another_currency_is_no_price() -> None:
    unknown = price_per_second(COST, PodCost(Decimal(1), "EUR"))
    assert isinstance(unknown, CostUnknown)
    assert "limit is in USD and the prices are in EUR" in unknown.reason
    reason = CostUnknown("container x requests no cpu")
    assert price_per_second(COST, reason) is reason
    assert isinstance(price_per_second(COST, None), CostUnknown)


def test_wording() -> None:
    assert [count(1), count(0), count(12000)] == ["1 request", "0 requests", "12,000 requests"]
    assert [span(11.2), span(120), span(121), span(7200), span(7201), span(10**6)] == [
        "12 s", "120 s", "3 min", "120 min", "3 h", "12 days",
    ]  # fmt: skip
