"""When the approved baseline moves, and when it stays where it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.decide.objectives import ACCURACY, MEAN
from tollgate.api.comparison import Against, ComparisonResult, ObjectiveComparison, ParetoRelation
from tollgate.api.evidence import Judged, JudgedArm, JudgedPods
from tollgate.api.release import Approved, ApprovedBaseline, Release, Stage
from tollgate.api.signoff import SignedOff
from tollgate.api.verdict import Relation
from tollgate.decide.creep import next_baseline

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
BASE = ApprovedBaseline(revision="r3", benchmark="bench-3", since=NOW, release=3, reason="First")
LAST_GOOD = Approved(revision="r6", benchmark="bench-6", since=NOW, release=6)
NEW = Approved(revision="r7", benchmark="bench-7", since=NOW, release=7)
SIGNED = SignedOff.model_validate(
    {
        "name": "s",
        "uid": "u",
        "username": "alice",
        "verdict": "Accept",
        "justification": "x",
        "at": NOW,
        "digest": DIGEST,
    }
)


def against(
    what: Against, relation: ParetoRelation, mean: str = "1", accuracy: str = "1", *, comparable: bool = True
) -> ComparisonResult:
    """A comparison in which the ratios of the mean and of the accuracy are known exactly."""
    objectives = [
        ObjectiveComparison(name=name, relation=Relation.EQUAL, ratio=ratio, low=ratio, high=ratio)
        for name, ratio in (("mean", mean), ("quality", accuracy))
    ]
    return ComparisonResult(against=what, relation=relation, objectives=objectives if comparable else [])


EQUAL_STEP = against(Against.LAST_GOOD, ParetoRelation.EQUAL)
EQUAL_SINCE = against(Against.APPROVED, ParetoRelation.EQUAL)


def release(*comparisons: ComparisonResult, **fields: Any) -> Release:
    judged = Judged(
        budget_generation=1,
        confidence="0.95",
        objectives=[MEAN, ACCURACY],
        candidate=JudgedArm(benchmark="bench-7", digest=DIGEST),
        comparisons=list(comparisons),
        relation=ParetoRelation.EQUAL,
    )
    made = Release(
        number=7, revision="r7", stage=Stage.PROMOTING, since=NOW, started_at=NOW, benchmark="bench-7"
    )
    return made.model_copy(update={"judged": judged, **fields})


def moved(made: Release, last_good: Approved | None = LAST_GOOD) -> tuple[int, str]:
    """Release and reason of the baseline that follows BASE."""
    after = next_baseline(BASE, last_good, made, NEW)
    assert after is not None
    return after.release, after.reason


def test_candidate_on_another_machine_that_was_measured_in_turn_with_last_good_leaves_it() -> None:
    """Else each of ten small losses would be its own baseline where each release lands on other machines."""
    apart = release(EQUAL_STEP, against(Against.APPROVED, ParetoRelation.UNKNOWN, comparable=False))
    assert moved(apart) == (6, "MeasuredOtherwise")
    assert apart.judged is not None
    in_turn = apart.judged.model_copy(update={"paired": JudgedPods()})
    assert moved(apart.model_copy(update={"judged": in_turn})) == (3, "First")


def test_last_good_that_was_never_measured_alone_is_no_baseline() -> None:
    unmeasured = LAST_GOOD.model_copy(update={"benchmark": ""})
    assert moved(release(EQUAL_STEP), unmeasured) == (3, "First")


def test_first_release_that_is_measured_is_the_baseline() -> None:
    first = next_baseline(None, None, release(), NEW)
    assert first is not None
    assert (first.release, first.benchmark, first.reason) == (7, "bench-7", "First")


def test_what_was_not_measured_is_none() -> None:
    assert next_baseline(None, None, release(judged=None), NEW) is None
    assert next_baseline(BASE, LAST_GOOD, release(judged=None), NEW) == BASE


def test_equal_release_leaves_it_where_it_is() -> None:
    assert moved(release(EQUAL_STEP, EQUAL_SINCE)) == (3, "First")


def test_worse_release_that_was_let_through_leaves_it_where_it_is() -> None:
    since = against(Against.APPROVED, ParetoRelation.DOMINATED, mean="1.2")
    assert moved(release(EQUAL_STEP, since)) == (3, "First")


def test_better_release_is_the_new_one() -> None:
    since = against(Against.APPROVED, ParetoRelation.DOMINATES, mean="0.8", accuracy="1.01")
    assert moved(release(EQUAL_STEP, since)) == (7, "Dominates")


@pytest.mark.parametrize(("mean", "accuracy"), [("1.03", "1.2"), ("0.8", "0.97")])
def test_gain_that_costs_something_within_the_margin_does_not_move_it(mean: str, accuracy: str) -> None:
    """Else each gain would let the other objective slip by a margin more."""
    since = against(Against.APPROVED, ParetoRelation.DOMINATES, mean=mean, accuracy=accuracy)
    assert moved(release(EQUAL_STEP, since)) == (3, "First")


def test_last_good_that_is_the_baseline_is_compared_with_once() -> None:
    step = against(Against.LAST_GOOD, ParetoRelation.DOMINATES, mean="0.8")
    same = LAST_GOOD.model_copy(update={"benchmark": BASE.benchmark})
    assert moved(release(step), same) == (7, "Dominates")


def test_signed_loss_is_the_new_reference() -> None:
    since = against(Against.APPROVED, ParetoRelation.DOMINATED, mean="1.2")
    assert moved(release(EQUAL_STEP, since, sign_offs=[SIGNED])) == (7, "SignedOff")


def test_emergency_is_no_new_reference() -> None:
    """A breach that was let through once must not become what is normal."""
    assert moved(release(EQUAL_STEP, EQUAL_SINCE, sign_offs=[SIGNED], overrides=["tail"])) == (3, "First")


@pytest.mark.parametrize(
    "comparisons",
    [
        [EQUAL_STEP, against(Against.APPROVED, ParetoRelation.UNKNOWN, comparable=False)],
        [EQUAL_STEP],  # its Benchmark is gone
    ],
)
def test_baseline_that_nothing_is_measured_like_any_more_gives_way_to_last_good(
    comparisons: list[ComparisonResult],
) -> None:
    assert moved(release(*comparisons)) == (6, "MeasuredOtherwise")


def test_one_odd_measurement_does_not_move_it() -> None:
    """Neither can be compared with this release: the next one may be on the old hardware again."""
    odd = [
        against(what, ParetoRelation.UNKNOWN, comparable=False)
        for what in (Against.LAST_GOOD, Against.APPROVED)
    ]
    assert moved(release(*odd)) == (3, "First")
    assert moved(release()) == (3, "First")
