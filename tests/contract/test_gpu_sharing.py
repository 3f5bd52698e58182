"""The energy of shared GPUs from a real Prometheus that scrapes what the DCGM exporter says, as it writes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.scraping import Exporter, scraping
from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.api.units import parse_energy
from tollgate.measure.server_side import read_server
from tollgate.reconcile.server_side import ask_meters

pytestmark = pytest.mark.cluster

SERIES = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
SCRAPES, SECONDS, WATTS = 14, 8, 100


def exposition(second: int) -> str:
    """A GPU that three pods share by time-slicing, and one with two slices in use and one that nobody holds."""
    shared = [f'UUID="GPU-1",vgpu="{i}"' for i in range(3)]
    slices = [f'UUID="GPU-2",GPU_I_ID="{i}",GPU_I_PROFILE="{size}g.10gb"' for i, size in enumerate((3, 1, 2))]
    pods = [("vision", "a"), ("vision", "b"), ("other", "x"), ("vision", "sliced"), ("other", "y"), ("", "")]
    return "".join(
        f'{SERIES}{{gpu="0",{gpu},namespace="{namespace}",pod="{pod}"}} {1000 * WATTS * second}\n'
        for gpu, (namespace, pod) in zip([*shared, *slices], pods, strict=True)
    )


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, SteadyWindow]]:
    """The address, and a time in which the meters rose at each scrape, a second apart.

    The exporter's pod is a target, so that Prometheus calls the labels of the metered pods exported_...
    """
    target = {"namespace": "gpu-operator", "pod": "dcgm-exporter-x"}
    exporter = Exporter("dcgm", [exposition(second) for second in range(1, SCRAPES + 1)], target)
    with scraping(tmp_path_factory.mktemp("prometheus"), [exporter]) as address:
        until = datetime.now(UTC) - timedelta(seconds=3)
        yield address, SteadyWindow(since=until - timedelta(seconds=SECONDS), until=until)


async def readings(steady: tuple[str, SteadyWindow], *pods: str, **energy: Any) -> ServerReadings:
    address, window = steady
    labels = {"namespace": "exported_namespace", "pod": "exported_pod"}
    meter = {"series": SERIES, "unit": "mJ", "labels": labels, **energy}
    profile = MetricProfileSpec.model_validate(
        {"scrapeIntervalSeconds": 1, "latency": {"series": "lat"}, "server": {"energy": meter}}
    )
    metrics = PrometheusMetrics(address)
    try:
        asked = await ask_meters(metrics, profile, "vision", pods, window.since, window.until)
    finally:
        metrics.close()
    return read_server(profile, asked.answers, window, pods, asked.holders)


@pytest.mark.parametrize(
    ("pods", "share", "told"),
    [
        (("a",), 1 / 3, "0.3333 of GPU-1"),
        (("a", "b"), 2 / 3, "0.6667 of GPU-1"),
        (("sliced",), 3 / 4, "0.75 of GPU-2"),
    ],
)
async def test_a_gpu_is_divided_among_all_who_hold_it(
    steady: tuple[str, SteadyWindow], pods: tuple[str, ...], share: float, told: str
) -> None:
    seen = await readings(steady, *pods, attribution="Proportional")
    assert seen.unknown == {}
    assert seen.attribution == told
    assert seen.energy is not None
    assert float(parse_energy(seen.energy)) == pytest.approx(WATTS * SECONDS * share, rel=0.05)


@pytest.mark.parametrize(("pod", "label"), [("a", "vgpu"), ("sliced", "GPU_I_ID")])
async def test_undeclared_it_is_unknown(steady: tuple[str, SteadyWindow], pod: str, label: str) -> None:
    seen = await readings(steady, pod)
    assert seen.energy is None
    assert f"({label})" in seen.unknown["energy"]
