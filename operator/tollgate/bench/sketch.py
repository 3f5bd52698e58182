"""The distribution of times as a result holds it: logarithmic bins in a short text. Pure."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from tollgate.api.sketch import Sketch
from tollgate.api.transport import merge_pairs, write_bins

_GROWTH = 1.05
_SKETCH_SIZE = 2048  # characters of `Sketch.bins`


def sketch(latency: NDArray[np.float64]) -> Sketch:
    """The distribution of latencies, in seconds, in bins that grow by 5 %, or by more where the text would not fit."""
    microseconds = np.maximum(latency * 1e6, 1.0)
    index = np.ceil(np.log(microseconds) / math.log(_GROWTH) - 1e-9).astype(int)
    growth, bins = _GROWTH, dict(Counter(index.tolist()))
    while len(write_bins(bins)) > _SKETCH_SIZE:
        growth, bins = growth**2, merge_pairs(bins)
    return Sketch(growth=f"{growth:.6f}", bins=write_bins(bins))
