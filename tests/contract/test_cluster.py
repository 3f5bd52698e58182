"""The cluster adapter against a real API server: what its preconditions and refusals really are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from kubernetes.aio.client.api_client import ApiClient

from tollgate.adapters.cluster import KubernetesCluster
from tollgate.adapters.connection import connect
from tollgate.errors import ClusterError, Conflict, Denied
from tollgate.ports import BUDGET, CONFIG_MAP, DEPLOYMENT, MUTATING_POLICY, Kind, Object

pytestmark = pytest.mark.cluster

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest_asyncio.fixture
async def client(kubeconfig: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiClient]:
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    client = await connect()
    yield client
    await client.close()


@pytest.fixture
def cluster(client: ApiClient) -> KubernetesCluster:
    return KubernetesCluster(client)


def config_map(namespace: str, name: str, **metadata: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": name, **metadata},
        "data": {"key": "1"},
    }


def deployment(namespace: str, name: str) -> Object:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "replicas": 0,
            "paused": True,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "model", "image": "example.invalid/model:1"}]},
            },
        },
    }


def budget(namespace: str, name: str) -> Object:
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "EfficiencyBudget",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "target": {"name": name},
            "owners": [{"role": "SRE", "team": "platform"}],
            "metrics": {"profileRef": {"name": "server"}},
            "benchmark": {"profileRef": {"name": "steady"}},
            "objectives": [{"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "80ms"}],
        },
    }


async def test_create_get_and_the_name_is_taken(cluster: KubernetesCluster, namespace: str) -> None:
    assert await cluster.get(CONFIG_MAP, namespace, "first") is None
    created = await cluster.create(config_map(namespace, "first"))
    found = await cluster.get(CONFIG_MAP, namespace, "first")
    assert found is not None
    assert found["metadata"]["uid"] == created["metadata"]["uid"]
    with pytest.raises(Conflict, match=f"create ConfigMap {namespace}/first: .*already exists"):
        await cluster.create(config_map(namespace, "first"))


async def test_create_where_nothing_is(cluster: KubernetesCluster) -> None:
    with pytest.raises(Denied, match="namespace does not exist"):
        await cluster.create(config_map("tollgate-no-such-namespace", "x"))
    unserved = {"apiVersion": "example.com/v1", "kind": "Unknown", "metadata": {"name": "x"}}
    with pytest.raises(Denied, match=r"does not serve example\.com/v1 Unknown"):
        await cluster.create(unserved)


@pytest.mark.usefixtures("crds")
@pytest.mark.parametrize(
    ("kind", "make", "change", "subresource"),
    [
        (CONFIG_MAP, config_map, {"data": {"key": "2"}}, ""),
        (DEPLOYMENT, deployment, {"metadata": {"labels": {"a": "b"}}}, ""),
        (DEPLOYMENT, deployment, {"spec": {"replicas": 0}}, "scale"),
        (BUDGET, budget, {"metadata": {"labels": {"a": "b"}}}, ""),
    ],
    ids=["core", "apps", "scale", "custom"],
)
async def test_a_patch_meant_for_another_uid_is_a_conflict(
    cluster: KubernetesCluster, namespace: str, kind: Kind, make: Any, change: Object, subresource: Any
) -> None:
    name = f"uid-{kind.plural[:4]}-{subresource or 'main'}"
    created = await cluster.create(make(namespace, name))
    before = await cluster.get(kind, namespace, name)
    with pytest.raises(Conflict):
        await cluster.patch(kind, namespace, name, change, uid=NOBODY, subresource=subresource)
    assert before is not None
    after = await cluster.get(kind, namespace, name)
    assert after is not None
    for field in ("data", "spec"):
        assert after.get(field) == before.get(field)
    uid = created["metadata"]["uid"]
    await cluster.patch(kind, namespace, name, change, uid=uid, subresource=subresource)


async def test_a_patch_of_an_older_version_is_a_conflict(cluster: KubernetesCluster, namespace: str) -> None:
    created = await cluster.create(config_map(namespace, "versions"))
    version = created["metadata"]["resourceVersion"]
    await cluster.patch(CONFIG_MAP, namespace, "versions", {"data": {"key": "2"}}, resource_version=version)
    with pytest.raises(Conflict):
        await cluster.patch(
            CONFIG_MAP, namespace, "versions", {"data": {"key": "3"}}, resource_version=version
        )


@pytest.mark.usefixtures("crds")
async def test_a_custom_status_is_guarded_by_its_version_only(
    cluster: KubernetesCluster, namespace: str
) -> None:
    created = await cluster.create(budget(namespace, "status"))
    change = {"status": {"observedGeneration": 1}}
    uid, version = created["metadata"]["uid"], created["metadata"]["resourceVersion"]
    with pytest.raises(ValueError, match="not guarded by its uid"):
        await cluster.patch(BUDGET, namespace, "status", change, uid=uid, subresource="status")
    both = {"uid": uid, "resource_version": version, "subresource": "status"}
    await cluster.patch(BUDGET, namespace, "status", change, **both)
    with pytest.raises(Conflict):
        await cluster.patch(BUDGET, namespace, "status", {"status": {"observedGeneration": 2}}, **both)


async def test_a_patch_of_what_is_gone_is_a_conflict(cluster: KubernetesCluster, namespace: str) -> None:
    with pytest.raises(Conflict, match="it is gone"):
        await cluster.patch(CONFIG_MAP, namespace, "absent", {"data": {}}, uid=NOBODY)


async def test_a_patch_that_changes_nothing_leaves_the_version(
    cluster: KubernetesCluster, namespace: str
) -> None:
    created = await cluster.create(config_map(namespace, "quiet"))
    patched = await cluster.patch(CONFIG_MAP, namespace, "quiet", {"data": {"key": "1"}})
    assert patched["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]
    assert {entry["manager"] for entry in patched["metadata"]["managedFields"]} == {"tollgate"}


async def test_null_takes_a_field_away(cluster: KubernetesCluster, namespace: str) -> None:
    await cluster.create(config_map(namespace, "nulls", labels={"a": "1", "b": "2"}))
    patched = await cluster.patch(CONFIG_MAP, namespace, "nulls", {"metadata": {"labels": {"a": None}}})
    assert patched["metadata"]["labels"] == {"b": "2"}


async def test_an_invalid_change_is_denied_in_the_server_s_words(
    cluster: KubernetesCluster, namespace: str
) -> None:
    await cluster.create(config_map(namespace, "invalid"))
    with pytest.raises(Denied, match="a valid config key"):
        await cluster.patch(CONFIG_MAP, namespace, "invalid", {"data": {"no key": "1"}})


async def test_delete_touches_only_the_one_that_was_meant(cluster: KubernetesCluster, namespace: str) -> None:
    created = await cluster.create(config_map(namespace, "doomed"))
    await cluster.delete(CONFIG_MAP, namespace, "doomed", uid=NOBODY)
    assert await cluster.get(CONFIG_MAP, namespace, "doomed") is not None
    await cluster.delete(CONFIG_MAP, namespace, "doomed", uid=created["metadata"]["uid"])
    assert await cluster.get(CONFIG_MAP, namespace, "doomed") is None
    await cluster.delete(CONFIG_MAP, namespace, "doomed", uid=created["metadata"]["uid"])


async def test_a_list_has_all_pages_and_only_what_is_selected(
    cluster: KubernetesCluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollgate.adapters.cluster._PAGE_SIZE", 2)
    for number in range(5):
        await cluster.create(config_map(namespace, f"page-{number}", labels={"set": "pages"}))
    found = await cluster.list(CONFIG_MAP, namespace, "set=pages")
    assert [item["metadata"]["name"] for item in found] == [f"page-{number}" for number in range(5)]
    assert {item["kind"] for item in found} == {"ConfigMap"}
    everywhere = await cluster.list(CONFIG_MAP, "", "set in (pages)")
    assert len(everywhere) >= 5
    assert [len(page) async for page in cluster.pages(CONFIG_MAP, namespace, "set=pages")] == [2, 2, 1]


async def test_what_is_served(cluster: KubernetesCluster) -> None:
    assert await cluster.serves(DEPLOYMENT)
    assert not await cluster.serves(Kind("apps/v1", "Nothing", "nothings"))
    assert not await cluster.serves(Kind("example.com/v1", "Nothing", "nothings"))
    assert isinstance(await cluster.serves(MUTATING_POLICY), bool)


async def test_a_list_of_what_is_not_served_is_denied(cluster: KubernetesCluster) -> None:
    with pytest.raises(Denied, match=r"does not serve example\.com/v1"):
        await cluster.list(Kind("example.com/v1", "Nothing", "nothings"), "")


async def test_without_a_right_or_a_valid_token_it_is_denied(
    client: ApiClient, namespace: str, kubectl: Callable[..., str]
) -> None:
    kubectl("create", "serviceaccount", "powerless", "-n", namespace)
    token = kubectl("create", "token", "powerless", "-n", namespace).strip()
    client.configuration.cert_file = client.configuration.key_file = None
    for value, sentence in ((token, "cannot list resource"), ("not.a.token", "Unauthorized")):
        client.configuration.api_key = {"BearerToken": f"Bearer {value}"}
        powerless = KubernetesCluster(ApiClient(client.configuration))
        with pytest.raises(Denied, match=sentence):
            await powerless.list(CONFIG_MAP, namespace)
        await powerless.close()


async def test_after_the_lease_a_write_changes_nothing(client: ApiClient, namespace: str) -> None:
    seconds_left = 5.0
    cluster = KubernetesCluster(client, write_seconds=lambda: seconds_left)
    created = await cluster.create(config_map(namespace, "leased"))
    seconds_left = 0.0
    with pytest.raises(ClusterError, match="not the leader"):
        await cluster.patch(CONFIG_MAP, namespace, "leased", {"data": {"key": "2"}})
    found = await cluster.get(CONFIG_MAP, namespace, "leased")
    assert found is not None
    assert found["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]
