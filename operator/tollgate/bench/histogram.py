"""A histogram of times in logarithmic bins: small however many times there are, and exact to merge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tollgate.bench.sketch import bin_indices
from tollgate.measure.ranks import nearest

_GROWTH = 1.01  # from one bin to the next: a quantile is off by 1 % at most
_LEAST = 1e-6  # seconds: the first bin holds what is shorter, too
_BINS = 2100  # up to 1,180 s; the last holds what is longer


class TimeHistogram:
    """Counts of times, and their exact mean."""

    def __init__(self) -> None:
        self.counts = np.zeros(_BINS, np.int64)
        self.total = 0.0  # seconds, all together
        self.longest = 0.0

    def __len__(self) -> int:
        return int(self.counts.sum())

    def add(self, seconds: Sequence[float]) -> None:
        """Count these times."""
        if not len(seconds):
            return
        times = np.asarray(seconds)
        index = bin_indices(times / _LEAST, _GROWTH)
        np.add.at(self.counts, np.minimum(index, _BINS - 1), 1)
        self.total += float(times.sum())
        self.longest = max(self.longest, float(times.max()))

    growth = _GROWTH

    @property
    def bins(self) -> dict[int, int]:
        """Those that hold a time, as a `Sketch` numbers them."""
        return {int(index): int(self.counts[index]) for index in np.flatnonzero(self.counts)}

    def share_over(self, seconds: float) -> tuple[float, float]:
        """The least and the largest share of the times that can be over a limit: bins are not looked into."""
        if not len(self):
            return 0.0, 0.0
        upper = _LEAST * _GROWTH ** np.arange(_BINS)
        surely, maybe = self.counts[upper / _GROWTH >= seconds], self.counts[upper > seconds]
        return float(surely.sum()) / len(self), float(maybe.sum()) / len(self)

    def merge(self, other: TimeHistogram) -> None:
        """Count what the other has counted."""
        self.counts += other.counts
        self.total += other.total
        self.longest = max(self.longest, other.longest)

    def quantile(self, per_mille: int) -> float:
        """The upper end of the bin with the nearest-rank quantile, in seconds. There must be a time."""
        index = int(np.searchsorted(np.cumsum(self.counts), nearest(per_mille, len(self))))
        return min(_LEAST * _GROWTH**index, self.longest)
