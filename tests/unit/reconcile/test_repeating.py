"""A benchmark that says too little, or nothing, is repeated: what is added, when it ends, what people can ask for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.test_crash import outcome, the_chain_is_whole
from tests.unit.reconcile.test_records import stored
from tests.unit.reconcile.test_replay import again, findings
from tests.unit.reconcile.test_signing import asked, begun, progressing, release
from tollgate.api.budget import Stage
from tollgate.ports import BENCHMARK, BUDGET, DECISION, JOB, Object

GOOD = Behaviour()
NOISY = Behaviour(bench_slow=0.007)
"""14 of 2,000 where 20 are allowed: less than is allowed, and too many to be sure."""
NEAR = Behaviour(bench_slow=0.0088)
"""So near the limit that three benchmarks do not settle it."""
LIMITED = Behaviour(client_limited="requests were sent 40 ms late")


async def gated(behaviour: Behaviour, **spec: Any) -> Operator:
    """v1 serves, v2 has come and is benchmarked."""
    op = Operator(populated(spec))
    await op.run(lambda: op.stage is Stage.PROMOTED and not op.status.unwritten)
    op.world.git_applies("v2", behaviour)
    await op.run(Stage.BENCHMARKING)
    return op


def behaves(op: Operator, behaviour: Behaviour) -> None:
    op.world.versions["v2"] = replace(behaviour)


def benchmarks(op: Operator) -> list[Object]:
    """Those of v2, in order."""
    found = [o for (plural, _, _), o in op.world.objects.items() if plural == BENCHMARK.plural]
    mine = [o for o in found if o["spec"]["revision"] == release(op).revision]
    return sorted(mine, key=lambda o: int(o["metadata"]["uid"].split("-")[0]))


def annotate(op: Operator, value: str) -> None:
    budget = op.world.objects[(BUDGET.plural, "vision", "digits")]
    budget["metadata"].setdefault("annotations", {})["tollgate.dev/measure-again"] = value


async def held(op: Operator) -> None:
    await op.run(lambda: ". Held: " in release(op).message)


async def passes(op: Operator, number: int) -> None:
    for _ in range(number):
        await op.pass_once()
        op.world.tick()


async def test_the_counts_of_a_repetition_are_added_and_settle_it() -> None:
    op = await gated(NOISY)
    await op.run(lambda: release(op).again_at is not None)
    assert "measurement 1 of 3 says too little, the counts of the next are added" in release(op).message
    assert "14 of 2,000 requests slower than 250ms" in release(op).message
    behaves(op, GOOD)
    await op.run(Stage.CANARY)
    tail = release(op).benchmark_objectives[0]
    assert (tail.verdict, tail.requests, tail.over_limit) == ("Within", 4000, 16)
    assert (release(op).attempt, release(op).look, len(release(op).earlier)) == (2, 2, 1)
    assert [o["spec"].get("repetition", 0) for o in benchmarks(op)] == [0, 1]


async def test_it_is_not_repeated_at_once() -> None:
    op = await gated(NOISY)
    await op.run(lambda: release(op).again_at is not None)
    due = release(op).again_at
    assert due is not None
    assert op.world.now() < due <= op.world.now() + timedelta(seconds=10)
    while op.world.now() < due:
        assert len(benchmarks(op)) == 1
        await passes(op, 1)
    await op.run(lambda: len(benchmarks(op)) == 2)


async def test_after_the_last_it_holds_and_says_what_to_do() -> None:
    op = await gated(NEAR)
    await held(op)
    assert len(benchmarks(op)) == 3
    await passes(op, 100)
    assert len(benchmarks(op)) == 3
    assert op.stage is Stage.BENCHMARKING
    assert release(op).reason == "BenchmarkInconclusive"
    assert "51 of 6,000 requests" in release(op).message
    wanted = "kubectl -n vision annotate effb digits --overwrite tollgate.dev/measure-again=$(date +%s)"
    assert release(op).message.endswith(wanted)
    assert wanted in progressing(op).message
    assert next(n for n in op.world.notices if n[1] == "BenchmarkRepeated")[2].startswith(
        "measurement 1 of 3"
    )


@pytest.mark.parametrize(
    ("on_inconclusive", "stage"), [("Reject", Stage.REJECTED), ("Promote", Stage.CANARY)]
)
async def test_where_the_policy_decides_otherwise_it_is_not_repeated(
    on_inconclusive: str, stage: Stage
) -> None:
    canary = {"steps": [{"share": "50%"}], "maxDurationSeconds": 600, "onInconclusive": on_inconclusive}
    op = await gated(NOISY, canary=canary)
    await op.run(stage)
    assert len(benchmarks(op)) == 1


async def test_a_repetition_can_show_a_breach() -> None:
    op = await gated(NOISY)
    await op.run(lambda: release(op).again_at is not None)
    behaves(op, Behaviour(bench_slow=0.04))
    await op.run(lambda: op.recorded(Stage.REJECTED))
    spec = stored(op.world)[-1]["spec"]
    assert again(spec).same
    assert findings(spec)["action"] == "Rejected (BenchmarkBreach)"
    assert len(spec["benchmarkEvidence"]["repeats"]) == 1


async def test_the_record_has_all_measurements_and_reaches_the_verdict_again() -> None:
    op = await gated(NOISY)
    await op.run(lambda: release(op).again_at is not None)
    behaves(op, GOOD)
    await op.run(Stage.WATCHING)
    await op.run(lambda: not op.status.unwritten)
    spec = stored(op.world)[-1]["spec"]
    evidence = spec["benchmarkEvidence"]
    assert (evidence["look"], evidence["attempt"]) == (2, 2)
    (repeat,) = evidence["repeats"]
    assert repeat["result"]["repetition"] == 1
    assert again(spec).same
    assert (
        findings(spec)["benchmark tail"] == "Within, Unknown" or findings(spec)["benchmark tail"] == "Within"
    )
    repeat["result"]["stages"][1]["overLimit"][0]["requests"] = 60
    assert not again(spec).same, "the second measurement counts"


async def test_what_the_client_limited_certifies_nothing_and_is_not_added() -> None:
    op = await gated(LIMITED)
    await op.run(lambda: release(op).again_at is not None)
    assert release(op).message.startswith("attempt 1 of 3 gave no measurement")
    behaves(op, GOOD)
    await op.run(Stage.CANARY)
    tail = release(op).benchmark_objectives[0]
    assert (tail.verdict, tail.requests) == ("Within", 2000)
    assert (release(op).attempt, release(op).look, release(op).earlier) == (2, 1, [])
    assert [o["spec"].get("repetition", 0) for o in benchmarks(op)] == [0, 0], "it meets last-good's load"


async def test_what_measures_nothing_three_times_holds() -> None:
    op = await gated(LIMITED)
    await held(op)
    assert len(benchmarks(op)) == 3
    assert release(op).reason == "BenchmarkFailed"
    assert "requests were sent 40 ms late" in release(op).message


async def test_failures_and_measurements_are_counted_apart() -> None:
    op = await gated(LIMITED)
    await op.run(lambda: release(op).failures == 1)
    behaves(op, NOISY)
    await op.run(lambda: len(release(op).earlier) == 1)
    assert release(op).failures == 0
    behaves(op, LIMITED)
    await op.run(lambda: release(op).failures == 2)
    behaves(op, GOOD)
    await op.run(Stage.CANARY)
    assert release(op).benchmark_objectives[0].requests == 4000
    assert (release(op).attempt, release(op).look) == (5, 2)


async def test_a_measurement_that_failed_is_repeated_after_records_were_voided() -> None:
    """That people are asked anew says nothing of how often a benchmark failed."""
    op = await begun()
    await op.run(lambda: asked(op))
    for confidence in ("0.96", "0.97", "0.96"):
        before = release(op).decision
        op.world.objects[(BUDGET.plural, "vision", "digits")]["spec"]["confidence"] = confidence
        await op.run(lambda before=before: asked(op) and release(op).decision != before)  # type: ignore[misc]
    assert (release(op).attempt, release(op).failures) == (4, 0)
    voided = release(op).decision
    op.world.remove(DECISION, voided)
    await op.run(Stage.BENCHMARKING)
    op.world.versions["v3"].client_limited = "requests were sent late"
    await op.run(lambda: release(op).failures == 1)
    op.world.versions["v3"].client_limited = ""
    await op.run(lambda: asked(op) and release(op).decision != voided)


async def test_a_person_asks_for_another_measurement() -> None:
    op = await gated(NEAR)
    await held(op)
    behaves(op, Behaviour(bench_slow=0.0))
    annotate(op, "alice, 12:00")
    await op.run(Stage.WATCHING)
    assert len(benchmarks(op)) == 4
    assert release(op).asked == op.status.measure_again == "alice, 12:00"
    await op.run(lambda: not op.status.unwritten)
    spec = stored(op.world)[-1]["spec"]
    assert spec["benchmarkEvidence"]["asked"] == "alice, 12:00"
    assert len(spec["benchmarkEvidence"]["repeats"]) == 3
    assert again(spec).same


async def test_each_value_asks_once() -> None:
    op = await gated(NEAR)
    await held(op)
    behaves(op, Behaviour(bench_slow=0.01))
    for number, value in enumerate(("1", "2"), start=4):
        annotate(op, value)
        await op.run(lambda number=number: len(benchmarks(op)) == number)  # type: ignore[misc]
        await held(op)
        await passes(op, 80)
        assert len(benchmarks(op)) == number


async def test_a_person_need_not_wait_for_the_next_one() -> None:
    op = await gated(NOISY)
    await op.run(lambda: release(op).again_at is not None)
    annotate(op, "now")
    await passes(op, 2)
    assert len(benchmarks(op)) == 2


async def test_a_person_asks_after_three_that_measured_nothing() -> None:
    op = await gated(LIMITED)
    await held(op)
    behaves(op, GOOD)
    annotate(op, "again")
    await op.run(Stage.CANARY)
    assert release(op).benchmark_objectives[0].requests == 2000


async def test_to_ask_where_nothing_is_held_is_noted_and_asks_nothing_later() -> None:
    op = Operator(populated())
    await op.run(lambda: op.stage is Stage.PROMOTED and not op.status.unwritten)
    annotate(op, "early")
    await passes(op, 2)
    assert op.status.measure_again == "early"
    assert [n for n in op.world.notices if n[1] == "NothingToMeasureAgain"]
    op.world.git_applies("v2", NEAR)
    await op.run(Stage.BENCHMARKING)
    await held(op)
    assert len(benchmarks(op)) == 3


async def test_asking_does_not_help_a_version_that_was_refused() -> None:
    op = await gated(Behaviour(bench_slow=0.1))
    await op.run(lambda: op.recorded(Stage.REJECTED))
    annotate(op, "please")
    await passes(op, 20)
    assert op.stage is Stage.REJECTED
    assert len(benchmarks(op)) == 1


async def test_a_longer_profile_is_measured_alone() -> None:
    op = await gated(NEAR)
    await held(op)
    profile = op.world.objects[("benchmarkprofiles", "", "digits-steady")]
    profile["spec"]["stages"][1]["durationSeconds"] = 100
    behaves(op, GOOD)
    annotate(op, "longer")
    await op.run(Stage.CANARY)
    assert release(op).benchmark_objectives[0].requests == 4000
    assert release(op).look == 4, "what was spent stays spent"


async def test_a_limit_that_is_raised_meanwhile_is_judged_at_once() -> None:
    op = await gated(NEAR)
    await held(op)
    budget = op.world.objects[(BUDGET.plural, "vision", "digits")]["spec"]
    budget["objectives"][0]["statistic"] = "P95"
    await op.run(Stage.CANARY)
    assert len(benchmarks(op)) == 3
    assert release(op).again_at is None


async def story(kill_after: int | None) -> Operator:
    """The first benchmark says too little, the second is the client's fault, the third settles it."""
    op = await gated(NOISY)
    op.world.writes.clear()
    op.world.kill_after = kill_after
    await op.run(lambda: len(release(op).earlier) == 1)
    behaves(op, LIMITED)
    await op.run(lambda: release(op).failures == 1)
    behaves(op, GOOD)
    await op.run(lambda: op.world.serving() == {"v2": 2})
    await op.run(lambda: release(op).decision.endswith("-promoted"))
    await op.run(lambda: ("deployments", "vision", "digits-candidate") not in op.world.objects)
    return op


UNDISTURBED: dict[str, dict[str, list[str]]] = {}


@pytest.mark.parametrize("kill_after", range(1, 31))
async def test_killed_after_each_write(kill_after: int) -> None:
    if "repeated" not in UNDISTURBED:
        UNDISTURBED["repeated"] = outcome((await story(None)).world)
    op = await story(kill_after)
    assert op.world.kill_after is None, "the operator was killed"
    assert outcome(op.world) == UNDISTURBED["repeated"]
    assert len(outcome(op.world)[JOB.plural]) == 3
    assert release(op).benchmark_objectives[0].requests == 4000
    assert (release(op).attempt, release(op).look) == (3, 2)
    the_chain_is_whole(op.world, op)
