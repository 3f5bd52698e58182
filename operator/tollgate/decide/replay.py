"""Decides a record again: from its evidence, by the very functions that decided then.

The snapshot is put together from the record and handed to `decide.release.step`. What was no measurement, such as
which pods there were, is taken from the record as it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tollgate.api.budget import Approved, BudgetStatus, Mode, Stage
from tollgate.api.comparison import ParetoRelation
from tollgate.api.decision import DecisionSpec
from tollgate.api.evidence import BenchmarkEvidence
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.benchmark_record import judged_again
from tollgate.decide.live_record import read_look
from tollgate.decide.look import Look
from tollgate.decide.moves import record_action
from tollgate.decide.release import step
from tollgate.decide.snapshot import Measured, ReplicaSet, Snapshot, Target


@dataclass(frozen=True)
class Finding:
    """One thing that was decided: what the record says of it, and what the engine says now."""

    what: str
    recorded: str
    now: str

    @property
    def same(self) -> bool:
        """True when both say the same."""
        return self.recorded == self.now


@dataclass(frozen=True)
class Replay:
    """Everything that could be decided again, and as sentences what could not."""

    findings: tuple[Finding, ...]
    left_out: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """True when nothing is decided otherwise now."""
        return all(finding.same for finding in self.findings)


def replay(record: DecisionSpec) -> Replay:
    """Decide again. ValueError when the evidence contradicts itself."""
    findings: list[Finding] = []
    left_out: list[str] = []
    measured: Measured | None = None
    look: Look | None = None
    if record.benchmark_evidence is not None:
        measured = _measured(record, record.benchmark_evidence)
        if measured is None:
            left_out.append(
                "a benchmark's result is not in the record: its Benchmark was gone when it was made"
            )
        else:
            findings += _compared("benchmark", record.benchmark_objectives, measured.objectives)
            findings.append(
                Finding("relation", record.benchmark_evidence.relation.value, measured.relation.value)
            )
    if record.live_evidence is not None:
        look = read_look(record.live_evidence)
    decided = _decided(record, measured, look)
    if decided is not None:
        live, action = decided
        if look is not None:
            findings += _compared("live", record.live_objectives, live)
        findings.append(Finding("action", f"{record.action.value} ({record.reason})", action))
    elif look is not None and record.step is not None:
        findings += _compared(
            "live", record.live_objectives, look.judged(record.policy.objectives, record.policy.alpha)
        )
    elif record.omitted:
        left_out.append(record.omitted)
    else:
        left_out.append("the action rests on no measurement, but on what its message says")
    return Replay(tuple(findings), tuple(left_out))


def _measured(record: DecisionSpec, evidence: BenchmarkEvidence) -> Measured | None:
    verdict = judged_again(evidence)
    if verdict is None:
        return None
    return Measured(
        name=record.benchmark,
        phase="Succeeded",
        objectives=verdict.objectives,
        relation=ParetoRelation(verdict.relation),
        relation_message=evidence.message,
        paired=True,  # or it would have been measured again, and not be on record
        comparison_due=evidence.comparison_due,
        evidence=evidence,
    )


def _decided(
    record: DecisionSpec, measured: Measured | None, look: Look | None
) -> tuple[Sequence[ObjectiveResult], str] | None:
    """The live results and the action that follow; None where the evidence in the record is not what they rest on."""
    if record.state is None or (look is None and (measured is None or record.stage != Stage.BENCHMARKING)):
        return None
    snapshot = _snapshot(record, measured, look)
    release = step(snapshot).status.release
    assert release is not None  # a step never takes away the release that it began with
    action = record_action(release)
    said = f"{action.value} ({release.reason})" if action else f"none: {release.stage.value} goes on"
    return release.live_objectives or snapshot.live, said


def _snapshot(record: DecisionSpec, measured: Measured | None, look: Look | None) -> Snapshot:
    """The world at that instant, as far as the decision asked about it."""
    assert record.state is not None
    spec, enforced = record.policy, record.policy.mode is Mode.ENFORCE
    standing = record.live_evidence.standing if record.live_evidence else []
    if look is not None and not enforced:
        look = replace(look, standing=())  # there they are no input of the judging, but of what is shown
    release = record.state.model_copy(
        update={
            "benchmark_objectives": record.benchmark_objectives,
            "live_objectives": standing if enforced else [],
            "sign_offs": record.sign_offs,
            "history": record.stages[:-1],
        }
    )
    good = release.rollback_to
    kept = [good] if good else []
    return Snapshot(
        now=record.decided_at,
        namespace="",
        name=record.budget.name,
        uid=record.budget.uid,
        generation=record.budget_generation,
        spec=spec,
        status=BudgetStatus(
            release=release,
            last_good=good,
            known_good=kept,
            serving_since=look.since if look else None,
            objectives=[] if enforced else standing,
            governed_uid=record.target.uid,
        ),
        target=_target(record, rolled_out=not enforced),
        replica_sets=tuple(_replica_set(record, approved) for approved in kept),
        measured=measured if release.stage is Stage.BENCHMARKING else None,
        live=look.judged(spec.objectives, spec.alpha) if look else (),
        look=look,
        scrape_seconds=record.live_evidence.scrape_seconds if record.live_evidence else 30,
    )


def _target(record: DecisionSpec, *, rolled_out: bool) -> Target:
    return Target(
        name=record.target.name,
        uid=record.target.uid,
        revision=record.revision,
        image=record.image,
        paused=True,
        paused_and_seen=True,
        governed=record.policy.on_delete,
        replicas=1,
        ready=1,
        updated=1,
        rolled_out=rolled_out,
        template_active=True,
        max_unavailable=1,
        history_limit=1,
        progress_deadline_seconds=600,
    )


def _replica_set(record: DecisionSpec, approved: Approved) -> ReplicaSet:
    return ReplicaSet(
        name=approved.replica_set,
        uid="",
        revision=approved.revision,
        created=approved.since,
        replicas=0,
        ready=0,
    )


def _compared(
    where: str, recorded: Iterable[ObjectiveResult], now: Iterable[ObjectiveResult]
) -> list[Finding]:
    was, found = ({result.name: result for result in results} for results in (recorded, now))
    return [
        Finding(f"{where} {name}", _said(was.get(name)), _said(found.get(name))) for name in {**was, **found}
    ]


def _said(result: ObjectiveResult | None) -> str:
    if result is None:
        return "absent"
    reason = f" ({result.reason.value})" if result.reason else ""
    relation = f", {result.relation.value}" if result.relation else ""
    return f"{result.verdict.value}{reason}{relation}"
