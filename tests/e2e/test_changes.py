"""What loosens a budget that people guard waits for them, and the API server checks who they are."""

from __future__ import annotations

from tests.e2e.scene import NAME, Scene, budget, fast
from tests.e2e.test_signoff import allow, sign_off
from tests.support.kube import stays, wait_until

ALICE = "alice@example.com"


def test_a_looser_limit_counts_once_people_accept_it(scene: Scene) -> None:
    scene.adopt(fast("v1"), replicas=1, changes="RequireSignOff", approval={"approvers": [ALICE]})
    wait_until("the first record", lambda: scene.actions() == ["1 Adopted"], 60)
    tail, *others = budget()["spec"]["objectives"]
    scene.kube.patch("efficiencybudget", NAME, {"spec": {"objectives": [tail | {"max": "2.5s"}, *others]}})

    said = scene.says("ChangePending", "AwaitingSignOff").message
    assert (
        "tail looser: p95 <= 250ms to p95 <= 2.5s. The limits of generation 1 count until it is accepted"
        in said
    )
    proposal = scene.status().proposal
    assert proposal is not None
    assert f"tollgate approve {proposal.record} -n {scene.kube.namespace}" in said
    wait_until("the record", lambda: scene.actions() == ["1 Adopted", "0 BudgetChangeProposed"], 60)

    # Mallory may sign by RBAC, and is nobody whom the budget asks.
    asked = {"name": proposal.record, "digest": proposal.digest}
    for person in ("mallory@example.com", ALICE):
        allow(scene, person)
    by_mallory = sign_off(scene, "mallory@example.com", decision=asked, accepts=["tail"])
    scene.kube.run("create", "-f", "-", "--as=mallory@example.com", stdin=by_mallory)
    stays("it waits", lambda: scene.status().proposal is not None, 8)

    scene.kube.run(
        "create", "-f", "-", f"--as={ALICE}", stdin=sign_off(scene, ALICE, decision=asked, accepts=["tail"])
    )
    wait_until("the change to count", lambda: scene.actions()[-1] == "0 BudgetChanged", 90)
    changed = scene.decisions()[-1]
    assert [one.username for one in changed.sign_offs] == [ALICE]
    assert [str(change) for change in changed.changes] == ["tail looser: p95 <= 250ms to p95 <= 2.5s"]
    assert changed.policy.objectives[0].limit == "2.5s"
    wait_until("no more question", lambda: scene.condition("ChangePending") is None, 60)
