from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tollgate.measure.cost import (
    CostUnknown,
    Machine,
    MachinePrices,
    PodCost,
    PriceTable,
    effective_requests,
    parse_quantity,
    pod_cost,
    requests_cost,
)

PRICES = PriceTable("USD", Decimal("0.04"), Decimal("0.005"), Decimal("2.50"))


def container(name: str = "server", **requests: str) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": requests}}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"containers": list(containers), **spec}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", "0.25"), ("1", "1"), ("0.5", "0.5"), (".5", "0.5"), ("256Mi", str(256 * 2**20)), ("1Gi", str(2**30)),
        ("512M", "512000000"), ("1e3", "1000"), ("12E6", "12000000"), ("1E", str(10**18)), ("100k", "100000"),
        ("5n", "0.000000005"), ("1.5Ki", "1536"),
    ],
)  # fmt: skip
def test_quantities(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "1 Gi", "lots", "1K", "-1", "1e"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)


def test_containers_add_up() -> None:
    spec = pod(container(cpu="500m", memory="1Gi"), container("proxy", cpu="1", memory="1Gi"))
    assert pod_cost({"spec": spec}, PRICES) == PodCost(Decimal("0.07"), "USD")


def test_accelerators_are_paid_for() -> None:
    spec = pod(container(cpu="0", memory="0", **{"nvidia.com/gpu": "2"}))
    assert pod_cost({"spec": spec}, PRICES) == PodCost(Decimal("5.00"), "USD")


def test_accelerator_without_a_price() -> None:
    spec = pod(container(cpu="1", memory="1Gi", **{"nvidia.com/mig-1g.5gb": "1"}))
    cost = pod_cost({"spec": spec}, PRICES)
    assert isinstance(cost, CostUnknown)
    assert "nvidia.com/mig-1g.5gb, which has no price" in cost.reason


def test_limit_without_a_request_is_the_request() -> None:
    server = {
        "name": "server",
        "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}},
    }
    assert effective_requests(pod(server)) == {"cpu": Decimal(1), "memory": Decimal(2**30)}


def test_largest_init_container_counts_where_it_needs_more() -> None:
    spec = pod(
        container(cpu="1", memory="1Gi"),
        initContainers=[container("a", cpu="3", memory="1Mi"), container("b", cpu="2", memory="1Mi")],
    )
    assert effective_requests(spec)["cpu"] == 3
    assert effective_requests(spec)["memory"] == 2**30


def test_sidecars_run_beside_the_containers_and_later_init_containers() -> None:
    sidecar = {**container("mesh", cpu="1", memory="1Mi"), "restartPolicy": "Always"}
    serving = pod(
        container(cpu="2", memory="1Mi"), initContainers=[sidecar, container("load", cpu="1", memory="0")]
    )
    assert effective_requests(serving)["cpu"] == 3
    loading = pod(
        container(cpu="2", memory="1Mi"), initContainers=[sidecar, container("load", cpu="4", memory="0")]
    )
    assert effective_requests(loading)["cpu"] == 5
    before = pod(
        container(cpu="2", memory="1Mi"), initContainers=[container("load", cpu="4", memory="0"), sidecar]
    )
    assert effective_requests(before)["cpu"] == 4


def test_pod_level_request_replaces_the_sum_and_overhead_comes_on_top() -> None:
    spec = pod(
        {"name": "server"},
        resources={"requests": {"cpu": "4", "memory": "2Gi"}},
        overhead={"cpu": "250m", "memory": "0"},
    )
    assert effective_requests(spec) == {"cpu": Decimal("4.25"), "memory": Decimal(2 * 2**30)}


@pytest.mark.parametrize(
    ("server", "complaint"),
    [
        ({"name": "server"}, "container server requests no cpu and no memory"),
        (container(cpu="1"), "container server requests no memory"),
    ],
)
def test_cost_of_what_is_not_declared_is_unknown(server: dict[str, Any], complaint: str) -> None:
    cost = pod_cost({"spec": pod(container("other", cpu="1", memory="1Gi"), server)}, PRICES)
    assert isinstance(cost, CostUnknown)
    assert complaint in cost.reason
    assert "set resources.requests" in cost.reason


def test_without_prices_the_cost_is_unknown() -> None:
    cost = pod_cost({"spec": pod(container(cpu="1", memory="1Gi"))}, None)
    assert isinstance(cost, CostUnknown)
    assert "set prices" in cost.reason


class TestPricesByMachine:
    TABLE = PriceTable(
        "USD",
        Decimal("0.03"),
        Decimal("0.004"),
        Decimal("0.95"),
        instance_types={
            "m5.xlarge": MachinePrices(cpu_core_hour=Decimal("0.06")),
            "p5": MachinePrices(gpu_hour=Decimal(7)),
        },
        gpu_models={"A100": Decimal("3.40"), "H100": Decimal("6.88")},
    )
    CPU = {"cpu": Decimal(2), "memory": Decimal(2**30)}
    GPU = {**CPU, "nvidia.com/gpu": Decimal(1)}

    @pytest.mark.parametrize(
        ("machine", "requests", "per_hour"),
        [
            (Machine("m6i.xlarge"), CPU, "0.064"),
            (Machine("m5.xlarge"), CPU, "0.124"),
            (Machine("g5", "A100"), GPU, "3.464"),
            (Machine("g5", "L4"), GPU, "1.014"),
            (Machine("p5", "H100"), GPU, "7.064"),
        ],
    )
    def test_the_instance_type_comes_first_and_then_the_model(
        self, machine: Machine, requests: dict[str, Decimal], per_hour: str
    ) -> None:
        assert requests_cost(requests, self.TABLE, {machine: 3}) == PodCost(Decimal(per_hour), "USD")

    def test_pods_on_several_machines_cost_what_they_cost_on_average(self) -> None:
        cost = requests_cost(self.CPU, self.TABLE, {Machine("m5.xlarge"): 3, Machine("m6i.xlarge"): 1})
        assert cost == PodCost(Decimal("0.109"), "USD")

    @pytest.mark.parametrize(
        ("machines", "requests", "lacks"),
        [
            ({}, CPU, "prices.instanceTypes of"),
            ({Machine("m5.xlarge"): 1, Machine(): 1}, CPU, "prices.instanceTypes of"),
            ({Machine("m5.xlarge"): 1}, GPU, "prices.instanceTypes and gpuModels of"),
        ],
    )
    def test_no_price_is_guessed(
        self, machines: dict[Machine, int], requests: dict[str, Decimal], lacks: str
    ) -> None:
        unknown = requests_cost(requests, self.TABLE, machines)
        assert isinstance(unknown, CostUnknown)
        assert lacks in unknown.reason
        assert "let the operator read nodes" in unknown.reason

    def test_a_pod_without_a_gpu_needs_no_model(self) -> None:
        table = replace(self.TABLE, instance_types={})
        assert requests_cost(self.CPU, table) == PodCost(Decimal("0.064"), "USD")
