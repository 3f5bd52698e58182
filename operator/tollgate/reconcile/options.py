"""What the reconcilers need of the operator's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from tollgate.api.facts import EnergyTerms
from tollgate.manifests.benchmark_job import JobSettings
from tollgate.measure.cost import PriceTable


@dataclass(frozen=True)
class Options:
    """Prices (None: no cost can be known), how a benchmark's Job is made, and how energy is estimated."""

    prices: PriceTable | None
    job: JobSettings
    energy: EnergyTerms = field(default_factory=EnergyTerms)
