"""Who may sign off, on a real API server: what it takes, what it refuses and how it says so, and the proof of that."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tests.contract.conftest import ROOT, Install
from tests.contract.kubectl import AS_OPERATOR, Kubectl
from tollgate.adapters.cluster import KubernetesCluster
from tollgate.adapters.connection import connect
from tollgate.api import canonical
from tollgate.api.base import API_VERSION
from tollgate.api.budget import BudgetStatus, EfficiencyBudget, Stage
from tollgate.api.decision import Action, DecisionSpec, ObjectIdentity
from tollgate.api.release import Release
from tollgate.api.signoff import EfficiencySignOff
from tollgate.api.verdict import ObjectiveResult, Relation, Verdict
from tollgate.cli.main import main
from tollgate.decide.snapshot import Snapshot
from tollgate.manifests.approver import approver_binding, approver_policy, false_sign_off
from tollgate.manifests.decision import decision
from tollgate.ports import Object
from tollgate.reconcile.signing import ApproverProof

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("approvers")]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALICE, MALLORY, LEAD = "alice@example.com", "mallory@example.com", "lead@example.com"
ROLE = "tollgate-approver"


def shipped_role() -> Object:
    """The ClusterRole as the plain install has it."""
    text = (ROOT / "charts/plain/tollgate.yaml").read_text()
    (role,) = (
        o for o in yaml.safe_load_all(text) if o["kind"] == "ClusterRole" and o["metadata"]["name"] == ROLE
    )
    found: Object = role
    return found


def sign_off(namespace: str, person: str, name: str = "s", **fields: Any) -> Object:
    spec = {
        "budget": {"name": "digits"},
        "decision": {"name": "digits-1f0a2-2-awaitingsignoff", "digest": "sha256:" + "0" * 64},
        "verdict": "Accept",
        "approver": {"username": person},
        "justification": "Worth it.",
        "accepts": ["mean"],
        **fields,
    }
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": "EfficiencySignOff", "metadata": meta, "spec": spec}


@pytest.fixture(scope="module")
def approvers(kubectl: Kubectl, namespace: str, installed: Install, crds: None) -> None:
    """The policy, once it is in force, the role, and who has it: Alice, Mallory and the group of leads."""
    installed([shipped_role(), approver_policy(), approver_binding()])
    bind = ("create", "rolebinding", "-n", namespace, f"--clusterrole={ROLE}")
    kubectl(*bind, "approvers", f"--user={ALICE}", f"--user={MALLORY}", f"--user={LEAD}")
    in_force(kubectl, namespace, True)


def in_force(kubectl: Kubectl, namespace: str, wanted: bool) -> None:
    """Wait until the API server acts on the policy, or no longer does: it learns of a change a moment later."""
    deadline = time.monotonic() + 30
    probe = false_sign_off(namespace, "digits")
    while time.monotonic() < deadline:
        if bool(kubectl.run("create", "--dry-run=server", objects=[probe]).returncode) is wanted:
            return
        time.sleep(0.2)
    pytest.fail(f"the API server {'does not act' if wanted else 'acts'} on the policy")


def test_who_signs_in_their_own_name_and_may_approve_is_taken(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", f"--as={ALICE}", objects=[sign_off(namespace, ALICE, "right")])
    header, row = kubectl("get", "effs", "right", "-n", namespace).splitlines()
    assert header.split() == ["NAME", "BUDGET", "VERDICT", "APPROVER", "ACCEPTS", "AGE"]
    assert row.split()[:5] == ["right", "digits", "Accept", ALICE, '["mean"]']


def test_a_false_name_is_refused_though_it_may_approve(kubectl: Kubectl, namespace: str) -> None:
    said = kubectl.refused("create", f"--as={MALLORY}", objects=[sign_off(namespace, ALICE)])
    assert "(Forbidden)" in said
    assert f"you are {MALLORY}, and spec.approver.username is {ALICE}" in said


def test_whoever_may_do_everything_signs_in_nobody_elses_name(kubectl: Kubectl, namespace: str) -> None:
    said = kubectl.refused("create", objects=[sign_off(namespace, ALICE)])
    assert "a sign-off is made by the person it names" in said


def test_without_the_verb_approve_it_says_what_to_do(kubectl: Kubectl, namespace: str) -> None:
    kubectl(
        *("create", "role", "writers", "-n", namespace),
        *("--verb=create", "--resource=efficiencysignoffs.tollgate.dev"),
    )
    kubectl("create", "rolebinding", "writers", "-n", namespace, "--role=writers", "--user=eve@example.com")
    said = kubectl.refused("create", "--as=eve@example.com", objects=[sign_off(namespace, "eve@example.com")])
    assert "eve@example.com may not approve EfficiencyBudget digits" in said
    assert (
        f"kubectl create rolebinding approvers --clusterrole={ROLE} --user=eve@example.com -n {namespace}"
        in said
    )


def test_the_verb_may_be_given_for_one_budget(kubectl: Kubectl, namespace: str) -> None:
    rules = [
        {"apiGroups": ["tollgate.dev"], "resources": ["efficiencysignoffs"], "verbs": ["create"]},
        {
            "apiGroups": ["tollgate.dev"],
            "resources": ["efficiencybudgets"],
            "resourceNames": ["digits"],
            "verbs": ["approve"],
        },
    ]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}
    kubectl("create", objects=[{**role, "metadata": {"name": "one", "namespace": namespace}, "rules": rules}])
    kubectl("create", "rolebinding", "one", "-n", namespace, "--role=one", "--user=carol@example.com")
    carol = ("create", "--dry-run=server", "--as=carol@example.com")
    kubectl(*carol, objects=[sign_off(namespace, "carol@example.com")])
    other = sign_off(namespace, "carol@example.com", budget={"name": "letters"})
    assert "may not approve EfficiencyBudget letters" in kubectl.refused(*carol, objects=[other])


def test_a_group_is_one_that_the_person_is_in(kubectl: Kubectl, namespace: str) -> None:
    named = sign_off(namespace, LEAD, approver={"username": LEAD, "groups": ["leads"]})
    lead = ("create", "--dry-run=server", f"--as={LEAD}")
    kubectl(*lead, "--as-group=leads", objects=[named])
    for other in ((), ("--as-group=others",)):
        assert "names a group that you are not in" in kubectl.refused(*lead, *other, objects=[named])


def test_a_sign_off_never_changes_and_may_be_labelled(kubectl: Kubectl, namespace: str) -> None:
    made = sign_off(namespace, ALICE, "fixed")
    kubectl("create", f"--as={ALICE}", objects=[made])
    made["spec"]["accepts"] = ["mean", "cost"]
    assert "a sign-off never changes: make another one" in kubectl.refused("replace", objects=[made])
    kubectl("label", "effs", "fixed", "-n", namespace, "team=vision")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing accepted": ({"accepts": []}, "Accept names in accepts each objective"),
    "a refusal that accepts": ({"verdict": "Refuse"}, "Refuse accepts nothing: leave accepts out"),
    "an objective twice": ({"accepts": ["mean", "mean"]}, 'spec.accepts[1]: Duplicate value: "mean"'),
    "no reason": ({"justification": " "}, "spec.justification in body should match"),
    "no digest": ({"decision": {"name": "d", "digest": "abc"}}, "spec.decision.digest in body should match"),
    "a word of its own": ({"verdict": "Perhaps"}, 'spec.verdict: Unsupported value: "Perhaps"'),
    "no zone": ({"expiresAt": "2026-01-01T00:00:00"}, "spec.expiresAt"),
}


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_sign_off_is_refused_in_words_and_by_the_model(
    kubectl: Kubectl, namespace: str, fields: dict[str, Any], message: str
) -> None:
    made = sign_off(namespace, ALICE, **fields)
    assert message in kubectl.refused(
        "create", "--dry-run=server", "--validate=false", f"--as={ALICE}", objects=[made]
    )
    with pytest.raises(ValidationError):
        EfficiencySignOff.model_validate(made)


async def test_the_operator_proves_that_names_are_checked(
    kubectl: Kubectl, namespace: str, kubeconfig: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    cluster = KubernetesCluster(await connect())
    budget = EfficiencyBudget.model_validate(BUDGET)
    seen = Snapshot(
        now=NOON,
        namespace=namespace,
        name="digits",
        uid="u1",
        generation=1,
        spec=budget.spec,
        status=budget.status,
        target=None,
    )
    try:
        assert await ApproverProof(cluster).holds(seen)
        kubectl("delete", objects=[approver_binding()])
        in_force(kubectl, namespace, False)
        assert not await ApproverProof(cluster).holds(seen)
    finally:
        kubectl("apply", "--server-side", "--force-conflicts", objects=[approver_binding()])
        in_force(kubectl, namespace, True)
        await cluster.close()
    assert "tollgate-tries-a-false-name" not in kubectl("get", "effs", "-n", namespace, "-o", "name")


BUDGET: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": "EfficiencyBudget",
    "metadata": {"name": "waits"},
    "spec": {
        "target": {"name": "digits"},
        "owners": [{"role": "SRE", "team": "platform"}],
        "metrics": {"profileRef": {"name": "server"}},
        "benchmark": {"profileRef": {"name": "steady"}},
        "objectives": [{"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "80ms"}],
    },
}


@pytest.fixture
def waiting(kubectl: Kubectl, namespace: str) -> str:
    """A budget whose release waits; the name of its record."""
    name = "waits-1-awaitingsignoff"
    budget = {**BUDGET, "metadata": {"name": "waits", "namespace": namespace}}
    kubectl("create", objects=[budget])
    uid = kubectl.get("effb", "waits", "-n", namespace)["metadata"]["uid"]
    worse = ObjectiveResult(name="mean", verdict=Verdict.WITHIN, observed="60ms", relation=Relation.WORSE)
    record = DecisionSpec(
        action=Action.AWAITING_SIGN_OFF,
        sequence=1,
        reason="Dominated",
        message="against last-good: mean is worse, 60ms against 20ms in stage steady",
        budget=ObjectIdentity(name="waits", uid=uid),
        budget_generation=1,
        target=ObjectIdentity(name="digits", uid="u2"),
        release=1,
        revision="0123456789",
        decided_at=NOON,
        policy=EfficiencyBudget.model_validate(budget).spec,
        benchmark_objectives=[worse],
    )
    kubectl("create", *AS_OPERATOR, objects=[decision(record.dump(), name=name, namespace=namespace)])
    release = Release(
        number=1,
        revision="0123456789",
        stage=Stage.AWAITING_SIGN_OFF,
        since=NOON,
        started_at=NOON,
        signable_since=NOON,
        decision=name,
    )
    status = BudgetStatus(release=release).dump()
    kubectl("replace", "--subresource=status", objects=[{**budget, "status": status}])
    return name


@pytest.fixture
def terminal_of(
    kubectl: Kubectl, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Makes this process somebody's: of a service account, as there are tokens for these."""

    def become(account: str) -> None:
        kubectl("create", "serviceaccount", account, "-n", namespace)
        token = kubectl("create", "token", account, "-n", namespace).strip()
        config = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
        config["users"][0]["user"] = {"token": token}
        config["contexts"][0]["context"]["namespace"] = namespace
        path = tmp_path / account
        path.write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(path))

    return become


