"""`tollgate bench report`: a result as one page for a browser."""

from __future__ import annotations

from collections.abc import Iterator

import click

from tollgate.api import units
from tollgate.api.budget import BudgetSpec
from tollgate.api.objective import objective_quantity
from tollgate.cli.bench.files import check_writable, write_whole
from tollgate.cli.check import examine, read_budget, read_deployment, read_prices
from tollgate.cli.documents import named
from tollgate.cli.exits import Exit, plain
from tollgate.cli.measurements import Measurement, read_measurement
from tollgate.cli.report import Checked
from tollgate.decide.benchmark_verdict import Outcome
from tollgate.decide.limits import allowed_fraction, count, slow_at, tail_limit
from tollgate.decide.planning import benchmark_limits
from tollgate.report.content import Content, Judged, Limit, Measured
from tollgate.report.page import page

_TONES = {Outcome.WITHIN: "good", Outcome.BREACH: "bad"}


@click.command()
@click.argument("result_file", metavar="RESULT")
@click.option("--baseline", "baseline_file", help="File with the result to compare with.")
@click.option("-f", "--filename", "budget_file", help="File with the EfficiencyBudget to judge it by.")
@click.option("--name", default="", help="Name of the budget, where the file holds several.")
@click.option("--prices", "prices_file", help="File with the prices, as in the operator's configuration.")
@click.option("--target", "target_file", help="File with the Deployment that was measured.")
@click.option("-o", "--output", required=True, help="File for the page; - is standard output.")
@plain
def report(
    result_file: str,
    baseline_file: str | None,
    budget_file: str | None,
    name: str,
    prices_file: str | None,
    target_file: str | None,
    output: str,
) -> int:
    """Draw RESULT as a page that needs nothing else: no network, no script.

    Exit code: 0 the page was written, whatever it says; 64 bad input.
    """
    check_writable(output)
    budget, spec = read_budget(budget_file, name) if budget_file else (None, None)
    limits = benchmark_limits(spec.objectives) if spec else ()
    new = read_measurement(result_file, limits)
    old = read_measurement(baseline_file, limits) if baseline_file else None
    checked = None
    if budget is not None and spec is not None:
        prices = read_prices(prices_file) if prices_file else None
        target = read_deployment(target_file, spec.target.name) if target_file else None
        checked = examine(named(budget), spec, new, old, prices=prices, target=target)
    content = Content(
        title=f"Benchmark {new.path.rpartition('/')[2]}",
        about=list(_about(new, old)),
        measured=_measured(new),
        baseline=_measured(old) if old else None,
        judged=_judged(checked) if checked else None,
        limits=list(_limits(spec, new)),
    )
    write_whole(output, page(content))
    if output != "-":
        click.echo(f"Written to {output}: open it in a browser")
    return Exit.WITHIN


def _measured(measurement: Measurement) -> Measured:
    samples = measurement.run.samples if measurement.run else []
    return Measured(measurement.result, {one.label: one for one in samples})


def _about(new: Measurement, old: Measurement | None) -> Iterator[tuple[str, str]]:
    yield "result", f"{new.path}, {new.form}"
    if new.run and new.run.started_at:
        yield "measured", f"{new.run.started_at:%Y-%m-%d %H:%M:%S %Z}"
    yield "loaded", count(new.result.pods, "pod")
    if old is not None:
        yield "baseline", f"{old.path}, {old.form}"
    for what in ("dataset", "profile"):
        mine, theirs = getattr(new.result, what), getattr(old.result, what) if old else None
        other = ", another one than the baseline's" if theirs not in (None, mine) else ""
        yield what, f"{mine.removeprefix('sha256:')[:16]}{other}"


def _limits(spec: BudgetSpec | None, new: Measurement) -> Iterator[Limit]:
    """Those of the budget; else those at which the result has counts."""
    if spec is None:
        counted = {
            over.limit for stage in new.result.stages if not stage.warm_up for over in stage.over_limit
        }
        yield from (Limit(_seconds(limit), None, limit) for limit in sorted(counted, key=_seconds))
        return
    for objective in spec.objectives:
        limit = tail_limit(objective)
        if limit is not None:
            yield Limit(float(limit), allowed_fraction(objective), f"{objective.name} {slow_at(objective)}")


def _seconds(limit: str) -> float:
    return float(units.parse_duration(limit))


def _judged(checked: Checked) -> Judged:
    said = [comparison.message for comparison in checked.said.comparisons.values()]
    return Judged(
        outcome=checked.outcome.value,
        tone=_TONES.get(checked.outcome, "open"),
        headline=checked.headline,
        budget=f"{checked.budget}, confidence {checked.spec.confidence}",
        objectives=checked.said.objectives,
        limits={o.name: objective_quantity(o) for o in checked.spec.objectives},
        messages=[*said, *checked.notes],
    )
