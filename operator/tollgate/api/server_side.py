"""What a server used while a stage of a benchmark loaded it: `StageResult.server`, and the time that it is of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.base import Model
from tollgate.api.quantities import Count, Duration, Energy, Factor, Flops, Memory, Percent

Why = Annotated[str, StringConstraints(max_length=400)]


class SteadyWindow(Model):
    """The steady part of a stage, by the clock of the load generator."""

    since: datetime = Field(
        description="So long after the first request as 99 % of them took: as many were with the server as later."
    )
    until: datetime = Field(description="When the last request was due.")


class ServerReadings(Model):
    """What all loaded pods used in the steady part of a stage. What is unknown is absent, and is not nothing."""

    scrapes: Count = Field(0, description="Scrapes in that time, of the pod that had the fewest.")
    covered: Duration | None = Field(
        None,
        description="From the first to the last of them, where it is least. What counters grew by meanwhile is taken "
        "to have gone on at that rate for all of the time.",
    )
    peak_memory: Memory | None = Field(None, description="The most that a pod had at a scrape.")
    cpu_seconds: Duration | None = Field(None, description="CPU time of all pods together.")
    gpu_utilization: Percent | None = Field(None, description="How busy the GPUs were, on average.")
    peak_gpu_memory: Memory | None = Field(
        None, description="The most GPU memory that a pod had at a scrape."
    )
    energy: Energy | None = Field(None, description="Energy that all pods used together.")
    attribution: Why | None = Field(
        None,
        description="Which shares of which GPUs the energy is of, where the MetricProfile has shared ones divided: it "
        "is then an estimate. Absent where none was shared.",
    )
    peak_kv_cache: Percent | None = Field(
        None, description="The fullest that the KV cache of a pod was at a scrape."
    )
    flops: Flops | None = Field(
        None, description="Floating-point operations of all pods together, as the server estimates them."
    )
    intervals: Count = Field(
        0,
        description="Stretches between scrapes of which the errors are known, of the reading that had the fewest.",
    )
    errors: Annotated[dict[str, Factor], Field(max_length=8)] = Field(
        default_factory=dict,
        description="Standard errors of sums and averages over time, relative, by the reading's name: from how much "
        "they differ from one stretch between scrapes to the next.",
    )
    restarts: Count = Field(
        0,
        description="How often a counter began anew in that time: what it had counted since the scrape before is lost, "
        "so the readings of counters are too low.",
    )
    unknown: Annotated[dict[str, Why], Field(max_length=8)] = Field(
        default_factory=dict, description="Why a reading that the MetricProfile asks for is absent."
    )
