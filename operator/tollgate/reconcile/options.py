"""What the reconcilers need of the operator's configuration."""

from __future__ import annotations

from dataclasses import dataclass

from tollgate.manifests.benchmark_job import JobSettings
from tollgate.measure.cost import PriceTable


@dataclass(frozen=True)
class Options:
    """Prices (None: no cost can be known) and how a benchmark's Job is made."""

    prices: PriceTable | None
    job: JobSettings
