"""Drift is found where what serves changes, and not where load or inputs do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.unit.reconcile.setting import budget
from tollgate.api.budget import Approved, BudgetSpec, BudgetStatus, Release, Stage
from tollgate.api.degradation import DegradationState, DegradationStep, TakenStep, WebhookRef
from tollgate.api.drift import DriftState
from tollgate.decide.drift import drifted, follow
from tollgate.decide.look import Look
from tollgate.decide.ranks import rank_correlation
from tollgate.decide.snapshot import Snapshot
from tollgate.measure.counts import Block, LiveCounts

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMIT = Decimal("0.25")
WINDOW = timedelta(minutes=10)
SCRAPE = 10.0
TAIL = {"name": "tail", "dimension": "Latency", "statistic": "P95", "max": "250ms"}
MEAN = {"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "1s"}

Traffic = Callable[[float], tuple[float, float, float]]
"""At an hour: requests per second to a pod, the fraction of them over the limit, and tokens of a request."""


def spec(**drift: Any) -> BudgetSpec:
    return BudgetSpec.model_validate(
        budget(objectives=[TAIL, MEAN], confidence="0.99", drift={"referenceHours": 24, **drift})
    )


def release() -> Release:
    return Release(
        number=1, revision="r1", stage=Stage.PROMOTED, since=NOON, started_at=NOON, reason="CanaryPassed"
    )


def approved() -> BudgetStatus:
    good = Approved(revision="r1", since=NOON, release=1)
    return BudgetStatus(release=release(), last_good=good, serving_since=NOON)


class Service:
    """Requests of a window after the other, as a Prometheus that is scraped every 10 s would have them."""

    def __init__(self, traffic: Traffic, *, seed: int = 1, inputs: bool = False, **drift: Any) -> None:
        self.traffic = traffic
        self.inputs = inputs
        self.spec = spec(**drift)
        self.status = approved()
        self.now = NOON
        self.told: list[str] = []
        self._random = np.random.default_rng(seed)

    def serve(self, hours: float) -> DriftState:
        end = self.now + timedelta(hours=hours)
        while self.now < end:
            self.window()
        assert self.status.drift is not None
        return self.status.drift

    def window(self, **changes: Any) -> None:
        """One window, and the look that ends it."""
        since, self.now = self.now, self.now + WINDOW
        counts, tokens = self._counts(since)
        look = Look(since, self.now, counts)
        mix = {"InputTokens": tokens} if self.inputs else {}
        stored = self.status.model_copy(update={"serving_since": since})
        s = self.snapshot(stored, look=look, mix=mix, **changes)
        status, notices = follow(s, stored.model_copy(update={"serving_since": self.now}))
        self.told += [notice.reason for notice in notices]
        self.status = status

    def snapshot(self, status: BudgetStatus, **fields: Any) -> Snapshot:
        return Snapshot(
            now=self.now,
            namespace="vision",
            name="digits",
            uid="u",
            generation=1,
            spec=self.spec,
            status=status,
            target=None,
            **fields,
        )

    def condition(self) -> str:
        row = drifted(self.snapshot(self.status), self.status)
        assert row is not None
        return row[2]

    def _counts(self, since: datetime) -> tuple[LiveCounts, LiveCounts]:
        blocks, tokens = {}, {}
        first = int(since.timestamp() // SCRAPE)
        for number in range(first, first + int(WINDOW.total_seconds() / SCRAPE)):
            hour = (number * SCRAPE - NOON.timestamp()) / 3600
            rate, fraction, long = self.traffic(hour)
            requests = int(self._random.poisson(2 * rate * SCRAPE))
            over = int(self._random.binomial(requests, fraction))
            blocks[number] = Block(requests, 0.125 * requests, {LIMIT: (over, over)}, requests, 0, 2 * SCRAPE)
            tokens[number] = Block(requests, long * requests)
        window = (since.timestamp(), self.now.timestamp())
        counts = LiveCounts(*window, blocks=blocks, block_seconds=SCRAPE, sums_seen=True, pods={"a": 1})
        return counts, replace(counts, blocks=tokens)


def steady(hour: float) -> tuple[float, float, float]:
    return 5.0, 0.01, 100.0


def worse_from(day: float, traffic: Traffic, times: float = 3.0) -> Traffic:
    """The same, and from that day on slow so many times as often."""

    def later(hour: float) -> tuple[float, float, float]:
        rate, fraction, tokens = traffic(hour)
        return rate, fraction * (times if hour >= 24 * day else 1), tokens

    return later


def test_what_has_not_changed_is_not_drift() -> None:
    service = Service(steady)
    assert service.serve(12).period_since is None
    assert service.condition() == "Reference"
    state = service.serve(84)
    assert state.found is None
    assert service.condition() == "AsApproved"
    assert service.told == []


def test_what_is_slow_more_often_at_the_same_load_is_found_soon() -> None:
    service = Service(worse_from(2, steady))
    service.serve(48)
    assert service.condition() == "AsApproved"
    state = service.serve(2)
    assert state.found is not None
    assert state.found.objective == "tail"
    assert state.found.at - (NOON + timedelta(days=2)) <= timedelta(hours=1)
    assert service.told == ["DriftFound"]
    row = drifted(service.snapshot(service.status), service.status)
    assert row is not None
    assert row[1:3] == (True, "DriftFound")
    assert "slower than 250ms at 4 to 8 requests a second and pod, 1" in row[3]
    assert "Measure it again: a Benchmark of Deployment digits" in row[3]
    service.serve(24)
    assert service.told == ["DriftFound"], "it is said once"


def test_more_traffic_is_not_drift_though_it_makes_requests_slow() -> None:
    def busier(hour: float) -> tuple[float, float, float]:
        rate = 5.0 if int(hour) % 2 else (10.0 if hour < 48 else 20.0)
        return rate, 0.002 * rate, 100.0

    service = Service(busier)
    assert service.serve(96).found is None
    (tail,) = [one for one in service.serve(1).objectives if one.name == "tail"]
    assert {row.split(" ")[0] for row in tail.strata} >= {"load:2", "load:3", "load:4"}


def test_another_mix_of_inputs_is_not_drift() -> None:
    """Long inputs are slow five times as often, and from the third day on most are long."""

    def longer(hour: float) -> tuple[float, float, float]:
        is_long = int(6 * hour) % 10 < (2 if hour < 48 else 8)
        return 5.0, (0.05 if is_long else 0.01), (1000.0 if is_long else 100.0)

    service = Service(longer, inputs=True)
    assert service.serve(96).found is None
    blind = Service(longer)
    assert blind.serve(96).found is not None, "without its series nobody could tell"
    worse = Service(worse_from(3, longer), inputs=True)
    assert worse.serve(76).found is not None


def test_false_alarms_are_rarer_than_promised() -> None:
    """At confidence 0.99 a service that stays as it is may be called drifted once in 100 days; here are 40 of them."""
    found = sum(
        Service(lambda hour: (2.0, 0.02, 100.0), seed=seed).serve(264).found is not None for seed in range(4)
    )
    assert found == 0


def test_a_benchmark_after_the_finding_begins_anew() -> None:
    service = Service(worse_from(2, steady))
    assert service.serve(50).found is not None
    before = service.now
    service.window(measured_since=before - timedelta(days=1))
    assert service.status.drift is not None
    assert service.status.drift.found is not None, "it was measured before"
    service.window(measured_since=before + timedelta(minutes=1))
    assert service.status.drift.found is None
    assert service.serve(72).found is None, "what is normal now is what it was measured to be"


def test_a_new_version_and_another_limit_begin_anew() -> None:
    service = Service(steady)
    service.serve(30)
    service.spec = service.spec.model_copy(
        update={
            "objectives": [service.spec.objectives[0].model_copy(update={"max": "300ms"})],
        }
    )
    service.window()
    assert service.status.drift is not None
    assert [one.limit for one in service.status.drift.objectives] == ["300ms"]
    assert service.status.drift.objectives[0].evidence == ""
    good = Approved(revision="r2", since=service.now, release=2)
    service.status = service.status.model_copy(update={"last_good": good})
    service.window()
    assert (service.status.drift.revision, service.status.drift.period_since) == ("r2", None)


def test_what_is_given_up_or_moving_is_not_counted() -> None:
    service = Service(steady)
    service.serve(1)
    assert service.status.drift is not None
    before = service.status.drift.objectives
    step = DegradationStep(name="shed", webhook=WebhookRef(name="shed"))
    taken = DegradationState(taken=[TakenStep(name="shed", step=step, since=NOON)])
    service.status = service.status.model_copy(update={"degradation": taken})
    service.window()
    assert service.status.drift.objectives == before
    canary = release().model_copy(update={"stage": Stage.CANARY})
    service.status = service.status.model_copy(update={"degradation": None, "release": canary})
    service.window()
    assert service.status.drift.objectives == before


def test_the_correlation_with_the_load_is_told() -> None:
    def waves(hour: float) -> tuple[float, float, float]:
        rate = 20.0 + 15.0 * np.sin(40 * hour)
        return rate, 0.01 * rate, 100.0

    service = Service(waves)
    (tail, mean) = service.serve(0.5).objectives
    assert tail.load_correlation is not None
    assert float(tail.load_correlation) > 0.7
    assert (mean.load_correlation, mean.strata) == (None, []), "a mean that never varies goes with nothing"


@pytest.mark.parametrize(
    ("one", "other", "rho"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 400], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 2, 3], [1, 3, 2, 4], 0.9486832980505138),  # scipy.stats.spearmanr
        ([1, 2, 3], [5, 5, 5], None),
    ],
)
def test_rank_correlation(one: list[float], other: list[float], rho: float | None) -> None:
    assert rank_correlation(one, other) == (None if rho is None else pytest.approx(rho))


@pytest.mark.parametrize("ratio", ["1", "0.5"])
def test_a_ratio_that_is_no_loss_is_refused(ratio: str) -> None:
    with pytest.raises(ValidationError, match=r"ratio is a number above 1, such as 1\.5, not"):
        spec(ratio=ratio)


def test_without_the_policy_nothing_is_kept() -> None:
    service = Service(steady)
    service.serve(1)
    service.spec = service.spec.model_copy(update={"drift": None})
    service.window()
    assert service.status.drift is None
    assert drifted(service.snapshot(service.status), service.status) is None
