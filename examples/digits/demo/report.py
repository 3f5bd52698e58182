"""The table at the end: each decision, how long each stage took, and the evidence in the decision's own record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from examples.digits.demo.claims import Claim
from examples.digits.demo.progress import SIGNS
from examples.digits.demo.screen import Mood, Screen
from tollgate.api.decision import Action, DecisionSpec
from tollgate.api.release import Stage, StageSpan
from tollgate.api.verdict import Verdict

COLUMNS = {
    Stage.HELD: "held",
    Stage.STARTING: "start",
    Stage.BENCHMARKING: "measure",
    Stage.CANARY: "canary",
    Stage.PROMOTING: "roll out",
    Stage.WATCHING: "watch",
    Stage.ROLLED_BACK: "roll back",
}
AFTERWARDS = (Stage.WATCHING, Stage.ROLLED_BACK)
GOOD = (Action.ADOPTED, Action.PROMOTED)

COMMANDS = (
    "export KUBECONFIG={kubeconfig}",
    "kubectl get effb,bench,effd -A",
    "kubectl describe effb digits -n vision",
    "kubectl get effd -n vision -o yaml",
    "kubectl get deployment,replicaset,pod -n vision",
)


def durations(spans: Sequence[StageSpan]) -> dict[Stage, float]:
    """Seconds spent in each stage but the last, which has not ended. Steps within a stage add up."""
    spent: dict[Stage, float] = {}
    for span, following in pairwise(spans):
        spent[span.stage] = spent.get(span.stage, 0.0) + (following.since - span.since).total_seconds()
    return spent


def table(
    decisions: Iterable[DecisionSpec], versions: Mapping[str, str], spent: Mapping[int, Mapping[Stage, float]]
) -> list[tuple[str, Mood]]:
    """The lines of the table: a row for each decision, its evidence below.

    `versions` is by revision; `spent` by the release's number, in seconds.
    """
    head = f"{'#':>2}  {'version':<8} {'decision':<11}" + "".join(f"{name:>10}" for name in COLUMNS.values())
    lines = [(head, Mood.STRONG)]
    for decision in sorted(decisions, key=lambda d: (d.release, d.decided_at)):
        late = decision.action is Action.ROLLED_BACK
        took = {s: t for s, t in spent.get(decision.release, {}).items() if (s in AFTERWARDS) is late}
        cells = "".join(f"{_seconds(took, stage):>10}" for stage in COLUMNS)
        version = versions.get(decision.revision, decision.revision)
        row = f"{decision.release:>2}  {version:<8} {decision.action.value:<11}{cells}"
        lines.append((row.rstrip(), Mood.GOOD if decision.action in GOOD else Mood.BAD))
        lines.append((f"      {decision.reason}: {decision.message}", Mood.PLAIN))
        lines += [(f"      {text}", Mood.FAINT) for text in _evidence(decision)]
    return lines


def _seconds(took: Mapping[Stage, float], stage: Stage) -> str:
    return f"{took[stage]:.1f} s" if stage in took else ""


def _evidence(decision: DecisionSpec) -> list[str]:
    """The results that the decision rests on, unless its message has said them."""
    told = []
    for where, results in (("benchmark", decision.benchmark_objectives), ("live", decision.live_objectives)):
        shown = [r for r in results if r.verdict is not Verdict.INCONCLUSIVE or r.requests]
        if shown:
            told.append(
                f"{where}: "
                + " · ".join(f"{SIGNS[r.verdict]} {r.name} {r.observed or r.message}" for r in shown)
            )
    return told


def conclude(screen: Screen, claims: Iterable[Claim]) -> bool:
    """Print what was promised and whether it held; True if all of it did."""
    kept = True
    for claim in claims:
        sign, mood = ("✓", Mood.GOOD) if claim.holds else ("✗", Mood.BAD)
        screen.text(f"  {sign} {claim.text}", mood)
        screen.text(f"      {claim.evidence}", Mood.FAINT)
        kept = kept and claim.holds
    return kept


def look_around(screen: Screen, kubeconfig: str) -> None:
    """Print the commands with which a reader goes on."""
    screen.text()
    screen.text("Look around (nothing was cleared away):", Mood.STRONG)
    for command in COMMANDS:
        screen.text("  " + command.format(kubeconfig=kubeconfig))
