"""Fixtures of the end-to-end tests: the cluster that is up, the operator in it, a namespace a test."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cluster import images, prometheus
from tests.cluster.cluster import Cluster, running
from tests.e2e.scene import Scene, profiles
from tests.support.kube import Kube, diagnose
from tests.support.operator import Operator

LAST = "test_permissions"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back at all the others comes last."""
    items.sort(key=lambda item: item.path.stem == LAST)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster that `make cluster-up` started, with Prometheus in it."""
    found = running()
    prometheus.ensure(found)
    return found


@pytest.fixture(scope="session")
def began() -> str:
    """When the run began, in RFC 3339."""
    return datetime.now(UTC).isoformat()


@pytest.fixture(scope="session")
def operator(cluster: Cluster, began: str) -> Operator:
    """The operator, installed from the working tree."""
    installed = Operator(cluster)
    installed.install(os.environ.get(images.OPERATOR.variable) or images.OPERATOR.name)
    installed.kube.apply(*profiles())
    return installed


@pytest.fixture
def scene(
    cluster: Cluster, operator: Operator, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Scene]:
    """A clean namespace, named after the test."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:50].strip("-")
    made = Scene(Kube(cluster.kubeconfig, f"e2e-{name}"), operator, tmp_path)
    made.set_up()
    yield made
    made.kube.delete_namespace(wait=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the cluster looked like to the report of a failed test, before its namespace goes."""
    report = yield
    scene = getattr(item, "funcargs", {}).get("scene")
    if report.when == "call" and report.failed and isinstance(scene, Scene):
        report.sections.append(("cluster", diagnose([scene.kube])))
        report.sections.append(("operator", scene.operator.log(200)))
    return report
