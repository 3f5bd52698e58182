"""Who counts as having signed, and what is said of who does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tollgate.api.signoff import Approval, SignOffSpec
from tollgate.api.verdict import ObjectiveResult, Relation, Verdict
from tollgate.decide.approval import Asked, SignOff, Tally, describe, may_sign, signatures, tally, worsened

ASKED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW = ASKED_AT + timedelta(hours=1)
DIGEST = "sha256:" + "1" * 64
ASKED = Asked("digits-2-awaitingsignoff", DIGEST, ("mean", "cost"), ASKED_AT)
ALL = ["mean", "cost"]


def signed(
    person: str, *, after: int = 60, name: str = "", groups: tuple[str, ...] = (), **fields: Any
) -> SignOff:
    """An acceptance of everything by a person, so many seconds after they were asked; `fields` of its spec differ."""
    spec = {
        "budget": {"name": "digits"},
        "decision": {"name": ASKED.decision, "digest": DIGEST},
        "verdict": "Accept",
        "approver": {"username": person, "groups": list(groups)},
        "justification": "Worth it.",
        "accepts": [] if fields.get("verdict") == "Refuse" else ALL,
        **fields,
    }
    created = ASKED_AT + timedelta(seconds=after)
    return SignOff(name or f"of-{person}", f"uid-{person}-{after}", created, SignOffSpec.model_validate(spec))


def count(*seen: SignOff, now: datetime = NOW, **approval: Any) -> Tally:
    return tally(seen, ASKED, Approval.model_validate(approval), now)


def test_nobody_has_signed() -> None:
    counted = count()
    assert (counted.accepted, counted.refused, counted.missing) == ((), None, 1)
    assert "0 of 1 sign-offs; whoever has the verb approve on this budget may sign" in describe(
        counted, Approval()
    )


def test_one_acceptance_is_enough_unless_more_are_required() -> None:
    assert count(signed("alice")).missing == 0
    assert count(signed("alice"), required=2).missing == 1
    counted = count(signed("alice"), signed("bob"), required=2)
    assert counted.missing == 0
    assert [one.person for one in counted.accepted] == ["alice", "bob"]


def test_a_person_counts_once() -> None:
    counted = count(signed("alice"), signed("alice", after=90, name="again"), required=2)
    assert counted.missing == 1
    ((ignored, why),) = counted.ignored
    assert ignored.name == "again"
    assert why == "alice has signed already, with of-alice"


def test_a_second_try_counts_where_the_first_did_not() -> None:
    counted = count(signed("alice", accepts=["mean"]), signed("alice", after=90))
    assert counted.missing == 0
    assert [why for _, why in counted.ignored] == ["it does not accept cost"]


def test_one_refusal_outweighs_every_acceptance() -> None:
    counted = count(signed("alice"), signed("bob"), signed("carol", verdict="Refuse"), required=2)
    assert counted.refused is not None
    assert counted.refused.person == "carol"


@pytest.mark.parametrize(
    ("sign_off", "why"),
    [
        (signed("alice", decision={"name": ASKED.decision, "digest": "sha256:" + "0" * 64}), "its digest is of"),
        (signed("alice", decision={"name": "other", "digest": DIGEST}), "it is about other, not about digits-2"),
        (signed("alice", after=-1), "before the API server was seen to check who signs"),
        (signed("alice", expiresAt="2026-01-01T13:00:00Z"), "it expired at 2026-01-01T13:00:00Z"),
        (signed("mallory"), "mallory is not among spec.approval.approvers"),
        (signed("alice", accepts=["mean"]), "it does not accept cost"),
        (signed("alice", accepts=["acc"]), "it does not accept mean, cost"),
    ],
)  # fmt: skip
def test_what_does_not_count_is_said(sign_off: SignOff, why: str) -> None:
    counted = count(sign_off, approvers=["alice", "bob"])
    assert counted.accepted == ()
    assert counted.missing == 1
    ((_, said),) = counted.ignored
    assert why in said
    assert f"{sign_off.name} of {sign_off.person} does not count: {said}" in describe(counted, Approval())


def test_a_refusal_that_does_not_count_refuses_nothing() -> None:
    stranger = signed("mallory", verdict="Refuse")
    expired = signed("alice", verdict="Refuse", expiresAt="2026-01-01T12:30:00Z")
    assert count(stranger, expired, approvers=["alice"]).refused is None


def test_it_counts_until_the_moment_it_expires() -> None:
    sign_off = signed("alice", expiresAt="2026-01-01T13:00:00Z")
    assert count(sign_off, now=NOW - timedelta(microseconds=1)).missing == 0
    assert count(sign_off, now=NOW).missing == 1


def test_answers_to_earlier_releases_are_passed_over() -> None:
    assert count(signed("alice", after=-5, decision={"name": "other", "digest": DIGEST})).ignored == ()


def test_who_is_in_a_group_may_sign_by_naming_it() -> None:
    leads = {"approvers": ["alice", "group:leads"]}
    assert count(signed("bob", groups=("leads",)), **leads).missing == 0
    counted = count(signed("bob"), **leads)
    assert counted.missing == 1
    assert "no group of theirs is named in the sign-off" in counted.ignored[0][1]


@pytest.mark.parametrize(
    ("approvers", "person", "groups", "may"),
    [
        ([], "anybody", [], True),
        (["alice"], "alice", [], True),
        (["alice"], "bob", ["alice"], False),
        (["group:leads"], "leads", [], False),
        (["group:leads"], "group:leads", [], False),
        (["group:leads"], "bob", ["leads"], True),
    ],
)
def test_who_may_sign(approvers: list[str], person: str, groups: list[str], may: bool) -> None:
    assert may_sign(approvers, person, groups) is may


def test_people_are_asked_about_what_is_worse_or_in_breach() -> None:
    results = [
        ObjectiveResult(name="mean", verdict=Verdict.WITHIN, relation=Relation.WORSE),
        ObjectiveResult(name="acc", verdict=Verdict.WITHIN, relation=Relation.BETTER),
        ObjectiveResult(name="tail", verdict=Verdict.BREACH, relation=Relation.EQUAL),
    ]
    assert worsened(results) == ("mean", "tail")
    assert worsened(results, {"tail", "mean"}) == ("mean",), "what is tolerated may breach, not grow worse"


def test_a_record_holds_who_signed_and_why() -> None:
    taken = [one.taken() for one in (signed("alice", justification="Two\nlines."), signed("bob"))]
    assert signatures(taken) == 'alice ("Two lines."), bob ("Worth it.")'
    assert taken[0].at == ASKED_AT + timedelta(seconds=60)
    assert taken[0].digest == DIGEST
