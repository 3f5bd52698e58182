from __future__ import annotations

import math

import pytest

from tollgate.measure.histogram import Bracket, bracket, layout, parse_edge
from tollgate.measure.targets import Target

MILLISECONDS = Target(
    "a", ("bucket/+Inf", "bucket/1000", "bucket/250.0", "bucket/50", "count", "sum"), ((0.0, (0.0,) * 6),)
)
GROWTH = (100.0, 95.0, 90.0, 40.0, 100.0, 12_000.0)


@pytest.mark.parametrize(
    ("le", "edge"), [("0.25", 0.25), ("250", 250.0), ("1.0", 1.0), ("+Inf", math.inf), ("1e-3", 0.001)]
)
def test_edges_are_numbers(le: str, edge: float) -> None:
    assert parse_edge(le) == edge


@pytest.mark.parametrize("le", ["", "fast", "NaN"])
def test_what_is_no_edge(le: str) -> None:
    assert parse_edge(le) is None


def test_limit_at_an_edge_is_exact_in_any_unit() -> None:
    shape = layout(MILLISECONDS, 1e-3)
    assert shape is not None
    assert shape.edges == (0.05, 0.25, 1.0)
    assert shape.slow(GROWTH, 0.25) == (10, 10)
    assert bracket(shape.edges, 0.25).exact


def test_limit_between_edges_is_bounded_by_its_neighbours() -> None:
    shape = layout(MILLISECONDS, 1e-3)
    assert shape is not None
    assert shape.slow(GROWTH, 0.3) == (5, 10)
    assert bracket(shape.edges, 0.3) == Bracket(0.25, 1.0)


def test_limit_beyond_the_edges_leaves_one_side_open() -> None:
    shape = layout(MILLISECONDS, 1e-3)
    assert shape is not None
    assert shape.slow(GROWTH, 2.0) == (0, 5)
    assert shape.slow(GROWTH, 0.01) == (60, 100)
    assert bracket(shape.edges, 2.0) == Bracket(1.0, None)
    assert bracket(shape.edges, 0.01) == Bracket(None, 0.05)
    assert not bracket((), 0.01).exact


def test_sum_is_in_seconds() -> None:
    shape = layout(MILLISECONDS, 1e-3)
    assert shape is not None
    assert shape.latency_sum(GROWTH) == pytest.approx(12.0)


def test_infinite_bucket_is_the_total_where_count_is_missing() -> None:
    shape = layout(Target("a", ("bucket/+Inf", "bucket/0.25"), ()), 1.0)
    assert shape is not None
    assert shape.slow((20.0, 15.0), 0.25) == (5, 5)
    assert shape.sum is None
    assert shape.latency_sum((20.0, 15.0)) == 0.0


def test_without_any_total_there_is_no_histogram() -> None:
    assert layout(Target("a", ("bucket/0.25", "sum"), ()), 1.0) is None
