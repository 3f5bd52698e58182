"""Releases judged by what their pod template declares, in the fake world; and decided again from the record."""

from __future__ import annotations

from typing import Any

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import budget, populated
from tests.unit.reconcile.test_records import stored
from tollgate.api.budget import Stage
from tollgate.api.decision import DecisionSpec
from tollgate.decide.replay import replay

SIZE = {"name": "size", "dimension": "Parameters", "max": "8B"}
OBJECTIVES = [*budget()["objectives"], SIZE]


async def released(parameters: str) -> tuple[Operator, dict[str, Any]]:
    world = populated({"objectives": OBJECTIVES})
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    annotations = {"tollgate.dev/parameters": parameters} if parameters else {}
    world.git_applies("v2", Behaviour(), **annotations)
    await op.run(
        lambda: (
            op.status.release is not None
            and op.status.release.number == 2
            and op.stage in (Stage.REJECTED, Stage.PROMOTING)
        )
    )
    await op.run(lambda: not op.status.unwritten)
    return op, stored(world)[-1]["spec"]


async def test_a_model_that_is_too_large_is_refused_whatever_its_latency() -> None:
    op, record = await released("8.2B")
    assert op.stage is Stage.REJECTED
    (size,) = [r for r in record["benchmarkObjectives"] if r["name"] == "size"]
    assert (size["verdict"], size["observed"], size["message"]) == (
        "Breach",
        "8.2B",
        "8.2B, at most 8B allowed",
    )
    assert record["benchmarkEvidence"]["candidate"]["facts"]["declared"]["parameters"] == "8.2B"
    assert replay(DecisionSpec.model_validate(record)).same


async def test_one_that_fits_is_promoted_and_its_record_replays() -> None:
    op, record = await released("7B")
    assert op.stage is Stage.PROMOTING
    assert replay(DecisionSpec.model_validate(record)).same
    record["benchmarkEvidence"]["candidate"]["facts"]["declared"]["parameters"] = "9B"
    assert not replay(DecisionSpec.model_validate(record)).same, "another fact is noticed"


async def test_live_traffic_says_nothing_of_it_and_does_not_wait_for_it() -> None:
    _, record = await released("7B")
    (live,) = [r for r in record["liveObjectives"] if r["name"] == "size"]
    assert live["reason"] == "NotJudgedHere"
