"""Turns what the watches deliver into keys to reconcile, and remembers which budget refers to what.

It must not decide, call the API or block. It keeps no objects: what a reconciler acts on, it reads itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping

from tollgate.api.base import GROUP
from tollgate.api.release import Stage
from tollgate.manifests.names import GOVERNED
from tollgate.ports import (
    BENCHMARK,
    BENCHMARK_PROFILE,
    BUDGET,
    DEPLOYMENT,
    JOB,
    METRIC_PROFILE,
    SIGN_OFF,
    Kind,
    Object,
)
from tollgate.reconcile.key import Controller, Key
from tollgate.runtime.view import BudgetView, Reference, items, text

WATCHED = (BUDGET, BENCHMARK, BENCHMARK_PROFILE, METRIC_PROFILE, DEPLOYMENT, JOB, SIGN_OFF)
_ORPHAN_SECONDS = 5.0  # at a start, Deployments may come before the budgets that govern them
_CONTROLLERS: dict[str, Controller] = {BUDGET.kind: "budget", BENCHMARK.kind: "benchmark"}
_FINISHED = ("Succeeded", "Failed")


def _unobserved(_kind: Kind) -> None:
    return None


class Feed:
    """`observe` takes every event; what is to be looked at goes to `enqueue(key, seconds)`."""

    def __init__(
        self,
        enqueue: Callable[[Key, float], None],
        on_event: Callable[[Kind], None] = _unobserved,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._enqueue = enqueue
        self._on_event = on_event
        self.now = monotonic
        self._referrers: dict[Reference, set[Key]] = {}
        self._missed: dict[Key, float] = {}
        self._deletion_seen_at = -math.inf
        self._listed_at = -math.inf
        self.budgets: dict[Key, BudgetView] = {}

    def observe(self, kind: Kind, type_: str | None, obj: Object) -> None:
        """Take an event of a watch; `type_` is None for an object that was there when the watch began."""
        self._on_event(kind)
        if type_ is None:
            self._listed_at = self.now()
        namespace, name = text(obj, "metadata", "namespace"), text(obj, "metadata", "name")
        deleted = type_ == "DELETED"
        if kind == BUDGET and deleted:
            self._deletion_seen_at = self.now()
            self._deleted(Key("budget", namespace, name))
        elif kind == BUDGET:
            self._budget(Key("budget", namespace, name), obj)
        self._wake_owners(namespace, obj)
        self._wake(self._referrers.get((kind.kind, namespace, name), ()))
        if kind == BENCHMARK and not deleted and text(obj, "status", "phase") not in _FINISHED:
            self._enqueue(Key("benchmark", namespace, name), 0.0)
        elif kind == DEPLOYMENT and not deleted and text(obj, "metadata", "labels", GOVERNED):
            self._orphan(Key("deployment", namespace, name), _ORPHAN_SECONDS)
        elif kind == SIGN_OFF:
            self._signed(Key("budget", namespace, text(obj, "spec", "budget", "name")))

    def governs(self, deployment: Key) -> bool:
        """Whether a budget is known for a Deployment: then that budget's reconciler answers for it."""
        return bool(self._referrers.get((DEPLOYMENT.kind, deployment.namespace, deployment.name)))

    def quiet_seconds(self) -> float:
        """For how long no watch has delivered what was there when it began."""
        return self.now() - self._listed_at

    def compare(self, listed: Mapping[Key, str], listed_at: float) -> None:
        """Compare with the resource versions of all budgets in a list that was begun at `listed_at`.

        What the watch has not delivered is looked at now, and makes `behind` speak until it is delivered. Only
        a deletion may pass unseen, while a watch begins anew: that is made up for here.
        """
        for key in [
            key for key, view in self.budgets.items() if key not in listed and view.seen_at < listed_at
        ]:
            self._deleted(key)
        for key, resource_version in listed.items():
            view = self.budgets.get(key)
            seen_at = view.seen_at if view else self._deletion_seen_at
            if seen_at < listed_at and (view is None or view.resource_version != resource_version):
                self._missed.setdefault(key, listed_at)
                self._enqueue(key, 0.0)

    def behind(self, seconds: float) -> str:
        """Why the watch is not to be trusted: what it has failed to deliver for so long; "" when all is well."""
        for key, since in self._missed.items():
            if (silent := self.now() - since) > seconds:
                return f"the watch has not delivered {key} in {silent:.0f} s, although it changed"
        return ""

    def _budget(self, key: Key, obj: Object) -> None:
        self._missed.pop(key, None)
        known = self._forget(key)
        view = self.budgets[key] = BudgetView.of(obj, self.now())
        for reference in view.references:
            self._referrers.setdefault(reference, set()).add(key)
        if known is None or known.resource_version != view.resource_version:
            self._enqueue(key, 0.0)  # a watch that begins anew delivers everything again

    def _deleted(self, key: Key) -> None:
        self._missed.pop(key, None)
        if known := self._forget(key):
            _, namespace, name = known.target
            self._orphan(Key("deployment", namespace, name), 0.0)
        self._enqueue(key, 0.0)

    def _forget(self, key: Key) -> BudgetView | None:
        known = self.budgets.pop(key, None)
        for reference in known.references if known else ():
            self._referrers[reference].discard(key)
            if not self._referrers[reference]:
                del self._referrers[reference]
        return known

    def _orphan(self, deployment: Key, seconds: float) -> None:
        if deployment.name and not self.governs(deployment):
            self._enqueue(deployment, seconds)

    def _signed(self, budget: Key) -> None:
        """Only a budget that waits for people is looked at: old sign-offs come by with every watch that begins."""
        view = self.budgets.get(budget)
        if view is not None and view.stage == Stage.AWAITING_SIGN_OFF.value:
            self._enqueue(budget, 0.0)

    def _wake(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._enqueue(key, 0.0)

    def _wake_owners(self, namespace: str, obj: Object) -> None:
        for reference in items(obj, "metadata", "ownerReferences"):
            controller = _CONTROLLERS.get(text(reference, "kind"))
            if controller and text(reference, "apiVersion").startswith(f"{GROUP}/"):
                self._enqueue(Key(controller, namespace, text(reference, "name")), 0.0)
