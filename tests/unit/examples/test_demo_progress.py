"""What the demo says at each step of a budget's status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from examples.digits.demo.progress import News, news, waiting
from examples.digits.demo.screen import Mood

from tollgate.api.budget import BudgetStatus
from tollgate.api.conditions import Condition
from tollgate.api.release import Release, Stage
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _status(stage: Stage, message: str = "because", *, condition: str = "", **changes: Any) -> BudgetStatus:
    release = Release(
        number=2,
        revision="abc",
        stage=stage,
        since=NOW,
        started_at=NOW,
        reason="Why",
        message=message,
        **changes,
    )
    progressing = Condition(
        type="Progressing", status="True", reason=stage.value, message=condition, last_transition_time=NOW
    )
    return BudgetStatus(release=release, conditions=[progressing] if condition else [])


def _live(
    requests: int | None, verdict: Verdict = Verdict.INCONCLUSIVE, reason: Reason | None = None
) -> ObjectiveResult:
    observed = "" if requests is None else "0.5% over 250ms"
    return ObjectiveResult(
        name="tail",
        verdict=verdict,
        reason=reason,
        requests=requests,
        observed=observed,
        message="no connection",
    )


def test_a_stage_is_told_once_in_the_mood_of_its_end() -> None:
    canary, rejected = _status(Stage.CANARY), _status(Stage.REJECTED, "tail: too slow")
    assert news(BudgetStatus(), canary) == [News("Canary", "because")]
    assert news(canary, canary) == []
    assert news(canary, rejected) == [News("Rejected", "tail: too slow", Mood.BAD)]
    assert news(canary, _status(Stage.WATCHING, "2 pods serve"))[-1].mood is Mood.GOOD


def test_the_benchmark_is_told_when_its_results_arrive() -> None:
    result = _live(750, Verdict.WITHIN)
    told = news(_status(Stage.BENCHMARKING), _status(Stage.CANARY, benchmark_objectives=[result]))
    assert told == [News("benchmark", "✓ tail: no connection", Mood.GOOD), News("Canary", "because")]


def test_the_evidence_of_a_canary_is_told_when_more_requests_were_counted() -> None:
    before = _status(Stage.CANARY, share="50%", live_objectives=[_live(100)])
    assert news(before, before) == []
    after = _status(Stage.CANARY, share="50%", live_objectives=[_live(200, Verdict.WITHIN)])
    assert news(before, after) == [News("live", "  200 requests to it: ✓ tail 0.5% over 250ms")]


def test_the_share_is_told_when_it_is_reached() -> None:
    told = news(_status(Stage.CANARY, share="0%"), _status(Stage.CANARY, share="50%"))
    assert told == [News("share", "50% of the ready pods run the candidate")]
    assert news(_status(Stage.CANARY), _status(Stage.CANARY, share="0%")) == []


def test_a_dead_prometheus_is_told_once() -> None:
    blind = _status(Stage.CANARY, live_objectives=[_live(None, reason=Reason.METRICS_UNAVAILABLE)])
    assert news(_status(Stage.CANARY), blind) == [News("live", "frozen: no connection", Mood.BAD)]
    assert news(blind, blind) == []


def test_what_a_candidate_waits_for_is_taken_from_the_condition() -> None:
    stuck = _status(
        Stage.STARTING, condition="release 2, revision abc: 0 of 2 candidate pods are ready: no room"
    )
    assert waiting(stuck) == "0 of 2 candidate pods are ready: no room"
    assert waiting(_status(Stage.STARTING, condition="release 2, revision abc: because")) == ""
    assert waiting(_status(Stage.CANARY, condition="release 2, revision abc: step 1 of 1")) == ""
