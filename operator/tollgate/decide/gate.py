"""What happens to a candidate before it may serve everybody: held, started, benchmarked, canaried.

Each function looks at one stage and returns the move that is due, or None to go on waiting. No data is never a
pass and never a refusal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from tollgate.api.budget import Baseline, BudgetStatus, Evidence, OnInconclusive, Release, Stage
from tollgate.api.comparison import ParetoRelation
from tollgate.api.verdict import ObjectiveResult, Reason, Relation, Verdict
from tollgate.decide import repeating
from tollgate.decide.approval import signatures, worsened
from tollgate.decide.benchmark_record import without_results
from tollgate.decide.moves import Move, advance, approve, enter, refuse, supersede
from tollgate.decide.snapshot import Copy, Measured, Snapshot

_WORSE = {ParetoRelation.TRADE_OFF: "TradeOff", ParetoRelation.DOMINATED: "Dominated"}


def entered(release: Release, stage: Stage) -> datetime:
    """When the release came into a stage, also when it is a step further within it."""
    return next((span.since for span in release.history if span.stage is stage), release.since)


def breached(results: Iterable[ObjectiveResult]) -> list[ObjectiveResult]:
    """The results that are a breach."""
    return [r for r in results if r.verdict is Verdict.BREACH]


def breaches(results: Iterable[ObjectiveResult], release: Release) -> list[ObjectiveResult]:
    """Results that stop the release: all breaches but those that are tolerated."""
    return [r for r in breached(results) if r.name not in release.tolerated]


def sentence(results: Iterable[ObjectiveResult]) -> str:
    """What these results say, in one line."""
    return "; ".join(f"{r.name}: {r.message}" for r in results)


def held(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """The template is kept from rolling out. A first release (`initial: Gate`) serves already."""
    assert s.target is not None
    if not (s.target.paused or release.initial):
        return None
    return advance(
        s, status, Stage.STARTING, "Starting", f"starting a candidate of revision {release.revision}"
    )


def starting(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """The pods of the candidate, and of the baseline if there is to be one, come up, or the time runs out."""
    assert s.target is not None
    candidate_runs = s.candidate is not None and s.candidate.runs(release.revision)
    if s.candidate is not None and candidate_runs and baseline_runs(s):
        beside = f", in turn with {len(s.baseline.ready)} of last-good," if s.to_pair and s.baseline else ""
        return advance(
            s,
            status,
            Stage.BENCHMARKING,
            "Benchmarking",
            f"measuring {len(s.candidate.ready)} candidate pod(s){beside} before any user reaches them",
        )
    waited = (s.now - release.since).total_seconds()
    if waited < s.target.progress_deadline_seconds or s.spec.canary.on_inconclusive is OnInconclusive.HOLD:
        return None
    if candidate_runs:
        within = s.target.progress_deadline_seconds
        why = f"the baseline was not ready within {within} s. {start_trouble(s)}"
        return _undecided(s, status, release, "BaselineNotReady", why, has_data=False)
    return refuse(
        s,
        status,
        Stage.REJECTED,
        "CandidateNotReady",
        f"the candidate was not ready after {waited:.0f} s. {start_trouble(s)}",
    )


def baseline_runs(s: Snapshot) -> bool:
    """Whether as many pods of last-good as of the candidate are ready to be measured in turn, or none are wanted."""
    if s.to_pair is None:
        return True
    if s.baseline is None or s.candidate is None or s.baseline.replicas != s.candidate.replicas:
        return False
    return s.baseline.runs(s.to_pair.revision)


def start_trouble(s: Snapshot) -> str:
    """Why the pods to be measured are not ready, as far as it can be seen."""
    said = _trouble(s.candidate, "candidate")
    return f"{said}. {_trouble(s.baseline, 'baseline')}" if s.to_pair else said


def _trouble(copy: Copy | None, role: str) -> str:
    if copy is None:
        return f"the Deployment of the {role} does not exist yet"
    if not copy.ours:
        return (
            f"a Deployment {copy.name} exists that this budget does not own: rename or delete it, "
            f"as the {role} needs that name"
        )
    problems = sorted({pod.problem for pod in copy.pods if pod.problem})
    ready = f"{len(copy.ready)} of {copy.replicas} {role} pods are ready"
    return f"{ready}: {'; '.join(problems)}" if problems else ready


def benchmarking(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """The measurement is judged: each objective has a veto, and a trade-off is not waved through."""
    measured = s.measured
    if measured is None or measured.phase in ("Pending", "Running"):
        return None
    release = release.model_copy(
        update={
            "benchmark": measured.evidence.candidate.benchmark if measured.evidence else measured.name,
            "benchmark_objectives": list(measured.objectives),
            "improves": [],
            "again_at": None,
            "judged": without_results(measured.evidence) if measured.evidence else None,
        }
    )
    status = status.model_copy(update={"release": release})
    if measured.phase == "Failed":
        return _measured_nothing(s, status, release, measured)
    bad = breaches(measured.objectives, release)
    if bad and measured.relation is ParetoRelation.DOMINATES:
        # Refusing a better version would keep the worse one serving.
        served_badly = {r.name for r in status.objectives if r.verdict is Verdict.BREACH}
        if {r.name for r in bad} <= served_badly:
            release = release.model_copy(update={"improves": sorted(r.name for r in bad)})
            status = status.model_copy(update={"release": release})
            bad = []
    if bad and not s.spec.approval.may_override_breach:
        return refuse(s, status, Stage.REJECTED, "BenchmarkBreach", sentence(bad))
    if _says(measured.objectives, Reason.CLIENT_LIMITED):
        return _measured_nothing(s, status, release, measured)
    if s.to_pair is not None and not measured.paired:
        return advance(
            s,
            status,
            Stage.STARTING,
            "MeasuredInTurn",
            "benchmark.baseline has become Paired: measuring again, in turn with last-good",
            attempt=release.attempt + 1,
            failures=0,
            look=release.look + 1,
            earlier=[],
            asked="",
        )
    undecided = [r for r in _open(measured.objectives) if r.name not in release.improves]
    if undecided:
        why = sentence([*bad, *undecided])
        if repeating.may_add(s, release, undecided):
            return repeating.after_too_little(s, status, release, why)
        return _undecided(s, status, release, "BenchmarkInconclusive", why, has_data=True)
    worse = worsened(measured.objectives, release.tolerated)
    if measured.not_comparable and not worse and s.spec.trade_offs != "Allow":
        why = f"{measured.relation_message}. {_ways_on(s)}"
        return _undecided(s, status, release, "NotComparable", why, has_data=True)
    return _weighed(s, status, release, measured)


def _ways_on(s: Snapshot) -> str:
    """What the user can do where nothing can be compared."""
    alone = "To go on by the limits alone set benchmark.baseline: None"
    recorded = s.spec.benchmark.baseline is Baseline.RECORDED and s.status.last_good is not None
    return f"{alone}; to measure last-good again beside the candidate, Paired" if recorded else alone


def _weighed(s: Snapshot, status: BudgetStatus, release: Release, measured: Measured) -> Move:
    """Every objective has spoken, or may stay silent: what got worse is not waved through."""
    due = by_policy(s, status, release, measured.relation_message)
    if due is not None:
        return due
    bad = sentence(breaches(release.benchmark_objectives, release))
    return advance(
        s,
        status,
        Stage.AWAITING_SIGN_OFF,
        "BenchmarkBreach" if bad else _what_is_worse(release, _WORSE.get(measured.relation, "Worse")),
        ". ".join(part for part in (bad, measured.relation_message) if part),
        signable_since=release.started_at if s.approver_checked else None,
    )


def by_policy(s: Snapshot, status: BudgetStatus, release: Release, why: str) -> Move | None:
    """What the budget says of a measured candidate by itself; None where it wants people to sign."""
    bad = breaches(release.benchmark_objectives, release)
    if bad:
        asks = s.spec.approval.may_override_breach
        return None if asks else refuse(s, status, Stage.REJECTED, "BenchmarkBreach", sentence(bad))
    if s.spec.trade_offs == "Allow" or not worsened(release.benchmark_objectives, release.tolerated):
        return after_benchmark(s, status, release, why)
    if s.spec.trade_offs == "Forbid":
        return refuse(s, status, Stage.REJECTED, _what_is_worse(release, "TradeOffForbidden"), why)
    return None


def _what_is_worse(release: Release, than_last_good: str) -> str:
    """The reason for holding what got worse: by this step, or by many small ones."""
    step = any(r.relation is Relation.WORSE for r in release.benchmark_objectives)
    return than_last_good if step else "CreepingRegression"


def _measured_nothing(s: Snapshot, status: BudgetStatus, release: Release, measured: Measured) -> Move | None:
    """A benchmark that measured nothing is repeated, so often, and then left to onInconclusive."""
    why = sentence(_open(measured.objectives)) or measured.message
    if repeating.failed_too_often(release):
        return _undecided(s, status, release, "BenchmarkFailed", why, has_data=False)
    return repeating.after_nothing(s, status, release, why)


def after_benchmark(s: Snapshot, status: BudgetStatus, release: Release, relation: str) -> Move:
    """The candidate goes on: to users, one share at a time, or as last-good where it serves already."""
    reason, why = _passed(release, relation)
    if release.initial:
        release = enter(release, Stage.PROMOTED, s.now, reason, why)
        return Move(approve(s, status, release), ())
    return advance(
        s,
        status,
        Stage.CANARY,
        reason,
        f"{why}: moving {s.spec.canary.steps[0].share} of the traffic",
        step=0,
        counting_since=None,
        live_objectives=[],
    )


def _passed(release: Release, relation: str) -> tuple[str, str]:
    """Why a benchmarked candidate may go on: a reason and a sentence."""
    if release.overrides:
        what = f"the breach of {', '.join(release.overrides)}"
        return "BreachOverridden", f"{what} was signed off by {signatures(release.sign_offs)}"
    if release.sign_offs:
        return "SignedOff", f"what got worse was signed off by {signatures(release.sign_offs)}"
    if release.improves:
        improved = f"recorded as improving {', '.join(release.improves)}"
        return "Improves", f"the benchmark is within every limit, {improved} ({relation})"
    return "BenchmarkPassed", f"the benchmark is within every limit ({relation})"


def wanted_pods(s: Snapshot, step: int) -> int:
    """Candidate pods that make the step's share: the least k with k / (stable + k) >= share, at least one."""
    assert s.target is not None
    share = s.spec.canary.steps[min(step, len(s.spec.canary.steps) - 1)].fraction
    stable = s.target.ready
    return max(1, math.ceil(share * stable / (1 - share)))


