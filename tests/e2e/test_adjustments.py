"""Limits that differ at night: they change a verdict, and are said where anybody looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.scene import NAME, Scene, Version, fast, slow
from tests.support.kube import wait_until
from tests.support.pace import augmentations
from tollgate.api.budget import Stage
from tollgate.api.decision import Action
from tollgate.api.verdict import Verdict

OBJECTIVES = [
    {"name": "tail", "dimension": "Latency", "statistic": "P95", "max": "100ms"},
    {"name": "errs", "dimension": "ErrorRate", "max": "5%"},
]
SALE = "tests.tollgate.dev/season"


def thorough(name: str) -> Version:
    """Takes a fifth of a second for a fifth of the inputs."""
    return Version(name, {**slow(name).settings, "AUGMENTATIONS": str(augmentations(0.1))})


def night(begins: datetime) -> dict[str, Any]:
    """An adjustment that begins then, in the time zone of the budget's team, and lasts for two hours."""
    window = {"schedule": f"{begins.minute} {begins.hour} * * *", "durationMinutes": 120, "timeZone": "UTC"}
    return {"name": "night", "when": {"window": window}, "limits": [{"objective": "tail", "max": "2.5s"}]}


def sale() -> dict[str, Any]:
    """An adjustment while the namespace says that there is a sale."""
    when = {"namespaceAnnotation": {"key": SALE, "value": "on"}}
    return {"name": "sale", "when": when, "limits": [{"objective": "tail", "max": "5s"}]}


def test_what_is_refused_by_day_may_pass_at_night(scene: Scene) -> None:
    now = datetime.now(UTC)
    scene.adopt(fast("v1"), objectives=OBJECTIVES, adjustments=[night(now + timedelta(hours=12)), sale()])
    assert scene.says("Adjusted", "OwnLimits").status == "False"
    scene.push(thorough("v2"))
    refused = scene.reaches(2, Stage.REJECTED)
    assert {r.name: (r.verdict, r.limit) for r in refused.benchmark_objectives}["tail"] == (
        Verdict.BREACH,
        "100ms",
    )

    began = night(datetime.now(UTC) - timedelta(minutes=1))
    scene.kube.patch("efficiencybudget", NAME, {"spec": {"adjustments": [began, sale()]}})
    scene.kube.patch("namespace", scene.kube.namespace, {"metadata": {"annotations": {SALE: "on"}}})

    def strictest_said() -> bool:
        found = scene.condition("Adjusted")
        return (
            found is not None and "tail 2.5s instead of 100ms (by night, stricter than sale)" in found.message
        )

    wait_until("both are in force", strictest_said, 120)
    in_force = {one.objective: (one.limit, one.adjusted_by) for one in scene.status().limits}
    assert in_force == {"tail": ("2.5s", "night"), "errs": ("5%", "")}

    scene.push(thorough("v3"))
    passed = scene.reaches(3, Stage.CANARY)
    assert {r.name: (r.verdict, r.limit) for r in passed.benchmark_objectives}["tail"] == (
        Verdict.WITHIN,
        "2.5s",
    )
    assert "They stay so while release 3 is measured" in scene.says("Adjusted", "InForce").message
    assert [record.adjustments for record in scene.decisions() if record.release == 2] == [[]]
    assert [record.policy.objectives[0].limit for record in scene.decisions()] == ["100ms"] * 3
    changed = scene.decisions()[-1]
    assert (changed.action, changed.reason) == (Action.BUDGET_CHANGED, "Loosened")
    assert [change.title for change in changed.changes] == ["when (night)"]

    # The sale ends while the canary has no users yet: it is measured by the limits that it began with.
    scene.kube.patch("namespace", scene.kube.namespace, {"metadata": {"annotations": {SALE: None}}})
    scene.users.start(rate=10)
    scene.reaches(3, Stage.WATCHING)
    wait_until("the record", lambda: "3 Promoted" in scene.actions(), 60)
    promoted = scene.decisions()[-1]
    assert promoted.adjustments == ["night", "sale"]
    assert promoted.policy.objectives[0].limit == "2.5s"
    wait_until(
        "the sale is over", lambda: [a.in_force for a in scene.status().adjustments] == [True, False], 120
    )
    scene.users.stop()
