"""`tollgate approve` against the fake world: what it shows, what it signs, what it refuses to sign."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.cli.running import Terminal
from tests.unit.decide.test_changing import guarded
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.test_signing import OVER_LIMIT, release, waiting
from tests.unit.reconcile.test_signing import sign as put_sign_off
from tollgate.api.budget import Stage
from tollgate.api.signoff import EfficiencySignOff, SignOffSpec
from tollgate.cli import approve as command
from tollgate.cli import cluster
from tollgate.ports import BUDGET, SIGN_OFF, Cluster

ALICE = "alice@example.com"


class Desk:
    """A person at a terminal, and the operator that waits for them."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.terminal = terminal
        self._patch = monkeypatch
        self.op: Operator

    def waits(self, *waiting_for: Any, **spec: Any) -> str:
        """A candidate waits; the name of the record."""
        self.sits_at(asyncio.run(waiting(*waiting_for, **spec)))
        return release(self.op).decision

    def sits_at(self, op: Operator) -> None:
        """The terminal is of that operator's cluster."""
        self.op = op
        world = op.world
        world.me = {"username": ALICE, "groups": ["leads", "system:authenticated"]}

        @asynccontextmanager
        async def connected() -> AsyncIterator[Cluster]:
            yield world

        self._patch.setattr(cluster, "connected", connected)
        self._patch.setattr(command, "default_namespace", lambda: "vision")

    def signed(self) -> list[SignOffSpec]:
        """The sign-offs that were made."""
        found = self.op.world.objects.items()
        return [EfficiencySignOff.model_validate(o).spec for (p, _, _), o in found if p == SIGN_OFF.plural]

    def refuses(self, *arguments: object) -> str:
        said = self.terminal.refuses("approve", *arguments)
        assert self.signed() == []
        return said


@pytest.fixture
def desk(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    return Desk(terminal, monkeypatch)


def test_one_command_shows_signs_and_releases(desk: Desk) -> None:
    decision = desk.waits()
    ran = desk.terminal.run("approve", decision, "-m", "Accuracy is worth it.")
    assert ran.code == 0, ran
    assert "revision c17d20de4f (digits:v3) against last-good" in ran.out
    assert "mean" in ran.out
    assert "worse" in ran.out
    assert "against last-good: mean is worse, 60." in ran.out
    assert f"{ALICE} signed {decision}-" in ran.out
    assert "Accept mean. Next: the candidate goes on to its canary" in ran.out
    (spec,) = desk.signed()
    assert (spec.approver.username, spec.approver.groups) == (ALICE, [])
    assert spec.accepts == ["mean"]
    asyncio.run(desk.op.pass_once())
    assert desk.op.stage is Stage.CANARY


def test_a_refusal_rejects(desk: Desk) -> None:
    decision = desk.waits()
    ran = desk.terminal.run("approve", decision, "-m", "Too slow.", "--refuse")
    assert "Refuse. Next: the candidate is rejected" in ran.out
    asyncio.run(desk.op.pass_once())
    assert desk.op.stage is Stage.REJECTED


def test_it_says_who_lacks_and_names_the_group_that_lets_one_sign(desk: Desk) -> None:
    decision = desk.waits(approval={"approvers": ["bob", "group:leads"], "required": 2})
    ran = desk.terminal.run("approve", decision, "-m", "Worth it.")
    assert f"it waits for 1 more. 1 of 2 sign-offs ({ALICE}); bob or group:leads may sign" in ran.out
    assert [spec.approver.groups for spec in desk.signed()] == [["leads"]]


def test_it_expires_when_told_to(desk: Desk) -> None:
    decision = desk.waits()
    before = datetime.now(UTC)
    desk.terminal.run("approve", decision, "-m", "Worth it.", "--expires", "24h")
    (spec,) = desk.signed()
    assert spec.expires_at is not None
    assert timedelta(hours=23) < spec.expires_at - before <= timedelta(hours=24)


def test_an_override_names_the_breach(desk: Desk) -> None:
    decision = desk.waits(OVER_LIMIT, approval={"mayOverrideBreach": True})
    ran = desk.terminal.run("approve", decision, "-m", "CVE-2026-1", "--accept", "mean")
    assert "Breach" in ran.out
    assert [spec.accepts for spec in desk.signed()] == [["mean"]]


def test_what_is_not_meant_is_not_signed(desk: Desk) -> None:
    decision = desk.waits(approval={"approvers": [ALICE]})
    why = ("-m", "why")
    assert "there is no EfficiencyDecision other in namespace vision" in desk.refuses("other", *why)
    assert "in namespace elsewhere" in desk.refuses(decision, *why, "-n", "elsewhere")
    promoted = decision.replace("3-awaitingsignoff", "2-promoted")
    assert "is a record of the action Promoted" in desk.refuses(promoted, *why)
    assert "acc did not get worse: what got worse is mean" in desk.refuses(decision, *why, "--accept", "acc")
    assert "-m takes 1 to 1,024 characters" in desk.refuses(decision, "-m", "  ")
    assert "contradict" in desk.refuses(decision, *why, "--refuse", "--accept", "mean")
    assert "'soon' is not a duration" in desk.refuses(decision, *why, "--expires", "soon")
    desk.op.world.me = {"username": "mallory", "groups": ["leads"]}
    assert "you are mallory, and spec.approval.approvers of the budget is alice" in desk.refuses(
        decision, *why
    )


def test_what_no_longer_waits_is_not_signed(desk: Desk) -> None:
    decision = desk.waits()
    put_sign_off(desk.op, "bob")
    asyncio.run(desk.op.pass_once())
    said = desk.terminal.refuses("approve", decision, "-m", "why")
    assert f"nothing waits for {decision} any more: release 3 is Canary" in said
    desk.op.world.remove(BUDGET, "digits")
    assert "the EfficiencyBudget digits of" in desk.terminal.refuses("approve", decision, "-m", "why")


def test_where_names_are_not_checked_it_says_that_nothing_comes_of_it(desk: Desk) -> None:
    decision = desk.waits()
    raw = desk.op.world.objects[(BUDGET.plural, "vision", "digits")]
    del raw["status"]["release"]["signableSince"]
    ran = desk.terminal.run("approve", decision, "-m", "why")
    assert "Next: nothing, as sign-offs do not count: the API server was not seen" in ran.out


def test_what_the_api_server_refuses_is_one_sentence_and_69(desk: Desk) -> None:
    decision = desk.waits()
    desk.op.world.hidden = {BUDGET.plural}
    ran = desk.terminal.run("approve", decision, "-m", "why")
    assert (ran.code, ran.out) == (69, "")
    assert ran.err == "tollgate approve: get EfficiencyBudget digits: forbidden\n"


def test_without_a_cluster_it_says_so(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    ran = terminal.run("approve", "x", "-m", "why")
    assert ran.code == 69
    assert "No usable credentials for a Kubernetes cluster" in ran.err


def test_a_change_of_limits_is_shown_and_signed(desk: Desk) -> None:
    desk.sits_at(asyncio.run(guarded()))
    proposal = desk.op.status.proposal
    assert proposal is not None
    said = desk.terminal.run("approve", proposal.record, "-m", "the new phone is slower").out
    assert "digits: a change of its limits" in said
    assert "p99 <= 250ms" in said
    assert "Accept tail. Next: the change counts" in said
    (signed,) = desk.signed()
    assert (signed.accepts, signed.decision.digest) == (["tail"], proposal.digest)
    asyncio.run(desk.op.run(lambda: desk.op.status.proposal is None))
    assert "nothing waits for" in desk.terminal.refuses("approve", proposal.record, "-m", "again")
