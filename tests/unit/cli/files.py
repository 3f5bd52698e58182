"""Budgets, results and the files around them, written where a command can read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.unit.decide.objectives import benchmark, stage
from tollgate.api.benchmark import BenchmarkResult

OBJECTIVES: list[dict[str, Any]] = [
    {"name": "tail", "dimension": "Latency", "statistic": "P99", "max": "250ms"},
    {"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "80ms"},
    {"name": "errs", "dimension": "ErrorRate", "max": "0.5%"},
]
COST = {"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "0.40USD"}
DEARER = {"objectives": [*OBJECTIVES, COST]}
SLOW = [{"limit": "250ms", "requests": 60}]  # of 2,400: 2.5 %
FASTER = {"mean": "25ms", "blocks": [{"requests": 120, "mean": f"{25 + (i % 3 - 1)}ms"} for i in range(20)]}


def budget(name: str = "digits", **spec: Any) -> dict[str, Any]:
    """A budget's manifest."""
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "EfficiencyBudget",
        "metadata": {"name": name, "namespace": "vision"},
        "spec": {
            "target": {"name": "digits"},
            "owners": [{"role": "SRE", "team": "platform"}],
            "metrics": {"profileRef": {"name": "digits-server"}},
            "objectives": OBJECTIVES,
            "benchmark": {"profileRef": {"name": "digits-steady"}},
        }
        | spec,
    }


def deployment(cpu: str = "1", name: str = "digits") -> dict[str, Any]:
    """The measured Deployment."""
    resources = {"requests": {"cpu": cpu, "memory": "1Gi"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "vision"},
        "spec": {"template": {"spec": {"containers": [{"name": "server", "resources": resources}]}}},
    }


PRICES = {"currency": "USD", "cpuCoreHour": "0.03", "memoryGiBHour": "0.004", "gpuHour": "0.95"}


def good(**fields: Any) -> BenchmarkResult:
    """A result that is within every limit."""
    return benchmark(stage(**fields))


class Folder:
    """Writes documents to files of a folder, as YAML or JSON by their names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, *documents: Any) -> Path:
        plain = [d.dump() if isinstance(d, BenchmarkResult) else d for d in documents]
        path = self.path / name
        text = json.dumps(plain[0]) if name.endswith(".json") else yaml.safe_dump_all(plain, sort_keys=False)
        path.write_text(text)
        return path

    def text(self, name: str, content: str) -> Path:
        path = self.path / name
        path.write_text(content)
        return path
