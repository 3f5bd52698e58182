"""How often the bounds of F1 and of the calibration error are wrong, on simulated answers whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from tests.unit.bench.test_quality import ASKED
from tollgate.api.quality import SURE, ClassCount
from tollgate.bench.quality import count_quality
from tollgate.bench.records import StageRun
from tollgate.bench.schedule import Schedule
from tollgate.bench.told import Told
from tollgate.decide.quality import calibration_error, macro_f1

ALPHA = 0.05
TIMES = 2000
MOST_WRONG = int(binom.isf(1e-4, TIMES, ALPHA))
"""More wrong bounds than this would be seen once in 10,000 times, were each wrong with probability ALPHA."""


@pytest.mark.parametrize("requests", [30, 300])
@pytest.mark.parametrize(
    "joint",
    [
        [[0.45, 0.05], [0.05, 0.45]],
        [[0.90, 0.04], [0.03, 0.03]],  # a rare class
        [[0.3, 0.02, 0.01], [0.05, 0.3, 0.02], [0.1, 0.05, 0.15]],
    ],
)
def test_the_bounds_of_f1_hold(joint: list[list[float]], requests: int) -> None:
    """`joint` is the probability of each pair of expected and predicted class."""
    p = np.array(joint)
    rng = np.random.default_rng(requests)
    truth = float(np.mean(2 * p.diagonal() / (p.sum(axis=0) + p.sum(axis=1))))
    wrong = np.zeros(2)
    for counts in rng.multinomial(requests, p.ravel(), TIMES).reshape(TIMES, *p.shape):
        _, low, high = macro_f1(_classes(counts), ALPHA, ALPHA)
        wrong += low > truth, high < truth
    assert max(wrong) <= MOST_WRONG


def _classes(counts: Any) -> list[ClassCount]:
    sums = zip(counts.sum(axis=1), counts.sum(axis=0), counts.diagonal(), strict=True)
    return [
        ClassCount(label=str(i), expected=int(e), predicted=int(p), correct=int(c))
        for i, (e, p, c) in enumerate(sums)
    ]


@pytest.mark.parametrize("requests", [100, 1000])
@pytest.mark.parametrize("off", [0.0, 0.1])
@pytest.mark.parametrize("spread", [(20.0, 1.0), (1.0, 1.0)])
def test_the_bounds_of_the_calibration_error_hold(
    requests: int, off: float, spread: tuple[float, float]
) -> None:
    """Confidence is drawn, and an answer is right with that probability less `off`, from 0 to 1: the truth is known."""
    rng = np.random.default_rng(requests)
    truth = _true_error(rng.beta(*spread, 1_000_000), off)
    wrong, seen = np.zeros(2), 0.0
    for _ in range(TIMES // 4):
        sure = rng.beta(*spread, requests)
        found = calibration_error(
            _counted(sure, rng.random(requests) < np.clip(sure - off, 0, 1)), ALPHA, ALPHA
        )
        assert not isinstance(found, str)
        wrong += found[1] > truth + 1e-3, found[2] < truth - 1e-3  # the truth itself is drawn
        seen += found[0] / (TIMES // 4)
    assert max(wrong) <= binom.isf(1e-4, TIMES // 4, ALPHA)
    assert seen > truth  # what is seen is biased upwards, and the bounds allow for it


def _true_error(sure: Any, off: float) -> float:
    bin_of = np.minimum((sure * 10).astype(int), 9)
    gap = np.bincount(bin_of, np.clip(sure - off, 0, 1) - sure, 10)
    return float(np.abs(gap).sum() / len(sure))


def _counted(sure: Any, right: Any) -> Any:
    n = len(sure)
    run = StageRun(Schedule(np.arange(n) / 100, np.zeros(n, np.int64), n / 100), 10.0, np.ones(n, np.bool_))
    run.correct[:] = right
    run.told = Told(n, ASKED)
    run.told.confidence[:] = np.round(sure * SURE)
    return count_quality(run, np.ones(n, np.bool_))
