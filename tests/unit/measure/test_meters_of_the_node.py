"""The snippets of docs/metric-profiles.md on series as DCGM and Kepler export them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.server_side import SteadyWindow
from tollgate.measure.promql import PodNames, meter_query
from tollgate.measure.server_side import read_server
from tollgate.ports import Samples

PAGE = Path(__file__).parents[3] / "docs" / "metric-profiles.md"
SECTION = PAGE.read_text().partition("\n## Meters of the node\n")[2]
SNIPPETS = [
    yaml.safe_load(text)["server"] for text in re.findall(r"^```yaml\n(.*?)^```$", SECTION, re.S | re.M)
]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STEADY = SteadyWindow(since=NOON, until=NOON + timedelta(seconds=60))

GPU = {"gpu": "0", "UUID": "GPU-1", "device": "nvidia0", "modelName": "NVIDIA A100", "Hostname": "n1"}
PLACE = {"namespace": "vision", "pod": "a", "container": "model"}
POD = {"pod_id": "1", "pod_name": "a", "pod_namespace": "vision", "state": "running", "node_name": "n1"}
CONTAINER = {"container_id": "1", "pod_name": "a", "container_name": "model", "container_namespace": "vision"}

EXPORTED: list[tuple[str, list[dict[str, str]], list[dict[str, str]], float]] = [
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", [{**GPU, **PLACE}], [], 1000.0),
    (
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        [{**GPU, **PLACE, "vgpu": "0"}],
        [{**GPU, **PLACE, "pod": "x", "vgpu": "1"}],
        2000.0,
    ),
    ("kepler_pod_cpu_joules_total", [{**POD, "zone": "package"}], [], 1.0),
    ("kepler_pod_gpu_joules_total", [POD], [], 1.0),
    (
        "kepler_container_joules_total",
        [{**CONTAINER, "mode": m, "source": "x"} for m in ("dynamic", "idle")],
        [],
        0.5,
    ),
]
"""Of each snippet: the series, its labels for the pod and for others, and how much it grows in a second for 1 W."""


def series(labels: dict[str, str], per_second: float) -> Samples:
    points = [((NOON + timedelta(seconds=s)).timestamp(), 7 + per_second * s) for s in range(0, 61, 10)]
    return Samples({"instance": "10.0.0.1:9400", "job": "meter", **labels}, points)


def profile(server: dict[str, Any]) -> MetricProfileSpec:
    return MetricProfileSpec.model_validate(
        {"scrapeIntervalSeconds": 10, "latency": {"series": "lat"}, "server": server}
    )


@pytest.mark.parametrize(("server", "exported"), list(zip(SNIPPETS, EXPORTED, strict=True)))
def test_each_reads_one_watt(
    server: dict[str, Any], exported: tuple[str, list[dict[str, str]], list[dict[str, str]], float]
) -> None:
    name, mine, others, per_second = exported
    spec = profile({"energy": server["energy"]})
    assert spec.server is not None
    assert spec.server.energy is not None
    assert spec.server.energy.series == name
    found = [series(labels, per_second) for labels in mine]
    holders = found + [series(labels, per_second) for labels in others]
    seen = read_server(spec, {"energy": found}, STEADY, ["a"], {"energy": holders})
    assert (seen.energy, seen.unknown) == ("60J", {})


@pytest.mark.parametrize("server", SNIPPETS)
def test_each_asks_for_the_pods_by_labels_that_are_there(server: dict[str, Any]) -> None:
    spec = profile(server)
    assert spec.server is not None
    assert spec.server.energy is not None
    asked = meter_query(spec, spec.server.energy, "vision", PodNames(("a",)), 61)
    labels = next(one for name, (one, *_), *_ in EXPORTED if name == spec.server.energy.series)
    for label, value in re.findall(r'(\w+)="([^"]*)"', asked):
        assert labels[label] == value
    (pods,) = re.findall(r'(\w+)=~"\^\(\?:a\)\$"', asked)
    assert labels[pods] == "a"
