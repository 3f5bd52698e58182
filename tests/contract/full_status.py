"""A status of a budget with every field set."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.contract.examples import example
from tollgate.api.adjustment import AdjustmentState, LimitInForce
from tollgate.api.arms import ArmCounts, ArmSegment
from tollgate.api.budget import BudgetStatus, Dimension, EfficiencyBudget, Statistic
from tollgate.api.chain import RecordRef, UnwrittenRecord
from tollgate.api.change import ChangeKind, LimitChange, ProposedChange
from tollgate.api.conditions import Condition
from tollgate.api.degradation import (
    DegradationState,
    DegradationStep,
    KeyValue,
    StepBack,
    TakenStep,
    UndoneStep,
)
from tollgate.api.drift import DriftFinding, DriftOfObjective, DriftState
from tollgate.api.evidence import Judged, JudgedArm
from tollgate.api.objective import Objective
from tollgate.api.release import (
    Approved,
    ApprovedBaseline,
    Carried,
    Detector,
    Rejected,
    Release,
    Stage,
    StageSpan,
)
from tollgate.api.signoff import SignedOff, SignOffVerdict
from tollgate.api.verdict import ObjectiveResult, Reason, Relation, Verdict
from tollgate.decide.changes import declared

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

SIGNED_OFF = SignedOff(
    name="s",
    uid="u3",
    username="alice",
    verdict=SignOffVerdict.ACCEPT,
    accepts=["mean"],
    justification="Worth it.",
    at=NOON,
    digest="sha256:" + "0" * 64,
)


STEP = DegradationStep(
    name="exit-earlier",
    objectives=["tail"],
    config_map=KeyValue(name="tuning", key="threshold", value="0.15"),
    step_back=StepBack(load_below="20req/s"),
)


def full_status() -> BudgetStatus:
    """A status with every field set."""
    result = ObjectiveResult(
        name="tail",
        verdict=Verdict.INCONCLUSIVE,
        reason=Reason.TOO_FEW_REQUESTS,
        message="40 of 459 requests.",
        limit="250ms",
        observed="31.5ms",
        low="30ms",
        high="33ms",
        requests=40,
        over_limit=0,
        evidence_breach="-0.4",
        evidence_within="0.2",
        enough=True,
        relation=Relation.BETTER,
        relation_to_approved=Relation.WORSE,
    )
    good = Approved(
        revision="0123456789",
        image="digits:1",
        replica_set="digits-1",
        benchmark="b",
        decision="d",
        since=NOON,
        release=1,
    )
    approved = ApprovedBaseline(**dict(good), reason="SignedOff")
    release = Release(
        number=2,
        revision="9876543210",
        image="digits:2",
        stage=Stage.CANARY,
        initial=True,
        since=NOON,
        started_at=NOON,
        reason="Waiting",
        message="For requests.",
        step=1,
        share="50%",
        counting_since=NOON,
        benchmark="b2",
        benchmark_objectives=[result],
        judged=Judged(
            budget_generation=3,
            confidence="0.99",
            objectives=[Objective(name="errs", dimension=Dimension.ERROR_RATE, max="1%")],
            candidate=JudgedArm(benchmark="b2", digest="sha256:" + "1" * 64),
            relation="Equal",
        ),
        live_objectives=[result],
        segments=[
            ArmSegment(
                pods="sha256:" + "2" * 64,
                since=NOON,
                counts=[
                    ArmCounts(
                        name="tail",
                        limit="250ms",
                        canary_requests=100,
                        canary_over_limit=1,
                        stable_requests=900,
                        stable_over_limit=9,
                        clumping="1.5",
                    )
                ],
            )
        ],
        rollback_to=good,
        approved_before=approved,
        attempt=2,
        failures=1,
        look=2,
        earlier=["b1"],
        again_at=NOON,
        asked="2026-01-01",
        improves=["tail"],
        overrides=["mean"],
        signable_since=NOON,
        sign_offs=[SIGNED_OFF],
        decision="d2",
        history=[StageSpan(stage=Stage.HELD, since=NOON)],
    )
    return BudgetStatus(
        declared=declared(EfficiencyBudget.model_validate(example("budget")).spec, 3),
        proposal=ProposedChange(
            record="digits-changed-2",
            digest="sha256:" + "1" * 64,
            changes=[LimitChange(name="tail", adjustment="night", kind=ChangeKind.LOOSER)],
            since=NOON,
            signable_since=NOON,
            refused=True,
        ),
        drift=DriftState(
            revision="0123456789",
            since=NOON,
            period_since=NOON,
            objectives=[
                DriftOfObjective(
                    name="tail",
                    statistic="P99",
                    limit="250ms",
                    load_correlation="-0.35",
                    clumping="1.5",
                    evidence="-0.4",
                    strata=["load:-2,InputTokens:20 1000 3 12 0"],
                )
            ],
            found=DriftFinding(objective="tail", at=NOON, message="3% of 100 requests."),
        ),
        degradation=DegradationState(
            taken=[
                TakenStep(
                    name="exit-earlier",
                    step=STEP,
                    was="0.4",
                    since=NOON,
                    done=True,
                    undoing=True,
                    returns=1,
                )
            ],
            changed_at=NOON,
            settle_seconds=120,
            settled=False,
            calm_since=NOON,
            undone=[UndoneStep(name="small-model", at=NOON, returns=2)],
        ),
        adjustments=[
            AdjustmentState(name="night", in_force=True, since=NOON, load_holds=True, load_turning_since=NOON)
        ],
        limits=[LimitInForce(objective="tail", limit="400ms", adjusted_by="night")],
        observed_generation=3,
        conditions=[Condition(type="Ready", status="True", reason="Accepted", last_transition_time=NOON)],
        release=release,
        releases=2,
        last_good=good,
        approved_baseline=approved,
        known_good=[good],
        serving_since=NOON,
        detector=Detector(
            since=NOON,
            given="0.006944",
            carried=[Carried(name="tail", statistic=Statistic.P99, limit="250ms", evidence="1.234e-2")],
        ),
        rejected=[
            Rejected(revision="5", image="digits:0", decision="d0", at=NOON, reason="Slow.", rolled_back=True)
        ],
        objectives=[result],
        traffic="12.5req/s",
        measure_again="2026-01-01",
        governed_uid="u",
        oldest_record=1,
        last_record=RecordRef(sequence=1, name="d0", digest="sha256:" + "0" * 64),
        unwritten=[
            UnwrittenRecord(
                sequence=2, name="d1", digest="sha256:" + "1" * 64, release=2, decided_at=NOON, spec='{"a":1}'
            )
        ],
    )
