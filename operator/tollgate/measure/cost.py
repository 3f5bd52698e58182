"""What a pod costs an hour, from what it requests of the scheduler and a table of prices.

A pod pays for what it reserves, used or not. What is not declared is not guessed: the cost is then unknown, and says
of which container and why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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
class PriceTable:
    """Prices an hour of one CPU core, one GiB of memory and one GPU, in one currency (ISO 4217)."""

    currency: str
    cpu_core_hour: Decimal
    memory_gib_hour: Decimal
    gpu_hour: Decimal


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


def pod_cost(template: Mapping[str, Any], prices: PriceTable | None) -> PodCost | CostUnknown:
    """What a pod made from this template (or this pod) costs an hour."""
    if prices is None:
        return CostUnknown("there are no prices: set prices in the operator's configuration")
    try:
        requests = effective_requests(template["spec"])
    except ValueError as error:
        return CostUnknown(str(error))
    return requests_cost(requests, prices)


def requests_cost(requests: Requests, prices: PriceTable) -> PodCost:
    """What a pod that reserves so much costs an hour."""
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
