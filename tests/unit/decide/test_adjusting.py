"""Which adjustments are in force, what they limit, and that they neither flap nor disturb a measurement."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import budget, populated
from tests.unit.reconcile.world import World
from tollgate.api.adjustment import AdjustmentState, LoadRange, Window
from tollgate.api.budget import BudgetSpec, BudgetStatus, Stage
from tollgate.api.decision import DecisionSpec
from tollgate.decide.adjusting import adjust, in_force, limits_in_force, within
from tollgate.decide.snapshot import Circumstances, Snapshot

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NIGHT = {"window": {"schedule": "0 22 * * *", "durationMinutes": 480, "timeZone": "Europe/Berlin"}}
ALWAYS = {"window": {"schedule": "* * * * *", "durationMinutes": 2}}
NEVER = {"window": {"schedule": "0 0 29 2 *", "durationMinutes": 1}}
BUSY = {"load": {"above": "100req/s", "forSeconds": 60}}
SALE = {"namespaceAnnotation": {"key": "shop/season", "value": "sale"}}


def adjustment(name: str = "night", when: dict[str, Any] = NIGHT, **limits: str) -> dict[str, Any]:
    given = limits or {"tail": "400ms"}
    bounds = [
        {"objective": objective, ("min" if objective == "acc" else "max"): limit}
        for objective, limit in given.items()
    ]
    return {"name": name, "when": when, "limits": bounds}


def spec(*adjustments: dict[str, Any], **changes: Any) -> BudgetSpec:
    return BudgetSpec.model_validate(budget(adjustments=list(adjustments), **changes))


def on(*names: str) -> list[AdjustmentState]:
    return [AdjustmentState(name=name, in_force=True, since=NOON) for name in names]


def limits(policy: BudgetSpec) -> dict[str, str]:
    return {o.name: o.limit for o in policy.objectives}


@pytest.mark.parametrize(
    ("now", "inside"),
    [
        ("2026-01-01T20:59:59", False),  # 21:59:59 in Berlin
        ("2026-01-01T21:00:00", True),
        ("2026-01-02T04:59:59", True),
        ("2026-01-02T05:00:00", False),
        ("2026-07-01T20:00:00", True),  # 22:00 in summer
        ("2026-03-29T03:59:59", True),  # 05:59:59 in the night in which the clock goes on by an hour
    ],
)
def test_a_window_is_in_its_own_time_zone(now: str, inside: bool) -> None:
    window = Window.model_validate(NIGHT["window"])
    assert within(window, datetime.fromisoformat(now).replace(tzinfo=UTC)) is inside


def test_windows_that_overlap_are_one() -> None:
    window = Window(schedule="*/10 * * * *", duration_minutes=25)
    assert all(within(window, NOON + timedelta(minutes=n)) for n in range(60))


def test_a_window_that_is_far_away_is_not_now() -> None:
    assert not within(Window.model_validate(NEVER["window"]), NOON)


def test_limits_of_adjustments_count_instead() -> None:
    declared = spec(adjustment(tail="400ms", acc="0.90"))
    assert limits(in_force(declared, on("night"))) == {"tail": "400ms", "mean": "80ms", "acc": "0.90"}
    assert in_force(declared, []) == declared
    assert in_force(declared, on("another")) == declared


def test_of_several_the_strictest_counts() -> None:
    declared = spec(
        adjustment("night", tail="400ms", acc="0.90"),
        adjustment("sale", SALE, tail="0.3s", acc="0.92"),
    )
    for order in (("night", "sale"), ("sale", "night")):
        assert limits(in_force(declared, on(*order))) == {"tail": "0.3s", "mean": "80ms", "acc": "0.92"}
    told = {one.objective: one.adjusted_by for one in limits_in_force(declared, on("night", "sale"))}
    assert told == {"tail": "sale", "mean": "", "acc": "sale"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            adjustment(nope="1s"),
            "nope: each limit of an adjustment is one .* tail max 250ms, mean max 80ms, acc min",
        ),
        (adjustment(tail="2USD"), "tail: Latency: write max as a duration"),
        (
            {"name": "n", "when": NIGHT, "limits": [{"objective": "acc", "max": "0.99"}]},
            "acc: each limit of an adjustment is one",
        ),
        (adjustment(when={}), "when takes at least one of window, load"),
        (adjustment(when={"load": {"above": "1req/s", "below": "2req/s"}}), "exactly one of above and below"),
        (adjustment(when={"load": {"above": "1tok/s"}}), "req/s"),
        (
            adjustment(when={"window": {"schedule": "0 25 * * *", "durationMinutes": 5}}),
            "minute, hour, day of the month",
        ),
        (adjustment(when={"window": {"schedule": "0 0 30 2 *", "durationMinutes": 5}}), "day of the month"),
        (
            adjustment(when={"window": {**NIGHT["window"], "timeZone": "Europe/Berln"}}),
            "not 'Europe/Berln' .near it: Europe/Berlin",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(wrong)


def test_an_amount_in_another_currency_is_refused() -> None:
    cost = {"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "0.40USD"}
    objectives = [*budget()["objectives"], cost]
    with pytest.raises(ValidationError, match=r"own limit 0.40USD, not '0.40EUR'"):
        spec(adjustment(cost="0.40EUR"), objectives=objectives)


class Service:
    """A budget's adjustments over time, without a cluster."""

    def __init__(self, *adjustments: dict[str, Any]) -> None:
        self.declared = spec(*adjustments)
        self.now = NOON
        self.snapshot = Snapshot(
            now=NOON,
            namespace="vision",
            name="digits",
            uid="1",
            generation=1,
            spec=self.declared,
            status=BudgetStatus(serving_since=NOON),
            declared=self.declared,
            target=None,
        )
        self.status = self.snapshot.status
        self.told: list[str] = []

    def sees(self, seconds: float, **seen: Any) -> bool:
        """Whether the first adjustment is in force once that was seen, so many seconds later."""
        self.now += timedelta(seconds=seconds)
        snapshot = replace(
            self.snapshot,
            now=self.now,
            spec=in_force(self.declared, self.status.adjustments),
            circumstances=Circumstances(**seen),
        )
        self.status, notices = adjust(snapshot, self.status)
        self.told += [notice.message for notice in notices]
        return self.status.adjustments[0].in_force


