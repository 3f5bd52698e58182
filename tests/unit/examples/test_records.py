"""examples/digits/records: what `kubectl get effb,effd -o yaml` gave of the fake world, for those who want to try.

UPDATE_DOCS=1 writes the files anew, which changes every digest in docs/records.md.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.running import Terminal
from tests.unit.reconcile.test_crash import story
from tests.unit.reconcile.test_records import stored
from tollgate.cli.documents import manifests
from tollgate.ports import BUDGET, DECISION, Object

FOLDER = Path(__file__).parents[3] / "examples/digits/records"


def exported() -> list[Object]:
    """v2 was promoted and rolled back, v3 refused: the budget and four records."""
    world, _ = asyncio.run(story(None))
    return [world.objects[(BUDGET.plural, "vision", "digits")], *stored(world)]


def write(name: str, objects: list[Object]) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    (FOLDER / name).write_text(yaml.safe_dump(listed, sort_keys=False, width=110))


@pytest.fixture(scope="module", autouse=True)
def written() -> None:
    if os.environ.get("UPDATE_DOCS"):
        objects = exported()
        write("records.yaml", objects)
        write("deleted.yaml", [one for one in objects if one["spec"].get("sequence") not in (2, 3)])


def test_the_chain_is_intact_and_every_record_is_decided_again_as_it_was(terminal: Terminal) -> None:
    path = FOLDER / "records.yaml"
    assert terminal.run("verify", "vision/digits", "-f", path).code == 0
    records = [one for one in manifests(str(path)) if one["kind"] == DECISION.kind]
    assert [one["spec"]["action"] for one in records] == ["Adopted", "Promoted", "RolledBack", "Rejected"]
    for record in records:
        assert terminal.run("replay", record["metadata"]["name"], "-f", path).code == 0


def test_what_was_deleted_is_found(terminal: Terminal) -> None:
    ran = terminal.run("verify", "vision/digits", "-f", FOLDER / "deleted.yaml")
    assert ran.code == 1
    assert "records 2 to 3" in ran.out
