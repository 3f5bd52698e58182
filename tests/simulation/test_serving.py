"""While a version serves: how rarely chance is called a breach, and how soon a breach is (docs/adr/0011)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from tests.simulation.chance import at_most
from tests.simulation.serving import Traffic, first_breach, traffic
from tests.unit.decide.objectives import P99
from tests.unit.reconcile.setting import budget
from tollgate.api.budget import BudgetSpec, BudgetStatus
from tollgate.api.verdict import Verdict
from tollgate.decide.detector import DAY_SECONDS, mean_days, starts
from tollgate.decide.judge_live import judge_live
from tollgate.decide.serving import serving_window
from tollgate.decide.snapshot import Snapshot
from tollgate.measure.counts import Block, LiveCounts

P0 = 0.01
LIMIT = Decimal("0.25")


def by_the_product(seen: Traffic, run: int, spec: BudgetSpec) -> float:
    """The same as `first_breach`, by the operator's own functions from status to status."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    status = BudgetStatus(serving_since=began)
    for look in range(seen.requests.shape[1]):
        now = began + timedelta(seconds=(look + 1) * seen.seconds)
        assert status.serving_since is not None
        first = round((status.serving_since - began).total_seconds() / seen.seconds)
        blocks = {}
        for i in range(first, look + 1):
            n, slow = int(seen.requests[run, i]), int(seen.slow[run, i])
            blocks[i] = Block(requests=n, slow={LIMIT: (slow, slow)})
        live = LiveCounts(0.0, now.timestamp(), blocks, pods={"pod": 1})
        results = judge_live([P99], live, alpha=spec.alpha, starts=starts(status, [P99]))
        if results[0].verdict is Verdict.BREACH:
            return (look + 1) * seen.seconds
        snapshot = Snapshot(
            now=now,
            namespace="",
            name="",
            uid="",
            generation=1,
            spec=spec,
            status=status,
            target=None,
            live=tuple(results),
        )
        status = BudgetStatus.model_validate(serving_window(snapshot, status).dump())
    return np.inf


def test_simulated_detector_is_the_product_s() -> None:
    spec = BudgetSpec.model_validate(budget())
    seen = traffic(np.repeat([0.002, 0.025], (60, 140)), 1.0, 60.0, runs=4, seed=50)
    found = first_breach(seen, P0, spec.alpha, carried=True)
    assert found.tolist() == [by_the_product(seen, run, spec) for run in range(4)]
    assert np.isfinite(found).all()


def test_a_service_at_its_limit_is_called_a_breach_as_rarely_as_stated() -> None:
    """At confidence 0.8, the least there is: by chance within t days at most (1 + t) / 5, on average after 4 days."""
    days, alpha = 8, 0.2
    seen = traffic(np.full(days * 24 * 60, P0), 1.0, 60.0, runs=60, seed=51)
    after = first_breach(seen, P0, alpha, carried=True) / DAY_SECONDS
    assert at_most(2 * alpha, after <= 1)
    assert at_most(3 * alpha, after <= 2)
    assert np.minimum(after, days).mean() >= mean_days(alpha) == 4
    in_windows = first_breach(seen, P0, alpha, carried=False) / DAY_SECONDS
    assert in_windows.mean() < 1, "windows alone see a breach every few hours"


@pytest.mark.parametrize(
    ("rate", "fraction", "seconds"), [(1, 1.0, 15), (1, 0.1, 150), (10, 0.1, 45), (100, 0.03, 30)]
)
def test_a_regression_after_hours_of_good_service_is_found_soon(
    rate: float, fraction: float, seconds: float
) -> None:
    """Two hours at 0.3 % slow, looked at every 15 s; then a fraction is slow. Seconds are the median's at most."""
    good, bad = 480, 80
    seen = traffic(np.repeat([0.003, fraction], (good, bad)), rate, 15.0, runs=100, seed=52)
    delay = first_breach(seen, P0, 0.01, carried=True) - good * 15
    assert (delay > 0).all()
    assert np.median(delay) <= seconds


def test_at_a_low_rate_carried_evidence_finds_what_no_window_shows() -> None:
    """0.2 requests a second are 120 a window; three times the slow ones that are allowed take about 900 to show."""
    good, bad = 480, 720
    seen = traffic(np.repeat([0.003, 0.03], (good, bad)), 0.2, 15.0, runs=100, seed=53)
    carried, alone = (first_breach(seen, P0, 0.01, carried=how) for how in (True, False))
    assert np.isfinite(carried).mean() > 0.8
    assert np.isfinite(alone).mean() < 0.6
