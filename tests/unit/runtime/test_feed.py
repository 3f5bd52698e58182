"""Which events wake which keys."""

from __future__ import annotations

from typing import Any

import pytest

from tollgate.ports import (
    BENCHMARK,
    BENCHMARK_PROFILE,
    BUDGET,
    DEPLOYMENT,
    JOB,
    METRIC_PROFILE,
    SIGN_OFF,
)
from tollgate.reconcile.key import Key
from tollgate.runtime.feed import Feed

DIGITS = Key("budget", "vision", "digits-budget")
TARGET = Key("deployment", "vision", "digits")


class World:
    """A feed with a clock set by hand, and what it enqueued."""

    def __init__(self) -> None:
        self.now = 100.0
        self.enqueued: list[tuple[Key, float]] = []
        self.feed = Feed(lambda key, after: self.enqueued.append((key, after)), monotonic=lambda: self.now)

    def take(self) -> list[tuple[Key, float]]:
        taken, self.enqueued = self.enqueued, []
        return taken


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def governed(world: World) -> World:
    """A world that knows the budget of Deployment digits."""
    world.feed.observe(BUDGET, None, budget())
    world.take()
    return world


def budget(name: str = "digits-budget", version: str = "1", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "vision", "name": name, "resourceVersion": version},
        "spec": {
            "target": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "digits"},
            "metrics": {"profileRef": {"name": "server"}},
            "benchmark": {"profileRef": {"name": "steady"}},
        },
        "status": status,
    }


def thing(name: str, *, owner: tuple[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    owners = [{"apiVersion": "tollgate.dev/v1alpha1", "kind": owner[0], "name": owner[1]}] if owner else []
    return {"metadata": {"namespace": "vision", "name": name, "ownerReferences": owners, **metadata}}


def test_a_budget_wakes_itself_and_the_same_version_only_once(world: World) -> None:
    world.feed.observe(BUDGET, None, budget(version="1"))
    world.feed.observe(BUDGET, None, budget(version="1"))
    world.feed.observe(BUDGET, "MODIFIED", budget(version="2"))
    assert world.take() == [(DIGITS, 0.0), (DIGITS, 0.0)]


def test_a_deployment_wakes_the_budget_that_targets_it(governed: World) -> None:
    governed.feed.observe(DEPLOYMENT, "MODIFIED", thing("digits"))
    governed.feed.observe(DEPLOYMENT, "MODIFIED", thing("other"))
    governed.feed.observe(DEPLOYMENT, "DELETED", thing("digits"))
    assert governed.take() == [(DIGITS, 0.0), (DIGITS, 0.0)]


def test_a_candidate_wakes_the_budget_that_owns_it(world: World) -> None:
    world.feed.observe(DEPLOYMENT, "MODIFIED", thing("x", owner=("EfficiencyBudget", "digits-budget")))
    assert world.take() == [(DIGITS, 0.0)]


def test_an_owner_of_another_group_wakes_nobody(world: World) -> None:
    other = thing("x", owner=("EfficiencyBudget", "digits-budget"))
    other["metadata"]["ownerReferences"][0]["apiVersion"] = "example.com/v1"
    world.feed.observe(DEPLOYMENT, "MODIFIED", other)
    assert world.take() == []


@pytest.mark.parametrize(("kind", "name"), [(BENCHMARK_PROFILE, "steady"), (METRIC_PROFILE, "server")])
def test_a_profile_wakes_the_budgets_that_refer_to_it(governed: World, kind: Any, name: str) -> None:
    governed.feed.observe(BUDGET, None, budget("second"))
    governed.take()
    governed.feed.observe(kind, "MODIFIED", {"metadata": {"name": name}})
    governed.feed.observe(kind, "MODIFIED", {"metadata": {"name": "another"}})
    assert {key for key, _ in governed.take()} == {DIGITS, Key("budget", "vision", "second")}


def test_a_benchmark_wakes_its_budget_and_itself_until_it_is_finished(world: World) -> None:
    measurement = thing("m", owner=("EfficiencyBudget", "digits-budget"))
    world.feed.observe(BENCHMARK, "ADDED", measurement)
    world.feed.observe(BENCHMARK, "MODIFIED", measurement | {"status": {"phase": "Succeeded"}})
    world.feed.observe(BENCHMARK, "DELETED", measurement)
    itself = Key("benchmark", "vision", "m")
    assert world.take() == [(DIGITS, 0.0), (itself, 0.0), (DIGITS, 0.0), (DIGITS, 0.0)]


def test_a_job_wakes_the_benchmark_that_owns_it(world: World) -> None:
    world.feed.observe(JOB, "MODIFIED", thing("j", owner=("Benchmark", "m")))
    world.feed.observe(JOB, "MODIFIED", thing("cron-1"))
    assert world.take() == [(Key("benchmark", "vision", "m"), 0.0)]


def test_a_sign_off_wakes_the_budget_that_waits_for_it_and_no_other(governed: World) -> None:
    waits = budget("second", release={"stage": "AwaitingSignOff"})
    governed.feed.observe(BUDGET, None, waits)
    governed.take()
    for name in ("second", "digits-budget", "unknown"):
        governed.feed.observe(SIGN_OFF, "ADDED", thing("s") | {"spec": {"budget": {"name": name}}})
    governed.feed.observe(SIGN_OFF, "ADDED", {"metadata": {}, "spec": None})
    assert governed.take() == [(Key("budget", "vision", "second"), 0.0)]


def test_a_governed_deployment_without_a_budget_is_an_orphan_a_little_later(world: World) -> None:
    marked = thing("digits", labels={"tollgate.dev/governed": "Resume"})
    world.feed.observe(DEPLOYMENT, None, marked)
    assert world.take() == [(TARGET, 5.0)]
    assert not world.feed.governs(TARGET)
    world.feed.observe(BUDGET, None, budget())
    assert world.feed.governs(TARGET)
    world.take()
    world.feed.observe(DEPLOYMENT, None, marked)
    assert world.take() == [(DIGITS, 0.0)]


def test_the_target_of_a_deleted_budget_is_an_orphan_at_once(governed: World) -> None:
    governed.feed.observe(BUDGET, "DELETED", budget())
    assert governed.take() == [(TARGET, 0.0), (DIGITS, 0.0)]
    assert governed.feed.budgets == {}


def test_the_target_of_two_budgets_is_no_orphan_when_one_is_deleted(governed: World) -> None:
    governed.feed.observe(BUDGET, None, budget("second"))
    governed.take()
    governed.feed.observe(BUDGET, "DELETED", budget())
    assert governed.take() == [(DIGITS, 0.0)]


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        {"spec": None, "status": None},
        {"spec": {"target": "digits", "metrics": []}},
        {"status": {"conditions": "Ready", "release": 7, "objectives": [None, 3, {"verdict": 1}]}},
        {"status": {"conditions": [None, "x", {"type": "WithinBudget"}]}},
    ],
)
def test_a_malformed_budget_passes(world: World, malformed: dict[str, Any]) -> None:
    world.feed.observe(BUDGET, "ADDED", {"metadata": {"namespace": "vision", "name": "odd"}} | malformed)
    assert world.take() == [(Key("budget", "vision", "odd"), 0.0)]


