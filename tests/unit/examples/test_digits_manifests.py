from __future__ import annotations

from typing import Any

import pytest
import yaml
from calibrate import HERE, VERSIONS, environment
from metrics import LATENCY_BUCKETS
from model import Settings

Object = dict[str, Any]


def manifest(name: str) -> Object:
    loaded: Object = yaml.safe_load((HERE / "manifests" / f"{name}.yaml").read_text())
    return loaded


def without_version(deployment: Object) -> Object:
    """The manifest less what may differ between versions."""
    template = deployment["spec"]["template"]
    del template["metadata"]["labels"]["app.kubernetes.io/version"]
    for variable in template["spec"]["containers"][0]["env"]:
        del variable["value"]
    return deployment


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_versions_differ_by_environment_and_label_only(version: str) -> None:
    assert without_version(manifest(version)) == without_version(manifest("v1"))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_environment_is_one_that_the_server_accepts(version: str) -> None:
    assert Settings.from_env(environment(version)).model_version == version


def test_only_v5_learns() -> None:
    learning = [v for v in VERSIONS if Settings.from_env(environment(v)).online_memory]
    assert learning == ["v5"]


def test_only_v2_computes_in_batches() -> None:
    sizes = {v: Settings.from_env(environment(v)).max_batch_size for v in VERSIONS}
    assert sizes == {"v1": 1, "v2": 8, "v3": 1, "v4": 1, "v5": 1}


def test_the_service_selects_the_pods() -> None:
    selector = manifest("service")["spec"]["selector"].items()
    spec = manifest("v1")["spec"]
    assert selector <= spec["template"]["metadata"]["labels"].items()
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_pods_meet_the_restricted_standard() -> None:
    pod = manifest("v1")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    container = pod["containers"][0]["securityContext"]
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert manifest("namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_budgets_latency_limits_are_bucket_bounds() -> None:
    objectives = yaml.safe_load((HERE / "tollgate" / "budget.yaml").read_text())["spec"]["objectives"]
    limits = [o["max"] for o in objectives if o["dimension"] == "Latency"]
    assert limits
    assert {float(limit.removesuffix("ms")) / 1000 for limit in limits} <= set(LATENCY_BUCKETS)
