"""The shipped metric profiles, against what the servers export; a real Prometheus reads it in tests/contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import yaml

from tests.support.expositions import (
    NAMESPACE,
    OTHER_POD,
    POD,
    SCRAPE_SECONDS,
    SERVERS,
    SHIPPED,
    Recorded,
    Server,
)
from tollgate.api.metric_profile import MetricProfileSpec, Scope
from tollgate.measure.counts import LiveCounts
from tollgate.measure.promql import BehindService
from tollgate.reconcile.live import count_pods

BEGAN = datetime(2026, 11, 2, 12, tzinfo=UTC)
EACH = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)


def recorded(server: Server) -> Recorded:
    """Prometheus after three scrapes of the server, and of a pod of another version beside it."""
    metrics = Recorded()
    for number, text in enumerate(server.scrapes):
        at = BEGAN.timestamp() + number * SCRAPE_SECONDS
        metrics.scrape(text, server.place, at)
        if server.profile.scope is Scope.POD:
            metrics.scrape(text, (NAMESPACE, OTHER_POD), at)
    return metrics


async def count(
    server: Server,
    namespace: str = NAMESPACE,
    target: str = "",
    *,
    profile: MetricProfileSpec | None = None,
    limit: str = "",
) -> LiveCounts:
    return await count_pods(
        recorded(server),
        profile or server.profile,
        namespace,
        BehindService(target) if target else server.selector,
        limits=[Decimal(limit or server.limit)],
        since=BEGAN,
        now=BEGAN + timedelta(seconds=3 * SCRAPE_SECONDS),
        expected=(POD,) if server.profile.scope is Scope.POD else (),
    )


@EACH
async def test_what_a_server_exports_is_counted(server: Server) -> None:
    server.check(await count(server))


@EACH
async def test_times_of_its_own_and_what_inputs_were_like_are_counted(server: Server) -> None:
    assert set(server.profile.timed) == set(server.times)
    for dimension, expected in server.times.items():
        one = server.profile.only_of(dimension)
        expected.check(await count(server, profile=one, limit=expected.limit))
    assert {one.name for one in server.profile.inputs} == set(server.inputs)
    for one in server.profile.inputs:
        found = (await count(server, profile=server.profile.with_latency(one))).total
        assert (found.latency_sum, found.requests) == (pytest.approx(server.inputs[one.name]), 120)


@EACH
async def test_nothing_of_another_namespace_or_target_is(server: Server) -> None:
    elsewhere = [await count(server, namespace="finance")]
    if server.profile.scope is Scope.SERVICE:
        elsewhere.append(await count(server, target="digit"))
    for live in elsewhere:
        assert live.total.requests == live.total.attempts == live.total.errors == 0


def test_each_shipped_profile_is_listed_and_tested() -> None:
    shipped = {path.stem for path in SHIPPED.glob("*.yaml")} - {"kustomization"}
    assert shipped == {server.name for server in SERVERS} - {"digits-server"}
    kustomization = yaml.safe_load((SHIPPED / "kustomization.yaml").read_text())
    assert set(kustomization["resources"]) == {f"{name}.yaml" for name in shipped}
    for name in shipped:
        assert yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())["metadata"]["name"] == name
