"""What the reconcilers need of the operator's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from tollgate.api.facts import EnergyTerms
from tollgate.manifests.benchmark_job import JobSettings
from tollgate.measure.cost import OpenCost, PriceTable


@dataclass
class Tariffs:
    """Prices (None: no cost can be known), and how energy is estimated. Others take their place as they change."""

    prices: PriceTable | OpenCost | None = None
    energy: EnergyTerms = field(default_factory=EnergyTerms)


@dataclass(frozen=True)
class Options:
    """What things cost now, and how a benchmark's Job is made."""

    job: JobSettings
    tariffs: Tariffs = field(default_factory=Tariffs)
