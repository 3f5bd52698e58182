"""`tollgate profile`: what a MetricProfile reads of a server, before a budget depends on it."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Literal

import click

from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.api.metric_profile import MetricProfile, MetricProfileSpec, Scope
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.cli.documents import manifest, parsed
from tollgate.cli.exits import BadInput, Exit, plain
from tollgate.cli.tables import aligned, printable
from tollgate.decide.profile_readings import Reading, complete, ladder, readings, table
from tollgate.errors import MetricsError
from tollgate.measure.counts import LiveCounts
from tollgate.measure.promql import BehindService, PodsLike, Selector
from tollgate.measure.server_side import read_server
from tollgate.ports import Metrics
from tollgate.reconcile.live import count_pods
from tollgate.reconcile.server_side import ask_meters


class PrometheusTrouble(BadInput):
    """Prometheus refused, or cannot be reached."""

    exit_code = Exit.UNAVAILABLE


@click.group()
def profile() -> None:
    """Try a MetricProfile."""


@profile.command()
@click.option("-f", "--filename", "file", required=True, help="File with the MetricProfile.")
@click.option("--name", default="", help="Name of the MetricProfile, where the file holds several.")
@click.option("--prometheus", "url", required=True, help="Address of Prometheus: http://localhost:9090.")
@click.option("-n", "--namespace", required=True, help="Namespace of the server.")
@click.option(
    "--selector",
    required=True,
    help="Regular expression of the names of the pods, such as 'digits-.*'; with scope Service the target's name.",
)
@click.option(
    "--minutes", type=click.IntRange(1, 1440), default=10, show_default=True, help="How far to look back."
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@plain
def test(
    file: str,
    name: str,
    url: str,
    namespace: str,
    selector: str,
    minutes: int,
    output: Literal["table", "json"],
) -> int:
    """Say what each dimension of a budget would read now, and for what it cannot, why and what to do.

    Exit code: 0 when every series that the profile names is there, 2 when not, 64 bad input, 69 without Prometheus.
    """
    raw = manifest(file, "MetricProfile", name=name)
    spec = parsed(MetricProfile, raw, f"{file}: MetricProfile {raw['metadata'].get('name', '')}").spec
    if not re.match(r"https?://", url):
        raise ValueError(f"--prometheus {url} is no address: write it as http://localhost:9090")
    pods = _selector(spec, selector)
    try:
        found = asyncio.run(_read(url, spec, namespace, pods, timedelta(minutes=minutes)))
    except MetricsError as error:
        raise PrometheusTrouble(str(error)) from None
    if output == "json":
        listed = [
            {"dimension": r.what, "value": r.value, "note": r.note, "missing": r.missing} for r in found
        ]
        click.echo(json.dumps(listed, indent=2))
    else:
        click.echo(printable("\n".join(aligned(("DIMENSION", "READS NOW"), list(table(found)), indent=0))))
    return Exit.WITHIN if complete(found) else Exit.INCONCLUSIVE


def _selector(spec: MetricProfileSpec, text: str) -> Selector:
    if spec.scope is Scope.SERVICE:
        return BehindService(text)
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"--selector {text} is no regular expression: {error}") from None
    return PodsLike(text)


async def _read(
    url: str, spec: MetricProfileSpec, namespace: str, pods: Selector, window: timedelta
) -> list[Reading]:
    metrics = PrometheusMetrics(url)
    now = datetime.now(UTC)

    async def counted(of: MetricProfileSpec, edges: tuple[float, ...] = ()) -> LiveCounts:
        limits = ladder(edges)
        found = await count_pods(metrics, of, namespace, pods, limits=limits, since=now - window, now=now)
        return await counted(of, found.edges) if found.edges and not edges else found

    try:
        live = await counted(spec)
        timed = {dimension: await counted(spec.only_of(dimension)) for dimension in spec.timed}
        names = () if isinstance(pods, BehindService) else tuple(sorted({*live.scraped, *live.pods}))
        server = await _metered(metrics, spec, namespace, names, now - window, now) if names else None
    finally:
        metrics.close()
    return readings(spec, live, server, timed)


async def _metered(
    metrics: Metrics,
    spec: MetricProfileSpec,
    namespace: str,
    pods: tuple[str, ...],
    since: datetime,
    until: datetime,
) -> ServerReadings:
    """What these pods used in the window."""
    asked = await ask_meters(metrics, spec, namespace, pods, since, until)
    if asked.refused is not None:
        raise MetricsError(asked.refused)
    window = SteadyWindow(since=since, until=until)
    return read_server(spec, asked.answers, window, pods, asked.holders)
