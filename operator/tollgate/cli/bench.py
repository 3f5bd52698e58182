"""`tollgate bench`: benchmarks without a cluster."""

from __future__ import annotations

import click

from tollgate.cli.bench_run import run


@click.group()
def bench() -> None:
    """Load a model server from this machine, by the code that the cluster runs."""


bench.add_command(run)
