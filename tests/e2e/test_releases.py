"""The five stories of a release, in small: each user request is accounted for."""

from __future__ import annotations

import time

from tests.e2e.scene import CANDIDATE, NAME, Scene, fast, slow, slow_on_hard_inputs
from tests.support.kube import wait_until
from tests.support.traffic import between, by_version, failed
from tests.support.watch import TemplateWatch
from tollgate.api.budget import Stage
from tollgate.api.verdict import Reason, Verdict
from tollgate.decide.replay import replay


def test_good_version_is_held_measured_tried_and_promoted(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.users.start(rate=40)
    scene.push(fast("v2"))
    assert scene.target()["spec"]["paused"] is True, (
        "the write that changes the template pauses the Deployment"
    )

    scene.reaches(2, Stage.BENCHMARKING)
    candidate = [
        pod["metadata"]["name"] for pod in scene.pods() if pod["metadata"]["name"].startswith(CANDIDATE)
    ]
    assert candidate
    assert not set(candidate) & set(scene.endpoints()), "no user reaches a pod that is being measured"
    assert scene.serves(fast("v1"), 2)

    canary = scene.reaches(2, Stage.CANARY)
    assert {r.name: r.verdict for r in canary.benchmark_objectives} == dict.fromkeys(
        ("tail", "errs", "acc"), Verdict.WITHIN
    )
    release = scene.reaches(2, Stage.WATCHING)
    assert scene.serves(fast("v2"), 2)
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)

    answers = scene.users.stop()
    assert not failed(answers)
    assert by_version(answers)["v1"] > 0
    assert by_version(answers)["v2"] > 0
    entered = {span.stage: span.since.timestamp() for span in release.history}
    first = min(answer.scheduled for answer in answers if answer.version == "v2")
    assert first > entered[Stage.CANARY] - 0.5, "users met v2 only once it had passed its benchmark"
    assert scene.actions() == ["1 Adopted", "2 Promoted"]


def test_bad_tail_is_refused_before_any_user_meets_it(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.users.start(rate=20)
    scene.push(slow("v2"))
    release = scene.reaches(2, Stage.REJECTED)
    assert release.reason == "BenchmarkBreach"
    assert "tail" in release.message
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)

    answers = scene.users.stop()
    assert not failed(answers)
    assert set(by_version(answers)) == {"v1"}
    latched = scene.says("Latched", "Rejected")
    assert release.decision in latched.message
    assert scene.serves(fast("v1"), 2)
    assert scene.actions() == ["1 Adopted", "2 Rejected"]


def test_what_only_live_inputs_show_is_caught_in_the_canary(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.users.start(rate=20, hard_share=0.4)
    scene.push(slow_on_hard_inputs("v2"))
    release = scene.reaches(2, Stage.REJECTED)
    assert release.reason == "CanaryBreach"
    assert {r.verdict for r in release.benchmark_objectives} == {Verdict.WITHIN}
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)

    answers = scene.users.stop()
    met = [answer.scheduled for answer in answers if answer.version == "v2"]
    assert met
    assert max(met) < release.since.timestamp() + 2, "out of the endpoints at once"
    assert scene.serves(fast("v1"), 2)
    assert scene.actions() == ["1 Adopted", "2 Rejected"]


def test_degraded_version_is_rolled_back_while_git_still_asks_for_it(scene: Scene) -> None:
    good, worse = fast("v1"), slow_on_hard_inputs("v2")
    with TemplateWatch(scene.kube, NAME) as template, scene.git:
        scene.adopt(good)
        scene.users.start(rate=20)
        scene.push(worse)
        template.expect(scene.git.head)
        scene.reaches(2, Stage.WATCHING)

        scene.users.set(hard_share=0.3)
        release = scene.reaches(2, Stage.ROLLED_BACK)
        assert release.reason == "ServingBreach"
        wait_until("v1 serves again", lambda: scene.serves(good, 2))
        wait_until(
            "what was released is gone", lambda: not scene.kube.list("rs", f"tollgate.dev/released={NAME}")
        )
        complete = time.time()
        applied = scene.git.applied
        wait_until("Git is applied again", lambda: scene.git.applied >= applied + 2)

    answers = scene.users.stop()
    assert scene.serves(good, 2), "the GitOps loop brought nothing back"
    there = between(answers, release.since.timestamp(), complete)
    assert there
    assert not failed(there)
    assert template.versions > 3
    assert template.differences == []
    assert template.interruptions == 0
    assert scene.git.failures == []
    assert scene.actions() == ["1 Adopted", "2 Promoted", "2 RolledBack"]
    assert scene.says("Latched", "Rejected").status == "True"


def test_canary_that_is_worse_than_the_stable_version_is_refused_within_its_limit(scene: Scene) -> None:
    """Some 4 % of v2's answers are slow, of v1's none; the limit allows 5 %."""
    tail = {
        "name": "tail",
        "dimension": "Latency",
        "statistic": "P95",
        "max": "250ms",
        "maxRegression": "10%",
    }
    scene.adopt(
        fast("v1"),
        objectives=[tail, {"name": "errs", "dimension": "ErrorRate", "max": "5%"}],
        canary={"steps": [{"share": "50%"}], "evidence": "Certified", "maxDurationSeconds": 600},
    )
    scene.users.start(rate=40, hard_share=0.08)
    scene.push(slow_on_hard_inputs("v2"))
    scene.reaches(2, Stage.CANARY)
    release = scene.reaches(2, Stage.REJECTED, timeout=180)
    assert release.reason == "WorseThanStable"
    assert {r.verdict for r in release.benchmark_objectives} == {Verdict.WITHIN}
    worse = next(r for r in release.live_objectives if r.name == "tail")
    assert (worse.verdict, worse.reason) == (Verdict.BREACH, Reason.WORSE_THAN_STABLE)
    assert "to the stable version in the same time" in worse.message

    answers = scene.users.stop()
    assert not failed(answers)
    assert by_version(answers)["v2"] > 0
    assert scene.serves(fast("v1"), 2)
    wait_until("the record of that", lambda: scene.actions() == ["1 Adopted", "2 Rejected"], 90)
    record = scene.decisions()[-1]
    assert record.live_evidence is not None
    assert record.live_evidence.beside is not None
    assert replay(record).same
