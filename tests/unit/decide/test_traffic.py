from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.decide.traffic import coarse, rate_per_pod, steady
from tollgate.measure.counts import Block, LiveCounts


def seen(*requests: int, pods: int = 2) -> LiveCounts:
    """Scrape intervals of 30 s, each with so many requests to all pods together."""
    blocks = {number: Block(requests=n, pod_seconds=30.0 * pods) for number, n in enumerate(requests)}
    return LiveCounts(0.0, 30.0 * len(requests), blocks)


def test_the_last_scrape_interval_is_left_out() -> None:
    assert rate_per_pod(seen(*[60] * 5, 0)) == pytest.approx(1.0)
    assert rate_per_pod(seen(*[60] * 5, 6000)) == pytest.approx(1.0)


def test_too_little_to_tell() -> None:
    assert rate_per_pod(seen()) is None
    assert rate_per_pod(seen(*[6000] * 5)) is None, "too few scrapes"
    assert rate_per_pod(seen(*[1] * 19)) is None, "too few requests"
    assert rate_per_pod(seen(*[1] * 21)) == pytest.approx(1 / 60)


def test_no_traffic_is_known_after_a_while() -> None:
    assert rate_per_pod(seen(*[0] * 20)) is None
    assert rate_per_pod(seen(*[0] * 21)) == 0.0


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (None, None, None),
        (20.0, None, 20.0),
        (None, 18.0, 20.0),
        (20.0, 29.0, 20.0),
        (20.0, 13.5, 20.0),
        (20.0, 31.0, 30.0),
        (20.0, 0.0, 0.0),
        (0.0, 0.1, 0.1),
    ],
)
def test_a_rate_stays_until_it_is_clearly_another(
    before: float | None, now: float | None, said: float | None
) -> None:
    assert steady(before, now) == (pytest.approx(said) if said is not None else None)


@given(st.floats(1e-6, 1e6))
def test_a_coarse_rate_is_near_and_stays(rate: float) -> None:
    found = coarse(rate)
    assert found / 1.3 <= rate <= found * 1.3
    assert coarse(found) == pytest.approx(found)
    assert steady(found, rate) == found
