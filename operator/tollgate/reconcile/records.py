"""Writes records, and finds those that are there. A record is written as it was stored, byte for byte."""

from __future__ import annotations

import json
import logging

from tollgate.api.canonical import digest
from tollgate.api.chain import UnwrittenRecord
from tollgate.decide.chain import Link, read_link
from tollgate.errors import Conflict, Denied
from tollgate.manifests.decision import decision
from tollgate.manifests.names import TARGET, fit
from tollgate.ports import DECISION, Cluster, Object

log = logging.getLogger(__name__)


async def write_record(cluster: Cluster, namespace: str, record: UnwrittenRecord) -> None:
    """Create the record; written already, before a restart, is fine. Conflict when another one has its name."""
    spec: Object = json.loads(record.spec)
    try:
        await cluster.create(decision(spec, name=record.name, namespace=namespace))
    except Conflict:
        there = await _of_target(cluster, namespace, spec["target"]["name"])
        if not any(
            o["metadata"]["name"] == record.name and digest(o["spec"]) == record.digest for o in there
        ):
            raise Conflict(
                f"EfficiencyDecision {namespace}/{record.name} is there and is not the record of this decision: "
                "delete it, so that the record can be written"
            ) from None
    # A copy of the digest that nobody who may write to the cluster can change.
    log.info("on record: %s/%s, record %d, %s", namespace, record.name, record.sequence, record.digest)


async def records_of(cluster: Cluster, namespace: str, target: str) -> tuple[Link, ...]:
    """The records of a target that can be links of its chain."""
    found = []
    for obj in await _of_target(cluster, namespace, target):
        try:
            found.append(read_link(obj))
        except ValueError as error:
            log.warning("%s", error)
    return tuple(found)


async def _of_target(cluster: Cluster, namespace: str, target: str) -> list[Object]:
    listed = await cluster.list(DECISION, namespace, f"{TARGET}={fit(target)}")
    return [obj for obj in listed if (obj.get("spec") or {}).get("target", {}).get("name") == target]


async def whoami(cluster: Cluster) -> str:
    """The user name by which the API server knows this process; "" where it does not say."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}
    try:
        answer = await cluster.create(review)
    except Denied:
        return ""
    return str(answer.get("status", {}).get("userInfo", {}).get("username", ""))
