"""The operator is killed, Prometheus is away: the release goes on where it was, and no request pays for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import prometheus
from tests.cluster.cluster import Cluster
from tests.e2e.scene import NAME, Scene, client_limited, fast, slow_on_hard_inputs
from tests.support.kube import Kube, stays, wait_until
from tests.support.operator import NAME as OPERATOR
from tests.support.traffic import failed
from tollgate.api.budget import Stage
from tollgate.api.verdict import Reason


@pytest.mark.timeout(600)
def test_killed_in_every_stage_of_a_release(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.users.start(rate=40)
    scene.push(fast("v2"))
    killed_in = []
    for stage in (Stage.STARTING, Stage.BENCHMARKING, Stage.CANARY, Stage.PROMOTING, Stage.WATCHING):
        scene.reaches(2, stage)
        scene.operator.end()
        killed_in.append(scene.release().stage)  # nobody changes it now
        scene.operator.wait()
    assert killed_in == [Stage.STARTING, Stage.BENCHMARKING, Stage.CANARY, Stage.PROMOTING, Stage.WATCHING]

    wait_until("v2 serves", lambda: scene.serves(fast("v2"), 2))
    assert not failed(scene.users.stop())
    assert scene.actions() == ["1 Adopted", "2 Promoted"]
    *repeated, last = scene.benchmarks()
    assert not client_limited(last)
    # An operator that starts takes the pace from a load generator that sends meanwhile: that is measured again.
    assert all(client_limited(result) for result in repeated), "no measurement was made twice"
    assert len(scene.kube.list("jobs")) == scene.release().attempt == len(repeated) + 1


@pytest.mark.timeout(600)
def test_killed_before_and_during_a_roll_back(scene: Scene) -> None:
    scene.adopt(fast("v1"))
    scene.users.start(rate=20)
    scene.push(slow_on_hard_inputs("v2"))
    scene.reaches(2, Stage.WATCHING)
    scene.operator.end()
    scene.users.set(hard_share=0.3)  # it becomes bad while nobody looks
    scene.operator.wait()

    release = scene.reaches(2, Stage.ROLLED_BACK)
    scene.operator.end()
    scene.operator.kube.delete("lease", OPERATOR)  # it can do without the one of before
    scene.operator.wait()
    wait_until("v1 serves again", lambda: scene.serves(fast("v1"), 2), 90)
    wait_until(
        "what was released is gone", lambda: not scene.kube.list("rs", f"tollgate.dev/released={NAME}")
    )
    answers = scene.users.stop()
    assert not failed([answer for answer in answers if answer.scheduled > release.since.timestamp()])
    assert scene.actions() == ["1 Adopted", "2 Promoted", "2 RolledBack"]


@pytest.fixture
def monitoring(cluster: Cluster) -> Iterator[Kube]:
    """The namespace of Prometheus, which runs again afterwards."""
    yield Kube(cluster.kubeconfig, prometheus.NAMESPACE)
    prometheus.ensure(cluster)


def test_prometheus_away_freezes_the_canary(scene: Scene, monitoring: Kube, cluster: Cluster) -> None:
    scene.adopt(fast("v1"))
    scene.users.start(rate=12)  # slow enough for the canary to last
    scene.push(fast("v2"))
    scene.reaches(2, Stage.CANARY)
    monitoring.scale(prometheus.SERVICE, 0)

    def blind() -> bool:
        judged = [r for r in scene.release().live_objectives if r.reason is not Reason.NOT_JUDGED_HERE]
        return bool(judged) and all(r.reason is Reason.METRICS_UNAVAILABLE for r in judged)

    wait_until("every live objective says MetricsUnavailable", blind, otherwise=scene.release)
    progressing = scene.says("Progressing", Stage.CANARY.value)
    assert "Prometheus" in progressing.message
    share = scene.endpoints()
    stays("the canary, at its share", lambda: scene.release().stage is Stage.CANARY, 15)
    assert scene.endpoints() == share

    prometheus.ensure(cluster)
    scene.reaches(2, Stage.WATCHING, timeout=120)
    assert not failed(scene.users.stop())
