"""What `tollgate check` found, for people (a table) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from tollgate.api.budget import BudgetSpec
from tollgate.api.comparison import ParetoRelation
from tollgate.api.objective import objective_quantity
from tollgate.api.verdict import ObjectiveResult, Relation, Verdict
from tollgate.cli.measurements import Measurement
from tollgate.cli.tables import aligned, printable
from tollgate.decide.benchmark_verdict import BenchmarkVerdict, Outcome
from tollgate.decide.limits import count

_COLOURS = {
    Outcome.WITHIN: "green",
    Outcome.BREACH: "red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.NEEDS_SIGN_OFF: "yellow",
}


@dataclass(frozen=True)
class Checked:
    """A benchmark judged by a budget; `same_price`: the baseline's pods were priced as the candidate's."""

    budget: str
    spec: BudgetSpec
    result: Measurement
    baseline: Measurement | None
    said: BenchmarkVerdict
    outcome: Outcome
    same_price: bool

    @property
    def headline(self) -> str:
        """What the outcome rests on, without its name."""
        results = self.said.objectives
        named = [r.name for r in results if r.verdict.value == self.outcome.value]
        if self.outcome is Outcome.WITHIN:
            worse = ", and none is worse than the baseline" if self._nothing_worse else ""
            return f"all {count(len(results), 'objective')} are within their limits{worse}"
        if named:
            return f"{', '.join(named)} ({len(named)} of {count(len(results), 'objective')})"
        within = "all objectives are within their limits, but"
        worse_in = [r.name for r in results if r.relation is Relation.WORSE]
        if not worse_in:
            return f"{within} {self.said.message}"
        forbids = " (tradeOffs: Forbid)" if self.outcome is Outcome.BREACH else ""
        return f"{within} worse than the baseline in {', '.join(worse_in)}{forbids}"

    @property
    def _nothing_worse(self) -> bool:
        known = self.baseline is not None and self.said.relation is not ParetoRelation.UNKNOWN
        return known and all(r.relation is not Relation.WORSE for r in self.said.objectives)

    @property
    def notes(self) -> list[str]:
        """What a reader ought to know to trust the verdict."""
        if not self.same_price or not any(o.per for o in self.spec.objectives):
            return []
        return [
            "the baseline's pods are priced as those of --target: pass --baseline-target if they request less or more"
        ]


def table(checked: Checked) -> str:
    """The verdict first, then each objective in a row, then what was said of each."""
    word = click.style(checked.outcome.value, fg=_COLOURS[checked.outcome], bold=True)
    return f"{word}: {printable(checked.headline)}\n\n" + printable("\n".join(_lines(checked)))


def _lines(checked: Checked) -> Iterator[str]:
    header = ["OBJECTIVE", "VERDICT", "OBSERVED", "INTERVAL", "LIMIT", "REQUESTS", "OVER"]
    rows = [_row(checked, r) for r in checked.said.objectives]
    if checked.baseline is not None:
        header.append("BASELINE")
        rows = [[*row, r.relation or ""] for row, r in zip(rows, checked.said.objectives, strict=True)]
    yield from aligned(header, rows, right=(2, 5, 6))
    yield ""
    for r in checked.said.objectives:
        yield f"  {r.name}: {r.message}"
    yield ""
    yield f"  budget    {checked.budget}, confidence {checked.spec.confidence}"
    yield f"  result    {_about(checked.result)}"
    if checked.baseline is not None:
        yield f"  baseline  {_about(checked.baseline)}"
        yield f"            {checked.said.relation}: {checked.said.message}"
    for note in checked.notes:
        yield f"  note      {note}"


def _row(checked: Checked, r: ObjectiveResult) -> list[str]:
    objective = checked.spec.objective(r.name)
    assert objective is not None
    interval = f"{r.low or '0'} to {r.high or 'any'}" if r.low or r.high else ""
    numbers = [f"{n:,}" if n is not None else "" for n in (r.requests, r.over_limit)]
    verdict = r.verdict.value if r.verdict is not Verdict.INCONCLUSIVE else f"{r.verdict.value} ({r.reason})"
    return [r.name, verdict, r.observed, interval, objective_quantity(objective), *numbers]


def _about(measured: Measurement) -> str:
    stages = ", ".join(
        f"{stage.name} ({count(stage.requests)})" for stage in measured.result.stages if not stage.warm_up
    )
    pods = count(measured.result.pods, "pod")
    return f"{measured.path}, {measured.form}: {pods}, {stages or 'no measured stage'}"


def document(checked: Checked) -> str:
    """The same as JSON; its keys are documented in docs/cli.md and stay."""
    return json.dumps(
        {
            "verdict": checked.outcome.value,
            "summary": checked.headline,
            "budget": {
                "name": checked.budget,
                "confidence": checked.spec.confidence,
                "tradeOffs": checked.spec.trade_offs,
            },
            "result": _source(checked.result),
            "baseline": _source(checked.baseline) if checked.baseline else None,
            "relation": checked.said.relation.value,
            "relationMessage": checked.said.message,
            "objectives": [r.dump() for r in checked.said.objectives],
            "notes": checked.notes,
        },
        indent=2,
    )


def _source(measured: Measurement) -> dict[str, Any]:
    return {
        "file": measured.path,
        "form": measured.form,
        "dataset": measured.result.dataset,
        "profile": measured.result.profile,
        "pods": measured.result.pods,
    }
