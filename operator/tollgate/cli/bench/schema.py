"""`tollgate bench schema`: the JSON Schema of a result's file."""

from __future__ import annotations

import click

from tollgate.api import schema as schemas


@click.command()
def schema() -> None:
    """Print the JSON Schema of what `tollgate bench run` writes."""
    click.echo(schemas.schema(), nl=False)
