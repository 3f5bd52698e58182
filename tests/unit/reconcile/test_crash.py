"""The operator is killed right after each of its API writes; the end must be that of an undisturbed run."""

from __future__ import annotations

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.test_signing import asked, begun, release, sign
from tests.unit.reconcile.world import World
from tollgate.api.budget import Stage
from tollgate.decide.chain import read_link, walk

WRITES = 90
"""The undisturbed story has a few more; after each of these the operator is killed once."""


async def story(kill_after: int | None) -> tuple[World, Operator]:
    """v2 is promoted, degrades while it serves and is rolled back; v3 is refused by its benchmark."""
    world = populated()
    op = Operator(world)
    await op.run(Stage.PROMOTED)
    world.writes.clear()
    world.kill_after = kill_after
    world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    await op.run(lambda: world.serving() == {"v2": 2})
    world.versions["v2"].live_slow = 0.3
    await op.run(lambda: world.serving() == {"v1": 2})
    world.git_applies("v3", Behaviour(bench_slow=0.1))
    await op.run(Stage.REJECTED)
    await op.run(lambda: ("deployments", "vision", "digits-candidate") not in world.objects)
    await op.run(lambda: op.status.release is not None and bool(op.status.release.decision))
    return world, op


def outcome(world: World) -> dict[str, list[str]]:
    """What must be the same: the objects by kind and name, without what carries a generated name."""
    found: dict[str, list[str]] = {}
    for plural, _, name in sorted(world.objects):
        if plural in ("efficiencydecisions", "benchmarks", "jobs", "deployments", "efficiencybudgets"):
            found.setdefault(plural, []).append(name)
    return found


def the_chain_is_whole(world: World, op: Operator) -> None:
    """Every decision is on record once, in its place, and the budget knows the newest."""
    assert op.status.unwritten == []
    links = [read_link(o) for (plural, _, _), o in world.objects.items() if plural == "efficiencydecisions"]
    chain = walk(links, op.status.last_record)
    assert chain.faults == ()
    assert [link.ref.sequence for link in chain.links] == list(range(1, len(links) + 1))
    assert chain.links[-1].ref == op.status.last_record


UNDISTURBED: dict[str, dict[str, list[str]]] = {}


@pytest.mark.parametrize("kill_after", range(1, WRITES + 1))
async def test_killed_after_each_write(kill_after: int) -> None:
    if "outcome" not in UNDISTURBED:
        UNDISTURBED["outcome"] = outcome((await story(None))[0])
    world, op = await story(kill_after)
    assert world.kill_after is None, "the operator was killed"
    assert outcome(world) == UNDISTURBED["outcome"]
    assert world.serving() == {"v1": 2}
    assert op.stage is Stage.REJECTED
    assert len([r for r in op.status.rejected if r.rolled_back]) == 1, "exactly one roll-back"
    the_chain_is_whole(world, op)


SIGNED_WRITES = range(11, 36)
"""Of the story of a trade-off: from the result of its first benchmark until users meet it."""


async def signed_story(kill_after: int | None) -> Operator:
    """v3 is a trade-off: its objectives change while it waits, it is measured anew, signed off and promoted."""
    op = await begun()
    op.world.writes.clear()
    op.world.kill_after = kill_after
    await op.run(lambda: asked(op))
    first = release(op).decision
    budget = op.world.objects[("efficiencybudgets", "vision", "digits")]["spec"]
    budget["confidence"] = "0.96"
    await op.run(lambda: asked(op) and release(op).decision != first)
    sign(op, "alice")
    await op.run(lambda: op.world.serving() == {"v3": 2})
    await op.run(lambda: release(op).decision.endswith("-promoted"))
    await op.run(lambda: ("deployments", "vision", "digits-candidate") not in op.world.objects)
    return op


@pytest.mark.parametrize("kill_after", SIGNED_WRITES)
async def test_killed_after_each_write_of_a_trade_off(kill_after: int) -> None:
    if "signed" not in UNDISTURBED:
        UNDISTURBED["signed"] = outcome((await signed_story(None)).world)
    op = await signed_story(kill_after)
    assert op.world.kill_after is None, "the operator was killed"
    assert outcome(op.world) == UNDISTURBED["signed"]
    assert [signed.username for signed in release(op).sign_offs] == ["alice"]
    assert op.world.serving() == {"v3": 2}
    the_chain_is_whole(op.world, op)
