"""The outbox of decisions: made with the decision, stored until written, in the order of the chain."""

from __future__ import annotations

import json
from decimal import Decimal

from tests.unit.api.test_transport import result_of
from tests.unit.decide.chains import NOON, spec
from tests.unit.reconcile.setting import budget
from tollgate.api.arms import MOST_ARM_BLOCKS, MOST_SEGMENTS, ArmCounts, ArmSegment
from tollgate.api.budget import BudgetSpec, BudgetStatus
from tollgate.api.canonical import digest
from tollgate.api.chain import LARGEST_RECORD, UnwrittenRecord
from tollgate.api.decision import DecisionSpec
from tollgate.api.evidence import LONGEST_QUERY, MOST_BLOCKS, MOST_PODS, MOST_QUERIES, BenchmarkEvidence
from tollgate.api.objective import Objective
from tollgate.api.release import Release, Stage, StageSpan
from tollgate.api.signoff import SignedOff, SignOffVerdict
from tollgate.api.verdict import ObjectiveResult, Reason, Relation, Verdict
from tollgate.decide.benchmark_record import measured_arm
from tollgate.decide.beside import ArmBlock, Arms, Beside
from tollgate.decide.compare import Arm
from tollgate.decide.live_record import live_evidence
from tollgate.decide.look import Look
from tollgate.decide.moves import enter
from tollgate.decide.record import MOST_UNWRITTEN, appended, on_record, room, written
from tollgate.decide.snapshot import Snapshot, Target
from tollgate.measure.cost import PodCost
from tollgate.measure.counts import Block, LiveCounts
from tollgate.measure.histogram import Bracket


def waiting(number: int, message: str = "") -> BudgetStatus:
    """A status with so many records still to be written."""
    status = BudgetStatus()
    for sequence in range(1, number + 1):
        before = status.unwritten[-1] if status.unwritten else None
        status = appended(status, f"digits-{sequence}", spec(sequence, before, message=message))
    return status


def test_what_waits_is_the_spec_to_the_byte() -> None:
    (record,) = waiting(1).unwritten
    assert json.loads(record.spec) == spec(1).dump()
    assert record.digest == digest(spec(1).dump())


def test_the_next_one_names_the_one_before_though_it_is_not_written_yet() -> None:
    first, second = waiting(2).unwritten
    assert json.loads(second.spec)["previous"] == {"name": first.name, "digest": first.digest}


def test_what_is_written_becomes_the_head_and_leaves_the_outbox() -> None:
    status = waiting(3)
    first, *rest = status.unwritten
    status = written(status, first)
    assert status.unwritten == rest
    assert status.last_record is not None
    assert (status.last_record.sequence, status.last_record.name) == (1, "digits-1")
    assert not isinstance(status.last_record, UnwrittenRecord), (
        "of what is written the status keeps the digest only"
    )


