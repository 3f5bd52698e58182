"""Means and ratios of counters from blocks of time, with an interval at either end.

A mean latency is sum / count, a cost per request is cost / requests: ratios of two totals. The spread comes from
blocks of time and not from requests, as neighbouring requests share their queue. Two intervals:

`sequence_interval` for live data, looked at as often as one likes: an asymptotic confidence sequence (Waudby-Smith,
Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of
Statistics 2024, arXiv:2103.06476), one-sided at each end.
`fixed_interval` for a benchmark of fixed length: Student's t.

Both are approximate where blocks are few or skewed: blocks ought to hold `REQUESTS_PER_BLOCK` requests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtr, stdtrit

Pair = tuple[float, float]
"""Numerator and denominator of one block, such as (sum of latencies in seconds, requests)."""

REQUESTS_PER_BLOCK = 100
"""From so many requests on, the mean of a block of skewed latencies is close enough to normal."""

MIN_LIVE_BLOCKS = 8
MIN_FIXED_BLOCKS = 5

_SHARPEST_AT = 100
"""The confidence sequence is tightest after this many blocks."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its bounds, each of which is wrong with at most the probability asked for."""

    value: float
    low: float
    high: float
    blocks: int


def sequence_interval(blocks: Sequence[Pair], *, alpha_low: float, alpha_high: float) -> Interval | None:
    """The ratio of the totals with bounds that hold at all times at once; None below `MIN_LIVE_BLOCKS` blocks."""
    used = _with_data(blocks)
    if len(used) < MIN_LIVE_BLOCKS:
        return None
    ratio, spread = _ratio(used)
    k = len(used)
    return Interval(
        ratio,
        ratio - spread * _anytime_width(k, alpha_low),
        ratio + spread * _anytime_width(k, alpha_high),
        k,
    )


def fixed_interval(blocks: Sequence[Pair], *, alpha_low: float, alpha_high: float) -> Interval | None:
    """The ratio of the totals with bounds for a number of blocks fixed beforehand; None below `MIN_FIXED_BLOCKS`."""
    mean = mean_with_error(blocks)
    if mean is None:
        return None
    low, high = (float(stdtrit(mean.blocks - 1, 1 - alpha)) for alpha in (alpha_low, alpha_high))
    return Interval(mean.value, mean.value - mean.error * low, mean.value + mean.error * high, mean.blocks)


@dataclass(frozen=True)
class Mean:
    """A ratio of totals, its standard error, and the number of blocks that tell."""

    value: float
    error: float
    blocks: int


def mean_with_error(blocks: Sequence[Pair]) -> Mean | None:
    """The ratio of the totals of blocks fixed beforehand; None below `MIN_FIXED_BLOCKS`."""
    used = _with_data(blocks)
    if len(used) < MIN_FIXED_BLOCKS:
        return None
    ratio, spread = _ratio(used)
    return Mean(ratio, spread / math.sqrt(len(used)), len(used))


def _with_data(blocks: Sequence[Pair]) -> list[Pair]:
    return [block for block in blocks if block[1] > 0]


def _ratio(blocks: Sequence[Pair]) -> tuple[float, float]:
    """The ratio of the totals, and the standard deviation that one block contributes to it (linearised)."""
    k = len(blocks)
    total = math.fsum(denominator for _, denominator in blocks)
    ratio = math.fsum(numerator for numerator, _ in blocks) / total
    squares = math.fsum((numerator - ratio * denominator) ** 2 for numerator, denominator in blocks)
    return ratio, math.sqrt(squares / (k - 1)) / (total / k)


def _anytime_width(k: int, alpha: float) -> float:
    """Half-width after k blocks, in standard deviations of a block.

    The one-sided boundary of the cited paper with rho tuned for `_SHARPEST_AT` blocks. It takes the deviation as
    known; for the estimated one the normal quantile it stands for is replaced by Student's at the same probability,
    without which few blocks err up to three times as often as promised.
    """
    spread = -2 * math.log(2 * alpha)
    rho2 = (spread + math.log1p(spread)) / _SHARPEST_AT
    v = k * rho2 + 1
    z = math.sqrt(2 * v / (k * rho2) * math.log1p(math.sqrt(v) / (2 * alpha)))
    return -float(stdtrit(k - 1, ndtr(-z))) / math.sqrt(k)
