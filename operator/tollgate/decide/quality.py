"""Quality beyond the share of right answers: F1, the calibration error and scores, with bounds that hold for every n.

Each bound is wrong with at most the probability asked for, if the scored requests are independent draws, as for an
accuracy. Nothing is approximated by a normal distribution.
"""

from __future__ import annotations

import math

from tollgate.api import units
from tollgate.api.benchmark import StageResult
from tollgate.api.objective import Metric, Objective
from tollgate.api.quality import BINS, SURE, ClassCount, QualityCounts
from tollgate.decide.certificate import proportion_interval

Bounds = tuple[float, float, float]
"""The value seen, and its lower and upper bound."""

NOT_SCORED = "no input has an expected output"
_NOT_COUNTED = (
    "was not counted: set {field} in the profile and measure again, with fewer stages if it did not fit"
)


def right_of(o: Objective, stage: StageResult) -> tuple[int, int] | str:
    """Scored requests, and how many of them are right (in time, where that is asked); or why nobody knows.

    In single-label classification each wrong answer is a false positive of one class and a false negative of another,
    so precision, recall and F1, counted over all classes at once (micro), are the accuracy.
    """
    if stage.scored == 0:
        return NOT_SCORED
    if o.within is None:
        return stage.scored, stage.correct
    within = units.parse_duration(o.within)
    found = next((c.correct for c in stage.over_limit if units.parse_duration(c.limit) == within), None)
    if found is None:
        return (
            f"right answers within {o.within} were not counted: measure again with this limit, with fewer stages if "
            "they did not fit"
        )
    return stage.scored, found


def f1(o: Objective, counts: QualityCounts | None, alpha_low: float, alpha_high: float) -> Bounds | str:
    """F1 of the positive class, or the mean over the classes (macro); or why nobody knows."""
    if o.metric is Metric.F1:
        if counts is None or counts.positive is None:
            return "the positive class " + _NOT_COUNTED.format(field="scoring.positive")
        classes = [counts.positive]
    else:
        if counts is None or not counts.classes:
            return "each class " + _NOT_COUNTED.format(field="scoring.classes")
        classes = counts.classes
    return macro_f1(classes, alpha_low, alpha_high)


def macro_f1(classes: list[ClassCount], alpha_low: float, alpha_high: float) -> Bounds:
    """The mean of the F1 of these classes, one or more.

    F1 = 2 tp / (2 tp + fp + fn) = 2 J / (1 + J), where J is the Jaccard index tp / (tp + fp + fn): a proportion of the
    requests that are expected or predicted to be of the class. Given their number it is binomial, so the bounds of one
    class are those of Clopper and Pearson (Biometrika 26, 1934), carried through a function that grows with J. Of
    several classes all bounds hold at once (Bonferroni), so their mean is bounded by the mean of the bounds: wider than
    the delta method's interval (K. Takahashi et al., Applied Intelligence 52, 2022), and right for few requests too.
    """
    values, lows, highs = [], [], []
    for one in classes:
        low, _ = proportion_interval(one.touched, one.correct, alpha_low / len(classes))
        _, high = proportion_interval(one.touched, one.correct, alpha_high / len(classes))
        values.append(_of_jaccard(one.correct / one.touched if one.touched else 0.0))
        lows.append(_of_jaccard(low))
        highs.append(_of_jaccard(high))
    return tuple(math.fsum(each) / len(classes) for each in (values, lows, highs))  # type: ignore[return-value]


def _of_jaccard(index: float) -> float:
    return 2 * index / (1 + index)


def calibration_error(counts: QualityCounts | None, alpha_low: float, alpha_high: float) -> Bounds | str:
    """The expected calibration error over ten bins of equal width, sum of |right - confidence| per answer and bin.

    (M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI 2015.) What is seen is too high: chance alone puts every bin off
    (A. Kumar, P. Liang, T. Ma, NeurIPS 2019), and it is shown as it is. The true error is the largest mean of
    s(bin) (right - confidence) over all signs s of the bins, that of the true signs. So

    - it is at most what is seen plus how far one mean, that of the true signs, may be off: what is seen is no less than
      that mean, so its bias is on the safe side;
    - it is at least what is seen less how far any of the 2^10 means may be off (a union bound): this pays for the bias.

    How far: by the empirical Bernstein bound for values between -1 and 1 (A. Maurer, M. Pontil, COLT 2009, theorem 4).
    Their sample variance is at most n / (n - 1) times the Brier score, whatever the signs. Errors that cancel within a
    bin are not seen: the calibration error without bins is no smaller.
    """
    if counts is None or not counts.confidence:
        return "the confidence " + _NOT_COUNTED.format(field="scoring.confidence")
    n = counts.sure
    if n == 0:
        return "no scored answer told its confidence"
    seen = sum(abs(b.correct * SURE - b.confidence) for b in counts.confidence) / SURE / n
    brier = counts.squared_error / SURE / n
    low = seen - _off(n, brier, math.log(2 / alpha_low) + BINS * math.log(2))
    high = seen + _off(n, brier, math.log(2 / alpha_high))
    return seen, max(0.0, low), min(1.0, high)


def mean_score(
    o: Objective, counts: QualityCounts | None, alpha_low: float, alpha_high: float
) -> Bounds | str:
    """The mean of a score between 0 and 1 over all requests; or why nobody knows.

    By the empirical Bernstein bound, as above, of values in an interval of length 1.
    """
    found = next((s for s in counts.scores if s.name == o.score), None) if counts is not None else None
    if found is None:
        return f"score {o.score} " + _NOT_COUNTED.format(field=f"scoring.scores with {o.score}")
    n = found.requests
    if n == 0:
        return "no request was sent"
    mean = found.total / SURE / n
    if n < 2:
        return mean, 0.0, 1.0
    variance = max(0.0, (found.squares / SURE - n * mean * mean) / (n - 1))

    def off(alpha: float) -> float:
        log = math.log(2 / alpha)
        return math.sqrt(2 * variance * log / n) + 7 * log / (3 * (n - 1))

    return mean, max(0.0, mean - off(alpha_low)), min(1.0, mean + off(alpha_high))


def _off(n: int, brier: float, log: float) -> float:
    """How far the mean of n values between -1 and 1 may be off, at a logarithm of 2 / alpha."""
    if n < 2:
        return 1.0
    return math.sqrt(2 * brier * log / (n - 1)) + 14 * log / (3 * (n - 1))