def test_there_is_room_for_few_and_for_fewer_that_are_large() -> None:
    assert [room(waiting(number)) for number in range(MOST_UNWRITTEN + 1)] == [True] * MOST_UNWRITTEN + [
        False
    ]
    large = waiting(1)
    one = large.unwritten[0].model_copy(update={"spec": "x" * (LARGEST_RECORD // 2)})
    assert not room(large.model_copy(update={"unwritten": [one]}))


def test_a_full_outbox_still_fits_into_an_object() -> None:
    """There is room just below the bound, and then comes the largest record there is."""
    assert LARGEST_RECORD // 2 + LARGEST_RECORD <= 0.75 * 1.5 * 2**20


def beside(names: list[str], words: str) -> Beside:
    """A comparison with as many segments and blocks as are kept."""
    counts = [
        ArmCounts(
            name=name,
            limit="0.032s",
            canary_requests=10**6,
            canary_over_limit=10**5,
            stable_requests=10**7,
            stable_over_limit=10**6,
            clumping="12.345678",
        )
        for name in names
    ]
    segment = ArmSegment(pods="sha256:" + "0" * 64, since=NOON, counts=counts)
    arms = Arms("0.032s", (ArmBlock(10**5, 10**4, 10**6, 10**5),) * MOST_ARM_BLOCKS, (Reason.NO_DATA, words))
    return Beside(segment.pods, NOON, (segment,) * (MOST_SEGMENTS - 1), segment, dict.fromkeys(names, arms))


def largest(text: str) -> DecisionSpec:
    """A record that is at every bound of the API at once, but for the lengths of numbers, with such texts."""
    words = text * 1024
    results = [
        ObjectiveResult(
            name=f"{'o' * 60}{index:03d}", verdict=Verdict.INCONCLUSIVE, reason=Reason.BUCKET_RESOLUTION,
            message=words, limit="0" * 32, observed="0" * 32, low="0" * 32, high="0" * 32, requests=10**9,
            over_limit=10**9, evidence_breach="0" * 16, evidence_within="0" * 16, relation=Relation.UNKNOWN,
        )
        for index in range(32)
    ]  # fmt: skip
    limits = [Decimal(index + 1) / 1000 for index in range(32)]
    objectives = [
        Objective.model_validate(
            {
                "name": r.name,
                "dimension": "Latency",
                "statistic": "P99",
                "max": f"{limit}s",
                "maxRegression": "5%",
            }
        )
        for r, limit in zip(results, limits, strict=True)
    ]
    counts = LiveCounts(
        since=0.0,
        until=1.0,
        blocks={
            353_445_000 + index: Block(
                10**6, 1234.567890123456, dict.fromkeys(limits, (10**5, 10**6)), 10**6, 10**6, 1234.5
            )
            for index in range(MOST_BLOCKS)
        },
        brackets=dict.fromkeys(limits, Bracket(0.0123456789012345, 0.123456789012345)),
        pods={f"{'p' * 250}{index:03d}": 10**6 for index in range(MOST_PODS)},
        silent=tuple(f"{'p' * 250}{index:03d}" for index in range(MOST_PODS)),
    )
    look = Look(
        NOON,
        NOON,
        counts,
        queries=("q" * LONGEST_QUERY,) * MOST_QUERIES,
        cost=PodCost(Decimal("0.123456"), "USD"),
        beside=beside([r.name for r in results], words),
    )
    arm = measured_arm(
        "b" * 253, Arm(result_of(1, stages=8, limits=16, bins=200, blocks=32, text=1024), None)
    )
    policy = BudgetSpec.model_validate(budget()).model_copy(update={"objectives": objectives})
    evidence = BenchmarkEvidence(
        budget_generation=1, confidence="0.99", objectives=objectives, candidate=arm, baseline=arm,
        relation="TradeOff", message=words,
    )  # fmt: skip
    signed = SignedOff(
        name="n" * 253, uid="u" * 64, username="a" * 253, verdict=SignOffVerdict.ACCEPT,
        accepts=[o.name for o in objectives], justification=words, at=NOON, digest="sha256:" + "0" * 64,
    )  # fmt: skip
    return spec(
        1,
        message=words,
        image=words,
        policy=policy,
        benchmark_objectives=results,
        live_objectives=results,
        benchmark_evidence=evidence,
        live_evidence=live_evidence(look, 5, results),
        sign_offs=[signed] * 16,
    )


def test_a_record_at_every_bound_keeps_its_evidence() -> None:
    (kept,) = appended(BudgetStatus(), "largest", largest("x")).unwritten
    assert len(kept.spec.encode()) <= LARGEST_RECORD
    assert "liveEvidence" in kept.spec


def test_one_that_is_still_larger_loses_it_and_says_so() -> None:
    (kept,) = appended(BudgetStatus(), "largest", largest("\U0001f600")).unwritten
    assert len(kept.spec.encode()) <= LARGEST_RECORD
    assert DecisionSpec.model_validate_json(kept.spec).omitted.startswith(
        "with its evidence the record would have"
    )


def target(revision: str) -> Target:
    return Target(
        name="digits", uid="u2", revision=revision, image="digits:2", paused=False, paused_and_seen=False,
        governed="Resume", replicas=2, ready=2, updated=2, rolled_out=True, template_active=True,
        max_unavailable=1, history_limit=10, progress_deadline_seconds=600,
    )  # fmt: skip


def test_counts_that_no_record_can_hold_do_not_stop_a_decision() -> None:
    """What Prometheus answers is not ours: here more limits than there are columns."""
    policy = BudgetSpec.model_validate(budget())
    release = Release(
        number=2, revision="0", stage=Stage.WATCHING, since=NOON, started_at=NOON, decision="d",
        history=[StageSpan(stage=Stage.WATCHING, since=NOON)],
    )  # fmt: skip
    limits = {Decimal(index): (0, 0) for index in range(60)}
    s = Snapshot(
        now=NOON, namespace="vision", name="digits", uid="u1", generation=1, spec=policy,
        status=BudgetStatus(release=release), target=target("0"),
        look=Look(NOON, NOON, LiveCounts(0.0, 1.0, blocks={1: Block(slow=limits)})),
    )  # fmt: skip
    ended = enter(release, Stage.ROLLED_BACK, NOON, "ServingBreach", "slow")
    (kept,) = on_record(s, s.status.model_copy(update={"release": ended})).unwritten
    made = DecisionSpec.model_validate_json(kept.spec)
    assert made.live_evidence is None
    assert made.omitted.startswith("what was counted does not fit into a record: ")
