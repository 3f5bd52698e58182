"""Prices of OpenCost: of what serves and of what is benchmarked, asked for when they are needed, and else unknown."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.reconcile import test_sweep as sweeps
from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import OPTIONS, Operator
from tests.unit.reconcile.setting import budget, populated
from tests.unit.reconcile.world import World
from tollgate.api.budget import Stage
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.measure.cost import OpenCost, PriceTable
from tollgate.ports import NODE

COST = {"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "9USD"}
SPEC = {"objectives": [budget()["objectives"][0], COST], "tradeOffs": "Allow"}
CORE, GIB = 0.04, 0.008


def costs(core: float = CORE, gib: float = GIB) -> dict[str, float]:
    """What OpenCost exports of a node with four cores, whose memory the fake node does not tell."""
    return {"node_cpu_hourly_cost": core, "node_ram_hourly_cost": gib, "node_total_hourly_cost": 4 * core}


@pytest.fixture(autouse=True)
def prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPTIONS.tariffs, "prices", OpenCost("USD", Decimal("0.0002")))


def opened() -> World:
    """A world in which OpenCost is scraped; the second node is ten times as dear."""
    made = populated(SPEC)
    made.node_costs = {"node-1": costs(), "node-2": costs(10 * CORE, 10 * GIB)}
    return made


@pytest.fixture
def world() -> World:
    return opened()


def live(op: Operator) -> ObjectiveResult:
    """The live result of the cost."""
    return next(r for r in op.status.objectives if r.name == "cost")


def known(op: Operator) -> bool:
    return any(r.name == "cost" and r.observed for r in op.status.objectives)


def unknown(op: Operator) -> bool:
    return any(r.reason is Reason.COST_UNKNOWN for r in op.status.objectives)


def usd(result: ObjectiveResult) -> float:
    return float(result.observed.removesuffix("USD"))


async def test_what_serves_costs_what_a_table_of_these_prices_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    op = Operator(world)
    await op.run(lambda: known(op))
    told = live(op)
    table = PriceTable("USD", Decimal(str(CORE)), Decimal(str(GIB)), Decimal(0))
    monkeypatch.setattr(OPTIONS.tariffs, "prices", table)
    op = Operator(populated(SPEC))
    await op.run(lambda: known(op))
    assert live(op) == told


async def test_what_serves_costs_what_its_nodes_do() -> None:
    seen = []
    for node in ("node-1", "node-2"):
        world = opened()
        for pod in [o for (plural, *_), o in world.objects.items() if plural == "pods"]:
            pod["spec"]["nodeName"] = node
        op = Operator(world)
        await op.run(lambda op=op: known(op))
        seen.append(usd(live(op)))
    assert seen[1] == pytest.approx(10 * seen[0], rel=0.05)


async def test_a_candidate_costs_what_its_nodes_do_and_last_good_the_same(world: World) -> None:
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    world.git_applies("v2", Behaviour())
    await op.run(Stage.PROMOTED)
    world.remove(NODE, "node-1", namespace="")  # no price of v2's nodes can be had any more
    world.schedules_on = "node-2"
    world.objects["nodes", "", "node-2"]["metadata"]["labels"]["node.kubernetes.io/instance-type"] = (
        "m5.xlarge"
    )
    world.git_applies("v3", Behaviour())
    await op.run(Stage.CANARY)
    release = op.status.release
    assert release is not None
    assert release.judged is not None
    assert release.judged.baseline is not None
    new, old = release.judged.candidate.cost, release.judged.baseline.cost
    assert new is not None
    assert new == old, "a price is no property of the version"
    assert Decimal(new.per_hour or 0) == Decimal("0.25") * Decimal("0.4") + Decimal("0.25") * Decimal("0.08")


async def test_a_node_without_a_price_makes_no_price(world: World) -> None:
    del world.node_costs["node-1"]["node_ram_hourly_cost"]
    op = Operator(world)
    await op.run(lambda: unknown(op))
    assert "Prometheus has no node_ram_hourly_cost of node node-1" in live(op).message


async def test_nodes_that_may_not_be_read_make_no_price(world: World) -> None:
    world.hidden.add("nodes")
    op = Operator(world)
    await op.run(lambda: unknown(op))
    assert "let it get nodes" in live(op).message


async def test_a_node_that_has_changed_is_looked_at_again(world: World) -> None:
    op = Operator(world)
    await op.run(lambda: known(op))
    world.objects["nodes", "", "node-1"]["status"]["capacity"]["cpu"] = "8"
    world.node_costs["node-1"]["node_total_hourly_cost"] = 8 * CORE
    await op.run(lambda: unknown(op))
    assert "its 4 cores" in live(op).message
    await op.run(lambda: known(op))


async def test_nothing_is_asked_where_no_cost_is_limited() -> None:
    world = populated({"objectives": [budget()["objectives"][0]]})
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    world.git_applies("v2", Behaviour())
    await op.run(Stage.PROMOTED)
    assert world.asked_opencost == 0


async def benchmarked(world: World) -> Operator:
    """A candidate whose benchmark is over, at a moment at which OpenCost does not know its node."""
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    world.node_costs["node-1"] = {}
    world.git_applies("v2", Behaviour())
    await op.run(lambda: "what it costs is not known yet" in waits_for(op))
    return op


def waits_for(op: Operator) -> str:
    return next((c.message for c in op.status.conditions if c.type == "Progressing"), "")


async def test_a_node_that_opencost_has_yet_to_see_is_waited_for(world: World) -> None:
    op = await benchmarked(world)
    assert op.stage is Stage.BENCHMARKING
    assert "no node_cpu_hourly_cost of node node-1" in waits_for(op)
    world.node_costs["node-1"] = costs()
    await op.run(Stage.CANARY)
    assert op.status.release is not None
    (cost,) = [r for r in op.status.release.benchmark_objectives if r.name == "cost"]
    assert cost.verdict is Verdict.WITHIN


async def test_a_price_that_does_not_come_is_not_waited_for_without_end(world: World) -> None:
    op = await benchmarked(world)
    began = world.time
    await op.run(lambda: op.status.release is not None and bool(op.status.release.benchmark_objectives))
    assert timedelta(seconds=50) < world.time - began < timedelta(seconds=65)
    assert op.status.release is not None
    (cost,) = [r for r in op.status.release.benchmark_objectives if r.name == "cost"]
    assert (cost.verdict, cost.reason) == (Verdict.INCONCLUSIVE, Reason.COST_UNKNOWN)


async def test_operating_points_cost_what_their_nodes_do(world: World) -> None:
    profile = world.objects["benchmarkprofiles", "", "digits-steady"]["spec"]
    profile["sweep"] = {"rates": ["40req/s", "80req/s"]}
    sweeps.ask(world)
    told = world.node_costs.pop("node-1")
    for _ in range(60):
        await sweeps.look(world)
        world.tick()
        if "what it costs is not known yet" in sweeps.status(world).conditions[0].message:
            break
    assert [point.phase for point in sweeps.status(world).operating_points] == ["Pending", "Pending"]
    world.node_costs["node-1"] = told
    for _ in range(60):
        await sweeps.look(world)
        world.tick()
    points = sweeps.status(world).operating_points
    assert [point.phase for point in points] == ["Measured", "Measured"]
    once, twice = (float(point.cost.removesuffix("USD")) for point in points)
    assert once == pytest.approx(2 * twice, rel=0.01), "the same pod at half the rate"
