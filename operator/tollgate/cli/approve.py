"""`tollgate approve`: a person accepts what a candidate got worse in, or refuses it, in their own name.

What it makes is an EfficiencySignOff, as `kubectl create -f` would; the API server checks the name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click

from tollgate.adapters.connection import default_namespace
from tollgate.api import canonical
from tollgate.api.base import API_VERSION
from tollgate.api.budget import EfficiencyBudget, Stage
from tollgate.api.decision import Action, DecisionSpec, EfficiencyDecision
from tollgate.api.signoff import (
    GROUP_PREFIX,
    Approval,
    Approver,
    SignedDecision,
    SignOffSpec,
    SignOffVerdict,
)
from tollgate.api.verdict import ObjectiveResult, Relation
from tollgate.cli.cluster import ask
from tollgate.cli.exits import plain
from tollgate.cli.params import Duration
from tollgate.cli.tables import aligned, printable
from tollgate.decide.approval import Asked, describe, may_sign, tally, worsened
from tollgate.decide.changing import loosened
from tollgate.decide.signing import UNCHECKED_APPROVER
from tollgate.ports import BUDGET, DECISION, SIGN_OFF, Cluster, Object
from tollgate.reconcile.signing import read_sign_off

_LONGEST_MESSAGE = 1024
_LONGEST_PREFIX = 200


@dataclass(frozen=True)
class _Answer:
    """What the caller says."""

    verdict: SignOffVerdict
    message: str
    accepts: Sequence[str]
    expires_at: datetime | None


@click.command()
@click.argument("decision")
@click.option("-m", "--message", required=True, help="Why. It goes on record, with your name.")
@click.option("-n", "--namespace", default="", help="Default: that of the kubeconfig's context.")
@click.option("--refuse", is_flag=True, help="Refuse the candidate instead; one refusal is enough.")
@click.option("--accept", "accepts", multiple=True, metavar="OBJECTIVE", help="Default: all that got worse.")
@click.option("--expires", type=Duration(), help="Void after so long, if not enough others have signed.")
@plain
def approve(
    decision: str,
    message: str,
    namespace: str,
    refuse: bool,
    accepts: tuple[str, ...],
    expires: timedelta | None,
) -> None:
    """Sign off what a candidate is worse in, so that it goes on to its canary, or what a change of limits loosens.

    DECISION is the record that waits, as the condition Progressing, or ChangePending, of the budget names it.
    Exit code: 0 signed, 64 bad input, 69 the API server refused or cannot be reached.
    """
    if not message.strip() or len(message) > _LONGEST_MESSAGE:
        raise ValueError(f"-m takes 1 to {_LONGEST_MESSAGE:,} characters: say why, as it goes on record")
    if refuse and accepts:
        raise ValueError("--refuse and --accept contradict each other")
    answer = _Answer(
        SignOffVerdict.REFUSE if refuse else SignOffVerdict.ACCEPT,
        message,
        accepts,
        datetime.now(UTC).replace(microsecond=0) + expires if expires else None,
    )
    ask(lambda cluster: _sign(cluster, namespace or default_namespace(), decision, answer))


async def _sign(cluster: Cluster, namespace: str, name: str, answer: _Answer) -> None:
    """Show what is signed, sign it, and say what comes next."""
    raw = await cluster.get(DECISION, namespace, name)
    if raw is None:
        raise ValueError(
            f"there is no EfficiencyDecision {name} in namespace {namespace}: see kubectl get effd -n {namespace}"
        )
    record = EfficiencyDecision.model_validate(raw).spec
    if record.action not in (Action.AWAITING_SIGN_OFF, Action.CHANGE_PROPOSED):
        raise ValueError(
            f"{name} is a record of the action {record.action.value}: only AwaitingSignOff and BudgetChangeProposed "
            "wait for people"
        )
    approval, since = await _waiting(cluster, namespace, name, record)
    worse = worsened(record.benchmark_objectives) or loosened(record.changes)
    accepts = _accepted(answer, worse)
    approver = _approver(await _whoami(cluster), approval)
    spec = SignOffSpec(
        budget=record.budget.model_dump(include={"name"}),
        decision=SignedDecision(name=name, digest=canonical.digest(raw["spec"])),
        verdict=answer.verdict,
        approver=approver,
        justification=answer.message,
        accepts=list(accepts),
        expires_at=answer.expires_at,
    )
    click.echo(_shown(record))
    of_release = record.action is Action.AWAITING_SIGN_OFF
    made = await cluster.create(_manifest(spec, namespace))
    accepted = f" {', '.join(accepts)}" if accepts else ""
    click.echo(
        f"{approver.username} signed {made['metadata']['name']}: {answer.verdict.value}{accepted}. Next: "
        + await _next(cluster, namespace, spec.decision, worse, approval, since, of_release=of_release)
    )


async def _waiting(
    cluster: Cluster, namespace: str, name: str, record: DecisionSpec
) -> tuple[Approval, datetime | None]:
    """The budget, whose release must wait for this record: who may sign, and since when sign-offs count."""
    raw = await cluster.get(BUDGET, namespace, record.budget.name)
    if raw is None or raw["metadata"]["uid"] != record.budget.uid:
        raise ValueError(f"the EfficiencyBudget {record.budget.name} of {name} is gone")
    budget = EfficiencyBudget.model_validate(raw)
    release, proposal, limits = budget.status.release, budget.status.proposal, budget.status.declared
    if record.action is Action.CHANGE_PROPOSED:
        if proposal is None or limits is None or proposal.record != name or proposal.refused:
            raise ValueError(
                f"nothing waits for {name} any more: see kubectl get effb -n {namespace} -o wide"
            )
        return limits.approval, proposal.signable_since
    if release is None or release.stage is not Stage.AWAITING_SIGN_OFF or release.decision != name:
        now = f"release {release.number} is {release.stage.value}" if release else "there is no release"
        raise ValueError(
            f"nothing waits for {name} any more: {now}. See kubectl get effb -n {namespace} -o wide"
        )
    return budget.spec.approval, release.signable_since


def _accepted(answer: _Answer, worse: tuple[str, ...]) -> tuple[str, ...]:
    """The objectives to accept: those that were named, which must be all that got worse."""
    if answer.verdict is SignOffVerdict.REFUSE:
        return ()
    for what, names in (
        ("did not get worse", [name for name in answer.accepts if name not in worse]),
        ("got worse, too", [name for name in worse if answer.accepts and name not in answer.accepts]),
    ):
        if names:
            raise ValueError(
                f"{', '.join(names)} {what}: what got worse is {', '.join(worse)}, so accept all or --refuse"
            )
    return worse


async def _whoami(cluster: Cluster) -> Object:
    """User name and groups, as the API server knows the caller."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}
    me: Object = (await cluster.create(review))["status"]["userInfo"]
    return me


