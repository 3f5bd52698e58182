"""What the pods that a benchmark loads run on, and what each reserves: seen as the load begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from tollgate.api.benchmark import BenchmarkStatus
from tollgate.api.facts import Declared, EnergyTerms, Facts, declared
from tollgate.api.hardware import MOST_NAMES, MOST_NODES, Hardware, LoadedPods
from tollgate.errors import Denied
from tollgate.measure.cost import (
    PRICED,
    CostUnknown,
    Machine,
    PodCost,
    PriceTable,
    effective_requests,
    requests_cost,
)
from tollgate.ports import NODE, Cluster, Object

_CPU_MODEL = "feature.node.kubernetes.io/cpu-model."
_ACCELERATORS = (
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
    "cloud.google.com/gke-accelerator",
    "k8s.amazonaws.com/accelerator",
    "gpu.intel.com/product",
)
_MOST_KINDS = 16
_LONGEST = 128  # characters


async def loaded_pods(cluster: Cluster, pods: Sequence[Object]) -> LoadedPods:
    """The kinds of machines that these pods are on, the most used first, and what each pod reserves.

    Where nodes may not be read no hardware is known, and so the measurement can be compared with no other.
    """
    kinds: Counter[tuple[str, ...]] = Counter()
    nodes = nodes_of(pods)
    try:
        for name, number in nodes.items():
            node = await cluster.get(NODE, "", name) if name else None
            kinds[_kind(node or {})] += number
    except Denied:
        kinds.clear()
    hardware = [
        Hardware(
            pods=number,
            instance_type=kind[0],
            architecture=kind[1],
            cpus=kind[2],
            processor=kind[3],
            accelerator=kind[4],
        )
        for kind, number in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    ]
    return LoadedPods(
        names=sorted(str(pod["metadata"]["name"]) for pod in pods)[:MOST_NAMES],
        hardware=hardware[:_MOST_KINDS],
        nodes=nodes if "" not in nodes and len(nodes) <= MOST_NODES else {},
        requests=_reserved(pods[0]) if pods else {},
        declared=_declared(pods[0]) if pods else None,
    )


def nodes_of(pods: Sequence[Object]) -> dict[str, int]:
    """How many of these pods are on each node; "" for those that have none yet."""
    return dict(Counter(str(pod["spec"].get("nodeName", "")) for pod in pods))


def _kind(node: Object) -> tuple[str, ...]:
    """Instance type, architecture, number of cores, CPU model and accelerator, each "" where the node does not say."""
    labels: Mapping[str, str] = (node.get("metadata") or {}).get("labels") or {}
    model = [labels.get(_CPU_MODEL + part, "") for part in ("vendor_id", "family", "id")]
    kind = (
        labels.get("node.kubernetes.io/instance-type", ""),
        labels.get("kubernetes.io/arch", ""),
        str(((node.get("status") or {}).get("capacity") or {}).get("cpu", "")),
        " ".join(filter(None, model)),
        next((labels[label] for label in _ACCELERATORS if label in labels), ""),
    )
    return tuple(part[:_LONGEST] for part in kind)


def _reserved(pod: Object) -> dict[str, str]:
    try:
        requests = effective_requests(pod["spec"])
    except ValueError:
        return {}
    return {name: format(requests[name].normalize(), "f") for name in PRICED if name in requests}


def _declared(pod: Object) -> Declared | None:
    found = declared(pod["metadata"].get("annotations") or {})
    return found if found != Declared() else None


def facts_of(status: BenchmarkStatus, energy: EnergyTerms) -> Facts:
    """What is known of the loaded pods beside their counts."""
    loaded = status.loaded
    return Facts(
        declared=(loaded.declared if loaded else None) or Declared(), starts=status.cold_start, energy=energy
    )


def cost_of(loaded: LoadedPods | None, prices: PriceTable | CostUnknown) -> PodCost | CostUnknown:
    """What one of the loaded pods costs, by what was reserved for it."""
    if isinstance(prices, CostUnknown):
        return prices
    if loaded is None or not loaded.requests:
        return CostUnknown("what the loaded pods reserved is not on record")
    requests = {name: Decimal(amount) for name, amount in loaded.requests.items()}
    return requests_cost(requests, prices, machines_of(loaded))


def machines_of(loaded: LoadedPods | None) -> dict[Machine, int]:
    """How many of the loaded pods were on each sort of machine; {} where that is not on record."""
    found: Counter[Machine] = Counter()
    for kind in loaded.hardware if loaded else ():
        found[Machine(kind.instance_type, kind.accelerator)] += kind.pods
    return dict(found)


class Machines:
    """The machines that pods run on. What a node is does not change, so each is looked up once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, Machine] = {}

    async def under(self, pods: Sequence[Object]) -> dict[Machine, int]:
        """How many of these pods are on each sort of machine; {} where the operator may not read nodes."""
        found: Counter[Machine] = Counter()
        for name in (str(pod["spec"].get("nodeName", "")) for pod in pods):
            if name not in self._known:
                try:
                    node = await self._cluster.get(NODE, "", name) if name else None
                except Denied:
                    return {}
                kind = _kind(node or {})
                if node is None:
                    found[Machine()] += 1
                    continue
                self._known[name] = Machine(kind[0], kind[4])
            found[self._known[name]] += 1
        return dict(found)