def test_a_load_must_last_to_begin_and_to_end() -> None:
    service = Service(adjustment("busy", BUSY))
    assert not service.sees(0, load=150)
    assert not service.sees(59, load=150)
    assert service.sees(1, load=150)
    assert service.sees(600, load=95), "between the bars nothing changes"
    assert service.sees(1, load=80)
    assert service.sees(30, load=95), "which begins the wait anew"
    assert service.sees(30, load=80)
    assert service.sees(59, load=80)
    assert not service.sees(1, load=80)
    assert service.told == [
        "limits in force: tail 400ms instead of 250ms (by busy)",
        "no adjustment is in force: the limits are those of the objectives",
    ]


def test_a_low_load_is_the_mirror_image() -> None:
    service = Service(adjustment("idle", {"load": {"below": "10req/s", "forSeconds": 60}}))
    assert not service.sees(0, load=0)
    assert service.sees(60, load=0)
    assert service.sees(60, load=10.9)
    assert service.sees(0, load=11)
    assert not service.sees(60, load=11)


def test_a_load_that_is_not_known_changes_nothing_and_the_wait_goes_on() -> None:
    service = Service(adjustment("busy", BUSY))
    assert not service.sees(0, load=150)
    assert not service.sees(600, load=None)
    assert service.sees(1, load=150)
    assert service.sees(600, load=None)


def test_everything_in_when_must_hold() -> None:
    service = Service(adjustment("both", {**SALE, "priorityClassName": "batch"}))
    assert not service.sees(1, annotations={"shop/season": "sale"})
    assert not service.sees(1, annotations={"shop/season": "sales"}, priority_class="batch")
    assert service.sees(1, annotations={"shop/season": "sale"}, priority_class="batch")
    assert service.sees(1, annotations=None, priority_class="batch"), "an unknown annotation ends nothing"
    assert not service.sees(1, annotations=None, priority_class="interactive")


def test_a_budget_that_gives_up_its_adjustments_forgets_them() -> None:
    service = Service(adjustment("always", ALWAYS))
    assert service.sees(1)
    assert [one.limit for one in service.status.limits] == ["400ms", "80ms", "0.95"]
    service.declared = spec()
    after, _ = adjust(replace(service.snapshot, declared=service.declared), service.status)
    assert (after.adjustments, after.limits) == ([], [])


def release_of(world: World, name: str) -> DecisionSpec:
    raw = world.objects[("efficiencydecisions", "vision", name)]
    return DecisionSpec.model_validate(raw["spec"])


