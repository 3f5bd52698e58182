"""What must hold of every chain of records: no change of it goes unnoticed."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.decide.chains import chain_of, head, with_checkpoint
from tollgate.api.canonical import canonical
from tollgate.decide.chain import read_link, walk
from tollgate.ports import Object

RECORDS = with_checkpoint(chain_of(6), 2)[1:]
HEAD = head(RECORDS)


def notices(records: list[Object]) -> bool:
    """Whether a walk that knows the newest record finds a fault, or finds that something is no record at all."""
    try:
        links = [read_link(record) for record in records]
    except ValueError:
        return True
    return bool(walk(links, HEAD).faults)


def test_the_chain_is_intact() -> None:
    assert not notices(RECORDS)


@given(st.integers(0, len(RECORDS) - 1), st.data())
def test_every_changed_byte_is_noticed(which: int, data: st.DataObject) -> None:
    content = bytearray(canonical(RECORDS[which]["spec"]))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    try:
        spec: Any = json.loads(bytes(content))
    except ValueError:
        return  # no JSON any more: the API server could not have stored it
    assume(isinstance(spec, dict) and spec != RECORDS[which]["spec"])
    changed = copy.deepcopy(RECORDS)
    changed[which]["spec"] = spec
    assert notices(changed)


@given(st.integers(0, len(RECORDS) - 1), st.text(min_size=1, max_size=10))
def test_every_other_name_is_noticed(which: int, name: str) -> None:
    assume(name != RECORDS[which]["metadata"]["name"])
    changed = copy.deepcopy(RECORDS)
    changed[which]["metadata"]["name"] = name
    assert notices(changed)


@given(st.sets(st.integers(0, len(RECORDS) - 1), min_size=1))
def test_every_missing_record_is_noticed_but_those_that_a_checkpoint_stands_for(gone: set[int]) -> None:
    left = [record for index, record in enumerate(RECORDS) if index not in gone]
    assert notices(left) == (gone != {0})


@given(st.permutations(RECORDS))
def test_the_order_in_which_they_are_read_is_of_no_matter(records: list[Object]) -> None:
    assert not notices(records)
