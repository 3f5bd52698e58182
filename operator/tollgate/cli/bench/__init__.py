"""`tollgate bench`: benchmarks as files. Measures without a cluster, imports other tools' numbers, draws the report."""

from __future__ import annotations

import click

from tollgate.cli.bench.importing import import_
from tollgate.cli.bench.report import report
from tollgate.cli.bench.run import run
from tollgate.cli.bench.schema import schema


@click.group()
def bench() -> None:
    """Measure a model server from here, and show what was measured."""


bench.add_command(import_)
bench.add_command(report)
bench.add_command(run)
bench.add_command(schema)
