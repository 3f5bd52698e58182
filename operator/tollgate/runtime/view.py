"""The few strings that are remembered of each budget, read from whatever the watch delivered.

Nothing here may raise: objects written for another version of the schema come by too, and one malformed object
must not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tollgate.api.release import Stage
from tollgate.ports import BENCHMARK_PROFILE, DEPLOYMENT, METRIC_PROFILE, Object

Reference = tuple[str, str, str]  # kind, namespace, name

_IN_PROGRESS = frozenset(stage.value for stage in Stage if not stage.ended)


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A budget: whom it refers to, for the feed; how it is, for the metrics; how fresh this is, for the health."""

    references: tuple[Reference, ...]
    stage: str
    within: str
    verdicts: tuple[str, ...]
    resource_version: str
    seen_at: float

    @classmethod
    def of(cls, budget: Object, seen_at: float) -> BudgetView:
        """The view of a budget that was delivered at `seen_at`, on the monotonic clock."""
        namespace = text(budget, "metadata", "namespace")
        stage = text(budget, "status", "release", "stage")
        conditions = items(budget, "status", "conditions")
        return cls(
            references=(
                (DEPLOYMENT.kind, namespace, text(budget, "spec", "target", "name")),
                (METRIC_PROFILE.kind, "", text(budget, "spec", "metrics", "profileRef", "name")),
                (BENCHMARK_PROFILE.kind, "", text(budget, "spec", "benchmark", "profileRef", "name")),
            ),
            stage=stage if stage in _IN_PROGRESS else "",
            within=next((text(c, "status") for c in conditions if text(c, "type") == "WithinBudget"), ""),
            verdicts=tuple(text(result, "verdict") for result in items(budget, "status", "objectives")),
            resource_version=text(budget, "metadata", "resourceVersion"),
            seen_at=seen_at,
        )

    @property
    def target(self) -> Reference:
        """The governed Deployment."""
        return self.references[0]


def text(value: Any, *path: str) -> str:
    """The string at that path, or "" when there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def items(value: Any, *path: str) -> Iterator[Any]:
    """The elements of the list at that path; none when there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    yield from value if isinstance(value, list) else ()
