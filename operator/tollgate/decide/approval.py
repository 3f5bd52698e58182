"""Whether people have signed off what a candidate is worse in: who counts, who does not and why, and how many lack.

It knows nothing of stages. That a sign-off was made by the person it names is the API server's to check; here it is
only asked since when that was seen to be so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tollgate.api.signoff import GROUP_PREFIX, Approval, SignedOff, SignOffSpec, SignOffVerdict
from tollgate.api.verdict import ObjectiveResult, Relation, Verdict

_SHOWN = 4
"""So many sign-offs that do not count are named with the reason; more would hide the rest of the sentence."""


@dataclass(frozen=True)
class SignOff:
    """An EfficiencySignOff as it was seen."""

    name: str
    uid: str
    created: datetime
    spec: SignOffSpec

    @property
    def person(self) -> str:
        """User name of who signed."""
        return self.spec.approver.username

    def taken(self) -> SignedOff:
        """What is kept of it once it took effect."""
        return SignedOff(
            name=self.name,
            uid=self.uid,
            username=self.person,
            verdict=self.spec.verdict,
            accepts=self.spec.accepts,
            justification=self.spec.justification,
            at=self.created,
            digest=self.spec.decision.digest,
        )


@dataclass(frozen=True)
class Asked:
    """What people are asked to sign: a record, and what got worse in it. Sign-offs made before `since` do not count."""

    decision: str
    digest: str
    worse: tuple[str, ...]
    since: datetime


@dataclass(frozen=True)
class Tally:
    """The answers so far. `refused` outweighs everything; `missing` is 0 once enough people accepted."""

    accepted: tuple[SignOff, ...]
    refused: SignOff | None
    missing: int
    ignored: tuple[tuple[SignOff, str], ...]


def worsened(results: Iterable[ObjectiveResult], tolerated: Collection[str] = frozenset()) -> tuple[str, ...]:
    """The objectives that people are asked about: worse than a baseline, or in a breach that is not tolerated."""
    return tuple(
        r.name
        for r in results
        if Relation.WORSE in (r.relation, r.relation_to_approved)
        or (r.verdict is Verdict.BREACH and r.name not in tolerated)
    )


def tally(seen: Iterable[SignOff], asked: Asked, approval: Approval, now: datetime) -> Tally:
    """Count the answers to what was asked, the oldest first; those to earlier releases are passed over."""
    accepted: dict[str, SignOff] = {}
    refused: SignOff | None = None
    ignored: list[tuple[SignOff, str]] = []
    for one in sorted(seen, key=lambda sign_off: (sign_off.created, sign_off.name)):
        made_before = one.created < asked.since
        if one.spec.decision.name != asked.decision and made_before:
            continue
        why = _objection(one, asked, approval, now, made_before)
        if why:
            ignored.append((one, why))
        elif one.spec.verdict is SignOffVerdict.REFUSE:
            refused = refused or one
        elif one.person in accepted:
            ignored.append((one, f"{one.person} has signed already, with {accepted[one.person].name}"))
        else:
            accepted[one.person] = one
    missing = max(0, approval.required - len(accepted))
    return Tally(tuple(accepted.values()), refused, missing, tuple(ignored))


def _objection(one: SignOff, asked: Asked, approval: Approval, now: datetime, made_before: bool) -> str:
    """Why a sign-off does not count; "" when it does."""
    spec = one.spec
    if spec.decision.name != asked.decision:
        return f"it is about {spec.decision.name}, not about {asked.decision}"
    if spec.decision.digest != asked.digest:
        return "its digest is of another measurement"
    if made_before:
        return (
            "it was made before the API server was seen to check who signs: delete it and have it signed anew"
        )
    if spec.expires_at is not None and spec.expires_at <= now:
        return f"it expired at {spec.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    if not may_sign(approval.approvers, one.person, spec.approver.groups):
        return f"{one.person} is not among spec.approval.approvers{_group_hint(approval)}"
    unaccepted = [name for name in asked.worse if name not in spec.accepts]
    if unaccepted and spec.verdict is SignOffVerdict.ACCEPT:
        return f"it does not accept {', '.join(unaccepted)}"
    return ""


def may_sign(approvers: Sequence[str], person: str, groups: Iterable[str]) -> bool:
    """Whether a budget's approvers hold this person, or a group that is named; none at all hold everybody."""
    named = {GROUP_PREFIX + group for group in groups}
    if not person.startswith(GROUP_PREFIX):  # a person of such a name must not pass for a group
        named.add(person)
    return not approvers or not named.isdisjoint(approvers)


def _group_hint(approval: Approval) -> str:
    if any(approver.startswith(GROUP_PREFIX) for approver in approval.approvers):
        return ", and no group of theirs is named in the sign-off's spec.approver.groups"
    return ""


def describe(counted: Tally, approval: Approval) -> str:
    """Who has signed, who may, and which sign-offs do not count, as sentences."""
    people = ", ".join(one.person for one in counted.accepted)
    has = f"{len(counted.accepted)} of {approval.required} sign-offs{f' ({people})' if people else ''}"
    said = [
        f"{has}; {' or '.join(approval.approvers) or 'whoever has the verb approve on this budget'} may sign"
    ]
    said += [f"{one.name} of {one.person} does not count: {why}" for one, why in counted.ignored[-_SHOWN:]]
    return ". ".join(said)


def signatures(sign_offs: Iterable[SignedOff]) -> str:
    """Who signed and why, for a record: `alice ("it is worth it")`."""
    return ", ".join(f'{one.username} ("{" ".join(one.justification.split())}")' for one in sign_offs)
