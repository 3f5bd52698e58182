"""What the pods of a benchmark ran on, and what each of them reserved.

The operator reads it from the API server as the load begins: a measurement on another kind of machine says nothing of
the version. What a pod reserves is the version's own choice, and no difference of hardware; its price is worked out
from it, also when the version is long gone.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.base import Model
from tollgate.api.facts import Declared

_Named = Annotated[str, StringConstraints(max_length=128)]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,24}(\.[0-9]{1,9})?$", max_length=34)]


class Hardware(Model):
    """A kind of machine, as far as its node says, and how many of the loaded pods were on machines of this kind."""

    pods: int = Field(ge=1, le=1000, description="Number of loaded pods on machines of this kind.")
    instance_type: _Named = Field("", description="Instance type: label node.kubernetes.io/instance-type.")
    architecture: _Named = Field("", description="Architecture: label kubernetes.io/arch.")
    cpus: _Named = Field("", description="CPU cores of the machine.")
    processor: _Named = Field(
        "", description="CPU model: labels feature.node.kubernetes.io/cpu-model of Node Feature Discovery."
    )
    accelerator: _Named = Field(
        "", description="Accelerator: label nvidia.com/gpu.product, or that of another vendor or cloud."
    )

    def __str__(self) -> str:
        details = [self.architecture, f"{self.cpus} CPUs" if self.cpus else "", self.processor]
        named = self.instance_type or "a machine without instance type"
        known = ", ".join(filter(None, [*details, self.accelerator]))
        return f"{self.pods} on {named}" + (f" ({known})" if known else "")


MOST_NAMES = 64
MOST_NODES = 64


class LoadedPods(Model):
    """The pods that a benchmark loaded."""

    names: Annotated[
        list[Annotated[str, StringConstraints(max_length=253)]], Field(max_length=MOST_NAMES)
    ] = Field(default_factory=list, description="The first of their names.")

    hardware: Annotated[list[Hardware], Field(max_length=16)] = Field(
        default_factory=list,
        description="What they ran on; empty when the operator may not read nodes.",
    )
    nodes: Annotated[dict[str, Annotated[int, Field(ge=1, le=1000)]], Field(max_length=MOST_NODES)] = Field(
        default_factory=dict,
        description="How many of them were on each node, by which prices of nodes are asked for. Empty when they were "
        f"on more than {MOST_NODES}.",
    )
    requests: Annotated[dict[str, Quantity], Field(max_length=8)] = Field(
        default_factory=dict,
        description="What each reserved: cores, bytes, and accelerators by name. Empty when a container "
        "requests no CPU or no memory.",
    )
    declared: Declared | None = Field(None, description="What their template declares by annotations.")
