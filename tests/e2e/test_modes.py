"""How strongly a budget acts, and how it begins: Observe, Warn, Enforce; `initial: Gate`."""

from __future__ import annotations

from tests.e2e.scene import CANDIDATE, NAME, Scene, budget, fast, slow, slow_on_hard_inputs
from tests.support.kube import Object, wait_until
from tests.support.traffic import by_version, failed
from tollgate.api.budget import Stage


def test_observe_then_warn_then_enforce(scene: Scene) -> None:
    scene.serve(fast("v1"))
    scene.users.start(rate=40, hard_share=0.4)
    scene.kube.apply(budget(mode="Observe"))
    scene.says("Ready", "Observing")
    release = scene.reaches(1, Stage.OBSERVED)
    assert {r.name for r in release.live_objectives if r.requests} >= {"tail", "errs"}

    scene.kube.apply(budget(mode="Warn"))
    scene.push(slow_on_hard_inputs("v2"))
    release = scene.reaches(2, Stage.BREACHED, timeout=180)
    assert "tail" in release.message
    within = scene.says("WithinBudget", "Breach")
    assert within.status == "False"
    wait_until("the warning", lambda: [e for e in warnings(scene) if "tail" in e["note"]], 90)
    assert scene.serves(slow_on_hard_inputs("v2"), 2), "nothing was held and nothing rolled back"
    assert "tollgate.dev/governed" not in scene.target()["metadata"].get("labels", {})
    assert scene.kube.find("deployment", CANDIDATE) is None
    scene.users.stop()
    assert scene.actions() == ["1 Observed", "2 Breached"]

    scene.kube.apply(budget(mode="Enforce"))
    scene.says("Ready", "Enforced")
    scene.reaches(3, Stage.PROMOTED)
    scene.push(slow("v3"))
    scene.reaches(4, Stage.REJECTED)
    assert scene.actions() == ["1 Observed", "2 Breached", "3 Adopted", "4 Rejected"]


def warnings(scene: Scene) -> list[Object]:
    """The Events that say of a breach."""
    events = scene.kube.list("events.events.k8s.io")
    return [event for event in events if (event["type"], event["reason"]) == ("Warning", "Breach")]


def test_initial_gate_measures_what_serves_before_it_is_last_good(scene: Scene) -> None:
    scene.serve(fast("v1"))
    scene.users.start(rate=40)
    scene.kube.apply(budget(initial="Gate"))
    scene.reaches(1, Stage.BENCHMARKING)
    assert not scene.target()["spec"].get("paused"), "what serves goes on: it may be restarted and scaled"
    release = scene.reaches(1, Stage.PROMOTED)
    assert release.benchmark
    last_good = scene.status().last_good
    assert last_good is not None
    assert last_good.benchmark == release.benchmark
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)
    answers = scene.users.stop()
    assert not failed(answers)
    assert set(by_version(answers)) == {"v1"}
    assert scene.actions() == ["1 Promoted"]


def test_initial_gate_refuses_and_what_serves_goes_on_until_something_better_comes(scene: Scene) -> None:
    scene.serve(slow("v1"))
    scene.kube.apply(budget(initial="Gate"))
    release = scene.reaches(1, Stage.REJECTED)
    assert release.reason == "BenchmarkBreach"
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)
    assert scene.serves(slow("v1"), 2), "there is nothing to put in its place"

    scene.users.start(rate=40)
    scene.push(fast("v2"))
    scene.reaches(2, Stage.WATCHING, timeout=180)
    assert scene.serves(fast("v2"), 2)
    scene.users.stop()
    assert scene.actions() == ["1 Rejected", "2 Promoted"]
    ready = scene.says("Ready", "Enforced")
    assert ready.status == "True"
    assert scene.target()["metadata"]["name"] == NAME
