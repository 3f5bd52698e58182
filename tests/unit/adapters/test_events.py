"""Events, against a fake cluster that keeps what is created."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tollgate.adapters.events import KubernetesEvents
from tollgate.errors import Denied
from tollgate.ports import Object

BUDGET = {
    "apiVersion": "tollgate.dev/v1alpha1",
    "kind": "EfficiencyBudget",
    "metadata": {"namespace": "vision", "name": "digits", "uid": "u-1", "resourceVersion": "7"},
}


class World:
    """Fake cluster and clock in one."""

    def __init__(self) -> None:
        self.created: list[Object] = []
        self.time = datetime(2026, 3, 1, tzinfo=UTC)
        self.error: Exception | None = None

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        if self.error:
            raise self.error
        self.created.append(obj)
        return obj

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def events(world: World) -> KubernetesEvents:
    return KubernetesEvents(world, world)  # type: ignore[arg-type]


async def test_an_event_says_about_what_and_by_whom(world: World, events: KubernetesEvents) -> None:
    await events.publish(BUDGET, "Warning", "Breach", "p99 is over 250ms")
    [event] = world.created
    assert event["metadata"]["namespace"] == "vision"
    assert event["regarding"] == {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "EfficiencyBudget",
        "namespace": "vision",
        "name": "digits",
        "uid": "u-1",
        "resourceVersion": "7",
    }
    assert (event["type"], event["reason"], event["note"]) == ("Warning", "Breach", "p99 is over 250ms")
    assert event["reportingController"] == "tollgate.dev/operator"
    assert event["eventTime"] == "2026-03-01T00:00:00.000000Z"


async def test_the_same_is_said_once_in_ten_minutes(world: World, events: KubernetesEvents) -> None:
    for minutes in (0, 5, 9.9, 10, 15):
        world.time = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes)
        await events.publish(BUDGET, "Normal", "Held", "latched")
    assert [event["eventTime"][14:16] for event in world.created] == ["00", "10"]


@pytest.mark.parametrize(
    "other", [("Warning", "Held", "a"), ("Normal", "Other", "a"), ("Normal", "Held", "b")]
)
async def test_something_else_is_said(world: World, events: KubernetesEvents, other: Any) -> None:
    await events.publish(BUDGET, "Normal", "Held", "a")
    await events.publish(BUDGET, *other)
    assert len(world.created) == 2


async def test_a_failure_is_no_error_and_is_tried_again(world: World, events: KubernetesEvents) -> None:
    world.error = Denied("create Event: namespace is being terminated")
    await events.publish(BUDGET, "Normal", "Held", "a")
    world.error = None
    await events.publish(BUDGET, "Normal", "Held", "a")
    assert len(world.created) == 1


async def test_a_malformed_object_is_no_error(world: World, events: KubernetesEvents) -> None:
    await events.publish({}, "Normal", "Held", "a")
    assert world.created == []


async def test_a_long_message_is_cut_to_what_the_api_takes(world: World, events: KubernetesEvents) -> None:
    await events.publish(BUDGET, "Normal", "Held", "ä" * 2000)
    assert world.created[0]["note"] == "ä" * 512


async def test_what_is_remembered_is_bounded(world: World, events: KubernetesEvents) -> None:
    for number in range(12_000):
        await events.publish(BUDGET, "Normal", "Held", str(number))
    assert len(events._said) <= 10_000
