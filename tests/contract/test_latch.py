"""The latch on a real API server: which writes leave a governed Deployment paused, and who owns the field then."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.contract.conftest import Install
from tests.contract.kubectl import Kubectl
from tollgate.manifests import patches
from tollgate.manifests.latch import latch_binding, latch_policy
from tollgate.manifests.names import GOVERNED
from tollgate.ports import Object

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("latch")]

GIT = ("apply", "--server-side", "--field-manager=git")


def deployment(namespace: str, name: str, *, image: str = "model:1") -> Object:
    """As Git has it: no word of Tollgate. Nothing needs to run."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
        },
    }


@pytest.fixture(scope="module")
def latch(kubectl: Kubectl, namespace: str, installed: Install) -> None:
    """The policy, once the API server acts on it: it learns of one a moment after it was made."""
    installed([latch_policy(), latch_binding()])
    probe = deployment(namespace, "probe")
    probe["metadata"]["labels"] = {GOVERNED: "Resume"}
    kubectl("create", objects=[probe])
    changed = json.dumps({"spec": {"template": {"metadata": {"annotations": {"probed": "yes"}}}}})
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = kubectl(
            "patch", "deployment", "probe", "-n", namespace, "-p", changed, "--dry-run=server", "-o", "json"
        )
        if json.loads(answer)["spec"].get("paused"):
            return
        time.sleep(0.2)
    pytest.fail("the API server does not act on the latch")


class Governed:
    """A governed Deployment that Git applied."""

    def __init__(self, kubectl: Kubectl, namespace: str, name: str) -> None:
        self.kubectl, self.namespace, self.name = kubectl, namespace, name
        self.patch(patches.govern("Resume"))

    def git(self, **changes: Any) -> Object:
        return deployment(self.namespace, self.name, **changes)

    def read(self) -> Object:
        return self.kubectl.get("deployment", self.name, "-n", self.namespace)

    @property
    def paused(self) -> bool:
        return bool(self.read()["spec"].get("paused"))

    def patch(self, body: Object) -> None:
        self.do(
            "patch",
            "deployment",
            self.name,
            "--type=merge",
            "--field-manager=tollgate",
            "-p",
            json.dumps(body),
        )

    def do(self, *arguments: str) -> None:
        self.kubectl(*arguments, "-n", self.namespace)


@pytest.fixture
def governed(kubectl: Kubectl, namespace: str, request: pytest.FixtureRequest) -> Governed:
    name = request.node.name.split("[")[0].replace("_", "-")[-60:].strip("-")
    kubectl(*GIT, objects=[deployment(namespace, name)])
    made = Governed(kubectl, namespace, name)
    assert not made.paused
    return made


def test_latched_by_a_server_side_apply(governed: Governed) -> None:
    governed.kubectl(*GIT, objects=[governed.git(image="model:2")])
    assert governed.paused


def test_latched_by_a_client_side_apply(governed: Governed) -> None:
    governed.kubectl("apply", objects=[governed.git()])
    governed.kubectl("apply", objects=[governed.git(image="model:2")])
    assert governed.paused


def test_latched_by_set_image(governed: Governed) -> None:
    governed.do("set", "image", f"deployment/{governed.name}", "c=model:2")
    assert governed.paused


def test_latched_by_a_restart(governed: Governed) -> None:
    governed.do("rollout", "restart", f"deployment/{governed.name}")
    assert governed.paused


def test_latched_though_the_mark_goes_in_the_same_write(governed: Governed) -> None:
    body = {
        "metadata": patches.ungovern()["metadata"],
        "spec": {"template": {"metadata": {"annotations": {"sneaky": "yes"}}}},
    }
    governed.patch(body)
    assert GOVERNED not in governed.read()["metadata"].get("labels", {})
    assert governed.paused


def test_latched_though_the_same_write_says_otherwise(governed: Governed) -> None:
    changed = governed.git(image="model:2")
    changed["spec"]["paused"] = False
    governed.kubectl(*GIT, objects=[changed])
    assert governed.paused


def test_git_sees_no_drift_and_does_not_own_the_pause(governed: Governed) -> None:
    governed.kubectl(*GIT, objects=[governed.git(image="model:2")])
    latched = governed.read()
    owners = [m["manager"] for m in latched["metadata"]["managedFields"] if "f:paused" in str(m["fieldsV1"])]
    assert owners == []
    governed.kubectl(*GIT, objects=[governed.git(image="model:2")])
    again = governed.read()
    assert again["metadata"]["resourceVersion"] == latched["metadata"]["resourceVersion"]
    assert again["spec"]["paused"] is True


def test_scaling_and_labels_do_not_latch(governed: Governed) -> None:
    governed.do("scale", f"deployment/{governed.name}", "--replicas=1")
    governed.patch(patches.scale(0))
    governed.do("label", "deployment", governed.name, "team=vision")
    governed.patch(patches.govern("Hold"))
    assert not governed.paused


def test_scaling_works_while_latched(governed: Governed) -> None:
    governed.patch(patches.latch())
    governed.do("scale", f"deployment/{governed.name}", "--replicas=1")
    scaled = governed.read()["spec"]
    assert (scaled["replicas"], scaled["paused"]) == (1, True)


def test_the_operator_unlatches_and_leaves_nothing_behind(governed: Governed) -> None:
    governed.kubectl(*GIT, objects=[governed.git(image="model:2")])
    governed.patch(patches.unlatch())
    assert not governed.paused
    governed.kubectl(*GIT, objects=[governed.git(image="model:2")])
    assert not governed.paused
    assert "f:paused" not in str(governed.read()["metadata"]["managedFields"])


def test_others_are_let_be(kubectl: Kubectl, namespace: str) -> None:
    kubectl(*GIT, objects=[deployment(namespace, "other")])
    kubectl(*GIT, objects=[deployment(namespace, "other", image="model:2")])
    assert "paused" not in kubectl.get("deployment", "other", "-n", namespace)["spec"]
