"""The records of real releases: decided again as they were, a chain that shows what was deleted, and not too many."""

from __future__ import annotations

import json

import pytest

from tests.cluster.errors import ClusterError
from tests.e2e.scene import NAME, Scene, budget, fast, slow
from tests.support.kube import wait_until
from tests.support.operator import NAMESPACE
from tests.unit.decide.chains import chain_of
from tollgate.api.budget import Stage
from tollgate.cli.main import main
from tollgate.manifests.guard import service_account

OPERATOR = service_account(NAMESPACE)


def tollgate(scene: Scene, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of the command against this cluster."""
    monkeypatch.setenv("KUBECONFIG", str(scene.kube.kubeconfig))
    return main(list(arguments))


def test_every_record_is_decided_again_and_a_deleted_one_is_found(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.adopt(fast("v1"))
    scene.users.start(rate=20)
    scene.push(fast("v2"))
    scene.reaches(2, Stage.WATCHING)
    scene.push(slow("v3"))
    scene.reaches(3, Stage.REJECTED)
    wait_until("three records", lambda: len(scene.decisions()) == 3, 90)
    assert scene.actions() == ["1 Adopted", "2 Promoted", "3 Rejected"]
    names = [record["metadata"]["name"] for record in scene.kube.list("efficiencydecisions")]
    _, promoted, rejected = scene.decisions()
    assert promoted.actor == OPERATOR
    assert promoted.benchmark_evidence is not None
    assert promoted.benchmark_evidence.candidate.result is not None
    assert promoted.live_evidence is not None
    assert promoted.live_evidence.blocks
    assert f'namespace="{scene.kube.namespace}"' in promoted.live_evidence.queries[0]
    assert rejected.benchmark_evidence is not None

    for name in names:
        code = tollgate(scene, monkeypatch, "replay", name, "-n", scene.kube.namespace)
        out, err = capsys.readouterr()
        assert code == 0, out + err
    chain = f"{scene.kube.namespace}/{NAME}"
    assert tollgate(scene, monkeypatch, "verify", chain) == 0, capsys.readouterr()

    second = next(name for name in names if name.endswith("2-promoted"))
    with pytest.raises(ClusterError, match="only system:serviceaccount:tollgate-system:tollgate writes and"):
        scene.kube.run("delete", "efficiencydecision", second)
    scene.kube.run("delete", "efficiencydecision", second, f"--as={OPERATOR}")
    capsys.readouterr()
    assert tollgate(scene, monkeypatch, "verify", chain) == 1
    assert f"record 2 ({second}) is missing" in capsys.readouterr().out


def test_old_records_go_and_the_chain_goes_on_behind_a_checkpoint(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As if a former budget of the Deployment had left twelve records: with that of this one they are too many."""
    former = [
        {**record, "metadata": {**record["metadata"], "namespace": scene.kube.namespace}}
        for record in chain_of(12)
    ]
    # Not YAML: PyYAML leaves a revision such as 0000000008 without quotes, and kubectl reads a number.
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": former})
    scene.kube.run("create", f"--as={OPERATOR}", "-f", "-", stdin=listed)
    scene.serve(fast("v1"))
    scene.kube.apply(budget(records={"keep": 10}))
    wait_until("the oldest records to be gone", lambda: scene.status().oldest_record == 5, 60)

    found = {record.sequence: record.action.value for record in scene.decisions()}
    assert sorted(found) == list(range(5, 15))
    assert (found[13], found[14]) == ("Adopted", "Checkpoint")
    code = tollgate(scene, monkeypatch, "verify", f"{scene.kube.namespace}/{NAME}")
    out = capsys.readouterr().out
    assert code == 0, out
    assert "records 1 to 4 were deleted by retention" in out
