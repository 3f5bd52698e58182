"""Live counts to an interval of the fraction that is slow, right at all times at once.

A confidence sequence: the fractions that the test of `decide.evidence` would not call false if they were the limit. So
the lower end is above a limit where the counts are a Breach of it, and the upper end below it where they are Within.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from tollgate.decide.beta_tail import Array
from tollgate.decide.evidence import log_evidence
from tollgate.decide.levels import Levels

_FARTHEST = 30.0
"""Fractions are looked for between 1e-13 and 1 - 1e-13; these are their logits."""

_GRID = np.linspace(0, 1, 33)
_ROUNDS = 4
"""The interval is wider than it need be by less than a part in 10,000 of its ends."""


def proportion_sequence(n: ArrayLike, low: ArrayLike, high: ArrayLike, levels: Levels) -> tuple[Array, Array]:
    """Bounds of the fraction, where between `low` and `high` of `n` > 0 requests were slow; elementwise.

    The lower end is ever above the true fraction with probability at most `levels.breach`, the upper one ever below it
    with probability at most `levels.within`; in between requests are slow as `decide.evidence` supposes.
    """
    n = np.asarray(n, dtype=float)[..., None, None]
    counts = np.stack(np.broadcast_arrays(low, high), axis=-1)[
        ..., None
    ]  # the last two axes: end, fraction tried
    alphas = np.array(((levels.breach,), (levels.within,)))
    outer = np.broadcast_to(
        np.array(((-_FARTHEST,), (_FARTHEST,))), counts.shape
    )  # ruled out, or the end of all
    with np.errstate(divide="ignore"):
        inner = np.clip(logit(counts / n), -_FARTHEST, _FARTHEST)
    for _ in range(_ROUNDS):
        tried = outer + (inner - outer) * _GRID
        evidence = log_evidence(n, counts, expit(tried), alphas)
        against = np.stack((evidence.breach[..., 0, :], evidence.within[..., 1, :]), axis=-2)
        first = np.maximum(1, (against >= -np.log(alphas)).argmin(axis=-1))[..., None]
        outer, inner = np.take_along_axis(tried, first - 1, -1), np.take_along_axis(tried, first, -1)
    ends = np.where(np.abs(outer) < _FARTHEST, expit(outer), outer > 0)[..., 0]
    return ends[..., 0], ends[..., 1]
