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
from tollgate.api.decision import DecisionSpec
from tollgate.decide.chain import read_link, walk
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
