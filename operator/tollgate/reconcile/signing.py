"""Sees who signed off what, and whether the API server checks that they are who they say. Decides nothing."""

from __future__ import annotations

import logging
from datetime import datetime

from pydantic import ValidationError

from tollgate.api import canonical
from tollgate.api.budget import BudgetSpec, Mode, Stage
from tollgate.api.decision import EfficiencyDecision
from tollgate.api.signoff import EfficiencySignOff
from tollgate.decide.approval import SignOff
from tollgate.decide.moves import recorded
from tollgate.decide.snapshot import Signing, Snapshot
from tollgate.errors import ClusterError
from tollgate.manifests.approver import denies_false_names, false_sign_off
from tollgate.ports import DECISION, SIGN_OFF, Cluster, Object
from tollgate.reconcile import views

log = logging.getLogger(__name__)

PROVEN_SECONDS = 300
UNPROVEN_SECONDS = 15


def may_ask(spec: BudgetSpec) -> bool:
    """Whether a release under this policy, or a change of it, can come to need people's sign-off."""
    asks = spec.trade_offs == "RequireSignOff" or spec.approval.may_override_breach
    return (asks and spec.mode is Mode.ENFORCE) or spec.changes == "RequireSignOff"


class ApproverProof:
    """Tries from time to time whether the API server denies a sign-off in another person's name."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tried: dict[str, tuple[datetime, bool]] = {}

    async def holds(self, s: Snapshot) -> bool:
        """Whether it does, by the last trial; tried anew when that was too long ago.

        Where people are asked, or about to be, the trial is in that namespace; before, one anywhere will do.
        """
        release = s.status.release
        asking = s.status.proposal is not None or (
            release is not None and release.stage in (Stage.BENCHMARKING, Stage.AWAITING_SIGN_OFF)
        )
        where = s.namespace if asking else ""
        at, proven = self._tried.get(where, (None, False))
        age = PROVEN_SECONDS if proven else UNPROVEN_SECONDS
        if at is None or (s.now - at).total_seconds() >= age:
            proven = await self._try(s.namespace, s.name)
            self._tried[where] = (s.now, proven)
        return proven

    async def _try(self, namespace: str, budget: str) -> bool:
        try:
            await self._cluster.create(false_sign_off(namespace, budget), dry_run=True)
        except ClusterError as error:
            return denies_false_names(str(error))
        return False


async def signing(cluster: Cluster, s: Snapshot) -> Signing | None:
    """The record that people are asked to sign, and what they said; None where nobody is asked or it is not there."""
    release = s.status.release
    if release is None or release.stage is not Stage.AWAITING_SIGN_OFF or not recorded(s, release):
        return None
    raw = await cluster.get(DECISION, s.namespace, release.decision)
    if raw is None:
        return None
    policy = EfficiencyDecision.model_validate(raw).spec.policy
    mine = await sign_offs(cluster, s)
    return Signing(canonical.digest(raw["spec"]), tuple(policy.objectives), policy.confidence, mine)


async def sign_offs(cluster: Cluster, s: Snapshot) -> tuple[SignOff, ...]:
    """What people have signed for this budget."""
    seen = [read_sign_off(one) for one in await cluster.list(SIGN_OFF, s.namespace)]
    return tuple(one for one in seen if one is not None and one.spec.budget.name == s.name)


def read_sign_off(raw: Object) -> SignOff | None:
    """An EfficiencySignOff as the API server gives it; None, said in the log, where the models do not take it."""
    meta = raw["metadata"]
    try:
        spec = EfficiencySignOff.model_validate(raw).spec
    except ValidationError as error:
        log.warning("EfficiencySignOff %s/%s is passed over: %s", meta["namespace"], meta["name"], error)
        return None
    return SignOff(meta["name"], meta["uid"], views.created(raw), spec)
