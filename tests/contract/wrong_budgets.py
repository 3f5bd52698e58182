"""Budgets that are refused, each with what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Change = Callable[[dict[str, Any]], object]


def objective(index: int, **fields: Any) -> Change:
    return lambda spec: spec["objectives"][index].update(fields)


def without(index: int, field: str) -> Change:
    return lambda spec: spec["objectives"][index].pop(field)


def steps(*shares: str) -> Change:
    return lambda spec: spec["canary"].update(steps=[{"share": share} for share in shares])


def step(does: dict[str, Any]) -> Change:
    """A budget with a step of degradation."""
    return lambda spec: spec.update(degradation={"steps": [{"name": "exit-earlier", **does}]})


def night(**changes: Any) -> Change:
    """A budget with an adjustment; `changes` replace its fields, or those of its window."""
    window = {"schedule": "0 22 * * *", "durationMinutes": 480, "timeZone": "Europe/Berlin"}
    made: dict[str, Any] = {
        "name": "night",
        "when": {"window": {**window, **{key: changes.pop(key) for key in window if key in changes}}},
        "limits": [{"objective": "tail", "max": "400ms"}],
    }
    return lambda spec: spec.update(adjustments=[made | changes])


WRONG_BUDGETS: dict[str, tuple[Change, str]] = {
    "another unit": (
        objective(0, max="0.40USD"),
        "spec.objectives[0].max: Invalid value: Latency: write max as a duration above 0, such as 250ms or 1.5s, "
        "not 0.40USD",
    ),
    "a bare number": (
        objective(0, max="250"),
        "spec.objectives[0].max: Invalid value: Latency: write max as a duration above 0, such as 250ms or 1.5s, "
        "not 250",
    ),
    "a number": (objective(0, max=250), 'spec.objectives[0].max in body must be of type string: "integer"'),
    "a limit of zero": (objective(4, max="0%"), "ErrorRate: write max as a percentage between 0 and 100"),
    "an amount without a currency": (
        objective(2, max="0.40"),
        "Cost: write max as an amount above 0 with its currency",
    ),
    "a cost per nothing": (
        without(2, "per"),
        "spec.objectives[2]: Invalid value: Cost takes exactly max and per",
    ),
    "a latency without a statistic": (without(0, "statistic"), "Latency takes exactly max and statistic"),
    "an unknown dimension": (
        objective(0, dimension="FLOPs"),
        'spec.objectives[0].dimension: Unsupported value: "FLOPs": supported values: "Latency", "TimeToFirstToken", ',
    ),
    "a latency within a time": (
        objective(0, within="1s"),
        "spec.objectives[0]: Invalid value: within is for ViolationRate, and for Quality with the metric Accuracy",
    ),
    "an unknown metric": (objective(3, metric="F2"), 'Unsupported value: "F2"'),
    "an unknown statistic": (objective(0, statistic="P98"), 'Unsupported value: "P98"'),
    "an unknown mode": (lambda spec: spec.update(mode="Block"), 'spec.mode: Unsupported value: "Block"'),
    "two objectives of a name": (
        objective(1, name="tail"),
        'spec.objectives[1]: Duplicate value: {"name":"tail"}',
    ),
    "two steps of a share": (steps("10%", "10%"), 'spec.canary.steps[1]: Duplicate value: {"share":"10%"}'),
    "a step to all pods": (steps("100%"), "spec.canary.steps[0].share in body should match"),
    "too many steps": (
        steps(*(f"{n}%" for n in range(1, 12))),
        "spec.canary.steps: Too many: 11: must have at most 10",
    ),
    "too many objectives": (
        lambda spec: spec.update(
            objectives=[{"name": f"o{n}", "dimension": "ErrorRate", "max": "1%"} for n in range(33)]
        ),
        "spec.objectives: Too many: 33: must have at most 32 items",
    ),
    "nobody who answers for it": (
        lambda spec: spec.update(owners=[]),
        "spec.owners in body should have at least 1",
    ),
    "an approver twice": (
        lambda spec: spec.update(approval={"approvers": ["alice", "alice"]}),
        'spec.approval.approvers[1]: Duplicate value: "alice"',
    ),
    "more sign-offs than people": (
        lambda spec: spec.update(approval={"approvers": ["alice"], "required": 2}),
        "spec.approval: Invalid value: required is more than the people in approvers",
    ),
    "a score without its name": (
        lambda spec: spec["objectives"].append(
            {"name": "s", "dimension": "Quality", "metric": "Score", "min": "0.5"}
        ),
        "score is for Quality with the metric Score: the name of one of the BenchmarkProfile's scoring.scores",
    ),
    "a drift that is none": (
        lambda spec: spec.update(drift={"ratio": "1.0"}),
        "spec.drift.ratio: Invalid value: ratio is a number above 1, such as 1.5, not 1.0",
    ),
    "a stage of what no benchmark judges": (
        lambda spec: spec["objectives"].append(
            {"name": "q", "dimension": "QueueTime", "statistic": "P99", "max": "1s", "stage": "steady"}
        ),
        "QueueTime is judged in live traffic only, and no stage of a benchmark is: leave stage out",
    ),
    "a step of degradation that does nothing": (
        step({"name": "nothing"}),
        "spec.degradation.steps[0]: Invalid value: a step takes exactly one of configMap, scale and webhook",
    ),
    "a step of degradation that does two things": (
        step({"webhook": {"name": "shed"}, "scale": {"name": "small", "replicas": 1}}),
        "a step takes exactly one of configMap, scale and webhook",
    ),
    "a step of degradation for an unknown objective": (
        step({"webhook": {"name": "shed"}, "objectives": ["nope"]}),
        "each objective of a step of degradation is the name of one of the budget's",
    ),
    "a step of degradation that scales the target": (
        step({"scale": {"name": "digits", "replicas": 5}}),
        "a step of degradation scales another Deployment than the target",
    ),
    "a step of degradation with a load without a unit": (
        step({"webhook": {"name": "shed"}, "stepBack": {"loadBelow": "20"}}),
        "spec.degradation.steps[0].stepBack.loadBelow in body should match",
    ),
    "an adjustment in another unit": (
        night(limits=[{"objective": "tail", "max": "2USD"}]),
        "with its max or min and its unit: a time for a time",
    ),
    "an adjustment of nothing": (
        night(limits=[{"objective": "nope", "max": "2s"}]),
        "each limit of an adjustment is one of the budget's objectives",
    ),
    "an adjustment of the other side": (
        night(limits=[{"objective": "tail", "min": "2s"}]),
        "each limit of an adjustment is one of the budget's objectives",
    ),
    "an adjustment that never counts": (
        night(when={}),
        "spec.adjustments[0].when: Invalid value: when takes at least one of window, load, priorityClassName",
    ),
    "a time zone that is none": (
        night(timeZone="Europe/Berln"),
        "unknown time zone Europe/Berln evaluating rule: timeZone is the name of a time zone of the IANA database",
    ),
    "an hour that is none": (
        night(schedule="0 25 * * *"),
        "spec.adjustments[0].when.window.schedule: Invalid value: write the schedule as minute, hour, day of the "
        "month, month and day of the week, such as 0 22 * * 1-5, not 0 25 * * *",
    ),
    "a load in tokens": (
        night(when={"load": {"above": "10tok/s"}}),
        "spec.adjustments[0].when.load.above in body should match",
    ),
    "no target": (lambda spec: spec.pop("target"), "spec.target: Required value"),
    "too much confidence": (lambda spec: spec.update(confidence="1"), "spec.confidence in body should match"),
}
