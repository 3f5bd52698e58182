"""When a candidate is measured again: its benchmark measured nothing, or too little, or somebody asks for it.

What measured too little counts, and its counts are added to those of the next (`decide.pooling`). What measured nothing
is left out. These are counted apart, and a release that people have measured anew begins both counts again; what
never begins again is `release.look`, by which alpha is shared (`decide.levels`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from tollgate.api.budget import BudgetStatus, OnInconclusive, Release, Stage
from tollgate.api.evidence import MOST_REPEATS
from tollgate.api.verdict import ObjectiveResult, Reason
from tollgate.decide.actions import Notice
from tollgate.decide.moves import Move, advance, measurement_name
from tollgate.decide.snapshot import Measured, Snapshot
from tollgate.manifests.names import ANNOTATION_MEASURE_AGAIN

ATTEMPTS = 3
"""So often a candidate is measured by itself, be it for want of a measurement or for want of a verdict."""

_BACKOFF_SECONDS = (10, 60)
"""After the first and the second: what disturbed the one may be over by then."""


def failed_too_often(release: Release) -> bool:
    """Whether a benchmark that measured nothing is the last one."""
    return release.failures + 1 >= ATTEMPTS


def may_add(s: Snapshot, release: Release, undecided: Collection[ObjectiveResult]) -> bool:
    """Whether another benchmark is due, as more requests are all that is lacking."""
    return (
        s.spec.canary.on_inconclusive is OnInconclusive.HOLD
        and len(release.earlier) + 1 < ATTEMPTS
        and all(r.reason is Reason.TOO_FEW_REQUESTS for r in undecided)
    )


def after_nothing(s: Snapshot, status: BudgetStatus, release: Release, why: str) -> Move | None:
    """Another benchmark, once it is time for it: this one measured nothing."""
    attempt = release.failures + 1
    said = f"attempt {attempt} of {ATTEMPTS} gave no measurement"
    return _again(s, status, release, attempt, said, why, failures=attempt)


def after_too_little(s: Snapshot, status: BudgetStatus, release: Release, why: str) -> Move | None:
    """Another benchmark, once it is time for it, to add its counts to those of this one."""
    attempt = len(release.earlier) + 1
    said = f"measurement {attempt} of {ATTEMPTS} says too little, the counts of the next are added"
    return _again(s, status, release, attempt, said, why, **_counted(s, release))


def asked(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """A person asks, by another value of the annotation: looked at only where nothing else is due."""
    if not _asks(s, status) or not _held(s) or len(release.earlier) >= MOST_REPEATS:
        return None
    return advance(
        s,
        status.model_copy(update={"measure_again": s.measure_again}),
        Stage.BENCHMARKING,
        "MeasuredAgain",
        f"measuring again, as {ANNOTATION_MEASURE_AGAIN}: {s.measure_again} asks for it",
        attempt=release.attempt + 1,
        again_at=None,
        asked=s.measure_again,
        **(_counted(s, release) if _counts(s.measured) else {"failures": 0}),
    )


def noted(s: Snapshot, status: BudgetStatus) -> tuple[BudgetStatus, tuple[Notice, ...]]:
    """The status with the annotation's value where it asks for nothing that can be done; it never asks later."""
    if not _asks(s, status) and s.measure_again == status.measure_again:
        return status, ()
    why = f"{ANNOTATION_MEASURE_AGAIN}: no release is held for want of a measurement, so none is made"
    told = (Notice("Warning", "NothingToMeasureAgain", why),) if s.measure_again and status.release else ()
    return status.model_copy(update={"measure_again": s.measure_again}), told


def hint(s: Snapshot, release: Release) -> str:
    """What people can do about a release that is held, beside changing its template."""
    if len(release.earlier) >= MOST_REPEATS:
        return f". It was measured {MOST_REPEATS + 1} times: change the limits or the template"
    return (
        ". Held: change the template, the limits or the BenchmarkProfile, or have it measured again: kubectl -n "
        f"{s.namespace} annotate effb {s.name} --overwrite {ANNOTATION_MEASURE_AGAIN}=$(date +%s)"
    )


def _again(
    s: Snapshot, status: BudgetStatus, release: Release, attempt: int, said: str, why: str, **changes: Any
) -> Move | None:
    before = s.status.release
    due = before.again_at if before is not None else None
    if due is None:
        due = s.now + timedelta(seconds=_BACKOFF_SECONDS[attempt - 1])
        message = f"{said}; measuring again at {due:%H:%M:%S} UTC: {why}"[:1024]
        waits = release.model_copy(
            update={"again_at": due, "reason": "BenchmarkRepeated", "message": message}
        )
        return Move(
            status.model_copy(update={"release": waits}), (Notice("Normal", "BenchmarkRepeated", message),)
        )
    if s.now < due:
        return None
    message = f"attempt {attempt + 1} of {ATTEMPTS}: {said}: {why}"
    return advance(
        s, status, Stage.BENCHMARKING, "BenchmarkRepeated", message, attempt=release.attempt + 1, **changes
    )


def _counted(s: Snapshot, release: Release) -> dict[str, Any]:
    """What changes in a release whose present benchmark counts."""
    earlier = [*release.earlier, measurement_name(s, release)]
    return {"earlier": earlier, "look": release.look + 1, "failures": 0}


def _counts(measured: Measured | None) -> bool:
    return (
        measured is not None
        and measured.phase == "Succeeded"
        and all(r.reason is not Reason.CLIENT_LIMITED for r in measured.objectives)
    )


def _held(s: Snapshot) -> bool:
    return s.measured is not None and s.measured.phase not in ("Pending", "Running")


def _asks(s: Snapshot, status: BudgetStatus) -> bool:
    return s.measure_again not in ("", status.measure_again)
