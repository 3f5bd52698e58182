"""Looks at what steps of degradation change, and says of each why it cannot be changed, if it cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from tollgate.api.degradation import DegradationStep, Fallback, KeyValue
from tollgate.decide.snapshot import Lever, Snapshot
from tollgate.errors import Denied
from tollgate.manifests.names import BUDGET as BUDGET_LABEL
from tollgate.manifests.names import DEGRADABLE, GOVERNED
from tollgate.ports import CONFIG_MAP, DEPLOYMENT, POD, Clock, Cluster, Object
from tollgate.reconcile import views

CHECKED_SECONDS = 60
_LABEL_IT = f"label it {DEGRADABLE}=true, which says that budgets may change it"
_MAY_NOT_PATCH = (
    "the operator may not change ConfigMaps in this namespace: bind the ClusterRole tollgate-degradation to its "
    "service account there (kubectl create rolebinding)"
)


class Levers:
    """Reads the objects of a budget's steps, and nothing else."""

    def __init__(self, cluster: Cluster, clock: Clock, webhooks: Collection[str]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._webhooks = webhooks
        self._may_patch: dict[str, tuple[datetime, bool]] = {}

    async def of(self, s: Snapshot, join: Mapping[str, str]) -> dict[str, Lever]:
        """By what a step sets: of each step that is declared, or in force."""
        steps = list(s.spec.degradation.steps) if s.spec.degradation else []
        if s.status.degradation is not None:
            steps += [taken.step for taken in s.status.degradation.taken]
        return {str(step.action): await self._lever(step, s.namespace, join) for step in steps}

    async def _lever(self, step: DegradationStep, namespace: str, join: Mapping[str, str]) -> Lever:
        try:
            if step.config_map is not None:
                return await self._key(step.config_map, namespace)
            if step.scale is not None:
                return await self._fallback(step.scale, namespace, join)
        except Denied as error:
            return Lever(problem=f"it cannot be looked at: {error}")
        return self._webhook(step.webhook.name if step.webhook else "")

    def _webhook(self, name: str) -> Lever:
        if name in self._webhooks:
            return Lever(seen=True)
        known = ", ".join(sorted(self._webhooks)) or "none"
        return Lever(
            seen=True,
            problem=f"there is no webhook {name} in degradation.webhooks of the operator's configuration ({known})",
        )

    async def _key(self, asked: KeyValue, namespace: str) -> Lever:
        raw = await self._cluster.get(CONFIG_MAP, namespace, asked.name)
        if raw is None:
            return Lever(seen=True, problem=f"there is no ConfigMap {asked.name}: create it, and {_LABEL_IT}")
        problem = ""
        if not _allowed(raw):
            problem = f"ConfigMap {asked.name} is not to be changed: {_LABEL_IT}"
        elif raw.get("immutable"):
            problem = f"ConfigMap {asked.name} is immutable: make it anew without immutable"
        elif not await self._may_patch_keys(namespace):
            problem = _MAY_NOT_PATCH
        meta = raw["metadata"]
        value = (raw.get("data") or {}).get(asked.key)
        return Lever(
            seen=True, value=value, uid=meta["uid"], version=meta.get("resourceVersion", ""), problem=problem
        )

    async def _fallback(self, asked: Fallback, namespace: str, join: Mapping[str, str]) -> Lever:
        raw = await self._cluster.get(DEPLOYMENT, namespace, asked.name)
        if raw is None:
            return Lever(
                seen=True, problem=f"there is no Deployment {asked.name}: create it, and {_LABEL_IT}"
            )
        problem = "" if _allowed(raw) else f"Deployment {asked.name} is not to be changed: {_LABEL_IT}"
        if BUDGET_LABEL in views.labels(raw) or GOVERNED in views.labels(raw):
            problem = f"Deployment {asked.name} belongs to an EfficiencyBudget itself: name one that does not"
        selector = raw["spec"]["selector"]
        pods: list[Object] = []
        if asked.takes_traffic:
            problem = problem or _cannot_join(raw, join)
            owned = selector.get("matchLabels") or {}
            pods = await self._cluster.list(POD, namespace, ",".join(f"{k}={v}" for k, v in owned.items()))
        return Lever(
            seen=True,
            value=str(raw["spec"].get("replicas", 1)),
            uid=views.uid(raw),
            problem=problem,
            pods=views.pod_views(pods, join),
        )

    async def _may_patch_keys(self, namespace: str) -> bool:
        """Whether the API server would let the operator change a ConfigMap there; asked once a minute."""
        now = self._clock.now()
        known = self._may_patch.get(namespace)
        if known is not None and (now - known[0]).total_seconds() < CHECKED_SECONDS:
            return known[1]
        attributes = {"namespace": namespace, "verb": "patch", "resource": "configmaps"}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "metadata": {},
            "spec": {"resourceAttributes": attributes},
        }
        answer = await self._cluster.create(review)
        allowed = bool((answer.get("status") or {}).get("allowed"))
        self._may_patch[namespace] = now, allowed
        return allowed


def _allowed(raw: Object) -> bool:
    return views.labels(raw).get(DEGRADABLE) == "true"


def _cannot_join(fallback: Object, join: Mapping[str, str]) -> str:
    """Why pods of a fallback cannot join the endpoints of the target's Services, and leave again; "" where they can."""
    if not join:
        return "no Service selects the target, so that there are no endpoints that its pods could join"
    name, spec = fallback["metadata"]["name"], fallback["spec"]
    owned = spec["selector"].get("matchLabels") or {}
    if not owned or spec["selector"].get("matchExpressions"):
        return f"the selector of Deployment {name} is to have matchLabels only, by which its pods are found"
    own = {*owned, *((spec["template"].get("metadata") or {}).get("labels") or {})}
    if clashing := sorted(own & join.keys()):
        return (
            f"pods of Deployment {name} have the label {', '.join(clashing)} themselves, by which Services select the "
            "target: give them others, so that they can join and leave"
        )
    return ""
