"""`tollgate replay`: from a file and from the cluster, the same and otherwise."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.unit.cli.files import Folder
from tests.unit.cli.running import Terminal
from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import populated
from tests.unit.reconcile.test_records import stored
from tests.unit.reconcile.world import World
from tollgate.api.budget import Stage
from tollgate.api.canonical import digest
from tollgate.cli import cluster
from tollgate.cli import replay as command
from tollgate.ports import Cluster, Object


@pytest.fixture(scope="module")
def world() -> World:
    """v1 was adopted, v2 promoted."""

    async def story() -> World:
        world = populated()
        op = Operator(world)
        await op.run(lambda: op.status.last_record is not None)
        world.git_applies("v2", Behaviour())
        await op.run(Stage.WATCHING)
        return world

    return asyncio.run(story())


@pytest.fixture
def connected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Cluster]:
        yield world

    monkeypatch.setattr(cluster, "connected", connect)
    monkeypatch.setattr(command, "default_namespace", lambda: "vision")


@pytest.fixture
def promoted(world: World) -> Object:
    return copy.deepcopy(stored(world)[-1])


@pytest.mark.usefixtures("connected")
def test_a_record_of_the_cluster_is_decided_as_it_was(terminal: Terminal, promoted: Object) -> None:
    ran = terminal.run("replay", promoted["metadata"]["name"])
    assert ran.code == 0, ran
    assert "Promoted (CanaryPassed) of release 2" in ran.out
    assert digest(promoted["spec"]) in ran.out
    assert "live tail" in ran.out
    assert "Tollgate 0.1.0 decides the same as Tollgate 0.1.0 did" in ran.out


def test_so_is_one_of_a_file_without_a_cluster(terminal: Terminal, folder: Folder, promoted: Object) -> None:
    path = folder.write("record.yaml", promoted)
    assert terminal.run("replay", "-f", path).code == 0
    document = json.loads(terminal.run("replay", "-f", path, "-o", "json").out)
    assert document["same"] is True
    assert document["digest"] == digest(promoted["spec"])
    assert {"what": "relation", "recorded": "Unknown", "now": "Unknown", "same": True} in document["findings"]


def test_a_record_of_several_is_chosen_by_its_name(terminal: Terminal, folder: Folder, world: World) -> None:
    path = folder.write("records.yaml", {"kind": "List", "apiVersion": "v1", "items": stored(world)})
    assert "holds 2 objects of kind EfficiencyDecision" in terminal.refuses("replay", "-f", path)
    ran = terminal.run("replay", stored(world)[0]["metadata"]["name"], "-f", path)
    assert ran.code == 0
    assert "the action rests on no measurement, but on what its message says" in ran.out


def test_what_is_decided_otherwise_is_named_with_both_values(
    terminal: Terminal, folder: Folder, promoted: Object
) -> None:
    rows = promoted["spec"]["liveEvidence"]["blocks"]
    promoted["spec"]["liveEvidence"]["blocks"] = [row.rsplit(" ", 1)[0] + " 50/50" for row in rows]
    ran = terminal.run("replay", "-f", folder.write("record.json", promoted))
    assert ran.code == 1
    (line,) = [line for line in ran.out.splitlines() if "live tail" in line]
    assert line.split() == ["live", "tail", "Within", "Breach", "differs"]
    assert "decides OTHERWISE than" in ran.out


def changed(promoted: Object, **spec: Any) -> Object:
    return {**promoted, "spec": promoted["spec"] | spec}


def test_bad_input_is_one_sentence(terminal: Terminal, folder: Folder, promoted: Object) -> None:
    assert "name an EfficiencyDecision" in terminal.refuses("replay")
    assert "cannot be read" in terminal.refuses("replay", "-f", folder.path / "none.yaml")
    unknown = folder.write("unknown.yaml", changed(promoted, verdikt="Within"))
    assert "spec.verdikt is no field of this kind" in terminal.refuses("replay", "-f", unknown)
    broken = copy.deepcopy(promoted)
    broken["spec"]["liveEvidence"]["blocks"][0] = "1 2 3"
    said = terminal.refuses("replay", "-f", folder.write("broken.yaml", broken))
    assert "the block '1 2 3' does not fit its columns" in said


@pytest.mark.usefixtures("connected")
def test_a_record_that_is_not_there_is_said_to_be(terminal: Terminal) -> None:
    assert "there is no EfficiencyDecision gone in namespace vision" in terminal.refuses("replay", "gone")
