"""Where the API server does not hold new templates, the target rests paused between releases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.scene import CANDIDATE, Scene, fast, slow
from tests.support.kube import wait_until
from tests.support.operator import Operator
from tollgate.api.budget import Stage
from tollgate.manifests.latch import LATCH, latch_binding


@pytest.fixture
def no_admission_latch(operator: Operator) -> Iterator[None]:
    """The policy binds nothing meanwhile. The operator looks for it once a minute, and at its start."""
    operator.kube.delete("mutatingadmissionpolicybinding", LATCH)
    operator.end()
    operator.wait()
    yield
    operator.kube.apply(latch_binding(), manager="tollgate-install")
    operator.end()
    operator.wait()


@pytest.mark.usefixtures("no_admission_latch")
def test_without_the_policy_the_target_rests_paused(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    wait_until("v1 rests", lambda: scene.target()["spec"].get("paused"))
    assert "paused between releases" in scene.says("Ready", "Enforced").message

    scene.push(slow("v2"))
    scene.reaches(2, Stage.REJECTED)
    assert scene.serves(fast("v1"), 2), "nothing held v2 but the pause"
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)

    scene.users.start(rate=40)
    scene.push(fast("v3"))
    scene.reaches(3, Stage.WATCHING)
    wait_until("v3 serves", lambda: scene.serves(fast("v3"), 2))
    wait_until("v3 rests", lambda: scene.target()["spec"].get("paused"))
    scene.users.stop()
