"""What serves for hours: evidence is carried in the status from window to window; the operator remembers nothing."""

from __future__ import annotations

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.test_records import stored
from tollgate.api.budget import BudgetStatus, Stage
from tollgate.api.decision import DecisionSpec
from tollgate.api.verdict import ObjectiveResult, Verdict
from tollgate.decide.replay import replay

TAIL_ONLY = {"objectives": [{"name": "tail", "dimension": "Latency", "statistic": "P99", "max": "250ms"}]}


async def adopted() -> Operator:
    operator = Operator(populated({"confidence": "0.99", "rollback": {"watchSeconds": 86_400}, **TAIL_ONLY}))
    await operator.run(lambda: bool(operator.status.release and operator.status.release.decision))
    return operator


@pytest.fixture
async def op() -> Operator:
    return await adopted()


def tail(status: BudgetStatus) -> ObjectiveResult:
    return next(result for result in status.objectives if result.name == "tail")


async def serve(op: Operator, seconds: int, *, restarts: bool = True) -> list[BudgetStatus]:
    """Time goes by until a breach, with an operator that restarts before each look; the statuses as stored."""
    seen = []
    for _ in range(seconds // 15):
        op.world.tick(15.0)
        if restarts:
            op.restart()
        await op.pass_once()
        seen.append(op.status)
        if tail(op.status).verdict is Verdict.BREACH:
            break
    return seen


async def test_breach_after_hours_of_good_service_takes_a_few_scrapes(op: Operator) -> None:
    await serve(op, 2 * 3600)
    assert tail(op.status).verdict is Verdict.WITHIN
    detector = op.status.detector
    assert detector is not None
    assert detector.since == op.status.serving_since
    assert float(detector.given) < 0.001
    assert all(float(one.evidence) < float(detector.given) for one in detector.carried), "it served well"
    op.world.versions["v1"].live_slow = 0.2
    begun = op.world.time
    await serve(op, 600)
    assert tail(op.status).verdict is Verdict.BREACH
    assert (op.world.time - begun).total_seconds() <= 60
    assert tail(op.status).message.endswith("is called so by chance once in 99 days or rarer)")


async def test_restarts_change_nothing() -> None:
    """At three times the slow requests that are allowed, so that there is something to carry."""
    stories = []
    for restarts in (True, False):
        op = await adopted()
        op.world.traffic, op.world.versions["v1"].live_slow = 0.4, 0.03
        stories.append(await serve(op, 3600, restarts=restarts))
    assert stories[0] == stories[1]
    assert any(status.detector and status.detector.carried for status in stories[0])


async def test_record_of_a_roll_back_holds_what_the_evidence_began_with(op: Operator) -> None:
    op.world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    await serve(op, 3600)
    op.world.versions["v2"].live_slow = 0.2
    await op.run(Stage.ROLLED_BACK)
    await op.run(lambda: not op.status.unwritten)
    spec = DecisionSpec.model_validate(stored(op.world)[-1]["spec"])
    assert spec.live_evidence is not None
    assert spec.live_evidence.starts is not None
    (start,) = spec.live_evidence.starts
    assert (start.name, float(start.start) < 0.01) == ("tail", True)
    assert replay(spec).same
    start.start = "1e-20"
    assert [finding.now for finding in replay(spec).findings if not finding.same], (
        "another start, another verdict"
    )


async def test_detector_is_written_with_the_window_and_never_else(op: Operator) -> None:
    seen = await serve(op, 3600)
    windows = {status.serving_since for status in seen if status.detector is not None}
    detectors = {status.detector.model_dump_json() for status in seen if status.detector is not None}
    assert len(detectors) == len(windows) > 50
