"""Slow requests that come in clumps: what the correction mends, and what it does not (docs/statistics.md says both)."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from tests.simulation.chance import at_most
from tests.simulation.clumps import PER_SCRAPE, bursts, corrected, overloads, uncorrected, verdict
from tests.simulation.rules import boundary
from tests.unit.decide.objectives import objective
from tollgate.decide.judge_live import judge_live
from tollgate.decide.means import MIN_LIVE_BLOCKS
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


def test_independent_requests_lose_nothing_by_the_correction() -> None:
    seen = bursts(P0, 1, runs=RUNS, looks=LOOKS, seed=41)
    found = corrected(seen, RULE, P0, ALPHA)
    assert at_most(ALPHA, found.breach > 0)
    assert at_most(ALPHA, found.within > 0)


@pytest.mark.parametrize("size", [5, 20])
def test_after_eight_blocks_bursts_are_no_breach(size: float) -> None:
    """Before that a burst is taken for what it most likely is at the start of a canary: a bad release."""
    seen = bursts(P0, size, runs=RUNS, looks=LOOKS, seed=42)
    naive, found = uncorrected(seen, RULE), corrected(seen, RULE, P0, ALPHA)
    assert not at_most(10 * ALPHA, naive.breach >= MIN_LIVE_BLOCKS)
    assert at_most(ALPHA, found.breach >= MIN_LIVE_BLOCKS)


def test_correction_only_takes_evidence_away() -> None:
    """Asked of looks where the plain counts say nothing: there the corrected ones say nothing either."""
    seen = overloads(P0, 0.5, 1, runs=50, looks=LOOKS, seed=43)
    requests, slow = seen.between()
    silent = ~RULE.is_breach(seen.requests, seen.slow) & ~RULE.is_within(seen.requests, seen.slow)
    rng = np.random.default_rng(44)
    for run, look in rng.permutation(np.argwhere(silent))[:300]:
        blocks = list(zip(slow[run, : look + 1].tolist(), requests[run, : look + 1].tolist(), strict=True))
        assert verdict(blocks, P0, ALPHA) == "Inconclusive"
