"""The Kubernetes API through the official async client: one code path for every kind, plain JSON in and out.

It must not interpret objects, and it must not retry: the work queue does, and knows what is still wanted.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.config import ConfigException

from tollgate.errors import ClusterError, Conflict, Denied, Unavailable
from tollgate.ports import Kind, Object

logger = logging.getLogger(__name__)

FIELD_MANAGER = "tollgate"
_TIMEOUT_SECONDS = 10.0
_PAGE_SIZE = 500
_SERVED_SECONDS = 60.0
_ABSENT_SECONDS = 5.0
_LONGEST_MESSAGE = 500
_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"
_READS = frozenset({"get", "list"})
_METHODS = {"get": "GET", "list": "GET", "create": "POST", "patch": "PATCH", "delete": "DELETE"}
_RETRYABLE = frozenset({408, 410, 429})


def _unlimited() -> float:
    return math.inf


def _unobserved(_verb: str, _kind: str, _status: int, _answer: Object) -> None:
    return None


class KubernetesCluster:
    """`ports.Cluster` on one client, which the caller closes (`close`).

    `write_seconds` says for how long this process may still write (<= 0: not at all). A write is given up
    when that time is over, so that none is begun or awaited after the leader's lease has run out. `observe` is told
    verb, kind, HTTP status (0: no usable answer) and answer of each call.
    """

    def __init__(
        self,
        client: ApiClient,
        *,
        write_seconds: Callable[[], float] = _unlimited,
        observe: Callable[[str, str, int, Object], None] = _unobserved,
    ) -> None:
        self._client: Any = client  # untyped
        self._write_seconds = write_seconds
        self._observe = observe
        self._discovered: dict[str, tuple[float, dict[str, Kind]]] = {}

    async def close(self) -> None:
        """Close the connections of the client."""
        await self._client.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """See ports.Cluster."""
        return await self._request("get", kind, _path(kind, namespace, name), _name(namespace, name))

    async def list(self, kind: Kind, namespace: str, labels: str = "") -> list[Object]:
        """See ports.Cluster. Each item gets the apiVersion and kind that lists omit."""
        return [item async for page in self.pages(kind, namespace, labels) for item in page]

    async def pages(self, kind: Kind, namespace: str, labels: str = "") -> AsyncIterator[Sequence[Object]]:
        """As `list`, but a page at a time, for who does not want to hold all of them."""
        named = {"apiVersion": kind.api_version, "kind": kind.kind}
        query = {"limit": str(_PAGE_SIZE), "labelSelector": labels, "continue": ""}
        while True:
            page = await self._request("list", kind, _path(kind, namespace), namespace, query=query)
            if page is None:
                raise Denied(f"list {kind.kind}: the API server does not serve {kind.api_version}")
            yield [{**named, **item} for item in page.get("items") or []]
            query["continue"] = page.get("metadata", {}).get("continue") or ""
            if not query["continue"]:
                return

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        """See ports.Cluster. Denied when the namespace is gone."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "")
        kind = await self._resolve(obj["apiVersion"], obj["kind"])
        about = _name(namespace, metadata.get("name") or metadata.get("generateName", ""))
        query = {"dryRun": "All"} if dry_run else {}
        created = await self._request("create", kind, _path(kind, namespace), about, query=query, body=obj)
        if created is None:
            raise Denied(f"create {kind.kind} {about}: the namespace does not exist")
        return created

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        uid: str = "",
        resource_version: str = "",
        subresource: Literal["", "status", "scale"] = "",
    ) -> Object:
        """See ports.Cluster.

        ValueError for a status with a uid but no `resource_version`: of custom kinds the API server ignores the
        uid there.
        """
        if subresource == "status" and uid and not resource_version:
            raise ValueError(
                f"patch {kind.kind} {_name(namespace, name)}: a status is not guarded by its uid"
            )
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        metadata = {
            **body.get("metadata", {}),
            **{field: value for field, value in preconditions.items() if value},
        }
        patched = await self._request(
            "patch",
            kind,
            _path(kind, namespace, name, subresource),
            _name(namespace, name),
            body={**body, "metadata": metadata} if metadata else dict(body),
        )
        if patched is None:
            raise Conflict(f"patch {kind.kind} {_name(namespace, name)}: it is gone")
        return patched

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """See ports.Cluster. Another object of that name is left alone: the one that was meant is gone."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        try:
            await self._request(
                "delete", kind, _path(kind, namespace, name), _name(namespace, name), body=body
            )
        except Conflict:
            logger.debug("delete %s %s: already replaced", kind.kind, _name(namespace, name))

    async def serves(self, kind: Kind) -> bool:
        """See ports.Cluster. A yes may be a minute old, a no a few seconds."""
        for max_age in (_SERVED_SECONDS, _ABSENT_SECONDS):
            if kind.kind in await self._discover(kind.api_version, max_age=max_age):
                return True
        return False

    async def _resolve(self, api_version: str, kind: str) -> Kind:
        """The resource type that an object names; Denied when it is not served."""
        for max_age in (math.inf, 0.0):
            served = await self._discover(api_version, max_age=max_age)
            if kind in served:
                return served[kind]
        raise Denied(f"create {kind}: the API server does not serve {api_version} {kind}; install it first")

    async def _discover(self, api_version: str, *, max_age: float) -> dict[str, Kind]:
        """Kinds of a group and version by name, at most `max_age` seconds old."""
        now = time.monotonic()
        asked_at, served = self._discovered.get(api_version, (-math.inf, {}))
        if now - asked_at < max_age and asked_at > -math.inf:
            return served
        about = Kind("v1", "APIResourceList", "")
        found = await self._request("get", about, _root(api_version), api_version) or {}
        served = {
            resource["kind"]: Kind(api_version, resource["kind"], resource["name"], resource["namespaced"])
            for resource in found.get("resources", [])
            if "/" not in resource["name"]
        }
        self._discovered[api_version] = (now, served)
        return served

    async def _request(
        self,
        verb: str,
        kind: Kind,
        path: str,
        about: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Object | None:
        """The answer, or None for 404; every failure as a ClusterError that names the verb and the object."""
        what = f"{verb} {kind.kind} {about}".rstrip()
        seconds = _TIMEOUT_SECONDS
        parameters = {name: value for name, value in (query or {}).items() if value}
        if verb not in _READS:
            seconds = min(seconds, self._write_seconds())
            if seconds <= 0:
                raise Unavailable(f"{what}: not the leader, so nothing was written")
            if verb != "delete":
                parameters["fieldManager"] = FIELD_MANAGER
            logger.debug("%s", what)
        status, retry_after, answer = 0, "", Object()
        try:
            status, retry_after, answer = await self._send(verb, path, parameters, body, seconds)
        except (TimeoutError, aiohttp.ClientError, ConfigException, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"{what}: no usable answer from the API server: {reason}") from error
        finally:
            self._observe(verb, kind.kind, status, answer)
        if status == 404:
            return None
        if not 200 <= status < 300:
            raise _error(what, status, retry_after, answer)
        return answer

    async def _send(
        self, verb: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None, seconds: float
    ) -> tuple[int, str, Object]:
        """HTTP status, Retry-After and the JSON object; ValueError when a good answer is none."""
        method, url, headers, payload, _ = await self._client.param_serialize(
            _METHODS[verb],
            path,
            query_params=query,
            header_params={"Accept": _JSON, "Content-Type": _MERGE_PATCH if verb == "patch" else _JSON},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = await self._client.call_api(
            method, url, headers, payload, _request_timeout=aiohttp.ClientTimeout(total=seconds)
        )
        text = await response.read()
        try:
            answer = json.loads(text)
            if not isinstance(answer, dict):
                raise ValueError("the answer is no JSON object")
        except ValueError:
            if response.status < 300:
                raise
            answer = {"message": text[:_LONGEST_MESSAGE].decode(errors="replace").strip()}
        return response.status, response.getheader("Retry-After", ""), answer


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _path(kind: Kind, namespace: str, name: str = "", subresource: str = "") -> str:
    """The URL path of a collection or an object; `namespace` "" is every namespace."""
    scope = ("namespaces", namespace) if kind.namespaced and namespace else ()
    parts = [*scope, kind.plural, *((name,) if name else ()), *((subresource,) if subresource else ())]
    return "/".join((_root(kind.api_version), *(quote(part, safe="") for part in parts)))


def _name(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def _error(what: str, status: int, retry_after: str, answer: Object) -> ClusterError:
    """The exception for a refusal, in the API server's own words."""
    sentence = f"{what}: {answer.get('message') or f'HTTP {status}'}"
    causes = answer.get("details", {}).get("causes") or ()
    if status == 409 or any(cause.get("field") == "metadata.uid" for cause in causes):
        return Conflict(sentence)  # a patch with another uid is answered with 422, not 409
    if status >= 500 or status in _RETRYABLE:
        seconds = retry_after or str(answer.get("details", {}).get("retryAfterSeconds", ""))
        return Unavailable(sentence, float(seconds) if seconds.isdecimal() else None)
    return Denied(sentence)
