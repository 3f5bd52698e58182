"""Prices of OpenCost from a real Prometheus that scrapes what OpenCost exports, in its own format."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest

from tests.support.scraping import Exporter, scraping
from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.measure.cost import CostUnknown, OpenCost, PriceTable
from tollgate.ports import Cluster, Kind
from tollgate.reconcile.options import Tariffs
from tollgate.reconcile.prices import Prices

pytestmark = pytest.mark.cluster

USD = OpenCost("USD", Decimal("0.0002"))
GIB = 2**30
CAPACITY: dict[str, dict[str, str]] = {
    "plain.example": {"cpu": "4", "memory": str(16 * GIB)},
    "gpu": {"cpu": "8", "memory": str(32 * GIB), "nvidia.com/gpu": "2"},
    "wrong-total": {"cpu": "4", "memory": str(16 * GIB)},
    "no-price": {"cpu": "4", "memory": str(16 * GIB)},
    "not-exported": {"cpu": "4", "memory": str(16 * GIB)},
    "twice": {"cpu": "4", "memory": str(16 * GIB)},
}
"""What the API server tells of the nodes."""


def exported(node: str, cpu: float, ram: float, gpu: float, total: float) -> str:
    """As OpenCost's exporter writes it."""
    labels = (
        f'arch="amd64",instance="{node}",instance_type="m5",node="{node}",provider_id="i-{node}",region="r"'
    )
    values = {"cpu": cpu, "ram": ram, "gpu": gpu, "total": total}
    return "".join(f"node_{what}_hourly_cost{{{labels}}} {value}\n" for what, value in values.items())


EXPORTED = "".join(
    (
        exported("plain.example", 0.031611, 0.004237, 0.95, 4 * 0.031611 + 16 * 0.004237),
        exported("plainXexample", 7, 7, 7, 7),
        exported("gpu", 0.03, 0.004, 0.95, 8 * 0.03 + 32 * 0.004 + 2 * 0.95),
        exported("wrong-total", 0.03, 0.004, 0, (4 * 0.03 + 16 * 0.004) / 730),
        exported("no-price", math.nan, 0.004, 0, 0.1),
        exported("twice", 0.03, 0.004, 0, 4 * 0.03 + 16 * 0.004),
    )
)
OTHER_CLUSTER = exported("twice", 0.06, 0.008, 0, 4 * 0.06 + 16 * 0.008)


class Nodes:
    """A cluster that has nodes, and nothing else."""

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        return {"status": {"capacity": CAPACITY[name]}} if name in CAPACITY else None


class Now:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    exporters = [
        Exporter("opencost", [EXPORTED], {"namespace": "opencost", "node": "of-opencost"}, honor_labels=True),
        Exporter("other-cluster", [OTHER_CLUSTER], honor_labels=True),
    ]
    with scraping(tmp_path_factory.mktemp("prometheus"), exporters) as found:
        yield found


@pytest.fixture
async def prices(address: str) -> AsyncIterator[Prices]:
    metrics = PrometheusMetrics(address)
    yield Prices(cast(Cluster, Nodes()), metrics, Now(), Tariffs(USD))
    metrics.close()


async def test_the_prices_of_a_node(prices: Prices) -> None:
    assert await prices.on({"plain.example": 2}) == table("0.031611", "0.004237", "0")
    assert await prices.on({"gpu": 1}) == table("0.03", "0.004", "0.95")


async def test_the_mean_of_several(prices: Prices) -> None:
    assert await prices.on({"plain.example": 1, "gpu": 1}) == table("0.0308055", "0.0041185", "0.475")


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({"not-exported": 1}, "has no node_cpu_hourly_cost of node not-exported"),
        ({"gpu": 1, "not-exported": 1}, "of node not-exported"),
        (
            {"wrong-total": 1},
            "node_total_hourly_cost of node wrong-total is 0.000252055 USD, but its 4 cores",
        ),
        ({"no-price": 1}, "node_cpu_hourly_cost of node no-price is nan"),
        ({"twice": 1}, "has several node_cpu_hourly_cost of node twice, from 0.03 to 0.06"),
        ({"gone": 1}, "node gone is gone"),
        ({"": 2}, "which nodes the pods are on is not known"),
    ],
)
async def test_what_cannot_be_known_is_unknown(prices: Prices, nodes: Mapping[str, int], said: str) -> None:
    found = await prices.on(nodes)
    assert isinstance(found, CostUnknown)
    assert said in found.reason


async def test_a_prometheus_that_is_away_gives_none() -> None:
    metrics = PrometheusMetrics("http://127.0.0.1:1", timeout=1)
    found = await Prices(cast(Cluster, Nodes()), metrics, Now(), Tariffs(USD)).on({"gpu": 1})
    metrics.close()
    assert isinstance(found, CostUnknown)
    assert found.reason.startswith("Prometheus gave no prices of OpenCost: Prometheus cannot be reached")


def table(cpu: str, memory: str, gpu: str) -> PriceTable:
    return PriceTable("USD", Decimal(cpu), Decimal(memory), Decimal(gpu))
