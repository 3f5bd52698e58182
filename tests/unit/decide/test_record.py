"""The outbox of decisions: made with the decision, stored until written, in the order of the chain."""

from __future__ import annotations

import json

from tests.unit.decide.chains import spec
from tollgate.api.budget import BudgetStatus
from tollgate.api.canonical import digest
from tollgate.api.chain import LARGEST_RECORD, UnwrittenRecord
from tollgate.decide.record import MOST_UNWRITTEN, appended, room, written


def waiting(number: int, message: str = "") -> BudgetStatus:
    """A status with so many records still to be written."""
    status = BudgetStatus()
    for sequence in range(1, number + 1):
        before = status.unwritten[-1] if status.unwritten else None
        status = appended(status, f"digits-{sequence}", spec(sequence, before, message=message))
    return status


def test_what_waits_is_the_spec_to_the_byte() -> None:
    (record,) = waiting(1).unwritten
    assert json.loads(record.spec) == spec(1).dump()
    assert record.digest == digest(spec(1).dump())


def test_the_next_one_names_the_one_before_though_it_is_not_written_yet() -> None:
    first, second = waiting(2).unwritten
    assert json.loads(second.spec)["previous"] == {"name": first.name, "digest": first.digest}


def test_what_is_written_becomes_the_head_and_leaves_the_outbox() -> None:
    status = waiting(3)
    first, *rest = status.unwritten
    status = written(status, first)
    assert status.unwritten == rest
    assert status.last_record is not None
    assert (status.last_record.sequence, status.last_record.name) == (1, "digits-1")
    assert not isinstance(status.last_record, UnwrittenRecord), (
        "of what is written the status keeps the digest only"
    )


def test_there_is_room_for_few_and_for_fewer_that_are_large() -> None:
    assert [room(waiting(number)) for number in range(MOST_UNWRITTEN + 1)] == [True] * MOST_UNWRITTEN + [
        False
    ]
    large = waiting(1)
    one = large.unwritten[0].model_copy(update={"spec": "x" * (LARGEST_RECORD // 2)})
    assert not room(large.model_copy(update={"unwritten": [one]}))


def test_a_full_outbox_still_fits_into_an_object() -> None:
    """There is room just below the bound, and then comes the largest record there is."""
    assert LARGEST_RECORD // 2 + LARGEST_RECORD <= 0.75 * 1.5 * 2**20
