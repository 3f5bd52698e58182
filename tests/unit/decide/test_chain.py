"""Walking a chain of records: what is missing, changed, forged or retained."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.decide.chains import appended, chain_of, head, with_checkpoint
from tollgate.api.chain import RecordRef
from tollgate.decide.chain import Chain, read_link, walk
from tollgate.ports import Object


def walked(records: list[Object], known: RecordRef | None = None) -> Chain:
    return walk(map(read_link, records), known)


def faults(records: list[Object], known: RecordRef | None = None) -> list[str]:
    return [fault.message for fault in walked(records, known).faults]


@pytest.mark.parametrize("length", [0, 1, 2, 7])
def test_an_intact_chain_has_no_faults_in_whatever_order_it_is_read(length: int) -> None:
    records = chain_of(length)
    known = head(records) if records else None
    assert walked(records[::-1], known) == Chain(tuple(map(read_link, records)), 1, ())


@pytest.mark.parametrize("gone", [1, 3, 5])
def test_a_deleted_record_is_named_by_the_one_that_followed(gone: int) -> None:
    records = chain_of(5)
    known = head(records)
    del records[gone - 1]
    assert faults(records, known) == [f"record {gone} (digits-1f0a2-{gone}-promoted) is missing"]


def test_several_deleted_records_are_one_gap() -> None:
    records = chain_of(9)
    del records[2:6]
    assert faults(records) == ["records 3 to 6 (digits-1f0a2-6-promoted) are missing"]


def test_that_the_newest_records_are_gone_shows_in_the_budget_alone() -> None:
    records = chain_of(4)
    assert faults(records[:2]) == []
    assert faults(records[:2], head(records)) == ["records 3 to 4 (digits-1f0a2-4-promoted) are missing"]
    assert faults([], head(records)) == ["records 1 to 4 (digits-1f0a2-4-promoted) are missing"]


def test_a_changed_record_is_contradicted_by_the_next_and_says_nothing_of_others() -> None:
    records = chain_of(5)
    records[2]["spec"]["previous"]["digest"] = "sha256:" + "f" * 64
    (found,) = walked(records).faults
    assert found.sequence == 3
    assert "record 3 (digits-1f0a2-3-promoted) is changed" in found.message
    assert "record 4 (digits-1f0a2-4-promoted) has digits-1f0a2-3-promoted with sha256:" in found.message


def test_the_first_of_several_faults_comes_first() -> None:
    records = chain_of(6)
    records[4]["spec"]["message"] = "It was fine."
    del records[1]
    assert [fault.sequence for fault in walked(records).faults] == [2, 5]


def test_a_forged_copy_beside_the_record_is_not_the_one_that_was_written() -> None:
    records = chain_of(3)
    forged = appended(records[:1], message="It was fine.")[-1]
    forged["metadata"]["name"] = "digits-forged"
    (message,) = faults([*records, forged])
    assert "record 2 (digits-forged) is changed, or not the one that was written" in message


def test_two_ends_are_a_fork() -> None:
    records = chain_of(2)
    other = appended(records[:1], message="Another.")[-1]
    other["metadata"]["name"] = "digits-other"
    expected = "the chain forks: digits-1f0a2-2-promoted and digits-other are both record 2"
    assert faults([*records, other]) == [expected]
    assert len(faults([*records, other], head(records))) == 1, "the budget tells which one is false"


def test_a_record_that_claims_to_be_the_first_cuts_off_what_was_before() -> None:
    records = chain_of(3)
    records[1]["spec"].pop("previous")
    (found,) = walked(records[1:2], head(records[1:2])).faults[1:]
    assert "only the first record has none before it" in found.message


def test_a_checkpoint_stands_for_what_was_deleted_before_it() -> None:
    records = with_checkpoint(chain_of(5), 3)
    for deleted in range(4):
        chain = walked(records[deleted:], head(records))
        assert chain.faults == ()
        assert chain.begins == 4
    assert faults([records[0], *records[2:]], head(records)) == [], "deleted in whatever order"


def test_a_checkpoint_stands_for_no_more_than_it_says() -> None:
    records = with_checkpoint(chain_of(5), 3)
    assert faults(records[4:]) == ["record 4 (digits-1f0a2-4-promoted) is missing"]


def test_a_checkpoint_and_the_record_after_what_it_stands_for_must_agree() -> None:
    records = chain_of(5)
    records[2]["spec"]["message"] = "It was fine."
    records = with_checkpoint(records, 3)
    (message,) = faults(records[3:])
    assert message.endswith("do not mean the same record 3")


def test_what_was_wrong_before_a_checkpoint_stays_known() -> None:
    records = with_checkpoint(chain_of(5), 3, fault="record 2 is missing")
    assert faults(records[3:]) == ["record 6 (digits-1f0a2-6-promoted) found: record 2 is missing"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sequence": 0},
            "digits-1f0a2-1-promoted is no record of a chain: sequence: Input should be greater",
        ),
        ({"sequence": None}, "is no record of a chain: sequence: Input should be a valid integer"),
        ({"previous": {"name": "a"}}, "is no record of a chain: digest: Field required"),
        ({"release": 1.5}, "is no record of a chain: 1.5 has no canonical JSON"),
    ],
)
def test_what_is_no_record_is_named(change: dict[str, Any], message: str) -> None:
    (record,) = chain_of(1)
    record["spec"] |= change
    with pytest.raises(ValueError, match=message):
        read_link(record)
