"""A change of limits goes on record, with what it changed and whether that loosens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.decide.test_adjusting import ALWAYS, NIGHT, adjustment
from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import budget, populated
from tests.unit.reconcile.world import World
from tollgate.api.budget import BudgetSpec, Stage
from tollgate.api.decision import Action, DecisionSpec
from tollgate.decide.changes import declared, limit_changes

TAIL, *OTHERS = budget()["objectives"]


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    before, after = (declared(BudgetSpec.model_validate(budget(**fields))) for fields in (old, new))
    return [str(change) for change in limit_changes(before, after)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {"confidence": "0.99"}, ["confidence tighter: 0.95 to 0.99"]),
        ({}, {"adjustments": [adjustment()]}, ["tail (night) looser: p99 <= 250ms to p99 <= 400ms"]),
        (
            {},
            {"adjustments": [adjustment(tail="0.1s")]},
            ["tail (night) tighter: p99 <= 250ms to p99 <= 0.1s"],
        ),
        (
            {"adjustments": [adjustment()]},
            {"adjustments": [adjustment(tail="1s")]},
            ["tail (night) looser: p99 <= 400ms to p99 <= 1s"],
        ),
        (
            {"adjustments": [adjustment(tail="1s")]},
            {},
            ["tail (night) tighter: p99 <= 1s to p99 <= 250ms"],
        ),
        ({"reviewBy": "2027-01-01"}, {"mode": "Warn"}, []),
    ],
)
def test_limits_of_all_sorts_are_compared(old: dict[str, Any], new: dict[str, Any], said: list[str]) -> None:
    assert differences(old, new) == said


def test_when_an_adjustment_counts_cannot_be_compared() -> None:
    (said,) = differences({"adjustments": [adjustment()]}, {"adjustments": [adjustment(when=ALWAYS)]})
    assert said.startswith('when of night replaced: {"window":{')
    assert NIGHT["window"]["timeZone"] in said


def edited(world: World, **changes: Any) -> None:
    """Somebody applies the budget with other fields."""
    raw = world.objects[("efficiencybudgets", "vision", "digits")]
    raw["spec"] |= changes
    raw["metadata"]["generation"] += 1


def records(world: World) -> list[DecisionSpec]:
    raws = [raw for (plural, *_), raw in world.objects.items() if plural == "efficiencydecisions"]
    return sorted((DecisionSpec.model_validate(raw["spec"]) for raw in raws), key=lambda one: one.sequence)


async def test_a_change_is_on_record_in_the_chain_and_said_once() -> None:
    world = populated()
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    edited(world, objectives=[TAIL | {"max": "400ms"}, *OTHERS], confidence="0.99")
    await op.run(lambda: len(records(world)) == 2)
    adopted, changed = records(world)
    assert (changed.action, changed.reason, changed.release) == (Action.BUDGET_CHANGED, "Loosened", 0)
    assert [(c.name, c.kind.value, c.was, c.now) for c in changed.changes] == [
        ("tail", "Looser", "p99 <= 250ms", "p99 <= 400ms"),
        ("confidence", "Tighter", "0.95", "0.99"),
    ]
    assert changed.message == "tail looser: p99 <= 250ms to p99 <= 400ms; confidence tighter: 0.95 to 0.99"
    assert changed.previous is not None
    assert changed.previous.digest == op.status.last_record.digest or changed.sequence == adopted.sequence + 1
    edited(world, mode="Enforce", reviewBy="2030-01-01")
    await op.run(lambda: True, passes=20)
    world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    await op.run(lambda: len(records(world)) == 3)
    assert [record.action.value for record in records(world)] == ["Adopted", "BudgetChanged", "Promoted"]
    assert [reason for _, reason, _ in world.notices if reason.startswith("Limits")] == ["LimitsLoosened"]


async def test_a_tighter_limit_is_said_as_that() -> None:
    world = populated()
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    edited(world, objectives=[TAIL | {"max": "200ms"}, *OTHERS])
    await op.run(lambda: len(records(world)) == 2)
    assert records(world)[-1].reason == "Tightened"


async def test_limits_that_differ_by_the_hour_are_no_change_of_the_budget() -> None:
    world = populated({"adjustments": [adjustment(when=ALWAYS)]})
    op = Operator(world)
    await op.run(lambda: bool(op.status.adjustments) and op.status.adjustments[0].in_force)
    await op.run(lambda: True, passes=20)
    assert [record.action.value for record in records(world)] == ["Adopted"]
