"""A candidate that is worse than last-good waits for people: who lets it go on, who stops it, what is void."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import budget, populated
from tests.unit.reconcile.world import APPROVER_REFUSAL, World
from tollgate.api import canonical
from tollgate.api.budget import BudgetStatus, Release, Stage, parse_budget
from tollgate.api.conditions import Condition, find_condition
from tollgate.api.decision import DecisionSpec
from tollgate.decide.replay import replay
from tollgate.decide.snapshot import Snapshot
from tollgate.errors import Denied
from tollgate.ports import DECISION, Object
from tollgate.reconcile.signing import ApproverProof

OBJECTIVES = budget()["objectives"]
OBJECTIVES[2] = OBJECTIVES[2] | {"maxRegression": "1%"}
QUICK = Behaviour(accuracy=0.97, mean=0.02)
ACCURATE = Behaviour(accuracy=0.999, mean=0.06)
SLOWER = Behaviour(accuracy=0.97, mean=0.06)
OVER_LIMIT = Behaviour(accuracy=0.97, mean=0.09, live_slow=0.001)


async def begun(version: str = "v3", behaviour: Behaviour = ACCURATE, **spec: Any) -> Operator:
    """v2 is last-good, with a benchmark; another version has come."""
    op = Operator(populated({"objectives": OBJECTIVES, **spec}))
    await op.run(lambda: op.stage is Stage.PROMOTED and bool(release(op).decision))
    op.world.git_applies("v2", QUICK)
    await op.run(lambda: op.stage is Stage.WATCHING and op.world.serving() == {"v2": 2})
    await op.run(lambda: ("deployments", "vision", "digits-candidate") not in op.world.objects)
    op.world.git_applies(version, behaviour)
    return op


async def waiting(behaviour: Behaviour = ACCURATE, **spec: Any) -> Operator:
    """The candidate v3 waits for people, and its record is written."""
    op = await begun(behaviour=behaviour, **spec)
    await op.run(lambda: asked(op))
    return op


def asked(op: Operator) -> bool:
    """Whether the record that people sign is written."""
    return op.stage is Stage.AWAITING_SIGN_OFF and "-awaitingsignoff" in release(op).decision


def release(op: Operator) -> Release:
    assert op.status.release is not None
    return op.status.release


def progressing(op: Operator) -> Condition:
    found = find_condition(op.status.conditions, "Progressing")
    assert found is not None
    return found


def record(world: World, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = world.objects[(DECISION.plural, "vision", name)]["spec"]
    return spec


def sign(op: Operator, person: str, name: str = "", **fields: Any) -> Object:
    """A sign-off of the record that is waited for."""
    decision = release(op).decision
    spec = {
        "budget": {"name": "digits"},
        "decision": {"name": decision, "digest": canonical.digest(record(op.world, decision))},
        "verdict": "Accept",
        "approver": {"username": person},
        "justification": "Accuracy is what we are paid for.",
        "accepts": [] if fields.get("verdict") == "Refuse" else ["mean"],
        **fields,
    }
    meta = {"name": name or f"sign-off-of-{person}", "namespace": "vision"}
    made = {"apiVersion": "tollgate.dev/v1alpha1", "kind": "EfficiencySignOff", "metadata": meta}
    return op.world.put({**made, "spec": spec})


async def passes(op: Operator, number: int) -> None:
    for _ in range(number):
        await op.pass_once()
        op.world.tick()


async def test_a_trade_off_waits_out_of_reach_and_says_how_to_answer() -> None:
    op = await waiting()
    await passes(op, 30)
    assert op.stage is Stage.AWAITING_SIGN_OFF
    assert op.world.serving() == {"v2": 2}
    assert ("deployments", "vision", "digits-candidate") in op.world.objects
    said = progressing(op)
    decision = release(op).decision
    assert (said.status, said.reason) == ("True", "AwaitingSignOff")
    for part in (
        "mean is worse, 60.",
        "acc is better, 0.999 against 0.97",
        f'tollgate approve {decision} -n vision -m "why"',
        canonical.digest(record(op.world, decision)),
        "0 of 1 sign-offs; whoever has the verb approve",
    ):
        assert part in said.message
    written = record(op.world, decision)
    assert (written["action"], written["reason"], written["stage"]) == (
        "AwaitingSignOff",
        "TradeOff",
        "Benchmarking",
    )
    assert written["approverChecked"] is True


async def test_who_signs_lets_it_go_on_and_is_named_on_record() -> None:
    op = await waiting()
    sign(op, "alice")
    await op.pass_once()
    assert release(op).stage is Stage.CANARY
    assert release(op).reason == "SignedOff"
    assert 'alice ("Accuracy is what we are paid for.")' in release(op).message
    await op.run(lambda: op.stage is Stage.WATCHING and op.world.serving() == {"v3": 2})
    await op.run(lambda: release(op).decision.endswith("-promoted"))
    (signed,) = record(op.world, release(op).decision)["signOffs"]
    assert (signed["username"], signed["accepts"]) == ("alice", ["mean"])
    assert signed["digest"] == canonical.digest(
        record(op.world, release(op).decision.replace("promoted", "awaitingsignoff"))
    )


@pytest.mark.parametrize(
    ("behaviour", "approval"), [(ACCURATE, {}), (OVER_LIMIT, {"mayOverrideBreach": True})]
)
async def test_what_was_asked_and_what_came_of_it_is_decided_again_from_the_records(
    behaviour: Behaviour, approval: dict[str, Any]
) -> None:
    op = await waiting(behaviour, approval=approval)
    asked_for = release(op).decision
    sign(op, "alice")
    await op.run(lambda: release(op).decision.endswith("-promoted"))
    for name, action in ((asked_for, "AwaitingSignOff"), (release(op).decision, "Promoted")):
        again = replay(DecisionSpec.model_validate(record(op.world, name)))
        assert [finding for finding in again.findings if not finding.same] == []
        assert again.findings[-1].now.startswith(action)


async def test_one_who_refuses_ends_it() -> None:
    op = await waiting()
    sign(op, "bob", verdict="Refuse", justification="Not before Christmas.")
    await op.pass_once()
    assert (release(op).stage, release(op).reason) == (Stage.REJECTED, "SignOffRefused")
    await op.run(lambda: op.recorded(Stage.REJECTED))
    written = record(op.world, release(op).decision)
    assert 'refused by bob ("Not before Christmas.")' in written["message"]
    assert [signed["verdict"] for signed in written["signOffs"]] == ["Refuse"]
    assert op.world.serving() == {"v2": 2}
    assert "v3" in [old.image.split(":")[1] for old in op.status.rejected]


async def test_two_different_people_where_two_are_required() -> None:
    op = await waiting(approval={"approvers": ["alice", "bob", "carol"], "required": 2})
    sign(op, "alice")
    await passes(op, 1)
    sign(op, "alice", name="again")
    sign(op, "mallory")
    await passes(op, 3)
    assert op.stage is Stage.AWAITING_SIGN_OFF
    said = progressing(op).message
    assert "1 of 2 sign-offs (alice); alice or bob or carol may sign" in said
    assert "again of alice does not count: alice has signed already" in said
    assert "sign-off-of-mallory of mallory does not count: mallory is not among" in said
    sign(op, "carol")
    await op.pass_once()
    assert release(op).stage is Stage.CANARY
    assert [signed.username for signed in release(op).sign_offs] == ["alice", "carol"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"accepts": ["acc"]}, "it does not accept mean"),
        ({"expiresAt": "2026-01-01T00:00:00Z"}, "it expired at"),
        ({"budget": {"name": "another"}}, ""),
    ],
)
async def test_what_does_not_count_lets_nothing_go_on(fields: dict[str, Any], why: str) -> None:
    op = await waiting()
    sign(op, "alice", **fields)
    await passes(op, 5)
    assert op.stage is Stage.AWAITING_SIGN_OFF
    assert why in progressing(op).message


async def test_a_newer_template_takes_its_place_and_the_old_sign_off_is_void() -> None:
    op = await waiting()
    first = release(op).decision
    spec = sign(op, "alice", accepts=["acc"])["spec"] | {"accepts": ["mean"]}
    op.world.git_applies("v4", ACCURATE)
    await op.run(lambda: release(op).number == 4 and asked(op))
    assert release(op).decision != first
    sign(op, "alice", name="late", decision=spec["decision"])
    await passes(op, 5)
    assert op.stage is Stage.AWAITING_SIGN_OFF
    assert f"late of alice does not count: it is about {first}" in progressing(op).message


async def test_other_objectives_have_it_measured_anew_and_the_sign_off_is_void() -> None:
    op = await waiting()
    first = release(op).decision
    raw = op.world.objects[("efficiencybudgets", "vision", "digits")]
    raw["spec"]["objectives"] = [OBJECTIVES[0], OBJECTIVES[1] | {"max": "75ms"}, OBJECTIVES[2]]
    sign(op, "alice")
    await op.pass_once()
    assert (release(op).stage, release(op).reason) == (Stage.BENCHMARKING, "MeasuredAnew")
    assert "the objectives have changed" in release(op).message
    await op.run(lambda: release(op).decision == f"{first}-2")
    await passes(op, 3)
    assert op.stage is Stage.AWAITING_SIGN_OFF
    assert record(op.world, release(op).decision)["policy"]["objectives"][1]["max"] == "75ms"
    sign(op, "alice", name="anew")
    await op.pass_once()
    assert release(op).stage is Stage.CANARY


async def test_other_approvers_do_not_void_the_measurement() -> None:
    op = await waiting(approval={"approvers": ["alice"]})
    sign(op, "bob")
    await passes(op, 2)
    assert op.stage is Stage.AWAITING_SIGN_OFF
    op.world.objects[("efficiencybudgets", "vision", "digits")]["spec"]["approval"] = {"approvers": ["bob"]}
    await op.pass_once()
    assert release(op).stage is Stage.CANARY


async def test_a_record_that_is_gone_has_it_measured_anew() -> None:
    op = await waiting()
    first = release(op).decision
    sign(op, "alice")
    op.world.remove(DECISION, first)
    await op.pass_once()
    assert release(op).stage is Stage.BENCHMARKING
    await op.run(lambda: release(op).decision == f"{first}-2")
    await passes(op, 3)
    assert op.stage is Stage.AWAITING_SIGN_OFF


async def test_a_record_that_was_changed_is_not_what_people_sign() -> None:
    op = await waiting()
    record(op.world, release(op).decision)["message"] = "Everything is better."
    sign(op, "alice")
    await op.pass_once()
    assert release(op).stage is Stage.BENCHMARKING
    assert "is not the one that was written" in release(op).message


async def test_while_names_are_not_checked_nobody_signs_for_anybody() -> None:
    op = await begun()
    op.world.checks_approvers = False
    op.restart()
    await op.run(lambda: asked(op))
    assert record(op.world, release(op).decision)["approverChecked"] is False
    sign(op, "alice")
    await passes(op, 5)
    assert op.stage is Stage.AWAITING_SIGN_OFF
    assert progressing(op).reason == "ApproverUnchecked"
    assert "approver.tollgate.dev" in progressing(op).message
    ready = find_condition(op.status.conditions, "Ready")
    assert ready is not None
    assert "Sign-offs would not count" in ready.message

    op.world.checks_approvers = True
    await passes(op, 30)
    assert op.stage is Stage.AWAITING_SIGN_OFF, "what was made before may be anybody's"
    assert "before the API server was seen to check who signs" in progressing(op).message
    sign(op, "alice", name="anew")
    await op.pass_once()
    assert release(op).stage is Stage.CANARY


async def test_the_policy_is_tried_now_and_then_and_not_each_time() -> None:
    op = await waiting()
    tried: list[Object] = []
    create = op.world.create

    async def counting(obj: Object, *, dry_run: bool = False) -> Object:
        if dry_run:
            tried.append(obj)
        return await create(obj, dry_run=dry_run)

    op.world.create = counting  # type: ignore[method-assign]
    await passes(op, 600)
    assert [obj["spec"]["approver"]["username"] for obj in tried] == ["tollgate:somebody-else"] * 2


async def test_a_policy_that_holds_elsewhere_is_no_proof() -> None:
    op = await waiting()
    tried: list[str] = []

    async def only_elsewhere(obj: Object, *, dry_run: bool = False) -> Object:
        tried.append(obj["metadata"]["namespace"])
        if tried[-1] != "vision":
            raise Denied(APPROVER_REFUSAL)
        return obj

    op.world.create = only_elsewhere  # type: ignore[method-assign]
    policy = parse_budget(op.world.objects[("efficiencybudgets", "vision", "digits")])
    here = Snapshot(op.world.now(), "vision", "digits", "u", 1, policy.spec, policy.status, target=None)
    proof = ApproverProof(op.world)
    assert await proof.holds(replace(here, namespace="hearing"))
    assert not await proof.holds(here)
    idle = BudgetStatus()
    assert await proof.holds(replace(here, namespace="hearing", status=idle))
    assert await proof.holds(replace(here, status=idle)), "where nobody is asked, one trial does for all"
    assert tried == ["hearing", "vision", "hearing"]


async def test_the_time_to_sign_is_over() -> None:
    op = await waiting(approval={"timeoutSeconds": 60})
    await passes(op, 50)
    assert op.stage is Stage.AWAITING_SIGN_OFF
    await passes(op, 20)
    assert (release(op).stage, release(op).reason) == (Stage.REJECTED, "SignOffTimedOut")


@pytest.mark.parametrize(
    ("says", "stage", "reason"),
    [
        ("Allow", Stage.CANARY, "BenchmarkPassed"),
        ("Forbid", Stage.REJECTED, "TradeOffForbidden"),
    ],
)
async def test_a_budget_that_asks_nobody_any_more_decides(says: str, stage: Stage, reason: str) -> None:
    op = await waiting()
    op.world.objects[("efficiencybudgets", "vision", "digits")]["spec"]["tradeOffs"] = says
    await op.pass_once()
    assert (release(op).stage, release(op).reason) == (stage, reason)


async def test_worse_in_one_thing_and_better_in_none_asks_too() -> None:
    op = await waiting(SLOWER)
    assert release(op).reason == "Dominated"


async def test_better_in_everything_asks_nobody() -> None:
    op = await begun(behaviour=Behaviour(accuracy=0.999, mean=0.01))
    await op.run(Stage.CANARY)
    assert release(op).reason == "BenchmarkPassed"
    assert release(op).sign_offs == []


async def test_a_mode_that_holds_nothing_ends_the_waiting() -> None:
    op = await waiting()
    op.world.objects[("efficiencybudgets", "vision", "digits")]["spec"]["mode"] = "Observe"
    await op.run(lambda: op.recorded(Stage.SUPERSEDED))


async def test_a_mode_that_holds_nothing_ends_a_canary_that_was_signed_off() -> None:
    op = await waiting()
    sign(op, "alice")
    await op.run(Stage.CANARY)
    op.world.objects[("efficiencybudgets", "vision", "digits")]["spec"]["mode"] = "Observe"
    await op.run(lambda: op.recorded(Stage.SUPERSEDED))


class TestOverride:
    """A breach that people may sign off."""

    async def test_without_leave_a_breach_is_a_breach(self) -> None:
        op = await begun(behaviour=OVER_LIMIT)
        await op.run(Stage.REJECTED)
        assert release(op).reason == "BenchmarkBreach"

    async def test_a_breach_is_signed_off_and_then_stops_nothing(self) -> None:
        op = await waiting(OVER_LIMIT, approval={"mayOverrideBreach": True})
        assert release(op).reason == "BenchmarkBreach"
        assert op.world.serving() == {"v2": 2}
        sign(op, "alice", justification="CVE-2026-1: the fix is slower.")
        await op.pass_once()
        assert (release(op).stage, release(op).reason) == (Stage.CANARY, "BreachOverridden")
        await op.run(lambda: op.stage is Stage.WATCHING and op.world.serving() == {"v3": 2})
        await op.run(
            lambda: (c := find_condition(op.status.conditions, "WithinBudget")) and c.status == "False"
        )
        await passes(op, 60)
        assert op.stage is Stage.WATCHING
        within = find_condition(op.status.conditions, "WithinBudget")
        assert within is not None
        assert 'Not rolled back: signed off by alice ("CVE-2026-1' in within.message
        promoted = record(op.world, release(op).decision)
        assert [signed["username"] for signed in promoted["signOffs"]] == ["alice"]

    async def test_another_breach_still_stops_it(self) -> None:
        slow_for_users = Behaviour(accuracy=0.97, mean=0.09, live_slow=0.3)
        op = await waiting(slow_for_users, approval={"mayOverrideBreach": True})
        sign(op, "alice")
        await op.run(Stage.REJECTED)
        assert release(op).reason == "CanaryBreach"
        assert "tail" in release(op).message

    async def test_leave_that_is_taken_back_refuses_it(self) -> None:
        op = await waiting(OVER_LIMIT, approval={"mayOverrideBreach": True})
        op.world.objects[("efficiencybudgets", "vision", "digits")]["spec"]["approval"] = {}
        await op.pass_once()
        assert (release(op).stage, release(op).reason) == (Stage.REJECTED, "BenchmarkBreach")
