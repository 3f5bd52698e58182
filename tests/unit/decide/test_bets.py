from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.decide.bets import blocks_until_breach, log_bets

P0 = 0.01


def test_capital_after_each_block_in_closed_form() -> None:
    """The stakes c are squares of arcsine variables: c is 3/8 on average, and its square 35/128."""
    capital = np.exp(log_bets([0, 100], [100, 100], P0))
    stayed, anew = 1 + 98 * 3 / 8 - 99 * 35 / 128, 5 / 8 * (1 + 99 * 3 / 8)
    assert capital == pytest.approx([5 / 8, 0.998 * stayed + 0.002 * anew])


@given(worst=st.integers(2, 50), blocks=st.integers(1, 6), p0=st.sampled_from([0.001, 0.02, 0.5]))
def test_game_is_fair_whatever_hangs_together(worst: int, blocks: int, p0: float) -> None:
    """None of a block is slow or a part of it is, p0 on average: over all games the mean capital is exactly 1."""
    part = p0 + (1 - p0) / worst
    bad = np.array(list(product((0, 1), repeat=blocks)))
    chance = np.prod(np.where(bad, p0 / part, 1 - p0 / part), axis=1)
    capital = np.exp(log_bets(1000 * part * bad, np.full(bad.shape, 1000), p0))
    assert chance @ capital == pytest.approx(np.ones(blocks))


def test_version_that_turns_slow_is_called_by_how_slow_it_is_now() -> None:
    slow = np.array([0.3] * 100 + [10.0] * 7)
    evidence = log_bets(slow, np.full(slow.shape, 100), P0)
    assert evidence[-1] >= -math.log(0.01) > evidence[99]


def test_shares_at_the_limit_win_nothing_and_empty_blocks_are_no_bets() -> None:
    assert log_bets([1, 0, 5], [100, 0, 500], P0) == pytest.approx([0, 0, 0])


def test_many_runs_at_once_are_as_one_by_one() -> None:
    slow = np.random.default_rng(1).binomial(50, 0.02, size=(3, 20))
    together = log_bets(slow, np.full(slow.shape, 50), P0)
    assert together[1] == pytest.approx(log_bets(slow[1], [50] * 20, P0))


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("clump", [1, 5, 100])
def test_clumps_of_a_block_win_no_more_than_promised(alpha: float, clump: int) -> None:
    """Blocks of 100 requests with one slow on average; at most `alpha` of the games is ever won."""
    events = np.random.default_rng(clump).binomial(100 // clump, P0, size=(2000, 300))
    won = (log_bets(clump * events, np.full(events.shape, 100), P0) >= -math.log(alpha)).any(axis=1)
    assert won.mean() <= alpha + 3 * math.sqrt(alpha / len(won))


@pytest.mark.parametrize(
    ("severity", "alpha", "blocks"),
    [(100, 0.01, 2), (10, 0.01, 3), (3, 0.01, 6), (3, 0.05, 4), (2, 0.01, 10)],
)
def test_blocks_until_breach(severity: float, alpha: float, blocks: int) -> None:
    assert blocks_until_breach(severity, alpha) == blocks
    requests = np.full(blocks, 1e6)
    evidence = log_bets(severity * P0 * requests, requests, P0)
    assert evidence[-1] >= -math.log(alpha) > evidence[-2]
