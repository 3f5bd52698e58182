"""`tollgate budget`: limits from a measurement, and what changed between two budgets."""

from __future__ import annotations

import click

from tollgate.cli.budget.diff import diff
from tollgate.cli.budget.suggest import suggest


@click.group()
def budget() -> None:
    """Suggest limits from a measurement, and compare two budgets."""


budget.add_command(diff)
budget.add_command(suggest)
