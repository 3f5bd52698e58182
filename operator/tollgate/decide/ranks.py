"""Rank correlation: whether two series rise and fall together, whatever the law."""

from __future__ import annotations

import math
from collections.abc import Sequence


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's rho, ties having the mean of their ranks; None where one of them does not vary."""
    if len(one) != len(other):
        raise ValueError(f"{len(one)} and {len(other)} values are no pairs")
    a, b = _centred(one), _centred(other)
    size = math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))
    return None if size == 0 else math.fsum(x * y for x, y in zip(a, b, strict=True)) / size


def _centred(values: Sequence[float]) -> list[float]:
    """Ranks less their mean."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for place in range(first, last + 1):
            ranks[order[place]] = (first + last) / 2
        first = last + 1
    return [rank - (len(values) - 1) / 2 for rank in ranks]
