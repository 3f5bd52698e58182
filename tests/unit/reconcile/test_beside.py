"""Canaries beside the stable version: stopped when they are worse than it, and not when both are slowed down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.test_records import stored
from tollgate.api.budget import Release, Stage
from tollgate.api.decision import DecisionSpec
from tollgate.api.verdict import Reason, Relation, Verdict
from tollgate.decide.replay import replay
from tollgate.ports import Samples

WORSE = Behaviour(live_slow=0.008)
"""Four times as often slow as the stable version, and within a limit of 1 %."""

TAIL = {"name": "tail", "dimension": "Latency", "statistic": "P99", "max": "250ms"}
COMPARED = TAIL | {"maxRegression": "10%"}
CERTIFIED = {"steps": [{"share": "50%"}], "evidence": "Certified", "maxDurationSeconds": 3600}


async def canary(behaviour: Behaviour, objective: dict[str, Any] = COMPARED, **changes: Any) -> Operator:
    """v2 meets users beside v1."""
    world = populated({"objectives": [objective], "canary": CERTIFIED | changes})
    world.versions["v1"], world.traffic = Behaviour(live_slow=0.002), 400.0
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    world.git_applies("v2", behaviour)
    await op.run(Stage.CANARY)
    return op


def release(op: Operator) -> Release:
    assert op.status.release is not None
    return op.status.release


def said(op: Operator, condition: str) -> str:
    return next(c.message for c in op.status.conditions if c.type == condition)


async def test_worse_than_stable_within_the_limit_is_refused_though_the_operator_restarts_at_each_look() -> (
    None
):
    op = await canary(WORSE)
    await op.run(Stage.REJECTED, each=op.restart)
    assert release(op).reason == "WorseThanStable"
    (tail,) = release(op).live_objectives
    assert (tail.verdict, tail.reason) == (Verdict.BREACH, Reason.WORSE_THAN_STABLE)
    assert "requests slower than 250ms, beside 0.2" in release(op).message
    await op.run(lambda: op.world.serving() == {"v1": 2})
    assert "worse by more than maxRegression, 10%" in said(op, "Latched")


async def test_without_a_margin_the_limit_alone_decides_and_nothing_more_is_asked() -> None:
    op = await canary(WORSE, TAIL)
    asked = await queries(op)
    assert not any("digits-0" in query for query in asked), "the stable pods"
    assert len(asked) == 5
    await op.run(Stage.WATCHING)
    assert release(op).segments == []


async def test_the_comparison_asks_for_no_more_than_it_needs() -> None:
    op = await canary(WORSE)
    await op.run(lambda: bool(release(op).segments))
    asked = await queries(op)
    of_stable = [query.partition("{")[0] for query in asked if "digits-0" in query]
    assert sorted(of_stable) == [
        "digits_errors_total",
        "digits_request_duration_seconds_bucket",
        "digits_request_duration_seconds_count",
        "up",
    ]
    assert len(asked) == 5 + len(of_stable)


async def queries(op: Operator) -> list[str]:
    """What one look at the canary asks Prometheus."""
    await op.run(lambda: release(op).counting_since is not None)
    asked: list[str] = []
    answer: Callable[[str, datetime], Any] = op.world.samples

    async def noted(query: str, at: datetime) -> list[Samples]:
        asked.append(query)
        found: list[Samples] = await answer(query, at)
        return found

    op.world.samples = noted  # type: ignore[method-assign]
    await op.pass_once()
    op.world.samples = answer  # type: ignore[method-assign]
    return asked


async def test_slow_down_of_both_does_not_stop_it() -> None:
    op = await canary(Behaviour(live_slow=0.002))
    await op.run(lambda: release(op).counting_since is not None)
    slow_down(op, 0.009)
    for _ in range(100):
        await op.pass_once()
        op.world.tick()
        assert op.stage is Stage.CANARY, "near its limit it takes long to tell"
    assert sum(c.canary_over_limit for s in release(op).segments for c in s.counts) > 50
    slow_down(op, 0.001)
    await op.run(Stage.WATCHING)


def slow_down(op: Operator, live_slow: float) -> None:
    """A node that both versions share gets noisy, or quiet."""
    for version in ("v1", "v2"):
        op.world.versions[version].live_slow = live_slow


async def test_overload_of_both_stops_it_by_its_limit_only() -> None:
    op = await canary(Behaviour(live_slow=0.002))
    await op.run(lambda: release(op).counting_since is not None)
    slow_down(op, 0.2)
    await op.run(Stage.REJECTED)
    assert release(op).reason == "CanaryBreach"


async def test_versions_without_a_slow_request_are_not_waited_for() -> None:
    op = await canary(Behaviour(live_slow=0.0))
    op.world.versions["v1"].live_slow = 0.0
    await op.run(Stage.WATCHING)


async def test_what_was_let_through_as_worse_is_not_stopped_for_it() -> None:
    op = await canary(WORSE)
    raw = op.world.objects[("efficiencybudgets", "vision", "digits")]
    raw["status"]["release"]["improves"] = ["tail"]
    await op.run(Stage.WATCHING)
    worse = release(op).benchmark_objectives[0].model_copy(update={"relation": Relation.WORSE})
    signed = release(op).model_copy(update={"improves": [], "benchmark_objectives": [worse]})
    assert signed.may_be_worse == {"tail"}


async def test_each_step_and_each_change_of_pods_is_a_segment_of_its_own() -> None:
    op = await canary(Behaviour(live_slow=0.002), steps=[{"share": "10%"}, {"share": "50%"}])
    op.world.traffic = 60.0
    await op.run(lambda: any(c.canary_requests for s in release(op).segments for c in s.counts))
    op.world.scale(3)
    await op.run(lambda: len(release(op).segments) > 2 and any(c.canary_requests for c in last(op).counts))
    assert release(op).step == 1
    segments = release(op).segments
    assert len({segment.pods for segment in segments}) == len(segments)
    assert [segment.since for segment in segments] == sorted(segment.since for segment in segments)
    closed = segments[:-1]
    op.restart()
    await op.run(Stage.WATCHING, each=lambda: still(op, closed))


def last(op: Operator) -> Any:
    return release(op).segments[-1]


def still(op: Operator, closed: list[Any]) -> None:
    assert release(op).segments[: len(closed)] == closed, "what is closed never changes"


async def test_a_stable_pod_that_is_not_scraped_holds_the_canary_until_it_is() -> None:
    op = await canary(Behaviour(live_slow=0.002))
    (pod,) = [name for name in op.world.pods() if "candidate" not in name][:1]
    op.world.unscraped.add(pod)
    for _ in range(200):
        await op.pass_once()
        op.world.tick()
    assert op.stage is Stage.CANARY
    (tail,) = release(op).live_objectives
    assert (tail.verdict, tail.reason) == (Verdict.INCONCLUSIVE, Reason.PODS_NOT_SCRAPED)
    assert f"not compared with the stable version beside it: Prometheus has had no sample of {pod}" in said(
        op, "Progressing"
    )
    op.world.unscraped.clear()
    await op.run(Stage.WATCHING)


@pytest.fixture
async def refused() -> DecisionSpec:
    op = await canary(WORSE, steps=[{"share": "10%"}, {"share": "50%"}])
    await op.run(Stage.REJECTED)
    await op.run(lambda: not op.status.unwritten)
    return DecisionSpec.model_validate(stored(op.world)[-1]["spec"])


async def test_the_record_has_both_arms_and_is_decided_again(refused: DecisionSpec) -> None:
    assert refused.live_evidence is not None
    assert refused.live_evidence.beside is not None
    assert refused.state is not None
    assert refused.state.segments == [], "they are in the evidence"
    assert any("digits-0" in query for query in refused.live_evidence.queries)
    assert replay(refused).same
    now = {f.what: f.now for f in replay(refused).findings}
    assert now["live tail"] == "Breach (WorseThanStable)"
    assert now["action"] == "Rejected (WorseThanStable)"


async def test_other_counts_of_the_stable_version_are_another_verdict(refused: DecisionSpec) -> None:
    spec = refused.dump()
    beside = spec["liveEvidence"]["beside"]
    for segment in beside["before"]:
        segment["counts"][0]["stableOverLimit"] = 10 * segment["counts"][0]["stableOverLimit"] + 100
    beside["objectives"][0]["blocks"] = [
        f"{row.rpartition(' ')[0]} 90" for row in beside["objectives"][0]["blocks"]
    ]
    differing = {f.what for f in replay(DecisionSpec.model_validate(spec)).findings if not f.same}
    assert {"live tail", "action"} <= differing
