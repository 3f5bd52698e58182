"""How far a simulation may stray from a promise by chance: an exact binomial test that fails once in a million."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

ONCE_IN_A_MILLION = 1e-6


def at_most(rate: float, happened: NDArray[np.bool_]) -> bool:
    """Is what happened, in so many independent runs, compatible with a probability of at most `rate`?"""
    return bool(binom.sf(happened.sum() - 1, happened.size, rate) > ONCE_IN_A_MILLION)


def at_least(rate: float, happened: NDArray[np.bool_]) -> bool:
    """The same for a probability of at least `rate`."""
    return bool(binom.cdf(happened.sum(), happened.size, rate) > ONCE_IN_A_MILLION)


def agree(rate: float, happened: NDArray[np.bool_]) -> bool:
    """The same for a probability that is known."""
    return at_most(rate, happened) and at_least(rate, happened)
