"""What `tollgate check` found, for people (a table) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from tollgate.api.budget import BudgetSpec
from tollgate.api.comparison import Against, ParetoRelation
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

_CALLED = {Against.LAST_GOOD: "the baseline", Against.APPROVED: "the approved baseline"}


@dataclass(frozen=True)
class Checked:
    """A benchmark judged by a budget.

    `approved` is the approved baseline; `priced_alike` names those whose pods were priced as the candidate's.
    """

    budget: str
    spec: BudgetSpec
    result: Measurement
    baseline: Measurement | None
    approved: Measurement | None
    said: BenchmarkVerdict
    outcome: Outcome
    priced_alike: list[str]

    @property
    def headline(self) -> str:
        """What the outcome rests on, without its name."""
        results = self.said.objectives
        named = [r.name for r in results if r.verdict.value == self.outcome.value]
        if self.outcome is Outcome.WITHIN:
            compared = " or ".join(_CALLED[against] for against in self._nothing_worse)
            worse = f", and none is worse than {compared}" if compared else ""
            return f"all {count(len(results), 'objective')} are within their limits{worse}"
        if named:
            return f"{', '.join(named)} ({len(named)} of {count(len(results), 'objective')})"
        within = "all objectives are within their limits, but"
        worse = " and ".join(
            f"worse than {_CALLED[against]} in {', '.join(names)}"
            for against in self.said.comparisons
            if (names := self.worse_than(against))
        )
        if not worse:
            return f"{within} {self.said.message}"
        forbids = " (tradeOffs: Forbid)" if self.outcome is Outcome.BREACH else ""
        return f"{within} {worse}{forbids}"

    def worse_than(self, against: Against) -> list[str]:
        """The objectives that people are asked about for that baseline."""
        return [r.name for r in self.said.objectives if _relation(r, against) is Relation.WORSE]

    @property
    def _nothing_worse(self) -> list[Against]:
        """Those that it was compared with in everything, and found worse in nothing."""
        return [
            against
            for against, comparison in self.said.comparisons.items()
            if comparison.relation is not ParetoRelation.UNKNOWN and not comparison.shows(Relation.WORSE)
        ]

    @property
    def notes(self) -> list[str]:
        """What a reader ought to know to trust the verdict."""
        said = []
        if self.approved and self.baseline and Against.APPROVED not in self.said.comparisons:
            said.append("the approved baseline is the baseline: they are compared once")
        if any(o.per for o in self.spec.objectives):
            said += [
                f"the {name.replace('approved', 'approved baseline')}'s pods are priced as those of --target: "
                f"pass --{name}-target if they request less or more"
                for name in self.priced_alike
            ]
        return said


def _relation(result: ObjectiveResult, against: Against) -> Relation | None:
    return result.relation if against is Against.LAST_GOOD else result.relation_to_approved


def table(checked: Checked) -> str:
    """The verdict first, then each objective in a row, then what was said of each."""
    word = click.style(checked.outcome.value, fg=_COLOURS[checked.outcome], bold=True)
    return f"{word}: {printable(checked.headline)}\n\n" + printable("\n".join(_lines(checked)))


def _lines(checked: Checked) -> Iterator[str]:
    header = ["OBJECTIVE", "VERDICT", "OBSERVED", "INTERVAL", "LIMIT", "REQUESTS", "OVER"]
    rows = [_row(checked, r) for r in checked.said.objectives]
    for against in checked.said.comparisons:
        header.append("BASELINE" if against is Against.LAST_GOOD else "APPROVED")
        rows = [
            [*row, _relation(r, against) or ""] for row, r in zip(rows, checked.said.objectives, strict=True)
        ]
    yield from aligned(header, rows, right=(2, 5, 6))
    yield ""
    for r in checked.said.objectives:
        yield f"  {r.name}: {r.message}"
    yield ""
    yield f"  budget    {checked.budget}, confidence {checked.spec.confidence}"
    yield f"  result    {_about(checked.result)}"
    for name, against, past in (
        ("baseline", Against.LAST_GOOD, checked.baseline),
        ("approved", Against.APPROVED, checked.approved),
    ):
        if past is not None:
            yield f"  {name}  {_about(past)}"
        if against in checked.said.comparisons:
            comparison = checked.said.comparisons[against]
            yield f"            {comparison.relation}: {comparison.message}"
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
        f"{stage.name} ({count(stage.requests)})" for stage in measured.result.declared if not stage.warm_up
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
            "approved": _source(checked.approved) if checked.approved else None,
            "relation": checked.said.relation.value,
            "relationMessage": checked.said.message,
            "comparisons": [c.result(against).dump() for against, c in checked.said.comparisons.items()],
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
