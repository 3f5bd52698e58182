"""A benchmark's verdict as its record keeps it, and judged again from there.

The release keeps it too, without the results, which are as large as all the rest of a status: when the record is made
they are read once more from the Benchmarks, and known by their digest.
"""

from __future__ import annotations

from collections.abc import Mapping

from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.evidence import BenchmarkEvidence, Judged, JudgedArm, JudgedPods, MeasuredArm
from tollgate.api.facts import NOTHING_KNOWN, Facts
from tollgate.api.transport import digest
from tollgate.decide.benchmark_verdict import ApprovedArm, BenchmarkVerdict, benchmark_verdict
from tollgate.decide.compare import Arm
from tollgate.decide.levels import Looks
from tollgate.decide.live_record import read_price, write_price
from tollgate.decide.paired import InTurn


def measured_arm(name: str, arm: Arm) -> MeasuredArm:
    """An arm, measured by the Benchmark of that name, for a record."""
    return MeasuredArm(
        benchmark=name,
        digest=digest(arm.result),
        cost=write_price(arm.cost),
        hardware=list(arm.hardware or ()),
        facts=arm.facts if arm.facts != NOTHING_KNOWN else None,
        result=arm.result,
    )


def judged_pods(baseline: InTurn) -> JudgedPods:
    """A baseline that was loaded in turn with the candidate, for a record."""
    return JudgedPods(cost=write_price(baseline.cost), hardware=list(baseline.hardware or ()))


def without_results(evidence: BenchmarkEvidence) -> Judged:
    """What the release keeps."""
    return Judged.model_validate(evidence.dump())


def with_results(judged: Judged, results: Mapping[str, BenchmarkResult]) -> BenchmarkEvidence:
    """What a record keeps. `results` are by the Benchmark's name; one that is not the judged one is left out."""

    def filled(arm: JudgedArm) -> MeasuredArm:
        there = results.get(arm.benchmark)
        same = there is not None and digest(there) == arm.digest
        return MeasuredArm(**dict(arm), result=there if same else None)

    others = {"baseline": judged.baseline, "approved": judged.approved}
    arms = {name: filled(arm) if arm else None for name, arm in others.items()}
    return BenchmarkEvidence(
        **dict(judged)
        | arms
        | {"candidate": filled(judged.candidate), "repeats": [*map(filled, judged.repeats)]}
    )


def judged_again(evidence: BenchmarkEvidence) -> BenchmarkVerdict | None:
    """The verdict as it is reached now; None where the record lacks a result."""
    arms = [evidence.candidate, evidence.baseline, evidence.approved, *evidence.repeats]
    if any(arm is not None and arm.result is None for arm in arms):
        return None
    candidate, baseline, approved, *repeats = map(_arm, arms)
    assert candidate is not None  # it is required
    paired = evidence.paired
    in_turn = InTurn(read_price(paired.cost), tuple(paired.hardware)) if paired else None
    return benchmark_verdict(
        evidence.objectives,
        candidate,
        in_turn or baseline,
        confidence=float(evidence.confidence),
        approved=ApprovedArm(approved, evidence.approved_release) if approved else None,
        repeats=[arm for arm in repeats if arm is not None],
        looks=Looks(breach=evidence.attempt, within=evidence.look),
    )


def _arm(arm: MeasuredArm | None) -> Arm | None:
    if arm is None or arm.result is None:
        return None
    return Arm(arm.result, read_price(arm.cost), tuple(arm.hardware), arm.facts or Facts())
