"""What a pod costs an hour, from what it requests of the scheduler and a table of prices.

A pod pays for what it reserves, used or not. What is not declared is not guessed: the cost is then unknown, and says
of which container and why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Requests = dict[str, Decimal]

GPUS = ("nvidia.com/gpu", "amd.com/gpu")
PRICED = ("cpu", "memory", *GPUS)
_ACCELERATORS = ("nvidia.com/", "amd.com/")
_GIB = Decimal(2**30)
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)")
_SUFFIXES = {"": Decimal(1)}
_SUFFIXES |= {
    unit: Decimal(10) ** power
    for unit, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
}
_SUFFIXES |= {unit + "i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)}


@dataclass(frozen=True)
class Machine:
    """What prices may depend on, as a node's labels say it: "" where they do not."""

    instance_type: str = ""
    accelerator: str = ""


@dataclass(frozen=True)
class MachinePrices:
    """Prices an hour on one instance type. None: as on others."""

    cpu_core_hour: Decimal | None = None
    memory_gib_hour: Decimal | None = None
    gpu_hour: Decimal | None = None


@dataclass(frozen=True)
class PriceTable:
    """Prices an hour of one CPU core, one GiB of memory and one GPU, in one currency (ISO 4217).

    Those of an instance type come first, and for a GPU then that of its model.
    """

    currency: str
    cpu_core_hour: Decimal
    memory_gib_hour: Decimal
    gpu_hour: Decimal
    instance_types: Mapping[str, MachinePrices] = field(default_factory=dict)
    gpu_models: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def by_machine(self) -> bool:
        """Whether prices may differ from machine to machine."""
        return bool(self.instance_types or self.gpu_models)

    def asks_for(self, requests: Requests) -> tuple[str, ...]:
        """What must be known of a machine to price a pod that reserves so much: fields of `Machine`."""
        has_gpu = any(requests.get(gpu) for gpu in GPUS)
        named = (
            ("instance_type", bool(self.instance_types)),
            ("accelerator", bool(self.gpu_models) and has_gpu),
        )
        return tuple(name for name, asked in named if asked)

    def on(self, machine: Machine) -> PriceTable:
        """The prices on such a machine."""
        own = self.instance_types.get(machine.instance_type, MachinePrices())
        gpu = self.gpu_models.get(machine.accelerator, self.gpu_hour)
        return PriceTable(
            self.currency,
            _either(own.cpu_core_hour, self.cpu_core_hour),
            _either(own.memory_gib_hour, self.memory_gib_hour),
            _either(own.gpu_hour, gpu),
        )


@dataclass(frozen=True)
class OpenCost:
    """Prices that OpenCost exports of each node, in one currency (ISO 4217).

    A core-hour for less than `least_cpu_core_hour` is taken for a mistake.
    """

    currency: str
    least_cpu_core_hour: Decimal


def _either(own: Decimal | None, general: Decimal) -> Decimal:
    return general if own is None else own


@dataclass(frozen=True)
class PodCost:
    """What one pod costs an hour."""

    per_hour: Decimal
    currency: str

    @property
    def per_second(self) -> float:
        """The same a second."""
        return float(self.per_hour / 3600)


@dataclass(frozen=True)
class CostUnknown:
    """Why the cost of a pod is not known, as a sentence that says what to do."""

    reason: str


NO_PRICES = CostUnknown("there are no prices: set prices in the operator's configuration")


def pod_cost(
    template: Mapping[str, Any], prices: PriceTable | None, machines: Mapping[Machine, int] | None = None
) -> PodCost | CostUnknown:
    """What a pod made from this template (or this pod) costs an hour, on average over so many pods on such machines."""
    if prices is None:
        return NO_PRICES
    try:
        requests = effective_requests(template["spec"])
    except ValueError as error:
        return CostUnknown(str(error))
    return requests_cost(requests, prices, machines)


