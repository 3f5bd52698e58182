"""Records on a real API server: who may write them, that they are stored to the byte, and what the commands find."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.contract.conftest import ROOT, Install
from tests.contract.kubectl import AS_OPERATOR, OPERATOR, Kubectl
from tests.unit.decide.chains import chain_of
from tests.unit.decide.test_record import largest
from tollgate.api.canonical import canonical, digest
from tollgate.api.chain import LARGEST_RECORD
from tollgate.cli.main import main
from tollgate.manifests.decision import decision
from tollgate.manifests.guard import guard_binding, guard_policy
from tollgate.ports import Object

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("guard")]

EXAMPLE = ROOT / "examples/digits/records/records.yaml"


@pytest.fixture(scope="module")
def guard(kubectl: Kubectl, namespace: str, installed: Install, crds: None) -> None:
    """The policy, once the API server acts on it: it learns of one a moment after it was made."""
    installed([guard_policy(OPERATOR), guard_binding()])
    probe = moved(chain_of(1), namespace)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if "is a record" in kubectl.run("create", "--dry-run=server", objects=probe).stderr:
            return
        time.sleep(0.2)
    pytest.fail("the API server does not act on the guard")


def moved(objects: list[Object], namespace: str) -> list[Object]:
    """The objects as they would be made in another namespace: nothing of the API server's own."""
    return [
        {
            **{key: obj[key] for key in ("apiVersion", "kind", "spec")},
            "metadata": {
                "name": obj["metadata"]["name"],
                "namespace": namespace,
                "labels": obj["metadata"].get("labels") or {},
            },
        }
        for obj in objects
    ]


@pytest.fixture
def record(kubectl: Kubectl, namespace: str) -> str:
    """A record that the operator wrote."""
    (made,) = moved(chain_of(1), namespace)
    made["metadata"]["name"] = f"digits-{time.monotonic_ns()}"
    kubectl("create", *AS_OPERATOR, objects=[made])
    return str(made["metadata"]["name"])


def test_whoever_may_do_everything_may_not_touch_a_record(
    kubectl: Kubectl, namespace: str, record: str
) -> None:
    about = ("effd", record, "-n", namespace)
    for command in (
        ("delete", *about),
        ("label", *about, "tollgate.dev/target=another", "--overwrite"),
        ("patch", *about, "--type=merge", "-p", '{"metadata":{"ownerReferences":[]},"spec":{"message":"x"}}'),
    ):
        said = kubectl.refused(*command)
        assert "is a record" in said, said
    said = kubectl.refused("create", objects=moved(chain_of(1), namespace))
    assert f"only {OPERATOR} writes and deletes it, and you are " in said
    assert "(Forbidden)" in said
    assert kubectl.get(*about)["spec"]["sequence"] == 1


def test_an_owner_that_goes_would_take_a_record_with_it_so_nobody_gives_it_one(
    kubectl: Kubectl, namespace: str, record: str
) -> None:
    owner = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "gone",
        "uid": "11111111-2222-3333-4444-555555555555",
    }
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    assert "is a record" in kubectl.refused(
        "patch", "effd", record, "-n", namespace, "--type=merge", "-p", patch
    )


def test_the_operator_writes_and_deletes(kubectl: Kubectl, namespace: str, record: str) -> None:
    kubectl("delete", "effd", record, "-n", namespace, *AS_OPERATOR)
    assert kubectl.run("get", "effd", record, "-n", namespace).returncode != 0


def test_a_namespace_with_records_can_be_deleted(kubectl: Kubectl) -> None:
    name = f"tollgate-contract-records-{time.monotonic_ns()}"
    kubectl("create", "namespace", name)
    kubectl("create", *AS_OPERATOR, objects=moved(chain_of(3), name))
    kubectl("delete", "namespace", name, "--timeout=90s")
    assert kubectl.run("get", "namespace", name).returncode != 0


@pytest.fixture
def untouched(kubectl: Kubectl) -> Iterator[str]:
    """A namespace without records: those of other tests are of the same target, and no chain."""
    name = f"tollgate-contract-chain-{time.monotonic_ns()}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def test_records_are_stored_to_the_byte_and_their_chain_is_verified(
    kubectl: Kubectl,
    kubeconfig: str,
    untouched: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    namespace = untouched
    budget, *records = yaml.safe_load(EXAMPLE.read_text())["items"]
    kubectl("create", *AS_OPERATOR, objects=moved(records, namespace))
    for sent in records:
        stored = kubectl.get("effd", sent["metadata"]["name"], "-n", namespace)
        assert stored["spec"] == sent["spec"]
        assert digest(stored["spec"]) == digest(sent["spec"])
    (made,) = moved([budget], namespace)
    kubectl("create", objects=[made])
    kubectl("replace", "--subresource=status", objects=[{**made, "status": budget["status"]}])
    monkeypatch.setenv("KUBECONFIG", kubeconfig)

    assert main(["verify", f"{namespace}/digits"]) == 0, capsys.readouterr()
    for sent in records:
        assert main(["replay", sent["metadata"]["name"], "-n", namespace]) == 0, capsys.readouterr()
    gone = records[1]["metadata"]["name"]
    kubectl("delete", "effd", gone, "-n", namespace, *AS_OPERATOR)
    capsys.readouterr()
    assert main(["verify", f"{namespace}/digits"]) == 1
    assert f"record 2 ({gone}) is missing" in capsys.readouterr().out


def test_a_record_at_every_bound_is_taken(kubectl: Kubectl, namespace: str) -> None:
    sent = decision(largest("x").dump(), name="largest", namespace=namespace)
    assert len(canonical(sent["spec"])) <= LARGEST_RECORD
    kubectl("create", *AS_OPERATOR, objects=[sent])
    assert digest(kubectl.get("effd", "largest", "-n", namespace)["spec"]) == digest(sent["spec"])


def test_what_cannot_be_reached_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert main(["verify", "vision/digits"]) == 69
    assert "No usable credentials for a Kubernetes cluster" in capsys.readouterr().err
