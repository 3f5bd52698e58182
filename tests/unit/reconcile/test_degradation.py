"""Steps of degradation: taken on a breach while serving, one at a time, and undone once all is well again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import budget, populated
from tests.unit.reconcile.test_records import stored
from tests.unit.reconcile.world import World
from tollgate.api.budget import BudgetSpec, Stage
from tollgate.api.conditions import Condition, find_condition
from tollgate.api.decision import Action, DecisionSpec
from tollgate.api.verdict import Reason, Verdict
from tollgate.decide.replay import replay
from tollgate.ports import Object

MAP = ("configmaps", "vision", "tuning")
SMALL = ("deployments", "vision", "small")
BACK = {"stepBack": {"afterSeconds": 30}, "settleSeconds": 20}
EXIT = {"name": "exit", "configMap": {"name": "tuning", "key": "threshold", "value": "0.2"}, **BACK}
STANDBY = {"name": "standby", "scale": {"name": "small", "replicas": 2, "takesTraffic": True}, **BACK}
SHED = {"name": "shed", "webhook": {"name": "shed-load"}, **BACK}
TAIL = [{"name": "tail", "dimension": "Latency", "statistic": "P99", "max": "250ms"}]


def world(*steps: dict[str, Any], **changes: Any) -> World:
    """One in which v1 serves, with a ConfigMap, a Deployment that stands by, and a budget with these steps."""
    then = changes.pop("then", "Rollback")
    degradation = {"steps": list(steps), "then": then}
    made = populated({"objectives": TAIL, "degradation": degradation, **changes})
    made.versions["small"] = Behaviour()
    made.put(
        {
            **_named("v1", "ConfigMap", "tuning"),
            "data": {"threshold": "0.8", "other": "kept"},
        }
    )
    template = {
        "metadata": {"labels": {"model": "small"}},
        "spec": {"containers": [{"name": "digits", "image": "digits:small", "resources": {}}]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": {"model": "small"}}, "template": template}
    made.put({**_named("apps/v1", "Deployment", "small"), "spec": spec})
    return made


def _named(api_version: str, kind: str, name: str) -> Object:
    labels = {"tollgate.dev/degradable": "true"}
    meta = {"name": name, "namespace": "vision", "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta}


async def adopted(made: World) -> Operator:
    op = Operator(made)
    await op.run(lambda: bool(op.status.release and op.status.release.decision))
    return op


def condition(op: Operator, kind: str) -> Condition:
    found = find_condition(op.status.conditions, kind)
    assert found is not None, kind
    return found


def names(op: Operator) -> list[str]:
    return op.status.degradation.names if op.status.degradation else []


def restored(op: Operator) -> bool:
    return not names(op) and not op.status.unwritten


def threshold(op: Operator) -> str | None:
    value: str | None = op.world.objects[MAP]["data"].get("threshold")
    return value


def hard(op: Operator, version: str = "v1") -> Callable[[], None]:
    """Inputs are hard: slow, unless the model exits early."""

    def follow() -> None:
        op.world.versions[version].live_slow = 0.001 if threshold(op) == "0.2" else 0.2

    return follow


def recorded(op: Operator) -> list[DecisionSpec]:
    return [DecisionSpec.model_validate(raw["spec"]) for raw in stored(op.world)]


async def test_a_breach_takes_a_step_which_is_undone_once_all_is_well() -> None:
    op = await adopted(world(EXIT))
    assert condition(op, "Fallback").reason == "StepsReady"
    assert condition(op, "Degraded").reason == "NotDegraded"
    each = hard(op)
    await op.run(lambda: threshold(op) == "0.2", each=each)
    assert op.world.objects[MAP]["data"] == {"threshold": "0.2", "other": "kept"}
    assert condition(op, "Degraded").reason == "StepTaken"
    assert "threshold of ConfigMap tuning from '0.8' to '0.2'" in condition(op, "Degraded").message
    await op.run(lambda: condition(op, "WithinBudget").reason == "Within", each=each)

    easy = lambda: setattr(op.world.versions["v1"], "live_slow", 0.001)  # noqa: E731
    await op.run(lambda: threshold(op) == "0.8", each=easy)
    await op.run(lambda: restored(op) and condition(op, "WithinBudget").reason == "Within", each=easy)
    assert op.world.objects[MAP]["data"] == {"threshold": "0.8", "other": "kept"}
    taken, undone = recorded(op)[-2:]
    assert (taken.action, taken.reason, str(taken.step)) == (
        Action.DEGRADED,
        "ServingBreach",
        "exit: threshold of ConfigMap tuning from '0.8' to '0.2'",
    )
    assert (undone.action, undone.reason) == (Action.RESTORED, "WithinBudget")
    assert (taken.degraded, undone.degraded) == ([], ["exit"])
    assert taken.live_objectives[0].verdict is Verdict.BREACH
    assert [finding.what for finding in replay(taken).findings] == ["live tail"]
    assert [reason for _, reason, _ in op.world.notices if reason in ("Degraded", "Restored")] == [
        "Degraded",
        "Restored",
    ]


async def test_a_breach_that_comes_back_makes_the_next_wait_twice_as_long() -> None:
    op = await adopted(world(EXIT))
    each, waits = hard(op), []
    for _ in range(3):
        await op.run(lambda: threshold(op) == "0.2", each=each)
        began = op.world.time
        await op.run(lambda: threshold(op) == "0.8", each=each)
        waits.append((op.world.time - began).total_seconds())
    assert waits[1] - waits[0] == pytest.approx(30, abs=10)
    assert waits[2] - waits[1] == pytest.approx(60, abs=10)


async def test_requests_of_before_a_step_shows_do_not_count() -> None:
    op = await adopted(world({**EXIT, "settleSeconds": 60}, STANDBY))
    slow_to_show = {"since": 0.0}

    def each() -> None:
        if threshold(op) == "0.2" and not slow_to_show["since"]:
            slow_to_show["since"] = op.world.time.timestamp()
        shows = slow_to_show["since"] and op.world.time.timestamp() - slow_to_show["since"] > 50
        op.world.versions["v1"].live_slow = 0.001 if shows else 0.2

    await op.run(lambda: condition(op, "Degraded").reason == "StepTaken", each=each)
    await op.run(lambda: condition(op, "WithinBudget").reason == "Within", each=each)
    assert names(op) == ["exit"]


async def test_steps_are_taken_in_order_and_undone_in_reverse() -> None:
    op = await adopted(world(EXIT, STANDBY, SHED))
    op.world.versions["v1"].live_slow = 0.2
    await op.run(lambda: names(op) == ["exit", "standby", "shed"])
    assert op.world.objects[SMALL]["spec"]["replicas"] == 2
    await op.run(lambda: op.world.serving() == {"v1": 2, "small": 2} and len(op.world.calls) == 1)
    about = {"step": "shed", "namespace": "vision", "budget": "digits", "target": "digits"}
    assert op.world.calls == [("shed-load", {"action": "Degrade", **about})]
    op.world.versions["v1"].live_slow = 0.0
    await op.run(lambda: restored(op))
    assert op.world.calls[1:] == [("shed-load", {"action": "Restore", **about})]
    assert op.world.objects[SMALL]["spec"]["replicas"] == 0
    assert op.world.serving() == {"v1": 2}
    assert threshold(op) == "0.8"
    steps = [(r.action, r.step.name) for r in recorded(op) if r.step is not None]
    assert steps == [
        *((Action.DEGRADED, name) for name in ("exit", "standby", "shed")),
        *((Action.RESTORED, name) for name in ("shed", "standby", "exit")),
    ]


async def test_pods_of_a_fallback_leave_the_service_before_it_is_scaled_back() -> None:
    op = await adopted(world(STANDBY))
    op.world.versions["v1"].live_slow = 0.2
    await op.run(lambda: op.world.serving().get("small") == 2)
    op.world.versions["v1"].live_slow = 0.0
    seen = []

    def each() -> None:
        seen.append((op.world.serving().get("small", 0), op.world.objects[SMALL]["spec"]["replicas"]))

    await op.run(lambda: restored(op), each=each)
    assert (0, 2) in seen, "they drain before they go"
    assert all(joined == 0 for joined, replicas in seen if replicas == 0)


@pytest.mark.parametrize("then", ["Rollback", "Hold"])
async def test_what_comes_after_the_last_step(then: str) -> None:
    op = await adopted(world(EXIT, then=then))
    op.world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    op.world.versions["v2"].live_slow = 0.2
    await op.run(lambda: names(op) == ["exit"])
    assert op.stage is Stage.WATCHING
    if then == "Rollback":
        await op.run(Stage.ROLLED_BACK)
        await op.run(lambda: op.world.serving() == {"v1": 2})
        await op.run(lambda: threshold(op) == "0.8")
    else:
        await op.run(lambda: condition(op, "WithinBudget").reason == "Breach")
        assert "spec.degradation.then is Hold" in condition(op, "WithinBudget").message
        for _ in range(100):
            await op.pass_once()
            op.world.tick()
        assert op.stage is Stage.WATCHING


async def up_and_down(kill_after: int | None = None) -> Operator:
    """Both steps taken and undone, quickly, with an operator that is killed after so many writes."""
    quick = {"stepBack": {"afterSeconds": 10}, "settleSeconds": 5}
    op = await adopted(world(EXIT | quick, STANDBY | quick))
    op.world.writes.clear()
    op.world.kill_after = kill_after
    op.world.versions["v1"].live_slow = 0.2
    await op.run(lambda: names(op) == ["exit", "standby"] and op.world.serving().get("small") == 2)
    op.world.versions["v1"].live_slow = 0.0
    await op.run(lambda: restored(op))
    return op


async def test_a_kill_between_writes_loses_no_value() -> None:
    writes = len((await up_and_down()).world.writes)
    assert writes > 20
    for after in range(1, writes, 3):
        op = await up_and_down(after)
        assert op.world.kill_after is None, "it was killed"
        assert threshold(op) == "0.8", after
        assert op.world.objects[SMALL]["spec"]["replicas"] == 0, after
        actions = [r.action for r in recorded(op) if r.step is not None]
        assert actions == [Action.DEGRADED] * 2 + [Action.RESTORED] * 2, after


async def test_what_others_have_set_meanwhile_is_theirs() -> None:
    op = await adopted(world(EXIT))
    each = hard(op)
    await op.run(
        lambda: condition(op, "WithinBudget").reason == "Within" and names(op) == ["exit"], each=each
    )
    op.world.objects[MAP]["data"]["threshold"] = "0.5"
    op.world.versions["v1"].live_slow = 0.0
    await op.pass_once()
    assert "somebody else has set it to '0.5'" in condition(op, "Degraded").message
    await op.run(lambda: restored(op))
    assert threshold(op) == "0.5"
    assert recorded(op)[-1].reason == "ChangedByOthers"


async def test_a_key_that_was_not_there_is_taken_away_again() -> None:
    made = world(EXIT)
    del made.objects[MAP]["data"]["threshold"]
    op = await adopted(made)
    op.world.versions["v1"].live_slow = 0.2
    await op.run(lambda: threshold(op) == "0.2")
    op.world.versions["v1"].live_slow = 0.0
    await op.run(lambda: restored(op))
    assert op.world.objects[MAP]["data"] == {"other": "kept"}


async def test_a_step_answers_the_breaches_it_is_for() -> None:
    other = [{"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "10s"}]
    op = await adopted(world({**EXIT, "objectives": ["mean"]}, STANDBY, objectives=TAIL + other))
    op.world.versions["v1"].live_slow = 0.2
    await op.run(lambda: bool(names(op)))
    assert names(op) == ["standby"]


async def test_no_step_back_before_the_load_has_gone() -> None:
    op = await adopted(world({**EXIT, "stepBack": {"afterSeconds": 30, "loadBelow": "30req/s"}}))
    op.world.versions["v1"].live_slow = 0.2
    await op.run(lambda: names(op) == ["exit"])
    op.world.versions["v1"].live_slow = 0.0
    for _ in range(400):
        await op.pass_once()
        op.world.tick()
    assert names(op) == ["exit"]
    assert "the load is below 30req/s" in condition(op, "Degraded").message
    op.world.traffic = 20.0
    await op.run(lambda: not names(op), passes=800)


async def test_a_cost_at_a_low_load_keeps_nothing_given_up() -> None:
    cost = {"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "0.00001USD"}
    op = await adopted(world(EXIT, objectives=[*TAIL, cost]))
    op.world.versions["v1"].live_slow = 0.2
    await op.run(lambda: names(op) == ["exit"])
    op.world.versions["v1"].live_slow = 0.0
    await op.run(lambda: restored(op))
    (said,) = [r.reason for r in op.status.objectives if r.name == "cost"]
    assert said is Reason.LOW_LOAD


async def test_steps_that_are_not_in_the_policy_any_more_are_undone() -> None:
    for change in ({"degradation": None}, {"mode": "Warn"}):
        op = await adopted(world(EXIT))
        op.world.versions["v1"].live_slow = 0.2
        await op.run(lambda op=op: threshold(op) == "0.2")
        raw = op.world.objects[("efficiencybudgets", "vision", "digits")]
        raw["spec"] = {k: v for k, v in {**raw["spec"], **change}.items() if v is not None}
        await op.run(lambda op=op: threshold(op) == "0.8" and not names(op))
        reasons = [r.reason for r in recorded(op) if r.step is not None]
        assert reasons == ["ServingBreach", "NotDeclared" if "degradation" in change else "NotEnforced"]


async def test_a_webhook_that_fails_is_called_again_and_holds_up_nothing() -> None:
    op = await adopted(world(SHED, EXIT))
    op.world.webhook_down = True
    op.world.versions["v1"].live_slow = 0.2
    await op.run(lambda: names(op) == ["shed", "exit"])
    op.world.webhook_down = False
    await op.run(lambda: len(op.world.calls) == 1)


async def test_without_steps_a_budget_is_told_that_it_has_no_fallback() -> None:
    op = await adopted(populated())
    assert condition(op, "Fallback").reason == "NoFallback"
    assert find_condition(op.status.conditions, "Degraded") is None


def _unlabelled(made: World) -> None:
    made.objects[MAP]["metadata"]["labels"] = {}


def _immutable(made: World) -> None:
    made.objects[MAP]["immutable"] = True


def _gone(made: World) -> None:
    del made.objects[MAP]


def _forbidden(made: World) -> None:
    made.may_patch_config_maps = False


def _hidden(made: World) -> None:
    made.hidden.add("configmaps")


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (_unlabelled, "label it tollgate.dev/degradable=true"),
        (_immutable, "is immutable"),
        (_gone, "there is no ConfigMap tuning: create it"),
        (_forbidden, "bind the ClusterRole tollgate-degradation"),
        (_hidden, "cannot be looked at: get ConfigMap tuning: forbidden"),
    ],
)
async def test_a_step_that_cannot_be_taken_is_said_and_skipped(
    break_it: Callable[[World], None], said: str
) -> None:
    made = world(EXIT, STANDBY)
    break_it(made)
    op = await adopted(made)
    assert condition(op, "Fallback").reason == "StepNotReady"
    assert said in condition(op, "Fallback").message
    op.world.versions["v1"].live_slow = 0.2
    await op.run(lambda: names(op) == ["standby"])


async def test_a_fallback_must_be_able_to_join_and_leave() -> None:
    made = world(STANDBY)
    made.objects[SMALL]["spec"]["template"]["metadata"]["labels"]["app"] = "small"
    op = await adopted(made)
    assert "pods of Deployment small have the label app themselves" in condition(op, "Fallback").message


async def test_an_unknown_webhook_is_said_with_those_that_are_known() -> None:
    op = await adopted(world({**SHED, "webhook": {"name": "nope"}}))
    assert "there is no webhook nope" in condition(op, "Fallback").message
    assert "(shed-load)" in condition(op, "Fallback").message


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"name": "nothing"}, "exactly one of configMap, scale and webhook"),
        ({**EXIT, "scale": {"name": "small", "replicas": 1}}, "exactly one of configMap, scale and webhook"),
        ({**EXIT, "objectives": ["nope"]}, "tail, mean, acc.*not 'nope'"),
        ({"name": "self", "scale": {"name": "digits", "replicas": 5}}, "another Deployment than the target"),
        ({**EXIT, "stepBack": {"loadBelow": "20"}}, "stepBack.loadBelow"),
    ],
)
def test_wrong_steps_are_refused(step: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BudgetSpec.model_validate(budget(degradation={"steps": [step]}))
