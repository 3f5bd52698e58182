"""`tollgate budget suggest`: objectives from a benchmark, with headroom."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click
import yaml

from tollgate.adapters.connection import default_namespace
from tollgate.api import units
from tollgate.cli.check import arm_of, read_deployment, read_energy, read_prices
from tollgate.cli.cluster import ask
from tollgate.cli.exits import plain
from tollgate.cli.measurements import Measurement, measurement_of, read_measurement
from tollgate.cli.params import Fraction
from tollgate.decide.suggesting import suggest as suggested
from tollgate.ports import BENCHMARK, Cluster

CONFIDENCE = Fraction("0.8", "0.99999", "0.99")


@click.command()
@click.option(
    "--from-benchmark",
    "source",
    required=True,
    metavar="NAME|FILE",
    help="A Benchmark of the cluster, or a file with a result in any form that tollgate check reads; - is stdin.",
)
@click.option(
    "-n", "--namespace", default="", help="Of the Benchmark. Default: that of the kubeconfig's context."
)
@click.option("--headroom", default="20%", show_default=True, help="How much looser than what was measured.")
@click.option("--confidence", type=CONFIDENCE, default="0.99", show_default=True, help="Of the bounds.")
@click.option("--prices", "prices_file", help="File with the prices, as in the operator's configuration.")
@click.option(
    "--target", "target_file", help="File with the Deployment that was measured: its pods are priced."
)
@plain
def suggest(
    source: str,
    namespace: str,
    headroom: str,
    confidence: Decimal,
    prices_file: str | None,
    target_file: str | None,
) -> None:
    """Print objectives that a measurement keeps, with room to spare: a place to start from.

    Exit code: 0 printed, 64 bad input, 69 the cluster cannot be reached.
    """
    room = float(units.parse_percent(headroom))
    measured = _measured(source, namespace)
    arm = arm_of(
        measured,
        read_deployment(target_file, "") if target_file else None,
        read_prices(prices_file) if prices_file else None,
        read_energy(prices_file) if prices_file else None,
    )
    found = suggested(measured.result, arm.pods, headroom=room, confidence=float(confidence))
    if not found:
        raise ValueError(f"{source} has no stage of a steady rate that shows anything to limit")
    objectives = [
        yaml.safe_dump(o.dump(), default_flow_style=True, sort_keys=False, width=1000) for o in found
    ]
    click.echo(f"# {measured.form}, {headroom} of headroom at confidence {confidence}")
    click.echo("objectives:")
    click.echo("".join(f"- {one}" for one in objectives), nl=False)


def _measured(source: str, namespace: str) -> Measurement:
    if source == "-" or Path(source).exists():
        return read_measurement(source)
    if "/" in source or "." in source:
        raise ValueError(f"{source} cannot be read: there is no such file")
    return ask(lambda cluster: _of_cluster(cluster, namespace or default_namespace(), source))


async def _of_cluster(cluster: Cluster, namespace: str, name: str) -> Measurement:
    raw = await cluster.get(BENCHMARK, namespace, name)
    if raw is None:
        raise ValueError(
            f"there is no Benchmark {name} in namespace {namespace}, and no such file: see kubectl get bench -n "
            f"{namespace}"
        )
    return measurement_of(raw, f"Benchmark {namespace}/{name}")
