"""What is known of a version beside its counts: what its pod template declares, how it started, what a core draws.

What a template declares it declares with annotations, so that another number is another revision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api import units
from tollgate.api.base import GROUP, Model
from tollgate.api.cold_start import StartTimes
from tollgate.api.quantities import Number

Said = Annotated[str, StringConstraints(max_length=32)]

_LONGEST = 32


class Declared(Model):
    """Annotations of the pod template, as they are written; empty where there is none."""

    parameters: Said = Field("", description="tollgate.dev/parameters: number of parameters, such as 8B.")
    artifact_size: Said = Field(
        "", description="tollgate.dev/artifact-size: size of the model's files, such as 16Gi."
    )
    flops_per_request: Said = Field(
        "", description="tollgate.dev/flops-per-request: operations for one request, such as 4GFLOP."
    )
    flops_per_token: Said = Field(
        "", description="tollgate.dev/flops-per-token: operations for one token, such as 16GFLOP."
    )
    peak_flops: Said = Field(
        "",
        description="tollgate.dev/peak-flops: what a pod's accelerators can do in a second, such as 989TFLOP.",
    )
    context_window: Said = Field(
        "", description="tollgate.dev/context-window: most tokens of a request, such as 8192tok."
    )

    def read(
        self, field: str, parse: Callable[[str], Decimal | units.Amount]
    ) -> Decimal | units.Amount | str:
        """The value of a field; else why there is none, and what to do, as a sentence."""
        said = getattr(self, field)
        if not said:
            return f"the pod template has no annotation {annotation(field)}: add it"
        try:
            return parse(said)
        except ValueError as error:
            return f"annotation {annotation(field)} of the pod template: {error}"


def annotation(field: str) -> str:
    """The annotation of a field of `Declared`."""
    return f"{GROUP}/{field.replace('_', '-')}"


def declared(annotations: Mapping[str, str]) -> Declared:
    """What a pod, or the template of one, declares."""
    return Declared(
        **{field: str(annotations.get(annotation(field), ""))[:_LONGEST] for field in Declared.model_fields}
    )


class EnergyTerms(Model):
    """How energy is estimated, and what it emits: of the operator's configuration."""

    watts_per_core: Number | None = Field(None, description="Watts of a core that is busy.")
    grams_per_kwh: Number | None = Field(
        None, alias="gramsPerKWh", description="Grid intensity: grams of CO2e per kWh."
    )


class Facts(Model):
    """What is known of the pods that were loaded beside what was counted."""

    declared: Declared = Field(default_factory=Declared, description="What their template declares.")
    starts: StartTimes | None = Field(None, description="How they started, if the profile has a coldStart.")
    energy: EnergyTerms = Field(
        default_factory=EnergyTerms, description="How their energy is estimated, and what it emits."
    )


NOTHING_KNOWN = Facts()
