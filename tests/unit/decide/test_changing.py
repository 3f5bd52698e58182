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
from tollgate.api.conditions import Condition, find_condition
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
    assert said.startswith('when (night) replaced: {"window":{')
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


async def guarded(**fields: Any) -> Operator:
    """v1 serves under a budget whose limits people guard, and somebody loosens the tail."""
    world = populated({"changes": "RequireSignOff"} | fields)
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    edited(world, objectives=[TAIL | {"max": "400ms"}, *OTHERS])
    await op.run(lambda: op.status.proposal is not None and op.status.proposal.signable_since is not None)
    return op


def sign(op: Operator, person: str = "alice", name: str = "s1", **fields: Any) -> None:
    """A sign-off of the change."""
    assert op.status.proposal is not None
    proposal = op.status.proposal
    spec = {
        "budget": {"name": "digits"},
        "decision": {"name": proposal.record, "digest": proposal.digest},
        "verdict": "Accept",
        "approver": {"username": person},
        "justification": "The new phone is slower.",
        "accepts": [] if fields.get("verdict") == "Refuse" else ["tail"],
    }
    meta = {"name": name, "namespace": "vision"}
    kind = {"apiVersion": "tollgate.dev/v1alpha1", "kind": "EfficiencySignOff", "metadata": meta}
    op.world.put({**kind, "spec": spec | fields})


def pending(op: Operator) -> Condition | None:
    return find_condition(op.status.conditions, "ChangePending")


def limits_in_records(op: Operator) -> list[tuple[str, str]]:
    return [(record.action.value, record.policy.objectives[0].limit) for record in records(op.world)]


async def test_what_loosens_waits_for_people_and_the_limits_before_count() -> None:
    op = await guarded()
    told = pending(op)
    assert told is not None
    assert (told.status, told.reason) == ("True", "AwaitingSignOff")
    assert (
        "tail looser: p99 <= 250ms to p99 <= 400ms. The limits of generation 1 count until it is"
        in told.message
    )
    assert "To accept tail: tollgate approve digits-" in told.message
    op.world.git_applies("v2", Behaviour(bench_slow=0.05))
    await op.run(lambda: op.recorded(Stage.REJECTED))
    assert op.status.release is not None
    assert op.status.release.benchmark_objectives[0].limit == "250ms"
    sign(op)
    await op.run(lambda: len(records(op.world)) == 4)
    assert pending(op) is None
    assert limits_in_records(op) == [
        ("Adopted", "250ms"),
        ("BudgetChangeProposed", "250ms"),
        ("Rejected", "250ms"),
        ("BudgetChanged", "400ms"),
    ]
    assert [one.username for one in records(op.world)[-1].sign_offs] == ["alice"]
    op.world.git_applies("v3", Behaviour())
    await op.run(lambda: op.recorded(Stage.WATCHING) or op.stage is Stage.WATCHING)
    assert op.status.release is not None
    assert op.status.release.benchmark_objectives[0].limit == "400ms"


async def test_what_tightens_waits_for_nobody() -> None:
    world = populated({"changes": "RequireSignOff"})
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    edited(world, objectives=[TAIL | {"max": "200ms"}, *OTHERS])
    await op.run(lambda: len(records(world)) == 2)
    assert limits_in_records(op)[-1] == ("BudgetChanged", "200ms")
    assert pending(op) is None


async def test_a_change_that_is_taken_back_is_no_question_any_more() -> None:
    op = await guarded()
    edited(op.world, objectives=[TAIL, *OTHERS])
    await op.run(lambda: op.status.proposal is None)
    assert pending(op) is None
    assert limits_in_records(op) == [("Adopted", "250ms"), ("BudgetChangeProposed", "250ms")]


async def test_one_refusal_keeps_the_limits_until_the_budget_is_changed_again() -> None:
    op = await guarded()
    sign(op, verdict="Refuse")
    await op.run(lambda: bool(op.status.proposal and op.status.proposal.refused))
    await op.run(lambda: bool((told := pending(op)) and told.reason == "Refused"))
    sign(op, "bob", "s2")
    await op.run(lambda: True, passes=20)
    assert op.status.proposal is not None, "a refusal outweighs what comes after it"
    edited(op.world, objectives=[TAIL | {"max": "300ms"}, *OTHERS])
    await op.run(lambda: bool(op.status.proposal and not op.status.proposal.refused))
    assert "p99 <= 300ms" in op.status.proposal.changes[0].now


async def test_a_sign_off_of_another_proposal_does_not_count() -> None:
    op = await guarded()
    assert op.status.proposal is not None
    old = op.status.proposal
    edited(op.world, objectives=[TAIL | {"max": "9s"}, *OTHERS])
    await op.run(lambda: op.status.proposal is not None and op.status.proposal.record != old.record)
    sign(op, decision={"name": old.record, "digest": old.digest})
    await op.run(lambda: True, passes=20)
    assert op.status.proposal is not None
    assert op.status.declared is not None
    assert op.status.declared.objectives[0].limit == "250ms"


@pytest.mark.parametrize(
    "fields",
    [
        {"changes": "Allow"},
        {"approval": {"approvers": ["mallory"]}},
        {"confidence": "0.80"},
        {"objectives": OTHERS},
        {"adjustments": [adjustment(when=ALWAYS, tail="9s")]},
    ],
)
async def test_nobody_lets_themselves_off(fields: dict[str, Any]) -> None:
    op = await guarded(approval={"approvers": ["alice"]})
    edited(op.world, objectives=[TAIL | {"max": "400ms"}, *OTHERS])
    edited(op.world, **fields)
    await op.run(lambda: True, passes=10)
    sign(op, "mallory", accepts=["tail", "changes", "approval", "confidence", "night"])
    await op.run(lambda: True, passes=20)
    assert op.status.proposal is not None
    assert op.status.declared is not None
    assert [o.limit for o in op.status.declared.objectives] == ["250ms", "80ms", "0.95"]
    op.world.git_applies("v2", Behaviour(bench_slow=0.05))
    await op.run(lambda: op.recorded(Stage.REJECTED))


async def test_sign_offs_that_nothing_checks_do_not_count() -> None:
    world = populated({"changes": "RequireSignOff"})
    world.checks_approvers = False
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    edited(world, objectives=[TAIL | {"max": "400ms"}, *OTHERS])
    await op.run(lambda: op.status.proposal is not None)
    await op.run(lambda: bool((told := pending(op)) and told.reason == "ApproverUnchecked"))
    sign(op)
    await op.run(lambda: True, passes=30)
    assert op.status.proposal is not None
