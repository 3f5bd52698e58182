"""The Deployment or its budget is changed by others while a release is in the gate."""

from __future__ import annotations

from tests.e2e.scene import CANDIDATE, NAME, Scene, budget, fast, slow
from tests.support.kube import stays, wait_until
from tollgate.api.budget import Stage

GOVERNED = "tollgate.dev/governed"


def test_scaling_by_hand_and_by_an_autoscaler_restarts_no_gate(scene: Scene) -> None:
    scene.adopt(fast("v1"), replicas=None)  # Git leaves the number of replicas to others
    scene.users.start(rate=40)
    scene.push(fast("v2"), replicas=None)
    begun = scene.reaches(2, Stage.BENCHMARKING)
    scene.kube.scale(NAME, 2)
    wait_until("two pods of v1", lambda: scene.serves(fast("v1"), 2), 90)
    scene.kube.apply(_autoscaler(least=3))
    wait_until("three pods of v1", lambda: scene.target()["spec"]["replicas"] == 3, 60)

    release = scene.reaches(2, Stage.WATCHING, timeout=150)
    wait_until("three pods of v2", lambda: scene.serves(fast("v2"), 3))
    assert (release.number, release.attempt, release.started_at) == (2, 1, begun.started_at)
    assert len(scene.kube.list("benchmarks")) == 1
    assert scene.actions() == ["1 Adopted", "2 Promoted"]


def _autoscaler(least: int) -> dict[str, object]:
    """Raises the number of replicas to `least` without asking for any metric."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME},
        "spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": least + 1},
    }


def test_recreated_with_a_known_good_revision_goes_on(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    before = scene.status()
    scene.kube.delete("deployment", NAME)
    scene.push(fast("v1"))
    uid = scene.target()["metadata"]["uid"]
    wait_until("the new Deployment is governed", lambda: scene.status().governed_uid == uid)
    wait_until("it is labelled", lambda: GOVERNED in scene.target()["metadata"]["labels"])
    wait_until("v1 serves", lambda: scene.serves(fast("v1"), 2))
    after = scene.status()
    assert after.last_good is not None
    assert before.last_good is not None
    assert after.last_good.revision == before.last_good.revision
    assert (after.releases, scene.actions()) == (1, ["1 Adopted"])
    assert scene.target()["spec"].get("paused") in (None, False)


def test_recreated_with_a_new_revision_is_measured_while_it_serves(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.kube.delete("deployment", NAME)
    scene.push(fast("v2"))
    release = scene.reaches(2, Stage.PROMOTED)
    assert release.initial
    assert scene.serves(fast("v2"), 2)
    last_good = scene.status().last_good
    assert last_good is not None
    assert last_good.revision == release.revision
    assert not [action for action in scene.actions() if "RolledBack" in action or "Rejected" in action]


def test_recreated_during_a_gate_rolls_nothing_back(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.push(slow("v2"))
    scene.reaches(2, Stage.BENCHMARKING)
    scene.kube.delete("deployment", NAME)
    scene.push(fast("v1"))
    assert scene.reaches(2, Stage.SUPERSEDED).reason == "TargetRecreated"
    wait_until("the new Deployment is governed", lambda: GOVERNED in scene.target()["metadata"]["labels"])
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)
    wait_until("v1 serves", lambda: scene.serves(fast("v1"), 2))
    assert scene.actions() == ["1 Adopted", "2 Superseded"]


def test_deleted_budget_gives_the_target_back(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.push(fast("v2"))
    scene.reaches(2, Stage.BENCHMARKING)
    scene.kube.delete("efficiencybudget", NAME)
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)
    wait_until("the target to be unlatched", lambda: not scene.target()["spec"].get("paused"))
    wait_until("the label to be gone", lambda: GOVERNED not in scene.target()["metadata"]["labels"])
    wait_until("v2 rolls out", lambda: scene.serves(fast("v2"), 2))


def test_deleted_budget_may_leave_the_target_as_it_is(scene: Scene) -> None:
    scene.adopt(fast("v1"), onDelete="Hold")
    scene.push(fast("v2"))
    scene.reaches(2, Stage.STARTING)
    scene.kube.delete("efficiencybudget", NAME)
    wait_until("the label to be gone", lambda: GOVERNED not in scene.target()["metadata"]["labels"])
    stays("latched", lambda: scene.target()["spec"]["paused"] is True, 5)
    assert scene.serves(fast("v1"), 2)


def test_budget_declared_again_adopts_what_serves(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.kube.delete("efficiencybudget", NAME)
    wait_until("the label to be gone", lambda: GOVERNED not in scene.target()["metadata"]["labels"])
    scene.kube.apply(budget())
    assert scene.reaches(1, Stage.PROMOTED).reason == "Adopted"