def test_one_command_signs_off(
    kubectl: Kubectl,
    namespace: str,
    waiting: str,
    terminal_of: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal_of("dora")
    person = f"system:serviceaccount:{namespace}:dora"
    assert main(["approve", waiting, "-m", "Worth it."]) == 69
    assert "cannot get resource" in capsys.readouterr().err

    bind = ("create", "rolebinding", "dora", "-n", namespace, f"--clusterrole={ROLE}")
    kubectl(*bind, f"--serviceaccount={namespace}:dora")
    deadline = time.monotonic() + 30
    while (code := main(["approve", waiting, "-m", "Worth it."])) == 69 and time.monotonic() < deadline:
        capsys.readouterr()
        time.sleep(0.2)
    out, err = capsys.readouterr()
    assert code == 0, err
    assert "mean is worse, 60ms against 20ms" in out
    assert f"{person} signed {waiting}-" in out
    assert "Next: the candidate goes on to its canary" in out
    (made,) = (
        o for o in kubectl.get("effs", "-n", namespace)["items"] if o["spec"]["budget"]["name"] == "waits"
    )
    assert made["spec"]["approver"]["username"] == person
    record = kubectl.get("effd", waiting, "-n", namespace)
    assert made["spec"]["decision"] == {"name": waiting, "digest": canonical.digest(record["spec"])}