def test_the_view_holds_what_the_metrics_show(world: World) -> None:
    status = {
        "release": {"stage": "Canary"},
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "WithinBudget", "status": "False"}],
        "objectives": [{"name": "tail", "verdict": "Breach"}, {"name": "errs", "verdict": "Within"}],
    }
    world.feed.observe(BUDGET, "ADDED", budget(**status))
    view = world.feed.budgets[DIGITS]
    assert (view.stage, view.within, view.verdicts) == ("Canary", "False", ("Breach", "Within"))


def test_a_release_that_has_ended_has_no_stage(world: World) -> None:
    world.feed.observe(BUDGET, "ADDED", budget(release={"stage": "Promoted"}))
    assert world.feed.budgets[DIGITS].stage == ""


class TestCompare:
    """A list of all budgets against what the watch delivered."""

    def test_equal_versions_are_fine(self, governed: World) -> None:
        governed.feed.compare({DIGITS: "1"}, listed_at=200.0)
        governed.now = 1000.0
        assert governed.take() == []
        assert governed.feed.behind(60.0) == ""

    def test_what_the_watch_missed_is_looked_at_and_said_after_a_while(self, governed: World) -> None:
        governed.now = 200.0
        governed.feed.compare({DIGITS: "2"}, listed_at=200.0)
        assert governed.take() == [(DIGITS, 0.0)]
        governed.now = 230.0
        assert governed.feed.behind(60.0) == ""
        governed.now = 261.0
        assert "budget vision/digits-budget" in governed.feed.behind(60.0)

    def test_a_deletion_that_passed_unseen_is_made_up_for(self, governed: World) -> None:
        governed.feed.compare({}, listed_at=200.0)
        assert governed.take() == [(TARGET, 0.0), (DIGITS, 0.0)]
        governed.now = 1000.0
        assert governed.feed.behind(60.0) == ""

    def test_an_unknown_budget_was_missed(self, world: World) -> None:
        world.feed.compare({DIGITS: "7"}, listed_at=world.now)
        world.now += 61.0
        assert "vision/digits-budget" in world.feed.behind(60.0)

    def test_a_late_event_clears_it(self, governed: World) -> None:
        governed.feed.compare({DIGITS: "2"}, listed_at=200.0)
        governed.feed.observe(BUDGET, "MODIFIED", budget(version="2"))
        governed.now = 1000.0
        assert governed.feed.behind(60.0) == ""

    def test_what_changed_after_the_list_was_not_missed(self, governed: World) -> None:
        governed.now = 205.0
        governed.feed.observe(BUDGET, "MODIFIED", budget(version="3"))
        governed.feed.observe(BUDGET, "ADDED", budget("new"))
        governed.take()
        governed.feed.compare({DIGITS: "2"}, listed_at=200.0)
        assert governed.take() == []

    def test_what_was_deleted_after_the_list_was_not_missed(self, governed: World) -> None:
        governed.now = 205.0
        governed.feed.observe(BUDGET, "DELETED", budget())
        governed.take()
        governed.feed.compare({DIGITS: "1"}, listed_at=200.0)
        assert governed.take() == []
