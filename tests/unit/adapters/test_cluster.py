"""Failures of the API server that a real one does not produce on demand, from a small HTTP server in its place."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from tollgate.adapters.cluster import KubernetesCluster
from tollgate.errors import Conflict, Denied, Unavailable
from tollgate.ports import CONFIG_MAP, DEPLOYMENT, METRIC_PROFILE, POD, Kind

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """A server that answers every request with `answer`, and remembers method, path, query and JSON body."""

    def __init__(self) -> None:
        self.answer: Answer = fixed(200, {})
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.calls: list[tuple[str, str, int]] = []
        self.write_seconds = math.inf
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.requests.append((request.method, request.path, dict(request.query), body))
        return await self.answer(request)

    def cluster(self) -> KubernetesCluster:
        client = ApiClient(Configuration(host=self.url))
        return KubernetesCluster(client, write_seconds=lambda: self.write_seconds, observe=self.observe)

    def observe(self, verb: str, kind: str, status: int, answer: Any) -> None:
        self.calls.append((verb, kind, status))


def fixed(status: int, body: Any, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    return answer


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield api
    await runner.cleanup()


@pytest_asyncio.fixture
async def cluster(api: Api) -> AsyncIterator[KubernetesCluster]:
    cluster = api.cluster()
    yield cluster
    await cluster.close()


@pytest.mark.parametrize(
    ("kind", "namespace", "path"),
    [
        (POD, "vision", "/api/v1/namespaces/vision/pods/x"),
        (DEPLOYMENT, "vision", "/apis/apps/v1/namespaces/vision/deployments/x"),
        (METRIC_PROFILE, "", "/apis/tollgate.dev/v1alpha1/metricprofiles/x"),
    ],
)
async def test_paths(api: Api, cluster: KubernetesCluster, kind: Kind, namespace: str, path: str) -> None:
    await cluster.get(kind, namespace, "x")
    assert api.requests == [("GET", path, {}, None)]


async def test_a_name_can_not_leave_its_place_in_the_path(api: Api, cluster: KubernetesCluster) -> None:
    seen = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.raw_path)
        return web.json_response({})

    api.answer = answer
    await cluster.get(POD, "vision", "../../secrets?watch=1")
    assert seen == ["/api/v1/namespaces/vision/pods/..%2F..%2Fsecrets%3Fwatch=1"]


async def test_list_follows_the_pages_and_completes_the_items(api: Api, cluster: KubernetesCluster) -> None:
    pages = iter(
        [
            {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]},
            {"metadata": {}, "items": [{"metadata": {"name": "b"}}]},
        ]
    )

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(next(pages))

    api.answer = answer
    found = await cluster.list(POD, "vision", "app=x,tier!=y")
    assert [item["metadata"]["name"] for item in found] == ["a", "b"]
    assert found[0]["kind"] == "Pod"
    assert found[0]["apiVersion"] == "v1"
    queries = [query for _, _, query, _ in api.requests]
    assert queries[0] == {"limit": "500", "labelSelector": "app=x,tier!=y"}
    assert queries[1]["continue"] == "next"


async def test_patch_carries_preconditions_and_the_field_manager(
    api: Api, cluster: KubernetesCluster
) -> None:
    body = {"metadata": {"labels": {"a": "b"}}}
    await cluster.patch(POD, "vision", "x", body, uid="u", resource_version="7", subresource="status")
    assert body == {"metadata": {"labels": {"a": "b"}}}
    assert api.requests == [
        (
            "PATCH",
            "/api/v1/namespaces/vision/pods/x/status",
            {"fieldManager": "tollgate"},
            {"metadata": {"labels": {"a": "b"}, "uid": "u", "resourceVersion": "7"}},
        )
    ]


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "retry_after"),
    [
        (401, {}, {"message": "Unauthorized"}, Denied, None),
        (403, {}, {"message": "no right"}, Denied, None),
        (422, {}, {"message": "bad field"}, Denied, None),
        (422, {}, {"details": {"causes": [{"field": "metadata.uid"}]}}, Conflict, None),
        (409, {}, {"message": "changed"}, Conflict, None),
        (404, {}, {"message": "not found"}, Conflict, None),
        (410, {}, {"message": "expired"}, Unavailable, None),
        (429, {"Retry-After": "7"}, {"message": "slow down"}, Unavailable, 7.0),
        (429, {"Retry-After": "soon"}, {"message": "slow down"}, Unavailable, None),
        (500, {}, {"details": {"retryAfterSeconds": 3}}, Unavailable, 3.0),
        (503, {}, "<html>upstream</html>", Unavailable, None),
        (200, {}, "<html>login</html>", Unavailable, None),
        (200, {}, "[]", Unavailable, None),
    ],
)
async def test_refusals(
    api: Api,
    cluster: KubernetesCluster,
    status: int,
    headers: dict[str, str],
    body: Any,
    error: type[Exception],
    retry_after: float | None,
) -> None:
    api.answer = fixed(status, body, **headers)
    with pytest.raises(error, match="patch Pod vision/x") as caught:
        await cluster.patch(POD, "vision", "x", {})
    assert getattr(caught.value, "retry_after", None) == retry_after


async def test_the_server_s_words_are_passed_on(api: Api, cluster: KubernetesCluster) -> None:
    api.answer = fixed(403, {"message": 'pods "x" is forbidden: exceeded quota'})
    with pytest.raises(Denied, match="exceeded quota"):
        await cluster.patch(POD, "vision", "x", {})


async def test_no_server(api: Api) -> None:
    api.url = "http://127.0.0.1:1"
    cluster = api.cluster()
    with pytest.raises(Unavailable, match="get Pod vision/x"):
        await cluster.get(POD, "vision", "x")
    await cluster.close()


async def test_a_server_that_hangs_is_given_up(
    api: Api, cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollgate.adapters.cluster._TIMEOUT_SECONDS", 0.05)

    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    api.answer = hang
    with pytest.raises(Unavailable, match="get Pod vision/x"):
        await cluster.get(POD, "vision", "x")
    assert api.calls == [("get", "Pod", 0)]


@pytest.mark.parametrize("uid_of_the_one_there", ["gone", "another"])
async def test_delete_of_what_is_gone_is_fine(
    api: Api, cluster: KubernetesCluster, uid_of_the_one_there: str
) -> None:
    api.answer = fixed(404 if uid_of_the_one_there == "gone" else 409, {"message": "no"})
    await cluster.delete(POD, "vision", "x", uid="u")
    method, _, query, body = api.requests[0]
    assert (method, query) == ("DELETE", {})
    assert body["preconditions"] == {"uid": "u"}
    assert body["propagationPolicy"] == "Background"


@pytest.mark.parametrize("seconds", [0.0, -5.0, -math.inf])
async def test_without_the_lease_nothing_is_written_but_reads_work(
    api: Api, cluster: KubernetesCluster, seconds: float
) -> None:
    api.write_seconds = seconds
    with pytest.raises(Unavailable, match="not the leader"):
        await cluster.patch(POD, "vision", "x", {})
    with pytest.raises(Unavailable, match="not the leader"):
        await cluster.delete(POD, "vision", "x", uid="u")
    assert api.requests == []
    assert await cluster.get(POD, "vision", "x") == {}


async def test_a_write_is_not_awaited_beyond_the_lease(api: Api, cluster: KubernetesCluster) -> None:
    api.write_seconds = 0.05

    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    api.answer = hang
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable):
            await cluster.patch(POD, "vision", "x", {})


async def test_create_asks_once_what_a_kind_is_called(api: Api, cluster: KubernetesCluster) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            resources = [
                {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
                {"name": "pods/eviction", "kind": "Eviction", "namespaced": True},
            ]
            return web.json_response({"resources": resources})
        return web.json_response(await request.json(), status=201)

    api.answer = answer
    for name in ("a", "b"):
        metadata = {"name": name, "namespace": "vision"}
        created = await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        assert created["metadata"]["name"] == name
    assert [request[:2] for request in api.requests] == [
        ("GET", "/api/v1"),
        ("POST", "/api/v1/namespaces/vision/configmaps"),
        ("POST", "/api/v1/namespaces/vision/configmaps"),
    ]
    assert await cluster.serves(CONFIG_MAP)
    assert not await cluster.serves(Kind("v1", "Eviction", "evictions"))
    with pytest.raises(Denied, match="does not serve v1 Eviction"):
        await cluster.create({"apiVersion": "v1", "kind": "Eviction", "metadata": {"name": "x"}})


async def test_every_call_is_observed(api: Api, cluster: KubernetesCluster) -> None:
    await cluster.get(POD, "vision", "x")
    api.answer = fixed(404, {"message": "not found"})
    assert await cluster.get(POD, "vision", "x") is None
    assert api.calls == [("get", "Pod", 200), ("get", "Pod", 404)]
