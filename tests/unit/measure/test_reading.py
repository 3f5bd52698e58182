from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from tollgate.measure import reading
from tollgate.measure.counters import Row
from tollgate.ports import Histogram, Samples

INF = math.inf
Points = Sequence[tuple[float, float]]


def series(*points: tuple[float, float], le: str = "") -> Samples:
    return Samples({"le": le} if le else {}, points)


def classic(scale: float = 1.0, **parts: Sequence[Samples]) -> list[Row[Histogram]]:
    return reading.classic(parts, scale=scale)


class TestCounter:
    def test_values_no_counter_can_have_are_absent(self) -> None:
        found = reading.counter({"counter": [series((1, 1), (2, math.nan), (3, INF), (4, -1), (5, 2))]})
        assert found == [(1, 1), (5, 2)]

    def test_of_duplicates_the_largest_counts_whatever_their_order(self) -> None:
        for points in (((1, 4), (1, 6)), ((1, 6), (1, 4))):
            assert reading.counter({"counter": [series(*points)]}) == [(1, 6)]


class TestClassic:
    def test_cumulative_buckets_become_counts_between_edges(self) -> None:
        found = classic(
            1e-3,
            buckets=[series((0, 90), le="250.0"), series((0, 100), le="+Inf"), series((0, 40), le="50")],
            counts=[series((0, 100))],
            sums=[series((0, 12_000))],
        )
        assert found == [(0, Histogram(100, 12.0, ((-INF, 0.05, 40), (0.05, 0.25, 50), (0.25, INF, 10))))]

    def test_count_is_the_total_where_the_infinite_bucket_is_missing(self) -> None:
        [(_, found)] = classic(buckets=[series((0, 90), le="0.25")], counts=[series((0, 100))])
        assert found.buckets == ((-INF, 0.25, 90), (0.25, INF, 10))
        assert math.isnan(found.sum)

    def test_without_any_total_there_is_no_histogram(self) -> None:
        assert classic(buckets=[series((0, 90), le="0.25")], sums=[series((0, 1))]) == []

    def test_summary_has_a_count_and_no_buckets(self) -> None:
        [(_, found)] = classic(counts=[series((0, 100))], sums=[series((0, 3))])
        assert found == Histogram(100, 3, ((-INF, INF, 100),))

    def test_scrape_that_another_query_does_not_know_yet_waits(self) -> None:
        found = classic(buckets=[series((0, 1), (10, 2), le="+Inf")], sums=[series((0, 3))])
        assert [at for at, _ in found] == [0]

    def test_sum_that_is_no_number_keeps_the_counts(self) -> None:
        [(_, found)] = classic(buckets=[series((0, 1), le="+Inf")], sums=[series((0, math.nan))])
        assert found.count == 1
        assert math.isnan(found.sum)

    @pytest.mark.parametrize(
        ("fast", "all_"), [((0, 5), (0, 4)), ((0, math.nan), (0, 4)), ((0, -1), (0, 4)), ((0, 1), (0, INF))]
    )
    def test_scrape_that_no_process_can_have_given_is_lost(
        self, fast: tuple[float, float], all_: tuple[float, float]
    ) -> None:
        found = classic(
            buckets=[
                series(fast, (10, 6), le="0.25"),
                series(all_, (10, 8), le="+Inf"),
                series((0, 1), le="fast"),
            ]
        )
        assert [at for at, _ in found] == [10]

    def test_edges_may_change_with_a_restart(self) -> None:
        found = classic(
            buckets=[series((0, 5), le="0.1"), series((10, 1), le="0.2"), series((0, 9), (10, 3), le="+Inf")]
        )
        assert [histogram.buckets for _, histogram in found] == [
            ((-INF, 0.1, 5), (0.1, INF, 4)),
            ((-INF, 0.2, 1), (0.2, INF, 2)),
        ]

    def test_edges_in_seconds(self) -> None:
        named = [series((0, 1), le=le) for le in ("250", "+Inf", "1e1", "fast", "NaN", "")]
        assert reading.classic_edges({"buckets": named}, scale=1e-3) == (0.01, 0.25)


class TestNative:
    def test_scaled_and_in_order(self) -> None:
        late, early = Histogram(3, 500, ((100, 300, 3),)), Histogram(1, 250, ((100, 300, 1),))
        found = reading.native({"native": [Samples({}, (), [(10, late), (0, early)])]}, scale=1e-3)
        assert found == [
            (0, Histogram(1, 0.25, ((0.1, 0.3, 1),))),
            (10, Histogram(3, 0.5, ((0.1, 0.3, 3),))),
        ]

    def test_plain_numbers_and_impossible_histograms_are_no_rows(self) -> None:
        mixed = Samples(
            {}, [(0, 3.0)], [(10, Histogram(1, 1, ((0, 1, 2),))), (20, Histogram(2, 1, ((0, 1, 2),)))]
        )
        assert [at for at, _ in reading.native({"native": [mixed]}, scale=1.0)] == [20]


@pytest.mark.parametrize(
    ("le", "edge"), [("0.25", 0.25), ("250", 250.0), ("1.0", 1.0), ("+Inf", INF), ("1e-3", 0.001)]
)
def test_edges_are_numbers(le: str, edge: float) -> None:
    assert reading.parse_edge(le) == edge


@pytest.mark.parametrize("le", ["", "fast", "NaN"])
def test_what_is_no_edge(le: str) -> None:
    assert reading.parse_edge(le) is None