def _approver(me: Object, approval: Approval) -> Approver:
    """The caller, with the groups by which they may sign."""
    approvers = approval.approvers
    groups = [group for group in me.get("groups") or [] if GROUP_PREFIX + group in approvers]
    if not may_sign(approvers, me["username"], groups):
        raise ValueError(
            f"you are {me['username']}, and spec.approval.approvers of the budget is {', '.join(approvers)}: "
            "your sign-off would not count"
        )
    return Approver(username=me["username"], groups=groups[:16])


def _manifest(spec: SignOffSpec, namespace: str) -> Object:
    prefix = spec.decision.name[:_LONGEST_PREFIX]
    return {
        "apiVersion": API_VERSION,
        "kind": "EfficiencySignOff",
        "metadata": {"generateName": f"{prefix}-", "namespace": namespace},
        "spec": spec.dump(),
    }


def _shown(record: DecisionSpec) -> str:
    """What the record says of each objective, as a table."""
    if record.action is Action.CHANGE_PROPOSED:
        changed = [[c.title, c.kind.lower(), c.was or "-", c.now or "-"] for c in record.changes]
        head = f"{record.budget.name}: a change of its limits"
        return printable("\n".join([head, *aligned(("limit", "is", "before", "then"), changed)]))
    rows = [[r.name, _standing(r), r.verdict.value, r.observed, r.limit] for r in record.benchmark_objectives]
    head = f"{record.target.name}: revision {record.revision} ({record.image}) against last-good {record.last_good}"
    lines = [head, *aligned(("objective", "is", "verdict", "measured", "limit"), rows), record.message]
    return printable("\n".join(lines))


def _standing(result: ObjectiveResult) -> str:
    """How an objective stands to last-good, and whether small losses have added up since the approved baseline."""
    step = (result.relation or "").lower()
    return "worse by and by" if result.relation_to_approved is Relation.WORSE and step != "worse" else step


async def _next(
    cluster: Cluster,
    namespace: str,
    decision: SignedDecision,
    worse: tuple[str, ...],
    approval: Approval,
    since: datetime | None,
    *,
    of_release: bool,
) -> str:
    """What comes of all sign-offs that there are now."""
    if since is None:
        return f"nothing, as sign-offs do not count: {UNCHECKED_APPROVER}"
    listed = [read_sign_off(one) for one in await cluster.list(SIGN_OFF, namespace)]
    asked = Asked(decision.name, decision.digest, worse, since)
    counted = tally((one for one in listed if one is not None), asked, approval, datetime.now(UTC))
    if counted.refused is not None:
        return "the candidate is rejected" if of_release else "the limits stay as they are"
    if counted.missing == 0:
        return "the candidate goes on to its canary" if of_release else "the change counts"
    return printable(f"it waits for {counted.missing} more. {describe(counted, approval)}")
