from __future__ import annotations

import math

from tollgate.measure.counters import Increment, align, increments


def rows(*points: tuple[float, float]) -> list[tuple[float, tuple[float, ...]]]:
    return align([points])


def total(grown: list[Increment], column: int = 0) -> float:
    return sum(one.values[column] for one in grown)


def test_only_timestamps_that_every_column_has_make_a_row() -> None:
    found = align([[(1, 10), (2, 11), (3, 12)], [(3, 7), (1, 5)]])
    assert found == [(1, (10, 5)), (3, (12, 7))]


def test_values_no_counter_can_have_are_absent() -> None:
    found = align([[(1, 1), (2, math.nan), (3, math.inf), (4, -1), (5, 2)]])
    assert found == [(1, (1,)), (5, (2,))]


def test_of_duplicates_the_largest_counts_whatever_their_order() -> None:
    assert align([[(1, 4), (1, 6)]]) == align([[(1, 6), (1, 4)]]) == [(1, (6,))]


def test_no_columns_make_no_rows() -> None:
    assert align([]) == []


def test_base_is_the_last_sample_at_or_before_since() -> None:
    grown = increments(rows((0, 5), (10, 8), (20, 15), (30, 21)), since=12, until=30, reach=50)
    assert [one.start for one in grown] == [10, 20]
    assert total(grown) == 13


def test_sample_at_since_is_the_base_and_at_until_the_end() -> None:
    grown = increments(rows((10, 8), (20, 15), (30, 21)), since=10, until=20, reach=50)
    assert grown == [Increment(10, 20, (7,))]


def test_without_a_fresh_base_counting_starts_at_the_first_sample() -> None:
    stale = increments(rows((0, 5), (100, 8), (110, 9)), since=99, until=200, reach=50)
    assert total(stale) == 1
    new = increments(rows((100, 8), (110, 9)), since=50, until=200, reach=50)
    assert total(new) == 1


def test_one_sample_says_nothing() -> None:
    assert increments(rows((100, 8)), since=50, until=200, reach=50) == []


def test_after_a_reset_everything_is_new() -> None:
    grown = increments(rows((0, 100), (10, 104), (20, 3), (30, 9)), since=0, until=30, reach=50)
    assert [one.values[0] for one in grown] == [4, 3, 6]


def test_columns_reset_together_though_only_one_shows_it() -> None:
    # The second process had more requests than the first by its first scrape, but fewer fast ones.
    found = align([[(0, 10), (10, 12)], [(0, 10), (10, 4)]])
    assert increments(found, since=0, until=10, reach=50) == [Increment(0, 10, (12, 4))]


def test_known_restart_makes_all_new_though_nothing_fell() -> None:
    grown = increments(rows((0, 1), (10, 2), (20, 5)), since=0, until=20, reach=50, restarts=(10,))
    assert [one.values[0] for one in grown] == [2, 3]
