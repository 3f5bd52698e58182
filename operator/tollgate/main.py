"""The operator's process: `python -m tollgate.main` wires the parts, and ends them together.

It must not decide anything. Exit codes: 0 stopped by a signal, 1 a part failed, 2 the settings are unusable.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from typing import Any

import kopf

from tollgate import handlers
from tollgate.adapters.clock import SystemClock
from tollgate.adapters.cluster import KubernetesCluster
from tollgate.adapters.connection import connect, pod_namespace
from tollgate.adapters.events import KubernetesEvents
from tollgate.adapters.prometheus import PrometheusMetrics
from tollgate.adapters.webhooks import HTTPWebhooks, Webhook
from tollgate.errors import ClusterError, TollgateError
from tollgate.manifests.benchmark_job import JobSettings
from tollgate.ports import Kind
from tollgate.reconcile.benchmark import BenchmarkReconciler
from tollgate.reconcile.budget import BudgetReconciler
from tollgate.reconcile.key import Controller, Key
from tollgate.reconcile.options import Options, Tariffs
from tollgate.reconcile.orphan import OrphanReconciler
from tollgate.runtime.feed import WATCHED, Feed
from tollgate.runtime.health import Health
from tollgate.runtime.lease import Lease
from tollgate.runtime.logging import configure
from tollgate.runtime.metrics import Instruments
from tollgate.runtime.queue import Work, WorkQueue
from tollgate.runtime.reload import Reload
from tollgate.runtime.resync import Resync
from tollgate.runtime.settings import Settings, SettingsError, load

logger = logging.getLogger(__name__)

_STUCK_SECONDS = 180.0
_BEHIND_SECONDS = 60.0
_DRAIN_SECONDS = 20.0
_QUIET_SECONDS = 0.5
_PATIENCE = 40  # times half of that
_CRD_SECONDS = 5.0


class Operator:
    """The parts of one process, on one event loop."""

    def __init__(self, settings: Settings, client: Any) -> None:
        chosen = options(settings)
        self._reload = Reload(os.environ, settings, chosen.tariffs)
        instruments = Instruments()
        unguarded = KubernetesCluster(client, observe=instruments.api_call)
        self._lease = Lease(
            unguarded, namespace=pod_namespace(), identity=f"{socket.gethostname()}-{os.getpid()}"
        )
        self._elected = settings.leader_election.enabled
        seconds_left = self._lease.seconds_left if self._elected else lambda: math.inf
        self._cluster = KubernetesCluster(client, write_seconds=seconds_left, observe=instruments.api_call)
        self._prometheus = PrometheusMetrics(
            settings.prometheus.url,
            timeout=settings.prometheus.timeout_seconds,
            bearer_token_file=settings.prometheus.bearer_token_file,
            ca_file=settings.prometheus.ca_file,
            observe=instruments.query,
        )
        clock = SystemClock()
        webhooks = HTTPWebhooks(
            {
                name: Webhook(hook.url, hook.timeout_seconds, hook.bearer_token_file)
                for name, hook in settings.degradation.webhooks.items()
            },
            write_seconds=seconds_left,
        )
        parts: dict[str, Any] = {
            "cluster": self._cluster,
            "metrics": self._prometheus,
            "events": KubernetesEvents(self._cluster, clock),
            "clock": clock,
            "settings": chosen,
        }
        self._reconcilers: dict[Controller, Work] = {
            "budget": BudgetReconciler(**parts, webhooks=webhooks).reconcile,
            "benchmark": BenchmarkReconciler(**parts).reconcile,
            "deployment": OrphanReconciler(**parts).reconcile,
        }
        self._queue = WorkQueue(self._reconcile, instruments, workers=settings.workers)
        self._feed = Feed(self._queue.enqueue, instruments.watch_event)
        self._resync = Resync(self._cluster, self._feed, self._queue.enqueue, seconds=settings.resync_seconds)
        self._watching = asyncio.Event()
        self._stop = asyncio.Event()
        self._health = Health(
            alive=[
                lambda: self._queue.stuck(_STUCK_SECONDS),
                lambda: self._feed.behind(_BEHIND_SECONDS),
            ],
            ready=[lambda: "" if self._watching.is_set() else "the watches have not begun"],
            expose=instruments.expose,
            port=settings.health_port,
        )
        instruments.show_leading(seconds_left)
        instruments.show_budgets(self._feed.budgets)

    async def run(self) -> None:
        """Work until a signal; raises what made a part fail."""
        self._take_signals()
        try:
            await self._health.start()
            work = self._lease.run(self._lead) if self._elected else self._lead()
            await _until_the_first_ends(work, self._watch(), self._stopped(), self._reload.run())
        finally:
            await self._health.close()
            self._prometheus.close()
            await self._cluster.close()

    async def _reconcile(self, key: Key) -> float | None:
        if key.controller == "deployment" and self._feed.governs(key):
            return None  # its budget was delivered meanwhile
        return await self._reconcilers[key.controller](key)

    async def _lead(self) -> None:
        await self._listed()
        await _until_the_first_ends(self._queue.run(), self._resync.run())

    async def _watch(self) -> None:
        # kopf wants a name for its peering, which is off; left to itself it asks for the user's, and a container's
        # user need not have one.
        os.environ.setdefault("POD_ID", socket.gethostname())
        await self._crds_served()
        others = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=handlers.registry(self._feed),
            settings=handlers.settings(),
            clusterwide=True,
            ready_flag=self._watching,
        )
        self._take_signals()  # back from kopf, which would stop watching before the work is done
        await kopf.run_tasks(tasks, ignored=others)
        raise TollgateError("The watches have ended by themselves.")

    async def _listed(self) -> None:
        """Wait while the watches deliver what is there: a budget is then looked at once, not for each object."""
        await self._watching.wait()
        for _ in range(_PATIENCE):
            await asyncio.sleep(_QUIET_SECONDS / 2)
            if self._feed.quiet_seconds() >= _QUIET_SECONDS:
                return

    async def _crds_served(self) -> None:
        """Wait for them: what is not served when kopf starts is never watched."""
        for kind in WATCHED:
            while reason := await self._not_served(kind):
                logger.warning("Waiting for %s: %s", kind.plural, reason)
                await asyncio.sleep(_CRD_SECONDS)

    async def _not_served(self, kind: Kind) -> str:
        try:
            served = await self._cluster.serves(kind)
        except ClusterError as error:
            return str(error)
        return "" if served else "install Tollgate's CustomResourceDefinitions"

    async def _stopped(self) -> None:
        """Returns some time after a signal, in which the work under way may be finished."""
        await self._stop.wait()
        logger.info("Stopping")
        self._queue.stop()
        if self._queue.running:
            await asyncio.sleep(_DRAIN_SECONDS)

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)


def options(settings: Settings) -> Options:
    """What the reconcilers need of the settings."""
    prices = settings.prices
    return Options(
        tariffs=Tariffs(prices.source if prices else None, settings.energy.terms),
        job=JobSettings(settings.benchmark.image, settings.benchmark.image_pull_policy),
    )


def main() -> int:
    """The exit code."""
    try:
        settings = load(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    configure(settings.log_level)
    # A quarter of a start with thousands of budgets would go into looking for garbage in what is imported.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)
    try:
        asyncio.run(_run(settings))
    except (TollgateError, OSError) as error:
        logger.critical("%s", error)
        return 1
    except Exception:
        logger.critical("A part of the operator failed", exc_info=True)
        return 1
    return 0


async def _run(settings: Settings) -> None:
    asyncio.get_running_loop().set_exception_handler(_on_loop_error)
    await Operator(settings, await connect()).run()


async def _until_the_first_ends(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts side by side; when one ends, cancel the others, and raise what it raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Kopf's streams complain when the loop closes them; everything else is worth a line."""
    if "asyncgen" in context:
        logger.debug("%s", context["message"])
    else:
        loop.default_exception_handler(context)


if __name__ == "__main__":
    sys.exit(main())
