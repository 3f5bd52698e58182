"""Git moves on, or back, while a candidate is in the gate."""

from __future__ import annotations

from tests.e2e.scene import CANDIDATE, Scene, fast, slow
from tests.support.kube import wait_until
from tollgate.api.budget import Stage


def test_newer_template_supersedes_the_candidate(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.users.start(rate=40)
    scene.push(slow("v2"))
    scene.reaches(2, Stage.BENCHMARKING)
    scene.push(fast("v3"))
    scene.reaches(3, Stage.WATCHING)
    assert scene.serves(fast("v3"), 2)
    assert scene.actions() == ["1 Adopted", "2 Superseded", "3 Promoted"]
    assert {answer.version for answer in scene.users.stop()} == {"v1", "v3"}


def test_revert_to_last_good_unlatches_at_once(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    before = [pod["metadata"]["uid"] for pod in scene.pods()]
    scene.push(fast("v2"))
    scene.reaches(2, Stage.BENCHMARKING)
    scene.push(fast("v1"))
    release = scene.reaches(2, Stage.SUPERSEDED, timeout=10)
    assert release.reason == "Reverted"
    wait_until("the target to be unlatched", lambda: not scene.target()["spec"].get("paused"), 10)
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None, 90)
    assert scene.says("Latched", "Rolling").status == "False"
    wait_until(
        "no pod but the first ones", lambda: [p["metadata"]["uid"] for p in scene.pods()] == before, 30
    )
    assert scene.actions() == ["1 Adopted", "2 Superseded"]