async def gated(*adjustments: dict[str, Any], annotations: dict[str, str] | None = None) -> Operator:
    """v1 serves, and v2, 93 % of whose answers are right, has come out of the benchmark."""
    world = populated({"adjustments": list(adjustments)})
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "vision", "annotations": annotations or {}},
    }
    world.put(namespace)
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None and op.status.limits != [])
    await op.run(lambda: True, passes=3)
    world.git_applies("v2", Behaviour(accuracy=0.93))
    await op.run(lambda: op.stage in (Stage.REJECTED, Stage.CANARY))
    return op


def test_load_range_defaults_to_five_minutes() -> None:
    assert LoadRange(above="1req/s").for_seconds == 300


@pytest.mark.parametrize(
    ("when", "stage"), [(ALWAYS, Stage.CANARY), (NEVER, Stage.REJECTED), (SALE, Stage.CANARY)]
)
async def test_an_adjustment_changes_a_verdict_and_stands_in_the_record(
    when: dict[str, Any], stage: Stage
) -> None:
    op = await gated(adjustment("other", when, acc="0.90", tail="400ms"), annotations={"shop/season": "sale"})
    assert op.stage is stage
    if stage is Stage.REJECTED:
        await op.run(lambda: op.recorded(Stage.REJECTED))
        assert op.status.release is not None
        said = release_of(op.world, op.status.release.decision)
        assert (said.adjustments, said.policy.objectives[0].max) == ([], "250ms")
        return
    (row,) = [c for c in op.status.conditions if c.type == "Adjusted"]
    assert row.status == "True"
    assert "acc 0.90 instead of 0.95 (by other); tail 400ms instead of 250ms (by other)" in row.message
    assert "They stay so while release 2 is measured" in row.message
    await op.run(Stage.WATCHING)
    await op.run(lambda: bool(op.status.release and op.status.release.decision.endswith("promoted")))
    assert op.status.release is not None
    said = release_of(op.world, op.status.release.decision)
    assert (said.adjustments, said.policy.objectives[0].max) == (["other"], "400ms")


async def test_limits_stay_while_a_release_is_measured_and_what_serves_is_counted_anew_after_it() -> None:
    op = await gated(adjustment("sale", SALE, acc="0.90", tail="400ms"), annotations={"shop/season": "sale"})
    assert op.stage is Stage.CANARY
    op.world.objects[("namespaces", "", "vision")]["metadata"]["annotations"] = {}
    limits_seen: set[str] = set()

    def look() -> None:
        release = op.status.release
        if release is not None and release.stage is Stage.CANARY:
            limits_seen.update(r.limit for r in release.live_objectives if r.name == "tail")

    await op.run(lambda: op.stage is Stage.WATCHING, each=look)
    assert limits_seen == {"400ms"}
    await op.run(lambda: not op.status.adjustments[0].in_force)
    changed = op.status.serving_since
    assert changed == op.status.adjustments[0].since
    await op.run(lambda: any(r.limit == "250ms" for r in op.status.objectives))


async def test_a_namespace_that_may_not_be_read_is_said_and_changes_nothing() -> None:
    world = populated({"adjustments": [adjustment("sale", SALE)]})
    world.hidden.add("namespaces")
    op = Operator(world)
    await op.run(lambda: any(c.type == "Adjusted" for c in op.status.conditions))
    (row,) = [c for c in op.status.conditions if c.type == "Adjusted"]
    assert (row.status, row.reason) == ("False", "OwnLimits")
    assert "may not read namespace vision: let its role get namespaces" in row.message


async def test_a_load_is_measured_on_what_serves() -> None:
    world = populated({"adjustments": [adjustment("busy", {"load": {"above": "30req/s", "forSeconds": 30}})]})
    op = Operator(world)
    await op.run(lambda: bool(op.status.adjustments) and op.status.adjustments[0].in_force)
    world.traffic = 5.0
    await op.run(lambda: not op.status.adjustments[0].in_force, passes=1000)


async def test_an_adjustment_that_could_not_be_enforced_is_said_before_it_is_in_force() -> None:
    world = populated({"adjustments": [adjustment("never", NEVER, acc="0.99999")]})
    op = Operator(world)
    await op.run(lambda: any("Adjustment never: " in c.message for c in op.status.conditions))
    world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
