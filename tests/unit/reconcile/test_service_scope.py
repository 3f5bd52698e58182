"""A budget that is judged by the series of a gateway, which do not tell the pods behind it apart."""

from __future__ import annotations

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tollgate.api.budget import Stage
from tollgate.api.verdict import Reason, Verdict

BAD_LIVE = Behaviour(live_slow=0.2)


async def operator(on_inconclusive: str) -> Operator:
    canary = {"steps": [{"share": "50%"}], "maxDurationSeconds": 60, "onInconclusive": on_inconclusive}
    world = populated({"canary": canary})
    profile = world.objects[("metricprofiles", "", "digits-server")]["spec"]
    profile |= {
        "scope": "Service",
        "serviceMatchers": [
            {"label": "namespace", "value": "${namespace}"},
            {"label": "service", "value": "${target}"},
        ],
    }
    op = Operator(world)
    await op.run(lambda: bool(op.status.release and op.status.release.decision))
    return op


async def test_a_canary_is_not_judged_by_the_requests_of_all() -> None:
    op = await operator("Reject")
    op.world.git_applies("v2", Behaviour())
    await op.run(Stage.REJECTED)
    assert op.status.release is not None
    assert {r.reason for r in op.status.release.live_objectives} == {
        Reason.SHARED_SERIES,
        Reason.NOT_JUDGED_HERE,
    }
    ready = next(c for c in op.status.conditions if c.type == "Ready")
    assert "in which a canary cannot be told apart: at its maxDurationSeconds" in ready.message


async def test_what_serves_alone_is_judged_and_rolled_back() -> None:
    op = await operator("Promote")
    op.world.git_applies("v2", BAD_LIVE)
    await op.run(Stage.ROLLED_BACK)
    assert op.status.last_good is not None
    assert op.status.last_good.image == "digits:v1"


async def test_requests_to_a_refused_canary_are_not_held_against_what_serves() -> None:
    op = await operator("Reject")
    op.world.git_applies("v2", BAD_LIVE)
    await op.run(Stage.REJECTED)
    await op.run(lambda: any(r.verdict is Verdict.WITHIN for r in op.status.objectives))
    await op.run(
        lambda: all(r.verdict is not Verdict.INCONCLUSIVE for r in op.status.objectives if r.name == "tail")
    )
    tail = next(r for r in op.status.objectives if r.name == "tail")
    assert tail.verdict is Verdict.WITHIN, tail.message
