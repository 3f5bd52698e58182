from __future__ import annotations

from tollgate.measure.counters import Increment, Row, counter_grown, increments, resets


def grown(
    *rows: Row[float], span: tuple[float, float], restarts: tuple[float, ...] = ()
) -> list[Increment[float]]:
    return increments(rows, counter_grown, span=span, reach=50, restarts=restarts)


def total(found: list[Increment[float]]) -> float:
    return sum(one.value for one in found)


def test_base_is_the_last_sample_at_or_before_the_beginning() -> None:
    found = grown((0, 5), (10, 8), (20, 15), (30, 21), span=(12, 30))
    assert [one.start for one in found] == [10, 20]
    assert total(found) == 13


def test_sample_at_the_beginning_is_the_base_and_at_the_end_counts() -> None:
    assert grown((10, 8), (20, 15), (30, 21), span=(10, 20)) == [Increment(10, 20, 7)]


def test_without_a_fresh_base_counting_starts_at_the_first_sample() -> None:
    assert total(grown((0, 5), (100, 8), (110, 9), span=(99, 200))) == 1
    assert total(grown((100, 8), (110, 9), span=(50, 200))) == 1


def test_one_sample_says_nothing() -> None:
    assert grown((100, 8), span=(50, 200)) == []


def test_after_a_reset_everything_is_new() -> None:
    rows: list[Row[float]] = [(0, 100), (10, 104), (20, 3), (30, 9)]
    assert [one.value for one in grown(*rows, span=(0, 30))] == [4, 3, 6]
    assert resets(rows, counter_grown) == [20]


def test_known_restart_makes_all_new_though_nothing_fell() -> None:
    found = grown((0, 1), (10, 2), (20, 5), span=(0, 20), restarts=(10,))
    assert [one.value for one in found] == [2, 3]
