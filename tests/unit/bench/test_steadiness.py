"""A queue that grows is seen, and a steady server is hardly ever called one that does not keep up."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.bench.plans import record
from tollgate.bench.records import Outcome
from tollgate.bench.steadiness import growth

RNG = np.random.default_rng(1)


def queued(load: float, requests: int, seed: int) -> np.ndarray:
    """Latencies of a server that takes 10 ms for each request, one at a time, of Poisson arrivals (Lindley)."""
    gaps = np.random.default_rng(seed).exponential(0.01 / load, requests)
    waits = np.zeros(requests)
    for i in range(1, requests):
        waits[i] = max(0.0, waits[i - 1] + 0.01 - gaps[i])
    return waits + 0.01


def test_a_queue_that_grows_is_seen_before_its_requests_are_late() -> None:
    latency = queued(1.1, 1000, seed=1)
    assert np.count_nonzero(latency > 2.0) == 0
    assert growth(record(latency, rate=110.0)).startswith("latency grew all the time, from ")


@pytest.mark.parametrize("load", [1.2, 1.5, 3.0])
def test_each_overloaded_server_is_found_out(load: float) -> None:
    assert all(growth(record(queued(load, 1000, seed))) for seed in range(50))


@pytest.mark.parametrize(("load", "most"), [(0.3, 2), (0.5, 2), (0.7, 4)])
def test_a_server_that_keeps_up_is_hardly_ever_refused(load: float, most: int) -> None:
    assert sum(bool(growth(record(queued(load, 1000, seed)))) for seed in range(200)) <= most


def test_latency_that_has_no_order_has_no_trend() -> None:
    assert sum(bool(growth(record(RNG.exponential(0.05, 400)))) for _ in range(500)) <= 4
    assert growth(record(np.full(400, 0.05))) == ""
    assert growth(record(np.linspace(0.9, 0.1, 400))) == "", "a server that warms up"


def test_too_few_requests_show_no_trend() -> None:
    assert growth(record(np.linspace(0.1, 0.9, 19))) == ""


def test_requests_that_fail_more_and_more_are_growth() -> None:
    run = record(np.full(400, 0.05))
    chance = np.linspace(0, 1, 400)
    run.outcome[RNG.random(400) < chance] = Outcome.TIMEOUT
    assert growth(run)
