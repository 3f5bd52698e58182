"""Golden files: what a builder makes, as YAML to read. `UPDATE_GOLDEN=1 pytest tests/unit/manifests` rewrites them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tollgate.manifests.names import Identity
from tollgate.ports import BENCHMARK, BUDGET, Object

GOLDEN = Path(__file__).parents[2] / "golden" / "manifests"

Golden = Callable[..., None]


@pytest.fixture
def golden() -> Golden:
    def check(name: str, *objects: Object) -> None:
        text = yaml.safe_dump_all(objects, sort_keys=False, width=110)
        path = GOLDEN / f"{name}.yaml"
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text)
        assert text == path.read_text()

    return check


@pytest.fixture
def budget() -> Identity:
    return Identity(BUDGET, "vision", "digits", "11111111-2222-3333-4444-555555555555")


@pytest.fixture
def measurement() -> Identity:
    return Identity(BENCHMARK, "vision", "digits-1f0a2-1-0123456789", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")


@pytest.fixture
def target() -> Object:
    """The governed Deployment, as the API server returns it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "digits",
            "namespace": "vision",
            "uid": "99999999-8888-7777-6666-555555555555",
            "labels": {"tollgate.dev/governed": "Resume", "argocd.argoproj.io/instance": "vision"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {
            "replicas": 3,
            "paused": True,
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": {"app": "digits"}},
            "template": {
                "metadata": {
                    "creationTimestamp": None,
                    "labels": {"app": "digits", "tier": "model", "team": "vision"},
                },
                "spec": {
                    "containers": [
                        {
                            "name": "server",
                            "image": "digits:2",
                            "ports": [{"containerPort": 8080}],
                            "resources": {"requests": {"cpu": "200m"}, "limits": {"cpu": "200m"}},
                        }
                    ]
                },
            },
        },
    }
