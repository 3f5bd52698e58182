"""`tollgate verify`: intact and broken chains, of the cluster and of a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.unit.cli.files import Folder
from tests.unit.cli.running import Terminal
from tests.unit.decide.chains import appended, chain_of, head, with_checkpoint
from tests.unit.reconcile.setting import budget as budget_spec
from tests.unit.reconcile.world import World
from tollgate.api.chain import RecordRef
from tollgate.cli import cluster
from tollgate.ports import DECISION, Cluster, Object


def budget(last: RecordRef | None, **status: Any) -> Object:
    if last is not None:
        status["lastRecord"] = last.dump()
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "EfficiencyBudget",
        "metadata": {"name": "digits", "namespace": "vision"},
        "spec": budget_spec(),
        "status": status,
    }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Five records and their budget."""
    world = World()

    @asynccontextmanager
    async def connect() -> AsyncIterator[Cluster]:
        yield world

    monkeypatch.setattr(cluster, "connected", connect)
    records = chain_of(5)
    for obj in [*records, budget(head(records))]:
        world.put(obj)
    return world


def test_an_intact_chain(terminal: Terminal, world: World) -> None:
    ran = terminal.run("verify", "vision/digits")
    assert ran.code == 0, ran
    assert ran.out.splitlines() == [
        "vision/digits: 5 records of Deployment digits (1 to 5): intact",
        f"  newest: digits-1f0a2-5-promoted {head(chain_of(5)).digest}",
    ]


@pytest.mark.parametrize("gone", [1, 3, 5])
def test_a_deleted_record_is_found(terminal: Terminal, world: World, gone: int) -> None:
    world.remove(DECISION, f"digits-1f0a2-{gone}-promoted")
    ran = terminal.run("verify", "vision/digits")
    assert ran.code == 1
    assert "BROKEN" in ran.out.splitlines()[0]
    assert ran.out.splitlines()[1] == f"  record {gone} (digits-1f0a2-{gone}-promoted) is missing"


def test_all_that_is_wrong_is_said_the_first_first(terminal: Terminal, world: World) -> None:
    world.remove(DECISION, "digits-1f0a2-2-promoted")
    world.objects[(DECISION.plural, "vision", "digits-1f0a2-4-promoted")]["spec"]["message"] = "It was fine."
    document = json.loads(terminal.run("verify", "vision/digits", "-o", "json").out)
    assert document["intact"] is False
    assert [fault["sequence"] for fault in document["faults"]] == [2, 4]


def test_a_record_that_the_budget_knows_nothing_of_is_false(terminal: Terminal, world: World) -> None:
    world.put(appended(chain_of(5))[-1])
    ran = terminal.run("verify", "vision/digits")
    assert ran.code == 1
    assert "record 6 (digits-1f0a2-6-promoted) is none that the budget knows of" in ran.out


def test_one_that_is_just_being_written_is_known(terminal: Terminal, folder: Folder) -> None:
    records = chain_of(3)
    unwritten = head(records).dump() | {"release": 3, "decidedAt": "2026-01-01T12:00:00Z", "spec": "{}"}
    about = budget(head(records[:2]), unwritten=[unwritten])
    for there in (2, 3):
        path = folder.write("all.yaml", about, *records[:there])
        assert terminal.run("verify", "vision/digits", "-f", path).code == 0


def test_a_file_needs_no_cluster_and_says_what_it_cannot_tell(terminal: Terminal, folder: Folder) -> None:
    records = with_checkpoint(chain_of(6), 4)[4:]
    other = {**records[0], "spec": records[0]["spec"] | {"target": {"name": "letters", "uid": "u9"}}}
    other["spec"]["budget"] = {"name": "letters", "uid": "u8"}
    path = folder.write("records.yaml", {"kind": "List", "apiVersion": "v1", "items": [*records, other]})
    ran = terminal.run("verify", "vision/digits", "-f", path)
    assert ran.code == 0, ran
    assert "3 records of Deployment digits (5 to 7): intact" in ran.out
    assert "records 1 to 4 were deleted by retention; a checkpoint stands for them" in ran.out
    assert "the budget is gone: whether newer records were deleted cannot be told" in ran.out


def test_a_budget_without_records_has_none_so_far(terminal: Terminal, folder: Folder) -> None:
    ran = terminal.run("verify", "vision/digits", "-f", folder.write("budget.yaml", budget(None)))
    assert (ran.code, ran.out) == (0, "vision/digits: no record of Deployment digits so far\n")


def test_what_is_no_record_any_more_is_a_fault(terminal: Terminal, folder: Folder) -> None:
    records = chain_of(3)
    records[1]["spec"]["sequence"] = "two"
    ran = terminal.run(
        "verify", "vision/digits", "-f", folder.write("all.yaml", budget(head(records)), *records)
    )
    assert ran.code == 1
    assert "digits-1f0a2-2-promoted is no record of a chain: sequence" in ran.out


@pytest.mark.parametrize("name", ["digits", "vision/", "/digits", "a/b/c"])
def test_a_budget_is_named_with_its_namespace(terminal: Terminal, name: str) -> None:
    assert "names no budget: write NAMESPACE/BUDGET" in terminal.refuses("verify", name)


def test_nothing_to_verify_is_bad_input(terminal: Terminal, folder: Folder, world: World) -> None:
    assert "there is no EfficiencyBudget vision/letters, and no record of one" in terminal.refuses(
        "verify", "vision/letters"
    )
    empty = folder.text("empty.yaml", "")
    assert "holds no EfficiencyDecision of namespace vision" in terminal.refuses(
        "verify", "vision/digits", "-f", empty
    )
