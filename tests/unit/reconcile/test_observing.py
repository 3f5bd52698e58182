"""The modes Observe and Warn against the fake world: everything rolls out, is judged, and is put on record."""

from __future__ import annotations

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.world import World
from tollgate.api.budget import Stage
from tollgate.api.decision import DecisionSpec

GOOD = Behaviour()
SLOW = Behaviour(live_slow=0.2)


def records(world: World) -> list[DecisionSpec]:
    found = [o["spec"] for (plural, _, _), o in world.objects.items() if plural == "efficiencydecisions"]
    return sorted((DecisionSpec.model_validate(spec) for spec in found), key=lambda spec: spec.decided_at)


def told(world: World) -> list[tuple[str, str]]:
    return [(action.action.value, action.image) for action in records(world)]


def warnings(world: World) -> list[str]:
    return [message for type_, reason, message in world.notices if (type_, reason) == ("Warning", "Breach")]


def change(op: Operator, **spec: object) -> None:
    stored = op.world.objects[("efficiencybudgets", "vision", "digits")]
    stored["spec"] |= spec
    stored["metadata"]["generation"] += 1


@pytest.fixture(params=["Observe", "Warn"])
async def op(request: pytest.FixtureRequest) -> Operator:
    operator = Operator(populated({"mode": request.param}))
    await operator.run(lambda: operator.recorded(Stage.OBSERVED))
    return operator


def nothing_is_held(op: Operator) -> None:
    target = op.world.objects[("deployments", "vision", "digits")]
    assert "tollgate.dev/governed" not in (target["metadata"].get("labels") or {})
    assert not target["spec"].get("paused")
    assert ("deployments", "vision", "digits-candidate") not in op.world.objects


async def test_what_serves_is_judged_and_put_on_record(op: Operator) -> None:
    assert told(op.world) == [("Observed", "digits:v1")]
    tail = next(result for result in records(op.world)[0].live_objectives if result.name == "tail")
    assert tail.requests
    assert warnings(op.world) == []
    nothing_is_held(op)


async def test_bad_version_rolls_out_and_its_breach_is_on_record(op: Operator) -> None:
    op.world.git_applies("v4", SLOW)
    await op.run(lambda: op.recorded(Stage.BREACHED), each=lambda: nothing_is_held(op))
    assert op.world.serving() == {"v4": 2}
    assert told(op.world) == [("Observed", "digits:v1"), ("Breached", "digits:v4")]
    within = next(c for c in op.status.conditions if c.type == "WithinBudget")
    assert within.status == "False"
    warns = mode_of(op) == "Warn"
    assert [message.split(":")[0] for message in warnings(op.world)] == (["tail"] if warns else [])


def mode_of(op: Operator) -> str:
    return str(op.world.objects[("efficiencybudgets", "vision", "digits")]["spec"]["mode"])


async def test_what_degrades_while_it_serves_is_recorded_once_more(op: Operator) -> None:
    op.world.versions["v1"].live_slow = 0.3
    await op.run(lambda: op.recorded(Stage.BREACHED))
    for _ in range(40):
        await op.pass_once()
        op.world.tick()
    assert told(op.world) == [("Observed", "digits:v1"), ("Breached", "digits:v1")]
    assert len(warnings(op.world)) == (1 if mode_of(op) == "Warn" else 0), "said once, not at each look"


async def test_enforced_later_it_adopts_what_serves_and_gates_the_next(op: Operator) -> None:
    op.world.git_applies("v2", GOOD)
    await op.run(lambda: op.recorded(Stage.OBSERVED) and op.world.serving() == {"v2": 2})
    change(op, mode="Enforce")
    await op.run(lambda: told(op.world)[-1] == ("Adopted", "digits:v2"))
    op.world.git_applies("v3", Behaviour(bench_slow=0.08))
    await op.run(lambda: op.recorded(Stage.REJECTED))
    assert op.world.serving() == {"v2": 2}


async def test_enforced_while_it_is_still_being_observed() -> None:
    op = Operator(populated({"mode": "Observe"}))
    await op.run(Stage.OBSERVING)
    change(op, mode="Enforce")
    await op.run(lambda: told(op.world) == [("Superseded", "digits:v1"), ("Adopted", "digits:v1")])


@pytest.mark.parametrize("mode", ["Observe", "Warn"])
async def test_a_release_in_the_gate_is_let_go_and_recorded_as_superseded(mode: str) -> None:
    op = Operator(populated())
    await op.run(lambda: told(op.world) == [("Adopted", "digits:v1")])
    op.world.git_applies("v2", GOOD)
    await op.run(Stage.BENCHMARKING)
    change(op, mode=mode)
    await op.run(lambda: op.recorded(Stage.OBSERVED))
    assert told(op.world) == [
        ("Adopted", "digits:v1"),
        ("Superseded", "digits:v2"),
        ("Observed", "digits:v2"),
    ]
    assert op.world.serving() == {"v2": 2}
    nothing_is_held(op)


async def test_no_data_is_neither_observed_nor_breached() -> None:
    op = Operator(populated({"mode": "Warn"}))
    op.world.prometheus_down = True
    for _ in range(60):
        await op.pass_once()
        op.world.tick()
    assert op.stage is Stage.OBSERVING
    assert records(op.world) == []
    assert warnings(op.world) == []


async def test_nothing_is_written_at_rest(op: Operator) -> None:
    for _ in range(30):
        await op.pass_once()
        op.world.tick()
    before = len(op.world.writes)
    for _ in range(20):
        await op.pass_once()
    assert op.world.writes[before:] == []
