"""What is asked of Docker and kind, and what is made of their answers, without either."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

from tests.cluster import gobuild, kindcluster, paths
from tests.cluster.errors import ClusterError
from tests.cluster.kindcluster import KindCluster, last_words
from tests.cluster.kubectl import Kubectl

KUBEADM_FAILS = """ERROR: failed to create cluster: failed to init node with kubeadm
Command Output: I1122 22:18:02.100000     180 kubelet.go:198] the kubelet-start phase
[kubelet-check] The kubelet is not healthy after 4m0s
error: error execution phase wait-control-plane: failed
k8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow.(*Runner).Run.func1
\tk8s.io/kubernetes@v1.36.3/cmd/kubeadm/app/cmd/phases/workflow/runner.go:262
runtime.goexit
\truntime/asm_amd64.s:1771
"""


class Machine:
    """Stands in for Docker and kind: keeps what was run, and what it was told to answer."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.environments: list[Mapping[str, str]] = []
        self.clusters = ""
        self.failing: dict[str, str] = {}
        self.images: list[dict[str, Any]] = []
        self.audit_log_at_creation = False

    def attempt(
        self, argv: Sequence[str], *, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = " ".join(argv)
        self.commands.append(command)
        self.environments.append(environment or {})
        if "create cluster" in command:
            self.audit_log_at_creation = paths.AUDIT_LOG.exists()
        said = next((said for words, said in self.failing.items() if words in command), None)
        out = self.clusters if "get clusters" in command else json.dumps({"images": self.images})
        return subprocess.CompletedProcess(argv, 0 if said is None else 1, out, said or "")

    def run(self, argv: Sequence[str], **options: Any) -> str:
        answer = self.attempt(argv, **options)
        assert answer.returncode == 0
        return answer.stdout

    def changes(self) -> list[str]:
        return [command.split()[1] for command in self.commands if " cluster --name tollgate " in command]

    def did(self, words: str) -> bool:
        return any(words in command for command in self.commands)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(kindcluster, "attempt", machine.attempt)
    monkeypatch.setattr(kindcluster, "run", machine.run)
    monkeypatch.setattr(gobuild, "tool", lambda name: name)
    monkeypatch.setattr(paths, "CLUSTER", tmp_path)
    monkeypatch.setattr(paths, "AUDIT_LOG", tmp_path / "audit" / "audit.log")
    monkeypatch.setattr(KindCluster, "audit_log", paths.AUDIT_LOG)
    monkeypatch.setattr(KindCluster, "kubeconfig", tmp_path / "kubeconfig")
    monkeypatch.setattr(kindcluster, "stop_forwarding", lambda: None)
    return machine


def node_is(ready: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kubectl, "node_ready", lambda self, name: ready)
    monkeypatch.setattr(kindcluster, "READY_SECONDS", 0.0)


def test_a_ready_cluster_is_reused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    KindCluster().up()
    machine.clusters, machine.commands = "other\ntollgate\n", []
    node_is(True, monkeypatch)
    KindCluster().up()
    assert machine.did("docker start tollgate-control-plane")
    assert machine.changes() == []


@pytest.mark.parametrize("failing", ["docker start", "export kubeconfig", "nothing, yet it is not ready"])
def test_a_cluster_that_is_not_ready_is_made_anew(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    KindCluster().up()
    machine.clusters, machine.commands, machine.failing = "tollgate\n", [], {failing: "no"}
    node_is(False, monkeypatch)
    KindCluster().up()
    assert machine.changes() == ["delete", "create"]


def test_a_cluster_whose_creation_was_interrupted_is_made_anew(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.clusters = "tollgate\n"
    node_is(True, monkeypatch)
    KindCluster().up()
    assert machine.changes() == ["delete", "create"]


def test_another_cluster_of_kinds_is_not_ours(machine: Machine) -> None:
    machine.clusters = "tollgate-of-somebody\n"
    KindCluster().up()
    assert machine.changes() == ["create"]


def test_the_audit_log_is_the_users_before_the_api_server_opens_it(machine: Machine) -> None:
    KindCluster().up()
    assert machine.audit_log_at_creation


def test_a_failed_creation_says_why_and_leaves_nothing(machine: Machine) -> None:
    machine.failing = {"create cluster": KUBEADM_FAILS}
    with pytest.raises(ClusterError, match="The kubelet is not healthy") as caught:
        KindCluster().up()
    assert "goexit" not in str(caught.value)
    assert [command.split()[1] for command in machine.commands[-2:]] == ["export", "delete"]


def test_last_words_are_neither_information_nor_stacks() -> None:
    assert last_words(KUBEADM_FAILS).splitlines() == [
        "ERROR: failed to create cluster: failed to init node with kubeadm",
        "Command Output: I1122 22:18:02.100000     180 kubelet.go:198] the kubelet-start phase",
        "[kubelet-check] The kubelet is not healthy after 4m0s",
        "error: error execution phase wait-control-plane: failed",
    ]
    assert last_words("1\n2\n3\n", count=2) == "2\n3"


def test_images_are_built_with_cache_mounts_and_without_attestations(machine: Machine) -> None:
    KindCluster().build(Path("Containerfile"), Path(), "tollgate.dev/operator:dev")
    build, load = machine.commands
    assert build.startswith("docker build ")
    assert machine.environments[0] == {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    assert load == "kind load docker-image tollgate.dev/operator:dev --name tollgate"


def test_the_node_says_which_images_it_holds(machine: Machine) -> None:
    machine.images = [{"repoTags": []}, {"repoTags": ["tollgate.dev/operator:dev"]}]
    assert KindCluster().has_image("tollgate.dev/operator:dev")
    assert not KindCluster().has_image("tollgate.dev/operator")
    machine.failing = {"crictl": "no such container"}
    assert not KindCluster().has_image("tollgate.dev/operator:dev")


def test_the_api_servers_arguments_suit_every_format_of_kubeadms() -> None:
    config = yaml.safe_load(
        Template((paths.CONFIG / "kind.yaml").read_text()).substitute(policy="/p", audit="/a")
    )
    patches = [yaml.safe_load(patch) for patch in config["nodes"][0]["kubeadmConfigPatches"]]
    (cluster,) = (patch for patch in patches if patch["kind"] == "ClusterConfiguration")
    assert "apiVersion" not in cluster
    assert isinstance(cluster["apiServer"]["extraArgs"], dict)
