"""Which of the names of a series count, where servers of several versions, or one in transition, export several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tollgate.api.series import Series
from tollgate.ports import Samples


def first_named(
    series: Series, parts: Mapping[str, Sequence[Samples]], pod_label: str
) -> dict[str, Sequence[Samples]]:
    """Of each pod only the samples under the first of the series' names that it exports, so that none counts twice.

    `parts` are the samples of one histogram, summary or counter by the suffix of their names.
    """
    if not series.aliases:
        return dict(parts)
    order = {name: place for place, name in enumerate(series.names)}

    def place(one: Samples, suffix: str) -> int:
        return order.get(one.labels.get("__name__", "").removesuffix(suffix), len(order))

    first: dict[str, int] = {}
    for suffix, samples in parts.items():
        for one in samples:
            pod = one.labels.get(pod_label, "")
            first[pod] = min(first.get(pod, len(order)), place(one, suffix))
    return {
        suffix: [one for one in samples if place(one, suffix) == first[one.labels.get(pod_label, "")]]
        for suffix, samples in parts.items()
    }
