"""A candidate that is better in one thing and worse in another waits for a person: the right one, and only that one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.cluster.errors import ClusterError
from tests.e2e.scene import CANDIDATE, NAME, Scene, budget, fast_and_dear, thrifty
from tests.support.kube import stays, wait_until
from tests.support.traffic import between, by_version, failed
from tollgate.api import canonical
from tollgate.api.budget import Release, Stage
from tollgate.api.verdict import Relation

OBJECTIVES = [
    {"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "500ms"},
    {"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "0.001USD"},
    {"name": "errs", "dimension": "ErrorRate", "max": "5%"},
]
POLICY: dict[str, Any] = {
    "initial": "Gate",
    "objectives": OBJECTIVES,
    "tradeOffs": "RequireSignOff",
    "approval": {"approvers": ["alice@example.com", "group:leads"], "required": 1},
}


@pytest.fixture
def trade_off(scene: Scene) -> Release:
    """v1 is measured and serves; v2 answers faster, costs more, and waits."""
    scene.serve(thrifty("v1"))
    scene.users.start(
        rate=50
    )  # a live cost is judged at four fifths of the benchmark's load to a pod, or more
    scene.kube.apply(budget(**POLICY))
    scene.reaches(1, Stage.PROMOTED)
    wait_until("the copy of v1 to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)
    scene.push(fast_and_dear("v2"))
    scene.reaches(2, Stage.AWAITING_SIGN_OFF)
    wait_until("the record of that", lambda: scene.release().decision.endswith("-awaitingsignoff"), 90)
    return scene.release()


def sign_off(scene: Scene, person: str, **fields: Any) -> str:
    """A sign-off of the record that waits, as a file for kubectl create."""
    decision = scene.release().decision
    record = scene.kube.get("efficiencydecision", decision)
    spec = {
        "budget": {"name": NAME},
        "decision": {"name": decision, "digest": canonical.digest(record["spec"])},
        "verdict": "Accept",
        "approver": {"username": person},
        "justification": "Our users wait for every answer; it is worth the money.",
        "accepts": ["cost"],
        **fields,
    }
    made = {"apiVersion": "tollgate.dev/v1alpha1", "kind": "EfficiencySignOff"}
    return yaml.safe_dump({**made, "metadata": {"generateName": "sign-off-"}, "spec": spec})


def allow(scene: Scene, person: str) -> None:
    """Bind the role that the install ships, as the administrator of a namespace does."""
    name = "approver-" + person.partition("@")[0]
    scene.kube.run("create", "rolebinding", name, "--clusterrole=tollgate-approver", f"--user={person}")


def test_a_trade_off_waits_for_the_right_person(scene: Scene, trade_off: Release) -> None:
    relations = {r.name: r.relation for r in trade_off.benchmark_objectives}
    assert (relations["mean"], relations["cost"]) == (Relation.BETTER, Relation.WORSE)
    said = scene.says("Progressing", "AwaitingSignOff").message
    assert "cost is worse" in said
    assert "mean is better" in said
    assert f"tollgate approve {scene.release().decision} -n {scene.kube.namespace}" in said
    candidate = [
        pod["metadata"]["name"] for pod in scene.pods() if pod["metadata"]["name"].startswith(CANDIDATE)
    ]
    assert candidate
    stays(
        "v2 waits, out of reach",
        lambda: (
            scene.release().stage is Stage.AWAITING_SIGN_OFF and not set(candidate) & set(scene.endpoints())
        ),
        8,
    )

    allow(scene, "mallory@example.com")
    by_mallory = ("create", "-f", "-", "--as=mallory@example.com")
    refusal = r"you are mallory@example\.com, and spec\.approver\.username is alice@example\.com"
    with pytest.raises(ClusterError, match=refusal):
        scene.kube.run(*by_mallory, stdin=sign_off(scene, "alice@example.com"))
    # She may approve by RBAC, and is not among the budget's approvers: taken, and not counted.
    scene.kube.run(*by_mallory, stdin=sign_off(scene, "mallory@example.com"))
    wait_until(
        "what mallory signed to be explained",
        lambda: (
            (said := scene.condition("Progressing")) and "mallory@example.com is not among" in said.message
        ),
        30,
    )

    allow(scene, "alice@example.com")
    scene.kube.run("create", "-f", "-", "--as=alice@example.com", stdin=sign_off(scene, "alice@example.com"))
    scene.reaches(2, Stage.CANARY, timeout=30)
    release = scene.reaches(2, Stage.WATCHING, timeout=240)
    assert [signed.username for signed in release.sign_offs] == ["alice@example.com"]
    assert scene.serves(fast_and_dear("v2"), 2)

    answers = scene.users.stop()
    assert not failed(answers)
    entered = {span.stage: span.since.timestamp() for span in release.history}
    waited = between(answers, entered[Stage.AWAITING_SIGN_OFF], entered[Stage.CANARY])
    assert set(by_version(waited)) == {"v1"}, "no user met v2 before it was signed off"
    wait_until("the record of the promotion", lambda: scene.actions()[-1] == "2 Promoted", 90)
    assert scene.actions() == ["1 Promoted", "2 AwaitingSignOff", "2 Promoted"]
    asked, promoted = scene.decisions()[-2:]
    assert asked.approver_checked is True
    (signed,) = promoted.sign_offs
    assert (signed.username, signed.accepts) == ("alice@example.com", ["cost"])
    assert promoted.previous is not None
    assert signed.digest == promoted.previous.digest


def test_one_lead_who_refuses_ends_it(scene: Scene, trade_off: Release) -> None:
    refusal = sign_off(
        scene,
        "bob@example.com",
        verdict="Refuse",
        accepts=[],
        approver={"username": "bob@example.com", "groups": ["leads"]},
    )
    allow(scene, "bob@example.com")
    create = ("create", "-f", "-", "--as=bob@example.com")
    with pytest.raises(ClusterError, match="names a group that you are not in"):
        scene.kube.run(*create, "--as-group=others", stdin=refusal)
    scene.kube.run(*create, "--as-group=leads", stdin=refusal)
    release = scene.reaches(2, Stage.REJECTED, timeout=30)
    assert release.reason == "SignOffRefused"
    assert "refused by bob@example.com" in release.message
    wait_until("the candidate to be gone", lambda: scene.kube.find("deployment", CANDIDATE) is None)
    answers = scene.users.stop()
    assert not failed(answers)
    assert set(by_version(answers)) == {"v1"}
    assert scene.serves(thrifty("v1"), 2)
