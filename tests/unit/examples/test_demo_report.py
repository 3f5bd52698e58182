"""The table of the decisions, and how the demo prints."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from examples.digits.demo.report import durations, table
from examples.digits.demo.screen import Mood, Screen

from tests.unit.decide.chains import spec
from tollgate.api.decision import Action, DecisionSpec
from tollgate.api.release import Stage, StageSpan
from tollgate.api.verdict import ObjectiveResult, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _spans(*stages: tuple[Stage, float]) -> list[StageSpan]:
    return [StageSpan(stage=stage, since=NOW + timedelta(seconds=at)) for stage, at in stages]


def _decision(action: Action, **changes: object) -> DecisionSpec:
    of_record: dict[str, object] = {
        "action": action,
        "reason": "Why",
        "message": "because",
        "decided_at": NOW,
    }
    return spec(1, release=2, revision="abc", **{**of_record, **changes})


def test_steps_of_one_stage_add_up_and_the_last_has_not_ended() -> None:
    spans = _spans((Stage.HELD, 0), (Stage.CANARY, 1.5), (Stage.CANARY, 4), (Stage.PROMOTING, 10))
    assert durations(spans) == {Stage.HELD: 1.5, Stage.CANARY: 8.5}


def test_a_roll_back_shows_what_came_after_its_promotion() -> None:
    spent = {2: {Stage.CANARY: 30.0, Stage.WATCHING: 12.0, Stage.ROLLED_BACK: 7.0}}
    decisions = [
        _decision(Action.ROLLED_BACK, decided_at=NOW + timedelta(seconds=60)),
        _decision(Action.PROMOTED),
    ]
    rows = [
        line.split() for line, mood in table(decisions, {"abc": "v5"}, spent) if mood in (Mood.GOOD, Mood.BAD)
    ]
    assert rows == [
        ["2", "v5", "Promoted", "30.0", "s"],
        ["2", "v5", "RolledBack", "12.0", "s", "7.0", "s"],
    ]


def test_the_evidence_stands_below_its_decision() -> None:
    result = ObjectiveResult(name="tail", verdict=Verdict.BREACH, observed="9% over 250ms", requests=100)
    lines = [line for line, _ in table([_decision(Action.REJECTED, live_objectives=[result])], {}, {})]
    assert lines[2:] == ["      Why: because", "      live: ✗ tail 9% over 250ms"]


def test_nothing_but_text_goes_to_a_log() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.say("Rejected", "word " * 60, Mood.BAD)
    screen.text("      " + "word " * 60)
    printed = out.getvalue()
    assert "\033" not in printed
    assert "\r" not in printed
    assert max(map(len, printed.splitlines())) <= 120
    said, told = printed.splitlines()[:3], printed.splitlines()[3:]
    assert said[0].startswith(" 0:00  Rejected")
    assert {len(line) - len(line.lstrip()) for line in said[1:]} == {21}
    assert {len(line) - len(line.lstrip()) for line in told} == {6}
