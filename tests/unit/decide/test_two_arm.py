from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tollgate.api.verdict import Reason, Verdict
from tollgate.decide.evidence import log_evidence
from tollgate.decide.levels import Levels
from tollgate.decide.two_arm import Segment, arms_evidence, judge_arms

LEVELS = Levels(0.01, 0.01)
MARGIN = 0.1


def verdict(*segments: Segment, margin: float = MARGIN) -> Verdict:
    return judge_arms(segments, margin, LEVELS).verdict


def test_it_is_the_test_of_counts_among_the_slow_requests_of_both() -> None:
    found = arms_evidence([Segment(1000, 30, 9000, 90)], MARGIN, 0.01)
    expected = log_evidence(120, 30, 0.11 / 1.01, 0.01)
    assert (found.breach, found.within) == pytest.approx((expected.breach, expected.within))


def test_verdicts() -> None:
    assert verdict(Segment(1000, 40, 9000, 90)) is Verdict.BREACH
    assert verdict(Segment(10_000, 20, 90_000, 900)) is Verdict.WITHIN
    alike = judge_arms([Segment(1000, 10, 9000, 90)], MARGIN, LEVELS)
    assert (alike.verdict, alike.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS)


def test_overload_of_both_is_no_breach_and_of_one_is() -> None:
    assert verdict(Segment(1000, 400, 9000, 3600)) is Verdict.INCONCLUSIVE
    assert verdict(Segment(1000, 400, 9000, 90)) is Verdict.BREACH


def test_segments_multiply() -> None:
    first, second = Segment(1000, 25, 9000, 90), Segment(5000, 85, 5000, 50)
    one, two = (arms_evidence([segment], MARGIN, 0.01) for segment in (first, second))
    both = arms_evidence([first, second], MARGIN, 0.01)
    assert (both.breach, both.within) == pytest.approx((one.breach + two.breach, one.within + two.within))
    assert verdict(first, second) is Verdict.BREACH
    assert verdict(first) is verdict(second) is Verdict.INCONCLUSIVE, "neither is enough alone"


def test_pooling_shares_would_deceive() -> None:
    """Both arms alike in each segment; under overload the canary had the lesser share."""
    quiet, overloaded = Segment(8000, 8, 8000, 8), Segment(500, 100, 9500, 1900)
    assert verdict(quiet, overloaded, margin=0.0) is Verdict.INCONCLUSIVE
    assert verdict(Segment(8500, 108, 17_500, 1908), margin=0.0) is Verdict.WITHIN


@pytest.mark.parametrize("silent", [Segment(0, 0, 900, 90), Segment(100, 90, 0, 0), Segment(0, 0, 0, 0)])
def test_one_arm_alone_says_nothing(silent: Segment) -> None:
    found = arms_evidence([silent], MARGIN, 0.01)
    assert (found.breach, found.within) == (0.0, 0.0)
    assert arms_evidence([], MARGIN, 0.01).breach == 0.0


@pytest.mark.parametrize(
    "wrong", [Segment(5, 6, 9, 0), Segment(5, 0, 9, 10), Segment(5, -1, 9, 0), Segment(5, math.nan, 9, 0)]
)
def test_impossible_counts_are_refused(wrong: Segment) -> None:
    with pytest.raises(ValueError, match="is not a count"):
        judge_arms([wrong], MARGIN, LEVELS)


@pytest.mark.parametrize("margin", [-1.0, math.nan, math.inf])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="a margin of"):
        judge_arms([Segment(5, 1, 9, 0)], margin, LEVELS)


def looks(
    rng: np.random.Generator, share: float, stable_slow: NDArray[np.float64], ratio: float, per_look: float
) -> Segment:
    """What each of many runs has counted by each look; by chance, so the share seen is never quite the one meant."""
    canary, stable = (rng.poisson(per_look * part, stable_slow.shape) for part in (share, 1 - share))
    canary_slow = rng.binomial(canary, np.minimum(1.0, ratio * stable_slow))
    slow = rng.binomial(stable, stable_slow)
    return Segment(*(count.cumsum(axis=1) for count in (canary, canary_slow, stable, slow)))


def ever(evidence: NDArray[np.float64], alpha: float) -> float:
    return float((evidence >= -math.log(alpha)).any(axis=1).mean())


@pytest.mark.parametrize(("per_look", "level"), [(20, 0.01), (20, 0.3), (300, 0.01)])
def test_hardly_ever_wrong_under_load_that_changes_for_both(per_look: float, level: float) -> None:
    """1,000 runs at the margin, 60 looks at a share of 10 % and 60 at 50 %, while the part that is slow wanders."""
    rng, alpha = np.random.default_rng(5), 0.05
    seen: list[Segment] = []
    wrong = np.zeros((2, 1000), bool)
    for share in (0.1, 0.5):
        load = np.exp(np.cumsum(rng.normal(0, 0.2, (1000, 60)), axis=1))
        now = looks(rng, share, np.clip(level * load, 0, 0.8), 1 + MARGIN, per_look)
        evidence = np.stack(arms_evidence([*seen, now], MARGIN, alpha))
        wrong |= (evidence >= -math.log(alpha)).any(axis=2)
        seen.append(Segment(*(np.asarray(count)[:, -1:] for count in now)))
    assert (wrong.mean(axis=1) > 0).all()
    assert (wrong.mean(axis=1) <= alpha).all()


def test_a_worse_and_a_better_canary_are_found() -> None:
    """Twice as slow, and half as slow, at 1 % and a share of a third: 300 runs of 40,000 requests."""
    rng = np.random.default_rng(6)
    slow = np.full((300, 40), 0.01)
    worse = arms_evidence([looks(rng, 0.3, slow, 2.0, 1000)], MARGIN, 0.01)
    better = arms_evidence([looks(rng, 0.3, slow, 0.5, 1000)], MARGIN, 0.01)
    assert ever(worse.breach, 0.01) > 0.95
    assert ever(worse.within, 0.01) == 0.0
    assert ever(better.within, 0.01) > 0.95
    assert ever(better.breach, 0.01) == 0.0
