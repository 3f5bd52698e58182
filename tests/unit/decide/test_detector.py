from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.unit.decide.objectives import ERRORS, MEAN, P99, objective
from tollgate.api.objective import Objective
from tollgate.api.release import BudgetStatus
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.detector import level, mean_days, next_window, one_digit, starts

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ALPHA = 0.01


def seen(name: str = "tail", evidence: str = "0", **fields: object) -> ObjectiveResult:
    given = {
        "name": name,
        "verdict": Verdict.INCONCLUSIVE,
        "reason": Reason.TOO_FEW_REQUESTS,
        "limit": "250ms",
        "evidence_breach": evidence,
    }
    return ObjectiveResult.model_validate(given | fields)


def after(
    status: BudgetStatus,
    *results: ObjectiveResult,
    seconds: float = 864.0,
    objectives: Sequence[Objective] = (P99, MEAN),
) -> BudgetStatus:
    """The status as it is stored once the next window has begun: a hundredth of a day later."""
    assert status.serving_since is not None
    now = status.serving_since + timedelta(seconds=seconds)
    detector = next_window(status, objectives, results, ALPHA, now)
    made = status.model_copy(update={"serving_since": now, "detector": detector})
    return BudgetStatus.model_validate(made.dump())


FIRST = BudgetStatus(serving_since=BEGAN)


def test_first_window_begins_with_all() -> None:
    assert starts(FIRST, [P99, MEAN]) == {"tail": 1.0, "mean": 1.0}


def test_each_window_begins_with_its_part_of_a_day_and_what_is_carried() -> None:
    """R_1 = 1 * e^-4 = 0.0183; then w + R = 0.01 + 0.0183; R_2 = 0.0283 * e^2 = 0.209."""
    second = after(FIRST, seen(evidence="-4"))
    assert second.detector is not None
    assert float(second.detector.carried[0].evidence) == pytest.approx(math.exp(-4), rel=3e-3)
    assert starts(second, [P99, MEAN]) == {"tail": 0.02, "mean": 0.01}
    third = after(second, seen(evidence="2"), seconds=86.4)
    assert starts(third, [P99, MEAN]) == {"tail": 0.2, "mean": 0.001}


def test_what_went_well_is_forgotten() -> None:
    second = after(FIRST, seen(evidence="-12"), seconds=60)
    assert second.detector is not None
    assert second.detector.carried == []
    assert starts(second, [P99]) == {"tail": 0.0006}


def test_a_window_without_counts_changes_nothing() -> None:
    second = after(FIRST, seen(evidence="1"))
    third = after(second, seen(evidence="", reason=Reason.METRICS_UNAVAILABLE))
    assert starts(third, [P99]) == starts(second, [P99]) == {"tail": 2.0}
    assert starts(after(third), [P99]) == {"tail": 2.0}, "no result at all"
    assert starts(after(third, objectives=[MEAN]), [P99]) == {"tail": 0.01}, "an objective of former times"


def test_after_a_breach_it_begins_from_nothing() -> None:
    second = after(FIRST, seen(evidence="7", verdict=Verdict.BREACH, reason=None))
    assert starts(second, [P99]) == {"tail": 0.01}


@pytest.mark.parametrize(
    "other",
    [
        P99.model_copy(update={"max": "300ms"}),
        objective("Latency", name="tail", statistic="P95", max="250ms"),
    ],
)
def test_another_limit_and_another_objective_do_not_inherit(other: Objective) -> None:
    second = after(FIRST, seen(evidence="1"))
    assert starts(second, [other, ERRORS]) == {"tail": 0.01, "errorrate": 0.01}


@pytest.mark.parametrize("evidence", ["0.0004321", "-4.321", "4.321", "3.215"])
def test_no_more_is_carried_than_was_found(evidence: str) -> None:
    """A result has its evidence in four digits, half a unit of the last of which may be too much."""
    second = after(FIRST, seen(evidence=evidence))
    assert second.detector is not None
    text = Decimal(evidence)
    least = float(text) - 0.5 * 10.0 ** int(text.as_tuple().exponent)
    assert 0.99 * math.exp(least) < float(second.detector.carried[0].evidence) <= math.exp(least)


def test_another_beginning_makes_it_void() -> None:
    second = after(FIRST, seen(evidence="1"))
    promoted = second.model_copy(update={"serving_since": BEGAN + timedelta(days=1)})
    assert starts(promoted, [P99]) == {"tail": 1.0}


def test_a_breach_takes_evidence_of_its_own_window() -> None:
    status = FIRST
    for _ in range(100):
        status = after(status, seen(evidence="3"))
    assert status.detector is not None
    assert float(status.detector.carried[0].evidence) <= 1 / ALPHA, "bounded"
    assert level(ALPHA, starts(status, [P99])["tail"]) == 0.2


def test_a_long_pause_is_a_day_at_most() -> None:
    assert starts(after(FIRST, seen(evidence="-9"), seconds=86_400 * 30), [MEAN]) == {"mean": 1.0}


@pytest.mark.parametrize(("alpha", "days"), [(0.2, 4), (0.05, 19), (0.01, 99), (0.0001, 9999)])
def test_days_to_a_false_alarm(alpha: float, days: int) -> None:
    assert mean_days(alpha) == days


@pytest.mark.parametrize(
    ("value", "rounded"), [(1.0, 1.0), (0.00069, 0.0006), (37.9, 30.0), (0.99, 0.9), (2.0, 2.0)]
)
def test_rounded_down(value: float, rounded: float) -> None:
    assert one_digit(value) == rounded
    assert level(0.01, 1.0) == 0.01
    assert level(0.3, 1.0) == 0.3, "the budget's own level is never made stricter"
