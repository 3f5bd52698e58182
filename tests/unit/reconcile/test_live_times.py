"""A series of the queue is asked for beside that of the latencies, and its breach is acted on and on record."""

from __future__ import annotations

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.test_records import stored
from tollgate.api.budget import Stage
from tollgate.api.conditions import find_condition
from tollgate.api.decision import Action, DecisionSpec
from tollgate.api.objective import Dimension
from tollgate.decide.replay import replay

OBJECTIVES = [
    {"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "80ms"},
    {"name": "queue", "dimension": "QueueTime", "statistic": "P99", "max": "250ms"},
]


def operator(series: bool = True) -> Operator:
    world = populated({"objectives": OBJECTIVES, "rollback": {"watchSeconds": 86_400}})
    if series:
        profile = world.objects[("metricprofiles", "", "digits-server")]
        profile["spec"]["queueTime"] = {"series": "digits_queue_seconds"}
    return Operator(world)


async def test_a_version_whose_queue_grows_is_rolled_back_and_replayed() -> None:
    op = operator()
    await op.run(lambda: bool(op.status.release and op.status.release.decision))
    op.world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    op.world.versions["v2"].live_slow = 0.2
    await op.run(Stage.ROLLED_BACK)
    await op.run(lambda: not op.status.unwritten)
    spec = DecisionSpec.model_validate(stored(op.world)[-1]["spec"])
    assert (spec.action, spec.live_evidence is None) == (Action.ROLLED_BACK, False)
    assert spec.live_evidence is not None
    assert [one.dimension for one in spec.live_evidence.timed] == [Dimension.QUEUE_TIME]
    assert any(query.startswith("digits_queue_seconds_bucket{") for query in spec.live_evidence.queries)
    assert replay(spec).same
    spec.live_evidence.timed[0].blocks = []
    assert not replay(spec).same


async def test_without_the_series_the_budget_says_what_is_missing() -> None:
    op = operator(series=False)
    await op.pass_once()
    ready = find_condition(op.status.conditions, "Ready")
    assert ready is not None
    assert (ready.reason, "add queueTime to it" in ready.message) == ("NotMetered", True)
