"""Who holds parts of a GPU, and which share of its meter each one is told to have used. Pure.

The DCGM exporter shows the meter of the whole GPU for each slice of it (MIG) and each virtual GPU (time-slicing, MPS).
Where a MetricProfile declares it, that is divided among those who hold the GPU: between slices by their compute units,
within a slice, or a GPU without slices, evenly. That is a convention and no measurement. What nobody holds is idle, and
is borne by those who hold the rest.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tollgate.api.series import MetricLabels
from tollgate.ports import Samples

GPU, SLICE, VIRTUAL = "UUID", "GPU_I_ID", "vgpu"
"""Labels of the DCGM exporter: a GPU, a slice of one that is partitioned, and a virtual GPU of one that is shared."""

_PROFILE = "GPU_I_PROFILE"
_UNITS = re.compile(r"([1-9])g\.")
_CONTAINERS = ("container", "exported_container")
_MISSED = 2
"""So many scrapes may be missed at either end by one who held a part all the time."""


class UnknownError(Exception):
    """Why there is no reading, as a sentence."""


Holder = tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """What is known of a holder: its slice, the slice's profile, and when it was first and last seen."""

    slice_: str
    profile: str
    first: float
    last: float


class Shares:
    """The share of its GPU that each holder has; those of a GPU are 1 together."""

    def __init__(
        self,
        name: str,
        samples: Sequence[Samples],
        labels: MetricLabels,
        *,
        span: tuple[float, float],
        interval: int,
    ) -> None:
        """`samples` are of all who hold the GPUs, within a span (Unix seconds). UnknownError when they changed."""
        self._name = name
        self._labels = labels
        gpus: dict[str, dict[Holder, _Part]] = defaultdict(dict)
        for one in samples:
            times = [at for at, _ in one.points if span[0] <= at <= span[1]]
            if times and one.labels.get(labels.pod) and one.labels.get(GPU):
                seen = gpus[one.labels[GPU]].get(self._holder(one.labels))
                first = min(times[0], seen.first if seen else times[0])
                last = max(times[-1], seen.last if seen else times[-1])
                slice_, profile = (one.labels.get(label, "") for label in (SLICE, _PROFILE))
                gpus[one.labels[GPU]][self._holder(one.labels)] = _Part(slice_, profile, first, last)
        missed = _MISSED * interval
        for gpu, parts in gpus.items():
            if any(p.first > span[0] + missed or p.last < span[1] - missed for p in parts.values()):
                raise UnknownError(
                    f"who shares {gpu} changed in the steady part, so its {name} cannot be divided: measure while no "
                    "pod on it comes or goes"
                )
        self._shares = {
            holder: share for gpu, parts in gpus.items() for holder, share in _divided(gpu, parts).items()
        }

    def of(self, labels: Mapping[str, str]) -> float:
        """That of the holder that a series is of."""
        if not labels.get(GPU):
            raise UnknownError(
                f"{self._name} has no label {GPU}, by which attribution Proportional tells who shares a GPU"
            )
        share = self._shares.get(self._holder(labels))
        if share is None:
            raise UnknownError(f"Prometheus does not tell who shares {labels[GPU]}")
        return share

    def _holder(self, labels: Mapping[str, str]) -> Holder:
        named = (GPU, SLICE, VIRTUAL, self._labels.namespace, self._labels.pod, *_CONTAINERS)
        return tuple(labels.get(label, "") for label in named)


def _divided(gpu: str, parts: Mapping[Holder, _Part]) -> dict[Holder, float]:
    slices: dict[str, list[Holder]] = defaultdict(list)
    for holder, part in parts.items():
        slices[part.slice_].append(holder)
    units = (
        {part.slice_: _compute_units(gpu, part) for part in parts.values()}
        if set(slices) != {""}
        else {"": 1}
    )
    whole = sum(units.values())
    return {
        holder: units[slice_] / whole / len(holders)
        for slice_, holders in slices.items()
        for holder in holders
    }


def _compute_units(gpu: str, part: _Part) -> int:
    """How many of the GPU's compute units a slice has, as 3 of 3g.20gb."""
    found = _UNITS.match(part.profile)
    if not part.slice_ or found is None:
        raise UnknownError(
            f"{gpu} cannot be divided: what part of it slice {part.slice_ or '(without a number)'} is, the label "
            f"{_PROFILE} does not tell ({part.profile or 'absent'})"
        )
    return int(found[1])


def gpus_of(samples: Sequence[Samples]) -> tuple[str, ...]:
    """The GPUs that these series are of."""
    return tuple(sorted({one.labels[GPU] for one in samples if one.labels.get(GPU)}))
