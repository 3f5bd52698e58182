"""Drift as the operator finds it: within every limit, said once, and over with a benchmark."""

from __future__ import annotations

from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tollgate.api.conditions import Condition, find_condition
from tollgate.ports import Object

TAIL = [{"name": "tail", "dimension": "Latency", "statistic": "P95", "max": "250ms"}]
BENCHMARK: Object = {
    "apiVersion": "tollgate.dev/v1alpha1",
    "kind": "Benchmark",
    "metadata": {"name": "digits-again", "namespace": "vision"},
    "spec": {"profileRef": {"name": "digits-steady"}, "target": {"name": "digits"}},
}


def drifted(op: Operator) -> Condition:
    found = find_condition(op.status.conditions, "Drifted")
    assert found is not None
    return found


async def serve(op: Operator, hours: float) -> None:
    """Time goes by, with an operator that restarts before each look."""
    for _ in range(int(hours * 240)):
        op.world.tick(15.0)
        op.restart()
        await op.pass_once()


async def test_a_drift_within_the_limit_is_said_once_and_is_over_with_a_benchmark() -> None:
    op = Operator(populated({"objectives": TAIL, "drift": {"referenceHours": 1}}))
    op.world.versions["v1"].live_slow = 0.01
    await op.run(lambda: bool(op.status.release and op.status.release.decision))
    await serve(op, 0.5)
    assert (drifted(op).status, drifted(op).reason) == ("Unknown", "Reference")
    await serve(op, 1)
    assert (drifted(op).status, drifted(op).reason) == ("False", "AsApproved")

    op.world.versions["v1"].live_slow = 0.03
    await serve(op, 1)
    assert (drifted(op).status, drifted(op).reason) == ("True", "DriftFound")
    assert "requests slower than 250ms at 16 to 32 requests a second and pod" in drifted(op).message
    within = find_condition(op.status.conditions, "WithinBudget")
    assert within is not None
    assert within.status == "True", "it keeps its limit, and nothing is rolled back"
    said = [reason for _, reason, _ in op.world.notices if reason == "DriftFound"]
    assert said == ["DriftFound"]

    op.world.put(BENCHMARK)
    await op.run(lambda: drifted(op).reason == "Reference")
    await serve(op, 2)
    assert drifted(op).reason == "AsApproved", "that is what is normal now"
