"""Laws of counting sign-offs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tollgate.api.signoff import Approval, SignOffSpec
from tollgate.decide.approval import Asked, SignOff, tally

ASKED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
DIGEST, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
ASKED = Asked("asked", DIGEST, ("mean",), ASKED_AT)
NOW = ASKED_AT + timedelta(seconds=100)


@st.composite
def sign_offs(draw: st.DrawFn) -> SignOff:
    refuses = draw(st.booleans())
    uid = draw(st.integers(0, 10**6))
    expires = draw(st.none() | st.integers(-50, 200))
    spec = {
        "budget": {"name": "digits"},
        "decision": {
            "name": draw(st.sampled_from(["asked", "other"])),
            "digest": draw(st.sampled_from([DIGEST, OTHER])),
        },
        "verdict": "Refuse" if refuses else "Accept",
        "approver": {"username": draw(st.sampled_from(["alice", "bob", "carol", "mallory"]))},
        "justification": "why",
        "accepts": [] if refuses else draw(st.sampled_from([["mean"], ["cost"], ["mean", "cost"]])),
        "expiresAt": None if expires is None else ASKED_AT + timedelta(seconds=expires),
    }
    created = ASKED_AT + timedelta(seconds=draw(st.integers(-50, 99)))
    return SignOff(f"s{uid}", f"u{uid}", created, SignOffSpec.model_validate(spec))


MANY = st.lists(sign_offs(), max_size=8, unique_by=lambda one: one.uid)
APPROVALS = st.builds(
    lambda required: Approval(approvers=["alice", "bob", "carol"], required=required), st.integers(1, 3)
)


@given(seen=MANY, approval=APPROVALS, data=st.data())
def test_the_order_in_which_they_are_seen_does_not_matter(
    seen: list[SignOff], approval: Approval, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(seen))
    assert tally(shuffled, ASKED, approval, NOW) == tally(seen, ASKED, approval, NOW)


@given(seen=MANY, approval=APPROVALS)
def test_who_counts_is_an_approver_who_was_asked_this_accepts_it_and_counts_once(
    seen: list[SignOff], approval: Approval
) -> None:
    counted = tally(seen, ASKED, approval, NOW)
    people = [one.person for one in counted.accepted]
    assert len(set(people)) == len(people)
    assert set(people) <= set(approval.approvers)
    assert counted.missing == max(0, approval.required - len(people))
    for one in (*counted.accepted, *([counted.refused] if counted.refused else [])):
        assert (one.spec.decision.name, one.spec.decision.digest) == ("asked", DIGEST)
        assert one.created >= ASKED_AT
        assert one.spec.expires_at is None or one.spec.expires_at > NOW
    assert all("mean" in one.spec.accepts for one in counted.accepted)


@given(seen=MANY, more=sign_offs(), approval=APPROVALS)
def test_another_sign_off_takes_nothing_back(seen: list[SignOff], more: SignOff, approval: Approval) -> None:
    before, after = (tally(some, ASKED, approval, NOW) for some in (seen, [*seen, more]))
    assert {one.person for one in before.accepted} <= {one.person for one in after.accepted}
    assert before.refused is None or after.refused is not None