def requests_cost(
    requests: Requests, prices: PriceTable, machines: Mapping[Machine, int] | None = None
) -> PodCost | CostUnknown:
    """What a pod that reserves so much costs an hour. No price is guessed where it depends on an unknown machine."""
    asked = prices.asks_for(requests)
    if not asked:
        return _reserved_cost(requests, prices)
    pods = sum((machines or {}).values())
    if not machines or not pods or not all(getattr(machine, name) for machine in machines for name in asked):
        by = " and ".join(
            {"instance_type": "instanceTypes", "accelerator": "gpuModels"}[name] for name in asked
        )
        return CostUnknown(
            f"prices.{by} of the operator's configuration depend on the machine, and what the pods run on is not "
            "known: let the operator read nodes, and have them labelled with their instance type and GPU model"
        )
    total = sum(
        (
            _reserved_cost(requests, prices.on(machine)).per_hour * number
            for machine, number in machines.items()
        ),
        Decimal(0),
    )
    return PodCost(total / pods, prices.currency)


def _reserved_cost(requests: Requests, prices: PriceTable) -> PodCost:
    total = (
        requests.get("cpu", Decimal(0)) * prices.cpu_core_hour
        + requests.get("memory", Decimal(0)) / _GIB * prices.memory_gib_hour
        + sum((requests.get(gpu, Decimal(0)) for gpu in GPUS), Decimal(0)) * prices.gpu_hour
    )
    return PodCost(total, prices.currency)


def effective_requests(spec: Mapping[str, Any]) -> Requests:
    """What the scheduler reserves for a pod: cores, bytes, and accelerators by resource name.

    Containers and sidecars (init containers that keep running) add up; an init container needs its own request and
    those of the sidecars started before it; a request for the pod as a whole replaces the sum. ValueError when a
    container that runs requests no CPU or no memory, or an accelerator that has no price.
    """
    sidecars: Requests = {}
    starting: Requests = {}
    for container in spec.get("initContainers") or ():
        own = _requests(container)
        if container.get("restartPolicy") == "Always":
            sidecars = _added(sidecars, own)
            starting = _larger(starting, sidecars)
        else:
            starting = _larger(starting, _added(sidecars, own))
    running = sidecars
    for container in spec["containers"]:
        running = _added(running, _requests(container))
    whole = _requests(spec)
    total = _added({**_larger(running, starting), **whole}, _quantities(spec.get("overhead") or {}))
    _complain_of_undeclared(spec, whole)
    for resource in total:
        if resource.startswith(_ACCELERATORS) and resource not in GPUS:
            raise ValueError(
                f"the pod requests {resource}, which has no price: {' and '.join(GPUS)} have one"
            )
    return total


def _complain_of_undeclared(spec: Mapping[str, Any], whole: Requests) -> None:
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in [*spec["containers"], *sidecars]:
        missing = [r for r in ("cpu", "memory") if r not in whole and r not in _requests(container)]
        if missing:
            raise ValueError(
                f"container {container['name']} requests no {' and no '.join(missing)}: "
                "set resources.requests, as the cost of a pod is that of what it reserves"
            )


def _requests(container: Mapping[str, Any]) -> Requests:
    """The requests of a container or pod; a limit without a request is a request, as the API server has it."""
    resources = container.get("resources") or {}
    return _quantities({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _quantities(resources: Mapping[str, Any]) -> Requests:
    return {name: parse_quantity(str(quantity)) for name, quantity in resources.items()}


def _added(one: Requests, other: Requests) -> Requests:
    return {name: one.get(name, Decimal(0)) + other.get(name, Decimal(0)) for name in {**one, **other}}


def _larger(one: Requests, other: Requests) -> Requests:
    return {name: max(one.get(name, Decimal(0)), other.get(name, Decimal(0))) for name in {**one, **other}}


def parse_quantity(text: str) -> Decimal:
    """The number that a Kubernetes quantity stands for: `250m`, `1`, `256Mi`, `512M`, `1e3`."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity such as 250m, 1 or 256Mi")
    number, exponent, suffix = match.groups()
    return Decimal(number + (exponent or "")) * _SUFFIXES[suffix or ""]