def canary(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """The candidate meets users, one share at a time, until each objective has spoken."""
    if release.counting_since is None:
        joined = [pod for pod in (s.candidate.joined if s.candidate else ()) if pod.ready]
        if len(joined) < wanted_pods(s, release.step):
            if not _canary_overdue(s, release):
                return None
            why = f"the share could not be reached. {start_trouble(s)}; {len(joined)} joined the endpoints"
            return _undecided(s, status, release, "CanaryInconclusive", why, has_data=False)
        if release.step == 0 and (s.now - release.since).total_seconds() < s.scrape_seconds:
            return None  # counts begin at the scrape before, which must not hold the benchmark's requests
        counting = release.model_copy(update={"counting_since": s.now, "live_objectives": []})
        return Move(status.model_copy(update={"release": counting}))
    bad = breaches(s.live, release)
    status = status.model_copy(update={"release": looked_at(s, release)})
    assert status.release is not None
    if bad:
        only_worse = all(r.reason is Reason.WORSE_THAN_STABLE for r in bad)
        why = Reason.WORSE_THAN_STABLE.value if only_worse else "CanaryBreach"
        return refuse(s, status, Stage.REJECTED, why, sentence(bad))
    if s.live and all(_passes(r, s.spec.canary.evidence, release) for r in s.live):
        steps = s.spec.canary.steps
        if release.step + 1 < len(steps):
            share = steps[release.step + 1].share
            return advance(
                s,
                status,
                Stage.CANARY,
                "StepPassed",
                f"no breach at {steps[release.step].share}: moving {share} of the traffic",
                step=release.step + 1,
                counting_since=None,
            )
        return promote(s, status, "CanaryPassed", f"no breach at {steps[release.step].share}: rolling out")
    if not _canary_overdue(s, release):
        return None
    waiting = [r for r in s.live if not _passes(r, s.spec.canary.evidence, release)]
    no_data = [r for r in waiting if r.reason not in _PROMOTABLE]
    return _undecided(
        s,
        status,
        status.release,
        "CanaryInconclusive",
        sentence(waiting),
        has_data=bool(s.live) and not no_data,
    )


_PROMOTABLE = (None, Reason.TOO_FEW_REQUESTS, Reason.BUCKET_RESOLUTION, Reason.SHARED_SERIES)
"""What a policy may let through: too little evidence, or by its choice of series none; but no loss of data."""


def looked_at(s: Snapshot, release: Release) -> Release:
    """The release with what its canary did so far."""
    beside = s.look.beside if s.look else None
    segments = beside.segments() if beside else release.segments
    return release.model_copy(update={"live_objectives": list(s.live), "segments": segments})


def _canary_overdue(s: Snapshot, release: Release) -> bool:
    return (s.now - entered(release, Stage.CANARY)).total_seconds() >= s.spec.canary.max_duration_seconds


def promote(s: Snapshot, status: BudgetStatus, reason: str, message: str) -> Move:
    """The revision is approved; the Deployment controller rolls it out."""
    moved = advance(s, status, Stage.PROMOTING, reason, message, counting_since=s.now)
    assert moved.status.release is not None
    return Move(approve(s, moved.status, moved.status.release), moved.notices)


def superseded(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """Git moved on while the candidate was in the gate."""
    assert s.target is not None
    if s.target.revision == release.revision:
        return None
    if status.last_good is not None and s.target.revision == status.last_good.revision:
        return supersede(s, status, "Reverted", f"the template went back to last-good {s.target.revision}")
    return supersede(s, status, "NewerTemplate", f"the template moved on to revision {s.target.revision}")


def _undecided(
    s: Snapshot, status: BudgetStatus, release: Release, reason: str, why: str, *, has_data: bool
) -> Move | None:
    match s.spec.canary.on_inconclusive:
        case OnInconclusive.REJECT:
            return refuse(s, status, Stage.REJECTED, reason, why)
        case OnInconclusive.PROMOTE if has_data:
            if release.stage is Stage.CANARY:
                return promote(s, status, reason, f"let through by onInconclusive: Promote. {why}")
            assert s.measured is not None
            return _weighed(s, status, release, s.measured)
        case _:
            hint = repeating.hint(s, release) if release.stage is Stage.BENCHMARKING else ""
            message = why[: 1024 - len(hint)] + hint
            if release.reason == reason and release.message == message:
                return None
            held_here = release.model_copy(update={"reason": reason, "message": message})
            return Move(status.model_copy(update={"release": held_here}))


def _open(results: Iterable[ObjectiveResult]) -> list[ObjectiveResult]:
    return [
        r for r in results if r.verdict is Verdict.INCONCLUSIVE and r.reason is not Reason.NOT_JUDGED_HERE
    ]


def _says(results: Iterable[ObjectiveResult], reason: Reason) -> bool:
    return any(r.reason is reason for r in results)


def _passes(result: ObjectiveResult, evidence: Evidence, release: Release) -> bool:
    if result.verdict is Verdict.WITHIN or result.reason is Reason.NOT_JUDGED_HERE:
        return True
    if result.name in release.tolerated:
        return True
    if result.verdict is Verdict.BREACH or evidence is Evidence.CERTIFIED:
        return False
    if result.reason is Reason.LOW_LOAD:
        return True  # the benchmark has certified the cost, at a load that the canary does not reach
    # Only a lack of requests may be waved through: a lack of data may not.
    return result.enough and result.reason is Reason.TOO_FEW_REQUESTS
