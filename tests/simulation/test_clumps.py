"""Slow requests that come in clumps: what the guards mend, and what they do not (docs/statistics.md says both)."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from tests.simulation.chance import at_most
from tests.simulation.clumps import (
    PER_SCRAPE,
    bursts,
    clumpings,
    guarded,
    overloads,
    straddling,
    unguarded,
    verdict,
)
from tests.simulation.rules import boundary
from tests.simulation.traffic import poisson
from tests.unit.decide.objectives import objective
from tollgate.decide.dispersion import clumping
from tollgate.decide.judge_live import judge_live
from tollgate.measure.counts import Block, LiveCounts

P0, ALPHA = 0.01, 0.01
RUNS, LOOKS = 1_000, 200
RULE = boundary(P0, ALPHA, 10 * LOOKS * PER_SCRAPE)


def test_simulated_verdict_is_the_product_s() -> None:
    tail = objective("Latency", statistic="P99", max="250ms")
    seen = bursts(2 * P0, 3, runs=5, looks=40, seed=40)
    requests, slow = seen.between()
    for run in range(5):
        for looks in range(1, 41):
            blocks = list(zip(slow[run, :looks].tolist(), requests[run, :looks].tolist(), strict=True))
            counted = {
                i: Block(requests=n, slow={Decimal("0.25"): (s, s)}) for i, (s, n) in enumerate(blocks)
            }
            live = LiveCounts(0.0, 1.0, counted, pods={"pod": looks * PER_SCRAPE})
            (said,) = judge_live([tail], live, alpha=ALPHA)
            assert said.verdict is verdict(blocks, P0, ALPHA)


def test_simulated_clumping_is_the_product_s() -> None:
    bad = bursts(P0, 5, runs=20, looks=60, seed=47)
    assert (factors := clumpings(bad)).max() > 1 > factors.min() - 1e-9
    for seen in (bad, poisson(5 * P0, per_scrape=60, runs=20, looks=60, seed=47)):
        requests, slow = seen.between()
        for run, factors in enumerate(clumpings(seen)):
            blocks = list(zip(slow[run].tolist(), requests[run].tolist(), strict=True))
            assert factors == pytest.approx([clumping(blocks[: look + 1]) for look in range(60)])


def test_independent_requests_keep_the_promise() -> None:
    seen = bursts(P0, 1, runs=RUNS, looks=LOOKS, seed=41)
    found = guarded(seen, RULE, P0, ALPHA)
    assert at_most(ALPHA, found.breach > 0)
    assert at_most(ALPHA, found.within > 0)


@pytest.mark.parametrize("size", [2, 5, 20])
def test_bursts_are_no_breach(size: float) -> None:
    """However early they come: each is within a scrape."""
    seen = bursts(P0, size, runs=RUNS, looks=LOOKS, seed=42)
    assert not at_most(10 * ALPHA, unguarded(seen, RULE).breach > 0)
    assert at_most(ALPHA, guarded(seen, RULE, P0, ALPHA).breach > 0)


def test_bursts_that_a_scrape_cuts_in_two_are_hardly_a_breach() -> None:
    """Each counts as two then, so more than is promised: the docs say how much."""
    seen = straddling(P0, 20, runs=RUNS, looks=LOOKS, seed=42)
    assert not at_most(50 * ALPHA, unguarded(seen, RULE).breach > 0)
    assert at_most(5 * ALPHA, guarded(seen, RULE, P0, ALPHA).breach > 0)


def test_overloads_of_a_scrape_are_no_breach() -> None:
    seen = overloads(P0, 0.5, 1, runs=RUNS, looks=LOOKS, seed=45)
    assert at_most(ALPHA, guarded(seen, RULE, P0, ALPHA).breach > 0)


@pytest.mark.parametrize(("times", "alone", "scrapes"), [(3, 5, 7), (5, 2, 4), (10, 1, 3), (50, 1, 2)])
def test_severe_regression_is_called_after_few_scrapes(times: int, alone: int, scrapes: int) -> None:
    """Half of the releases, at 100 requests a scrape: beside what requests alone would do, and in so many scrapes."""
    seen = bursts(times * P0, 1, runs=400, looks=40, seed=47)
    for first, allowed in (
        (unguarded(seen, RULE).breach, alone),
        (guarded(seen, RULE, P0, ALPHA).breach, scrapes),
    ):
        assert np.median(np.where(first == 0, 99, first)) == allowed


def test_guards_only_take_evidence_away() -> None:
    """Asked of looks where the plain counts say nothing: there the guarded ones say nothing either."""
    seen = overloads(P0, 0.5, 1, runs=50, looks=LOOKS, seed=43)
    requests, slow = seen.between()
    silent = ~RULE.is_breach(seen.requests, seen.slow) & ~RULE.is_within(seen.requests, seen.slow)
    rng = np.random.default_rng(44)
    for run, look in rng.permutation(np.argwhere(silent))[:300]:
        blocks = list(zip(slow[run, : look + 1].tolist(), requests[run, : look + 1].tolist(), strict=True))
        assert verdict(blocks, P0, ALPHA) == "Inconclusive"
