"""Records against the fake world: whose chain they go on with, and what happens when one cannot be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.world import OPERATOR, World
from tollgate.api.budget import Stage
from tollgate.api.canonical import digest
from tollgate.api.conditions import Condition, find_condition
from tollgate.api.decision import DecisionSpec
from tollgate.decide.chain import read_link, walk
from tollgate.decide.record import MOST_UNWRITTEN
from tollgate.errors import Denied
from tollgate.ports import BUDGET, DECISION, Object


def stored(world: World) -> list[Object]:
    """The records as the API server has them, in order."""
    found = [o for (plural, _, _), o in world.objects.items() if plural == DECISION.plural]
    return sorted(found, key=lambda o: int(o["spec"]["sequence"]))


@pytest.fixture
async def op() -> Operator:
    operator = Operator(populated())
    await operator.run(lambda: operator.recorded(Stage.PROMOTED) or operator.status.last_record is not None)
    return operator


class Full(World):
    """A cluster that takes no more records."""

    refuses = False

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        if self.refuses and obj["kind"] == DECISION.kind:
            raise Denied(f"create {DECISION.kind}: exceeded quota")
        return await super().create(obj, dry_run=dry_run)


def refusing(op: Operator) -> Full:
    """The operator's world, from now on without room for records."""
    op.world.__class__ = Full
    assert isinstance(op.world, Full)
    op.world.refuses = True
    return op.world


async def test_a_record_says_who_decided_and_under_which_policy(op: Operator) -> None:
    (record,) = stored(op.world)
    spec = DecisionSpec.model_validate(record["spec"])
    assert spec.actor == OPERATOR
    assert spec.policy.objectives[0].limit == "250ms"
    assert spec.previous is None
    assert digest(spec.dump()) == digest(record["spec"])


async def test_a_new_budget_of_the_target_goes_on_with_the_chain(op: Operator) -> None:
    raw = op.world.objects[(BUDGET.plural, "vision", "digits")]
    op.world.remove(BUDGET, "digits")
    again: Mapping[str, Any] = {"name": "digits-again", "namespace": "vision"}
    op.world.put({key: raw[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": dict(again)})
    other = Operator(op.world, "digits-again")
    await other.run(lambda: other.status.last_record is not None)
    assert [record["spec"]["budget"]["name"] for record in stored(op.world)] == ["digits", "digits-again"]
    assert walk(map(read_link, stored(op.world)), other.status.last_record).faults == ()


async def test_what_cannot_be_recorded_is_done_and_recorded_when_it_can(op: Operator) -> None:
    world = refusing(op)
    world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    world.versions["v2"].live_slow = 0.3
    await op.run(lambda: world.serving() == {"v1": 2})
    assert [record.release for record in op.status.unwritten] == [2, 2], "promoted, rolled back"
    assert len(stored(world)) == 1

    world.refuses = False
    await op.run(lambda: not op.status.unwritten)
    assert [record["spec"]["action"] for record in stored(world)] == ["Adopted", "Promoted", "RolledBack"]
    assert walk(map(read_link, stored(world)), op.status.last_record).faults == ()


async def test_another_record_of_that_name_is_not_taken_for_ours(op: Operator) -> None:
    world = refusing(op)
    world.git_applies("v3", Behaviour(bench_slow=0.1))
    await op.run(Stage.REJECTED)
    (ours,) = op.status.unwritten
    forged = stored(world)[0] | {"metadata": {"name": ours.name, "namespace": "vision"}}
    forged["metadata"]["labels"] = {"tollgate.dev/target": "digits"}
    world.refuses = False
    world.put(forged)
    for _ in range(5):
        await op.pass_once()
    assert op.status.unwritten == [ours]

    world.remove(DECISION, ours.name)
    await op.run(lambda: not op.status.unwritten)
    assert digest(stored(world)[-1]["spec"]) == ours.digest


def ready(op: Operator) -> Condition:
    found = find_condition(op.status.conditions, "Ready")
    assert found is not None
    return found


async def test_a_record_that_is_refused_for_a_minute_is_said_to_be(op: Operator) -> None:
    world = refusing(op)
    world.git_applies("v3", Behaviour(bench_slow=0.1))
    await op.run(Stage.REJECTED)
    assert "does not take the record" not in ready(op).message
    world.tick(60)
    await op.pass_once()
    (waiting,) = op.status.unwritten
    assert ready(op).status == "True"
    assert f"does not take the record {waiting.name} (1 wait)" in ready(op).message
    assert "look for a quota or a policy in namespace vision" in ready(op).message


async def test_with_no_room_for_another_record_nothing_more_is_decided(op: Operator) -> None:
    world = refusing(op)
    world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    (waiting,) = op.status.unwritten
    others = [waiting.model_copy(update={"name": f"{waiting.name}-{n}"}) for n in range(1, MOST_UNWRITTEN)]
    stored_status = world.objects[(BUDGET.plural, "vision", "digits")]["status"]
    stored_status["unwritten"] = [record.dump() for record in (waiting, *others)]
    world.versions["v2"].live_slow = 0.3
    for _ in range(80):
        await op.pass_once()
        world.tick()
    assert op.stage is Stage.WATCHING
    assert (ready(op).status, ready(op).reason) == ("False", "RecordsRefused")

    stored_status = world.objects[(BUDGET.plural, "vision", "digits")]["status"]
    stored_status["unwritten"] = [waiting.dump()]
    world.refuses = False
    await op.run(Stage.ROLLED_BACK)
