"""What an hour costs on nodes as OpenCost exports it to Prometheus, held against itself and the nodes. Pure.

OpenCost has exported prices that were wrong by a factor of hundreds, and totals of other parts than the node has. What
cannot be true, or does not add up, is no price: the cost is then unknown, and says of which node and why.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tollgate.measure.cost import PRICED, CostUnknown, OpenCost, PriceTable, parse_quantity
from tollgate.measure.promql import one_of, string
from tollgate.ports import Samples

CPU, MEMORY, GPU = "node_cpu_hourly_cost", "node_ram_hourly_cost", "node_gpu_hourly_cost"
TOTAL = "node_total_hourly_cost"
SERIES = (CPU, MEMORY, GPU, TOTAL)
"""For an hour: of a core, of a GiB, of a GPU, and of all of a node."""

_NODE = "node"
_APART = 0.10
"""So much the total may differ from its parts: OpenCost may take its numbers of cores and bytes from a price list."""

_ALIKE = 0.01
"""So much several series of one node may differ, as two replicas export them."""

_DIGITS = Decimal("1e-12")
_BY_HAND = "or write cpuCoreHour, memoryGiBHour and gpuHour in place of prices.openCost"


class _NoPrice(Exception):
    """Why a node has no price, as a sentence."""


@dataclass(frozen=True)
class Capacity:
    """What a node has."""

    cores: float
    memory_gib: float
    gpus: float


def capacity(node: Mapping[str, Any]) -> Capacity:
    """Of a Node, by its status; nothing where that does not say."""
    told = (node.get("status") or {}).get("capacity") or {}
    cores, memory, *gpus = (float(parse_quantity(str(told.get(name, "0")))) for name in PRICED)
    return Capacity(cores, memory / 2**30, sum(gpus))


def node_cost_query(nodes: Iterable[str]) -> str:
    """What OpenCost exports now of these nodes: an instant selector, as a price is no count."""
    return f"{{__name__=~{string(one_of(SERIES))},{_NODE}=~{string(one_of(nodes))}}}"


def node_prices(
    source: OpenCost,
    samples: Sequence[Samples],
    nodes: Mapping[str, int],
    capacities: Mapping[str, Capacity],
) -> PriceTable | CostUnknown:
    """The prices on these nodes, on average over so many pods on each; unknown where one of them has none."""
    told: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in samples:
        if one.points:
            told[one.labels.get(_NODE, "")][one.labels.get("__name__", "")].append(one.points[-1][1])
    pods = sum(nodes.values())
    sums = [Decimal(0)] * 3
    try:
        for node, number in nodes.items():
            prices = _of_node(source, node, told[node], capacities[node])
            sums = [total + price * number for total, price in zip(sums, prices, strict=True)]
    except _NoPrice as why:
        return CostUnknown(str(why))
    cpu, memory, gpu = ((total / pods).quantize(_DIGITS) for total in sums)
    return PriceTable(source.currency, cpu, memory, gpu)


def _of_node(
    source: OpenCost, node: str, told: Mapping[str, Sequence[float]], has: Capacity
) -> tuple[Decimal, Decimal, Decimal]:
    """Prices of a core, a GiB and a GPU; 0 of a GPU where the node has none."""
    cpu, memory = (_value(series, node, told) for series in (CPU, MEMORY))
    gpu = _value(GPU, node, told) if has.gpus else 0.0
    if cpu < source.least_cpu_core_hour:
        raise _NoPrice(
            f"{CPU} of node {node} is {cpu:g} {source.currency}, less than a core can cost: OpenCost has divided "
            f"prices by 730 (opencost#3781), so update it, {_BY_HAND}; if it is right, lower "
            "prices.openCost.leastCpuCoreHour"
        )
    total = _value(TOTAL, node, told)
    parts = has.cores * cpu + has.memory_gib * memory + has.gpus * gpu
    if abs(parts - total) > _APART * total:
        raise _NoPrice(
            f"{TOTAL} of node {node} is {total:g} {source.currency}, but its {has.cores:g} cores, "
            f"{has.memory_gib:.4g} GiB and {has.gpus:g} GPUs come to {parts:g} by OpenCost's own prices of each "
            f"(opencost#2029; a GPU that is shared counts as several): correct it, {_BY_HAND}"
        )
    return Decimal(str(cpu)), Decimal(str(memory)), Decimal(str(gpu))


def _value(series: str, node: str, told: Mapping[str, Sequence[float]]) -> float:
    """The one value of a series; the greatest where replicas of OpenCost nearly agree."""
    values = told.get(series, ())
    if not values:
        raise _NoPrice(
            f"Prometheus has no {series} of node {node} in the last minutes: is OpenCost scraped, with honor_labels?"
        )
    wrong = next((value for value in values if not (math.isfinite(value) and value > 0)), None)
    if wrong is not None:
        raise _NoPrice(
            f"{series} of node {node} is {wrong:g}, so OpenCost knows no price: give it one, {_BY_HAND}"
        )
    if max(values) > min(values) * (1 + _ALIKE):
        raise _NoPrice(
            f"Prometheus has several {series} of node {node}, from {min(values):g} to {max(values):g}: let one "
            "OpenCost be scraped, of this cluster, with honor_labels"
        )
    return max(values)
