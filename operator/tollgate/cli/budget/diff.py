"""`tollgate budget diff`: which limits of a budget are looser, and which tighter, than before."""

from __future__ import annotations

import json
from typing import Literal

import click

from tollgate.cli.check import read_budget
from tollgate.cli.exits import plain
from tollgate.cli.tables import aligned
from tollgate.decide.changes import declared, limit_changes


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--name", default="", help="Name of the budget, where a file holds several.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@plain
def diff(old: str, new: str, name: str, output: Literal["text", "json"]) -> int:
    """Compare the limits of a budget in two files, OLD and NEW; - is standard input.

    Exit code, as that of diff: 0 the limits are the same, 1 they differ, 64 bad input.
    """
    before, after = (declared(read_budget(path, name)[1]) for path in (old, new))
    found = limit_changes(before, after)
    if output == "json":
        rows = [
            {"objective": c.title, "change": c.kind.lower(), "was": c.was, "is": c.now, "loosens": c.loosens}
            for c in found
        ]
        click.echo(json.dumps(rows, indent=2))
    elif found:
        table = [[c.title, c.kind.lower(), c.was or "-", c.now or "-"] for c in found]
        click.echo("\n".join(aligned(["OBJECTIVE", "CHANGE", "WAS", "IS"], table)))
    else:
        click.echo("the limits are the same")
    return 1 if found else 0
