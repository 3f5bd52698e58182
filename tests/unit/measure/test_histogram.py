from __future__ import annotations

import math

import pytest

from tollgate.measure.histogram import NOTHING, Bracket, around, bracket, grown, possible, slow
from tollgate.ports import Histogram

INF = math.inf
EDGES = (0.05, 0.25, 1.0)


def histogram(*buckets: tuple[float, float, float], count: float | None = None) -> Histogram:
    return Histogram(sum(b[2] for b in buckets) if count is None else count, 1.0, buckets)


SERVED = histogram((-INF, 0.05, 40), (0.05, 0.25, 50), (0.25, 1.0, 5), (1.0, INF, 5))


class TestSlow:
    def test_limit_at_an_edge_is_exact(self) -> None:
        assert slow(SERVED, 0.25) == (10, 10)
        assert slow(SERVED, 250 * 1e-3) == (10, 10)
        assert around(SERVED, 0.25) == Bracket(0.25, 0.25)
        assert around(SERVED, 0.25).exact

    def test_limit_in_a_bucket_is_bounded_by_its_ends(self) -> None:
        assert slow(SERVED, 0.3) == (5, 10)
        assert around(SERVED, 0.3) == Bracket(0.25, 1.0)

    def test_limit_beyond_the_edges_leaves_one_side_open(self) -> None:
        assert slow(SERVED, 2.0) == (0, 5)
        assert slow(SERVED, 0.01) == (60, 100)
        assert around(SERVED, 2.0) == Bracket(1.0, None)
        assert around(SERVED, 0.01) == Bracket(None, 0.05)

    def test_where_nothing_was_observed_nothing_hides(self) -> None:
        sparse = histogram((0.05, 0.25, 50), (1.0, INF, 5))
        assert slow(sparse, 0.3) == (5, 5)
        assert around(sparse, 0.3).exact

    def test_observation_that_is_no_number_is_slow(self) -> None:
        assert slow(histogram((0.05, 0.25, 50), count=52), 0.25) == (2, 2)


class TestGrown:
    def test_bucket_by_bucket(self) -> None:
        old = Histogram(10, 2.5, ((0.1, 0.25, 10),))
        new = Histogram(16, 4.0, ((0.1, 0.25, 12), (0.25, 1.0, 4)))
        assert grown(old, new) == Histogram(6, 1.5, ((0.1, 0.25, 2), (0.25, 1.0, 4)))
        assert grown(NOTHING, new) == new
        assert grown(new, new) == NOTHING

    def test_a_count_that_fell_is_a_restart_whatever_the_others_did(self) -> None:
        old = histogram((0.1, 0.25, 10), (0.25, 1.0, 4))
        assert grown(old, histogram((0.1, 0.25, 9))) is None
        assert grown(old, histogram((0.1, 0.25, 90), (0.25, 1.0, 3))) is None
        assert grown(old, histogram((0.1, 0.25, 90))) is None

    def test_observations_in_no_bucket_that_fell_are_a_restart(self) -> None:
        assert grown(histogram(count=5), histogram(count=3)) is None
        assert grown(histogram(count=5), histogram((0.1, 0.25, 10))) is None

    def test_a_sum_that_falls_is_no_restart(self) -> None:
        """Clocks that are set back give negative latencies."""
        more = grown(
            Histogram(10, 2.5, ((0.1, 0.25, 10),)), Histogram(11, 1.5, ((-INF, 0.1, 1), (0.1, 0.25, 10)))
        )
        assert more == Histogram(1, -1.0, ((-INF, 0.1, 1),))

    def test_lower_resolution_is_compared_in_the_wider_buckets(self) -> None:
        old = histogram((1, 2, 3), (2, 4, 5), (4, 8, 1))
        new = histogram((1, 4, 10), (4, 16, 2))
        assert grown(old, new) == Histogram(3, 0.0, ((1, 4, 2), (4, 16, 1)))

    def test_edges_that_do_not_nest_leave_what_both_have(self) -> None:
        old = histogram((0, 0.1, 4), (0.1, 0.3, 4), (0.3, 1.0, 4))
        new = histogram((0, 0.1, 5), (0.1, 0.2, 5), (0.2, 1.0, 5))
        assert grown(old, new) == Histogram(3, 0.0, ((0, 0.1, 1), (0.1, 1.0, 2)))

    def test_edges_that_differ_by_rounding_are_the_same(self) -> None:
        old, new = histogram((1, 2, 3), (2, 4, 5)), histogram((1, 2 + 1e-15, 4), (2 + 1e-15, 4, 7))
        more = grown(old, new)
        assert more is not None
        assert [count for _, _, count in more.buckets] == [1, 2]

    def test_zero_bucket_that_swallows_its_neighbours(self) -> None:
        old = histogram((0, 0, 2), (0.001, 0.002, 3), (0.5, 1.0, 1))
        new = histogram((-0.01, 0.01, 9), (0.5, 1.0, 2))
        assert grown(old, new) == Histogram(5, 0.0, ((-0.01, 0.01, 4), (0.5, 1.0, 1)))


class TestPossible:
    @pytest.mark.parametrize("found", [NOTHING, SERVED, histogram((0, 0, 1), (0, 1, 2)), histogram(count=3)])
    def test_what_a_process_counts(self, found: Histogram) -> None:
        assert possible(found)

    @pytest.mark.parametrize(
        "found",
        [
            histogram(count=math.nan),
            histogram(count=INF),
            histogram(count=-1),
            histogram((0, 1, -1), (1, 2, 4)),
            histogram((0, 1, math.nan), count=1),
            histogram((0, 2, 1), (1, 3, 1)),
            histogram((1, 2, 1), (0, 1, 1)),
            histogram((2, 1, 1)),
            histogram((1, 1, 1)),
            histogram((0, math.nan, 1)),
            histogram((0, 1, 5), count=4),
        ],
    )
    def test_what_no_process_counts(self, found: Histogram) -> None:
        assert not possible(found)


def test_neighbours_of_a_limit_among_edges() -> None:
    assert bracket(EDGES, 0.25).exact
    assert bracket(EDGES, 0.3) == Bracket(0.25, 1.0)
    assert bracket(EDGES, 2.0) == Bracket(1.0, None)
    assert bracket(EDGES, 0.01) == Bracket(None, 0.05)
    assert not bracket((), 0.01).exact
