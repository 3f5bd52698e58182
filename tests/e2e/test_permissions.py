"""What the operator asked of the API server in this run is what it was granted: nothing denied, nothing to spare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.support.kube import Object
from tests.support.operator import NAME, NAMESPACE, Operator

USER = f"system:serviceaccount:{NAMESPACE}:{NAME}"


@dataclass(frozen=True, order=True)
class Permission:
    """A verb on a resource (with its subresource) of a group, cluster-wide or in the operator's own namespace."""

    group: str
    resource: str
    verb: str


def granted(roles: Iterable[Object]) -> set[Permission]:
    """Everything that these roles allow."""
    return {
        Permission(group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule.get("apiGroups", [])
        for resource in rule.get("resources", [])
        for verb in rule["verbs"]
    }


@dataclass(frozen=True)
class Request:
    """What the operator asked of the API server."""

    permission: Permission
    allowed: bool
    uri: str


def requests(folder: Path, since: str) -> Iterator[Request]:
    """What the operator asked since that RFC 3339 time, from an audit log and its older parts."""
    for log in sorted(folder.glob("*.log")):
        with log.open() as lines:
            for line in lines:
                if USER not in line:
                    continue
                event = json.loads(line)
                about = event.get("objectRef")
                if (
                    event["user"]["username"] != USER
                    or about is None
                    or event["requestReceivedTimestamp"] < since
                ):
                    continue
                resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
                permission = Permission(about.get("apiGroup", ""), resource, event["verb"])
                # Not the answer's code: a namespace that is being deleted forbids new objects, too.
                allowed = event.get("annotations", {}).get("authorization.k8s.io/decision") == "allow"
                yield Request(permission, allowed, event["requestURI"])


@pytest.fixture
def audit_log(cluster: Cluster) -> Path:
    """The folder of the API server's audit log, where this machine can read it."""
    if cluster.audit_log is None:
        pytest.skip("the audit log of this cluster cannot be read from here")
    return cluster.audit_log.parent


def test_nothing_was_denied(audit_log: Path, operator: Operator, began: str) -> None:
    asked = list(requests(audit_log, began))
    assert asked, "the audit log holds requests of the operator"
    assert [(asking.permission.verb, asking.uri) for asking in asked if not asking.allowed] == []


def test_nothing_was_granted_for_nothing(
    audit_log: Path, operator: Operator, began: str, request: pytest.FixtureRequest
) -> None:
    here = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    ran = {item.path.name for item in request.session.items if item.path.parent == Path(__file__).parent}
    if here - ran or request.config.getoption("keyword"):
        pytest.skip("only a run of all end-to-end tests uses every permission")
    used = {asking.permission for asking in requests(audit_log, began) if asking.allowed}
    cluster_role = operator.kube.get("clusterrole", NAME)
    role = operator.kube.get("role", NAME)
    assert sorted(granted([cluster_role, role]) - used) == []
