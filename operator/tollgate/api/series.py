"""Series of Prometheus, as a `MetricProfile` names them: with matchers, labels and units, so that no code knows a name.

`ServerSeries` are those that say what a server used while a benchmark loaded it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tollgate.api.base import Model

LabelName = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", min_length=1, max_length=128)
]
SeriesName = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$", min_length=1, max_length=200)
]


class Matcher(Model):
    """A label matcher of a series."""

    label: LabelName = Field(description="Name of the label.")
    operator: Literal["=", "!=", "=~", "!~"] = Field("=", description="How it is compared, as in PromQL.")
    value: Annotated[str, StringConstraints(max_length=253)] = Field(
        description="The value or regular expression."
    )


class Series(Model):
    """A series, or the base name of a histogram or summary, with matchers."""

    series: SeriesName = Field(
        description="Name of the series; of a classic histogram without _bucket, of a summary without _sum."
    )
    aliases: Annotated[list[SeriesName], Field(max_length=4)] = Field(
        default_factory=list,
        description="What older or newer versions of the server call the same series, in the same unit. Of a pod that "
        "exports several of the names, the first one counts.",
    )
    matchers: Annotated[list[Matcher], Field(max_length=16)] = Field(
        default_factory=list, description="Label matchers that every query of the series carries."
    )

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its aliases, the first of which counts."""
        return (self.series, *self.aliases)


class MetricLabels(Model):
    """Names of the labels that say where a sample is from."""

    namespace: LabelName = Field("namespace", description="Label that holds the pod's namespace.")
    pod: LabelName = Field("pod", description="Label that holds the pod's name.")


class Meter(Series):
    """A series of what a pod used."""

    labels: MetricLabels | None = Field(
        None, description="Labels that say where a sample is from. Default: those of the profile."
    )
    scrape_interval_seconds: int | None = Field(
        None, ge=1, le=600, description="How often it is scraped. Default: as the profile says."
    )


class MemoryMeter(Meter):
    """A gauge of memory."""

    unit: Literal["B", "KiB", "MiB"] = Field("B", description="Unit of its values.")

    @property
    def scale(self) -> float:
        """Bytes per unit."""
        return {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20}[self.unit]


class UtilizationMeter(Meter):
    """A gauge of how busy or how full something is."""

    unit: Literal["Percent", "Ratio"] = Field("Percent", description="Whether it goes to 100 or to 1.")

    @property
    def scale(self) -> float:
        """Fractions per unit."""
        return {"Percent": 0.01, "Ratio": 1.0}[self.unit]


class EnergyMeter(Meter):
    """A counter of energy."""

    unit: Literal["J", "mJ", "uJ"] = Field("J", description="Unit of its values.")
    attribution: Literal["Exclusive", "Proportional"] = Field(
        "Exclusive",
        description="What becomes of a GPU that several pods share, whose meter is of all of it. Exclusive: the energy "
        "is unknown. Proportional: it is divided among the pods that hold parts of the GPU, as the DCGM exporter tells "
        "them: slices (MIG) by their compute units, all else evenly. The result is an estimate, and says so.",
    )

    @property
    def scale(self) -> float:
        """Joules per unit."""
        return {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6}[self.unit]


class ServerSeries(Model):
    """What a server used. Read over the steady part of each stage of a benchmark, for every loaded pod."""

    memory: MemoryMeter | None = Field(
        None,
        description="Gauge of memory, such as process_resident_memory_bytes, or container_memory_working_set_bytes "
        'with the matcher container != "", as cAdvisor exports the sum of the containers, too.',
    )
    cpu: Meter | None = Field(
        None,
        description="Counter of CPU seconds, such as process_cpu_seconds_total, or container_cpu_usage_seconds_total "
        'with the matcher container != "".',
    )
    gpu_utilization: UtilizationMeter | None = Field(
        None, description="Gauge of how busy a GPU is, such as DCGM_FI_DEV_GPU_UTIL."
    )
    gpu_memory: MemoryMeter | None = Field(
        None, description="Gauge of GPU memory, such as DCGM_FI_DEV_FB_USED, whose unit is MiB."
    )
    energy: EnergyMeter | None = Field(
        None,
        description="Counter of energy, such as DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION, whose unit is mJ, or "
        "kepler_pod_cpu_joules_total with a matcher of one zone, as Kepler's zones overlap.",
    )

    kv_cache: UtilizationMeter | None = Field(
        None,
        description="Gauge of how full the KV cache is, such as vllm:kv_cache_usage_perc with the unit Ratio.",
    )
    flops: Meter | None = Field(
        None,
        description="Counter of floating-point operations, such as vllm:estimated_flops_per_gpu_total, which vLLM "
        "exports with --enable-mfu-metrics.",
    )

    @property
    def meters(self) -> dict[str, Meter]:
        """Those that are given, by the name of the field."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: meter for name, meter in found.items() if meter is not None}
