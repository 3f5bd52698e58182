"""The cluster that a command talks to, found as kubectl finds it; what it refuses ends the command in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from tollgate.adapters.cluster import KubernetesCluster
from tollgate.adapters.connection import connect
from tollgate.cli.exits import BadInput, Exit
from tollgate.errors import ClusterError
from tollgate.ports import Cluster

Answer = TypeVar("Answer")


class ClusterTrouble(BadInput):
    """The API server refused, or cannot be reached."""

    exit_code = Exit.UNAVAILABLE


@asynccontextmanager
async def connected() -> AsyncIterator[Cluster]:
    """The cluster of the kubeconfig, or that of the pod; ClusterError where there is none."""
    cluster = KubernetesCluster(await connect())
    try:
        yield cluster
    finally:
        await cluster.close()


def ask(work: Callable[[Cluster], Awaitable[Answer]]) -> Answer:
    """What `work` finds out in the cluster; ClusterTrouble when the API server does not do what is asked."""

    async def run() -> Answer:
        async with connected() as cluster:
            return await work(cluster)

    try:
        return asyncio.run(run())
    except ClusterError as error:
        raise ClusterTrouble(str(error)) from None
