"""Prices of nodes from what OpenCost exports: right, or unknown and why."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from tollgate.measure.cost import CostUnknown, OpenCost, PriceTable
from tollgate.measure.opencost import (
    CPU,
    GPU,
    MEMORY,
    TOTAL,
    Capacity,
    capacity,
    node_cost_query,
    node_prices,
)
from tollgate.ports import Samples

USD = OpenCost("USD", Decimal("0.0002"))
SMALL = Capacity(cores=4, memory_gib=16, gpus=0)
BIG = Capacity(cores=8, memory_gib=32, gpus=2)


def exported(node: str = "a", **values: float) -> list[Samples]:
    """A sample of each series: a core for 0.03, a GiB for 0.004, a GPU for 0.95, and what the small node costs."""
    told = {CPU: 0.03, MEMORY: 0.004, GPU: 0.95, TOTAL: 4 * 0.03 + 16 * 0.004} | values
    return [sample(series, node, value) for series, value in told.items()]


def sample(series: str, node: str, value: float, **labels: str) -> Samples:
    return Samples({"__name__": series, "node": node, "instance": node, **labels}, [(0.0, value)])


def prices(samples: list[Samples], has: Capacity = SMALL) -> PriceTable | CostUnknown:
    return node_prices(USD, samples, {"a": 1}, {"a": has})


def why(samples: list[Samples], has: Capacity = SMALL) -> str:
    found = prices(samples, has)
    assert isinstance(found, CostUnknown), found
    return found.reason


def table(cpu: str, memory: str, gpu: str) -> PriceTable:
    return PriceTable("USD", Decimal(cpu), Decimal(memory), Decimal(gpu))


class TestKnown:
    def test_a_node_without_gpus_has_no_price_of_one(self) -> None:
        assert prices(exported()) == table("0.03", "0.004", "0")
        assert prices(exported(**{GPU: 0.0})) == table("0.03", "0.004", "0")

    def test_a_node_with_gpus_has(self) -> None:
        total = 8 * 0.03 + 32 * 0.004 + 2 * 0.95
        assert prices(exported(**{TOTAL: total}), BIG) == table("0.03", "0.004", "0.95")

    def test_pods_on_several_nodes_cost_the_mean_of_them(self) -> None:
        samples = exported() + exported("b", **{CPU: 0.07, TOTAL: 4 * 0.07 + 16 * 0.004})
        found = node_prices(USD, samples, {"a": 3, "b": 1}, {"a": SMALL, "b": SMALL})
        assert found == table("0.04", "0.004", "0")

    def test_a_total_from_a_price_list_may_be_a_little_off(self) -> None:
        assert isinstance(prices(exported(**{TOTAL: 0.184 * 1.09})), PriceTable)
        assert isinstance(prices(exported(**{TOTAL: 0.184 / 1.09})), PriceTable)

    def test_of_two_replicas_that_nearly_agree_the_dearer_counts(self) -> None:
        twice = [*exported(), sample(CPU, "a", 0.0302, job="other")]
        assert prices(twice) == table("0.0302", "0.004", "0")


class TestUnknown:
    @pytest.mark.parametrize("series", [CPU, MEMORY, TOTAL])
    def test_a_series_that_is_not_there(self, series: str) -> None:
        said = why([one for one in exported() if one.labels["__name__"] != series])
        assert said.startswith(
            f"Prometheus has no {series} of node a in the last minutes: is OpenCost scraped"
        )

    def test_only_other_nodes(self) -> None:
        assert f"no {CPU} of node a" in why(exported("b"))

    @pytest.mark.parametrize("value", [0.0, math.nan, math.inf, -1.0])
    @pytest.mark.parametrize("series", [CPU, MEMORY, TOTAL])
    def test_what_can_be_no_price(self, series: str, value: float) -> None:
        assert f"{series} of node a is {value:g}, so OpenCost knows no price" in why(
            exported(**{series: value})
        )

    def test_a_gpu_without_a_price(self) -> None:
        assert f"{GPU} of node a is 0" in why(exported(**{GPU: 0.0}), BIG)

    @pytest.mark.parametrize("factor", [730, 1 / 730, 1.2, 0.85])
    def test_a_total_that_is_not_that_of_its_parts(self, factor: float) -> None:
        said = why(exported(**{TOTAL: 0.184 * factor}))
        assert "4 cores, 16 GiB and 0 GPUs come to 0.184 by OpenCost's own prices" in said
        assert "or write cpuCoreHour, memoryGiBHour and gpuHour in place of prices.openCost" in said

    def test_gpus_that_opencost_does_not_count_as_the_node_does(self) -> None:
        """As where each is shared by four pods, and the node has eight of them to reserve."""
        total = 8 * 0.03 + 32 * 0.004 + 2 * 0.95
        assert "8 GPUs come to" in why(exported(**{TOTAL: total}), Capacity(8, 32, 8))

    def test_all_prices_divided_by_730_add_up_and_are_seen_all_the_same(self) -> None:
        small = {CPU: 0.031611 / 730, MEMORY: 0.004237 / 730}
        said = why(exported(**small, **{TOTAL: 4 * small[CPU] + 16 * small[MEMORY]}))
        assert "is 4.33027e-05 USD, less than a core can cost" in said
        assert "lower prices.openCost.leastCpuCoreHour" in said

    def test_two_that_disagree(self) -> None:
        """As of two clusters with a node of that name, or where all are given the label of OpenCost's own."""
        twice = [*exported(), sample(CPU, "a", 0.06, cluster="other")]
        assert f"several {CPU} of node a, from 0.03 to 0.06" in why(twice)

    def test_one_node_of_several(self) -> None:
        found = node_prices(USD, exported(), {"a": 1, "b": 1}, {"a": SMALL, "b": SMALL})
        assert isinstance(found, CostUnknown)
        assert "of node b" in found.reason


def test_what_a_node_has() -> None:
    told: dict[str, Any] = {"cpu": "8", "memory": "33554432Ki", "nvidia.com/gpu": "2", "pods": "110"}
    assert capacity({"status": {"capacity": told}}) == BIG
    assert capacity({}) == Capacity(0, 0, 0)


def test_one_query_asks_for_all_and_no_name_widens_it() -> None:
    assert node_cost_query(["a.x", 'b"']) == (
        '{__name__=~"^(?:node_cpu_hourly_cost|node_ram_hourly_cost|node_gpu_hourly_cost|node_total_hourly_cost)$",'
        'node=~"^(?:a\\\\.x|b\\")$"}'
    )
