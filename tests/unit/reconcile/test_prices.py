"""Prices by machine: of what serves, of what was benchmarked, and unknown where the machine is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import OPTIONS, Operator
from tests.unit.reconcile.setting import budget, populated
from tollgate.api.budget import Stage
from tollgate.api.verdict import Reason
from tollgate.measure.cost import MachinePrices, PriceTable

COST = {"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "9USD"}
SPEC = {"objectives": [budget()["objectives"][0], COST], "tradeOffs": "Allow"}
TABLE = PriceTable(
    "USD",
    Decimal("0.03"),
    Decimal("0.004"),
    Decimal("0.95"),
    instance_types={"m6i.xlarge": MachinePrices(Decimal("0.3"), Decimal("0.04"))},
)


@pytest.fixture(autouse=True)
def prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPTIONS.tariffs, "prices", TABLE)


def observed(op: Operator) -> float:
    """The live cost, in USD; 0 until there is one."""
    found = next((r.observed for r in op.status.objectives if r.name == "cost"), "")
    return float(found.removesuffix("USD") or 0)


async def test_what_serves_costs_what_its_machines_do() -> None:
    costs = []
    for machine in ("node-1", "node-2"):
        world = populated(SPEC)
        for pod in [o for (plural, *_), o in world.objects.items() if plural == "pods"]:
            pod["spec"]["nodeName"] = machine
        op = Operator(world)
        await op.run(lambda op=op: observed(op) > 0)
        costs.append(observed(op))
    assert costs[1] == pytest.approx(10 * costs[0], rel=0.05)


async def test_a_candidate_costs_what_the_machines_it_was_measured_on_do() -> None:
    world = populated(SPEC)
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    world.schedules_on = "node-2"
    world.git_applies("v2", Behaviour())
    await op.run(Stage.CANARY)
    assert op.status.release is not None
    (dear,) = [r for r in op.status.release.benchmark_objectives if r.name == "cost"]
    world = populated(SPEC)
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    world.git_applies("v2", Behaviour())
    await op.run(Stage.CANARY)
    assert op.status.release is not None
    (cheap,) = [r for r in op.status.release.benchmark_objectives if r.name == "cost"]
    dear_usd, cheap_usd = (float(r.observed.removesuffix("USD")) for r in (dear, cheap))
    assert dear_usd == pytest.approx(10 * cheap_usd, rel=0.01)


async def test_a_machine_that_may_not_be_seen_makes_no_price() -> None:
    world = populated(SPEC)
    world.hidden.add("nodes")
    op = Operator(world)
    await op.run(lambda: any(r.reason is Reason.COST_UNKNOWN for r in op.status.objectives))
    (unknown,) = [r for r in op.status.objectives if r.name == "cost"]
    assert "let the operator read nodes" in unknown.message
