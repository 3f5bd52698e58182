from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tollgate.api.conditions import Condition, find_condition, set_condition

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ready(
    status: bool | None, *, now: datetime, before: list[Condition], message: str = ""
) -> list[Condition]:
    return set_condition(before, "Ready", status, "Because", message, generation=1, now=now)


def test_the_time_moves_only_with_the_status() -> None:
    first = ready(True, now=NOON, before=[])
    later = ready(True, now=NOON + timedelta(hours=1), before=first, message="another message")
    flipped = ready(False, now=NOON + timedelta(hours=2), before=later)
    assert [c[0].last_transition_time for c in (first, later, flipped)] == [
        NOON,
        NOON,
        NOON + timedelta(hours=2),
    ]
    assert later[0].message == "another message"


def test_the_others_stay_where_they_are() -> None:
    both = set_condition(
        ready(True, now=NOON, before=[]), "Latched", None, "Starting", "", generation=1, now=NOON
    )
    assert [c.type for c in ready(False, now=NOON, before=both)] == ["Ready", "Latched"]


def test_nothing_known_is_unknown() -> None:
    condition = find_condition(ready(None, now=NOON, before=[]), "Ready")
    assert condition is not None
    assert condition.status == "Unknown"
    assert find_condition([condition], "Latched") is None


def test_a_message_is_cut_to_what_the_api_server_takes() -> None:
    assert len(ready(True, now=NOON, before=[], message="x" * 5000)[0].message) == 2048
