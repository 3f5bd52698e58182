"""Retention against the fake world: what goes, what stays, and that a kill in between loses nothing."""

from __future__ import annotations

import copy

import pytest

from tests.unit.decide.chains import chain_of, head
from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import budget, populated
from tests.unit.reconcile.test_records import stored
from tests.unit.reconcile.world import World
from tollgate.api.budget import BudgetSpec, BudgetStatus, Stage
from tollgate.decide.chain import Chain, read_link, walk
from tollgate.decide.retention import retention_due
from tollgate.ports import DECISION

KEEP = 10
GATHERED = 12
"""Records of a former budget of the target. That of the new one is one more than is kept, and the slack of two."""


def seeded(missing: int = 0) -> tuple[World, Operator]:
    """A world with the records of a former budget, of which one may be missing."""
    world = populated({"records": {"keep": KEEP}})
    for record in chain_of(GATHERED):
        if record["spec"]["sequence"] != missing:
            world.put(record)
    return world, Operator(world)


def places(world: World) -> list[int]:
    return [record["spec"]["sequence"] for record in stored(world)]


def chain(world: World, op: Operator) -> Chain:
    return walk(map(read_link, stored(world)), op.status.last_record)


async def test_the_oldest_go_and_a_checkpoint_stands_for_them() -> None:
    world, op = seeded()
    await op.run(lambda: op.status.oldest_record > 1)
    checkpoint = stored(world)[-1]["spec"]
    assert checkpoint["action"] == "Checkpoint"
    assert checkpoint["checkpoint"] == {**head(chain_of(4)).dump(), "fault": ""}
    assert places(world) == list(range(5, 15)), "as many as are kept, the checkpoint among them"
    assert chain(world, op).faults == ()
    assert op.status.oldest_record == 5
    assert op.status.release is not None
    assert op.status.release.decision.endswith("1-adopted"), "a checkpoint decides nothing"


async def test_nothing_more_happens_until_a_tenth_more_has_gathered() -> None:
    world, op = seeded()
    await op.run(lambda: op.status.oldest_record > 1)
    world.writes.clear()
    for _ in range(5):
        await op.pass_once()
        world.tick()
    assert [write for write in world.writes if DECISION.kind in write] == []
    assert places(world) == list(range(5, 15))


@pytest.mark.parametrize(("keep", "most"), [(10, 12), (20, 22), (100, 110), (500, 550)])
def test_a_tenth_more_gathers_before_the_oldest_go(keep: int, most: int) -> None:
    spec = BudgetSpec.model_validate(budget(records={"keep": keep}))
    for oldest in (1, 7):
        for records, due in ((most, False), (most + 1, True)):
            last = head(chain_of(1)).model_copy(update={"sequence": oldest + records - 1})
            assert retention_due(spec, BudgetStatus(last_record=last, oldest_record=oldest)) is due


async def test_a_record_that_was_missing_stays_known_after_it_would_have_gone_anyway() -> None:
    world, op = seeded(missing=3)
    await op.run(lambda: op.status.oldest_record > 1)
    assert places(world) == list(range(5, 15))
    (fault,) = chain(world, op).faults
    assert fault.message.endswith("checkpoint-14) found: record 3 (digits-1f0a2-3-promoted) is missing")


async def test_the_next_checkpoint_hands_it_on() -> None:
    world, op = seeded(missing=3)
    await op.run(lambda: op.status.oldest_record > 1)
    for version in range(2, 16):
        world.git_applies(f"v{version}", Behaviour(bench_slow=0.1))
        await op.run(
            lambda image=f"digits:v{version}": (  # type: ignore[misc]
                op.recorded(Stage.REJECTED) and op.status.release.image == image  # type: ignore[union-attr]
            )
        )
    await op.run(lambda: op.status.oldest_record > 14)
    assert len(places(world)) <= KEEP + 2
    messages = {fault.message.partition(" found: ")[2] for fault in chain(world, op).faults}
    assert messages == {"record 3 (digits-1f0a2-3-promoted) is missing"}


@pytest.mark.parametrize("kill_after", range(1, 16))
async def test_killed_after_each_write(kill_after: int) -> None:
    world, op = seeded()
    world.writes.clear()
    world.kill_after = kill_after
    await op.run(lambda: op.status.oldest_record > 1)
    await op.run(lambda: op.status.release is not None and bool(op.status.release.decision))
    assert places(world) == list(range(5, 15))
    assert chain(world, op).faults == ()
    assert len([r for r in stored(world) if r["spec"]["action"] == "Checkpoint"]) == 1


async def test_without_its_checkpoint_nothing_is_deleted() -> None:
    """Somebody deletes the checkpoint before the old records are gone: another one is written first."""
    world, op = seeded()
    await op.run(lambda: any(r["spec"]["action"] == "Checkpoint" for r in stored(world)))
    checkpoint = stored(world)[-1]
    left = len(stored(world)) - 1
    world.remove(DECISION, checkpoint["metadata"]["name"])
    lost = copy.deepcopy(op.status.last_record)
    await op.run(lambda: op.status.last_record != lost)
    assert len(stored(world)) == left + 1
    assert [fault.sequence for fault in chain(world, op).faults] == [14], (
        "the one that was deleted is missing"
    )
