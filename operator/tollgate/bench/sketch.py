"""The distribution of times as a result holds it: logarithmic bins in a short text. Pure."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tollgate.api.sketch import Sketch
from tollgate.api.transport import merge_pairs, write_bins

_GROWTH = 1.05
_SKETCH_SIZE = 2048  # characters of `Sketch.bins`


def sketch(latency: NDArray[np.float64]) -> Sketch:
    """The distribution of latencies, in seconds, in bins that grow by 5 %, or by more where the text would not fit."""
    return sketch_of(dict(Counter(bin_indices(latency * 1e6, _GROWTH).tolist())), _GROWTH)


def sketch_of(bins: dict[int, int], growth: float) -> Sketch:
    """Bins of that growth, or of a coarser one where the text would not fit."""
    while len(write_bins(bins)) > _SKETCH_SIZE:
        growth, bins = growth**2, merge_pairs(bins)
    return Sketch(growth=f"{growth:.6f}", bins=write_bins(bins))


def bin_indices(microseconds: NDArray[Any], growth: float) -> NDArray[np.int64]:
    """The bin of each time, as a `Sketch` of that growth numbers them; the first holds what is shorter, too."""
    index: NDArray[np.float64] = np.ceil(np.log(np.maximum(microseconds, 1.0)) / math.log(growth) - 1e-9)
    return index.astype(np.int64)
