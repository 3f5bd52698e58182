from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.unit.bench.plans import record
from tollgate.api.paired import PairedStage, TurnRatio
from tollgate.bench.pairs import compare_turns
from tollgate.bench.records import Outcome, StageRun

TURNS, SIZE = 10, 200


def arm(seed: int, factor: Any = 1.0, sigma: float = 0.2) -> list[StageRun]:
    """Turns of lognormal latencies around 50 ms, times a factor for all or for each turn."""
    rng = np.random.default_rng(seed)
    factors = np.broadcast_to(factor, TURNS)
    return [record(rng.lognormal(math.log(0.05 * f), sigma, SIZE)) for f in factors]


def compared(candidate: list[StageRun], baseline: list[StageRun], planned: int = TURNS) -> PairedStage:
    return compare_turns("steady", planned, candidate, baseline, [0.25])


def of(ratio: TurnRatio | None) -> tuple[float, float]:
    assert ratio is not None
    return float(ratio.value), float(ratio.below)


@pytest.mark.parametrize("quantity", ["mean", "p50", "p90", "p95"])
def test_ratio_is_that_of_the_arms(quantity: str) -> None:
    value, error = of(getattr(compared(arm(1, 1.2), arm(2)), quantity))
    assert abs(math.log(value / 1.2)) < 4 * error
    assert error < 0.06


def test_what_both_arms_met_alike_is_no_part_of_the_error() -> None:
    """The machine has half its speed from the middle on."""
    slow = np.repeat([1.0, 2.0], TURNS // 2)
    steady, swinging = compared(arm(1), arm(2)), compared(arm(1, slow), arm(2, slow))
    for quantity in ("mean", "p90"):
        (value, error), (_, at_rest) = (of(getattr(s, quantity)) for s in (swinging, steady))
        assert abs(math.log(value)) < 4 * error
        assert error < 5 * at_rest
    alone, _ = of(compared(arm(1, slow), arm(2)).mean)
    assert alone > 1.3, "that it would have been seen in one arm"


def test_ends_of_a_percentile_that_nothing_bounds_are_open() -> None:
    seen = compared(arm(1), arm(2))
    assert seen.p999 is not None
    assert seen.p999.above == ""
    assert float(seen.p999.below or "inf") > 0


def test_answers_and_failures_are_counted_pairwise() -> None:
    candidate, baseline = arm(1), arm(2)
    for turn, (mine, theirs) in enumerate(zip(candidate, baseline, strict=True)):
        mine.correct[:10] = False
        theirs.correct[5:11] = False
        mine.scored[-20:] = theirs.scored[-20:] = False
        mine.correct[-20:] = theirs.correct[-20:] = False
        theirs.outcome[turn] = Outcome.HTTP_5XX
    seen = compared(candidate, baseline)
    assert (seen.requests, seen.scored) == (TURNS * SIZE, TURNS * (SIZE - 20))
    assert (seen.only_candidate, seen.only_baseline) == (TURNS, 5 * TURNS)
    assert seen.both_correct == TURNS * (SIZE - 20 - 11)
    assert (seen.errors, seen.baseline_errors) == (0, TURNS)
    assert seen.error_clumping == seen.answer_clumping == "", "as even as can be"


def test_an_outage_in_one_turn_is_one_event() -> None:
    candidate = arm(1)
    candidate[3].outcome[:100] = Outcome.CONNECT
    candidate[3].correct[:100] = False
    seen = compared(candidate, arm(2))
    assert seen.errors == seen.only_baseline == 100
    assert float(seen.error_clumping) == float(seen.answer_clumping) == pytest.approx(100)


def test_turn_without_any_answer_has_no_mean() -> None:
    candidate = arm(1)
    candidate[3].outcome[:] = Outcome.TIMEOUT
    seen = compared(candidate, arm(2))
    assert seen.mean is None
    assert seen.rate is None
    assert seen.p99 is not None, "a failed request is as slow as the time-out"
    assert float(seen.p99.value) > 10


@pytest.mark.parametrize("done", [1, 2, 5, 8])
def test_turns_that_were_not_all_done_are_not_used(done: int) -> None:
    seen = compared(arm(1)[:done], arm(2)[:done])
    assert seen.unusable == (
        f"only {done} of 10 turns were done in the time there was: the pods were too slow"
    )
    assert seen.mean is None
    assert seen.turns == done


def test_load_generator_that_was_the_limit_is_named_with_the_arm() -> None:
    baseline = arm(2)
    for run in baseline:
        run.sent[:] = run.schedule.due + 0.5
    assert compared(arm(1), baseline).unusable.startswith(
        "the load generator was the limit in the turns of the baseline: "
    )
