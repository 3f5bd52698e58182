"""A benchmark that says too little is repeated: the confidence must hold over all its looks together.

Without dice: the counts are binomial, so what is left undecided after each look is carried on as a distribution.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from tests.simulation.benchmarks import measure
from tests.simulation.chance import at_most
from tests.unit.decide.objectives import objective
from tollgate.api.verdict import Verdict
from tollgate.decide.benchmark_verdict import benchmark_verdict
from tollgate.decide.certificate import judge_fixed
from tollgate.decide.compare import Arm
from tollgate.decide.levels import Levels, Looks

CASES = pytest.mark.parametrize(
    ("requests", "p0"), [(481, 0.01), (2_000, 0.01), (90, 0.05), (1_500, 0.05), (6_000, 0.001)]
)


def said(requests: int, p0: float, true: float, levels: list[Levels]) -> dict[Verdict, float]:
    """How likely each verdict is in as many benchmarks as there are levels, if a fraction `true` is slow."""
    undecided: NDArray[np.float64] = np.ones(1)
    found = dict.fromkeys(Verdict, 0.0)
    more = binom.pmf(np.arange(requests + 1), requests, true)
    for look, level in enumerate(levels, start=1):
        undecided = np.convolve(undecided, more)
        for slow in np.flatnonzero(undecided > 1e-15):
            verdict = judge_fixed(look * requests, int(slow), p0, level)
            if verdict is not Verdict.INCONCLUSIVE:
                found[verdict] += undecided[slow]
                undecided[slow] = 0.0
    found[Verdict.INCONCLUSIVE] = float(undecided.sum())
    return found


def spending(alpha: float, looks: int) -> list[Levels]:
    return [Looks(look, look).levels(alpha, 1) for look in range(1, looks + 1)]


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@CASES
def test_all_looks_together_err_no_more_often_than_promised(requests: int, p0: float, alpha: float) -> None:
    """At the limit itself, where errors are most likely; people may have asked for some of the eight looks."""
    chances = said(requests, p0, p0, spending(alpha, 8))
    assert chances[Verdict.WITHIN] <= alpha
    assert chances[Verdict.BREACH] <= alpha


@CASES
def test_with_all_of_alpha_at_each_look_they_would(requests: int, p0: float) -> None:
    chances = said(requests, p0, p0, [Levels(0.05, 0.05)] * 8)
    assert max(chances[Verdict.WITHIN], chances[Verdict.BREACH]) > 0.05


def test_repeating_settles_what_one_benchmark_leaves_open() -> None:
    """A model at half the limit, with a stage that certifies it one time in two or less."""
    once, thrice = (said(2_000, 0.01, 0.005, spending(0.01, looks)) for looks in (1, 3))
    assert once[Verdict.WITHIN] < 0.5
    assert thrice[Verdict.WITHIN] > 0.85


def test_whole_releases_err_no_more_often_than_promised() -> None:
    """The same through the gate's own verdict, on simulated servers: limits at the truth, three measurements."""
    judged = [
        objective("Quality", name="quality", metric="Accuracy", min="0.968"),
        objective("ErrorRate", name="errors", max="0.2%"),
    ]
    rng = np.random.default_rng(41)
    wrong = np.array([_first_verdicts(rng, judged) for _ in range(400)])
    for verdict in range(2):
        for number in range(len(judged)):
            assert at_most(0.05, wrong[:, number, verdict])


def _first_verdicts(rng: np.random.Generator, judged: list) -> list[list[bool]]:  # type: ignore[type-arg]
    """Of each objective, whether it was ever Within, and whether ever in Breach."""
    arms: list[Arm] = []
    seen = [set[Verdict]() for _ in judged]
    for look in range(1, 4):
        arms.append(Arm(measure(rng), None))
        results = benchmark_verdict(
            judged, arms[0], None, confidence=0.95, repeats=arms[1:], looks=Looks(look, look)
        ).objectives
        for verdicts, result in zip(seen, results, strict=True):
            verdicts.add(result.verdict)
    return [[Verdict.WITHIN in verdicts, Verdict.BREACH in verdicts] for verdicts in seen]
