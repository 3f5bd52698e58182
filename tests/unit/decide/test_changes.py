"""Which limits are looser, and which tighter, than they were."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT, objective
from tests.unit.decide.test_dimensions import CASES
from tollgate.api.objective import Objective
from tollgate.decide.changes import Change, Kind, changes


def changed(o: Objective, **fields: Any) -> Objective:
    return Objective.model_validate(o.dump() | fields)


def only(old: Objective, new: Objective) -> Change:
    (found,) = changes([old], [new])
    return found


@pytest.mark.parametrize(
    ("old", "fields", "kind"),
    [
        (P99, {"max": "300ms"}, Kind.LOOSER),
        (P99, {"max": "0.2s"}, Kind.TIGHTER),
        (ACCURACY, {"min": "0.9"}, Kind.LOOSER),
        (ACCURACY, {"min": "0.99"}, Kind.TIGHTER),
        (THROUGHPUT, {"min": "20req/s"}, Kind.LOOSER),
        (P99, {"statistic": "P95"}, Kind.REPLACED),
        (P99, {"stage": "peak"}, Kind.REPLACED),
        (COST, {"max": "0.30EUR"}, Kind.REPLACED),
        (COST, {"per": "Request"}, Kind.REPLACED),
        (THROUGHPUT, {"min": "900tok/s"}, Kind.REPLACED),
        (objective("Energy", per="Request", max="1J"), {"max": "0.001Wh"}, Kind.LOOSER),
        (objective("Energy", per="Request", max="1J"), {"max": "1gCO2e"}, Kind.REPLACED),
        (objective("Energy", per="Request", max="1J", measured=True), {"measured": False}, Kind.REPLACED),
        (objective("Parameters", max="8B"), {"max": "16Gi"}, Kind.REPLACED),
        (objective("ViolationRate", within="1s", max="1%"), {"within": "2s"}, Kind.LOOSER),
        (changed(P99, maxRegression="10%"), {"maxRegression": "50%"}, Kind.LOOSER),
        (changed(P99, maxRegression="10%"), {"maxRegression": "5%"}, Kind.TIGHTER),
        (changed(P99, maxRegression="10%"), {"maxRegression": "50%", "max": "200ms"}, Kind.REPLACED),
        (P99, {"maxRegression": "5%"}, Kind.TIGHTER),
        (objective("ViolationRate", within="1s", max="1%"), {"within": "2s", "max": "0.5%"}, Kind.REPLACED),
        (objective("ViolationRate", within="1s", max="1%"), {"within": "2s", "max": "2%"}, Kind.LOOSER),
    ],
)
def test_how_a_limit_changed(old: Objective, fields: dict[str, Any], kind: Kind) -> None:
    change = only(old, changed(old, **fields))
    assert change.kind is kind
    assert change.was != change.now or fields.keys() == {"measured"}
    assert change.loosens == (kind in (Kind.LOOSER, Kind.REPLACED))


def test_the_same_written_otherwise_is_no_change() -> None:
    assert changes([P99, MEAN], [changed(MEAN, max="0.08s"), changed(P99, max="0.250s")]) == []


def test_what_came_and_what_went() -> None:
    gone, new = changes([P99, ERRORS], [P99, ACCURACY])
    assert (gone.name, gone.kind, gone.now, gone.loosens) == ("errorrate", Kind.REMOVED, "", True)
    assert (new.name, new.kind, new.was, new.loosens) == ("quality", Kind.ADDED, "", False)


@given(st.sampled_from(CASES), st.sampled_from(CASES))
def test_one_way_is_the_other_way_back(one: Any, other: Any) -> None:
    old, new = (objective(d, **row.o | {"name": "o"}) for d, row in (one, other))
    there, back = changes([old], [new]), changes([new], [old])
    assert len(there) == len(back)
    turned = {Kind.LOOSER: Kind.TIGHTER, Kind.TIGHTER: Kind.LOOSER, Kind.REPLACED: Kind.REPLACED}
    assert [turned[change.kind] for change in there] == [change.kind for change in back]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]))
def test_every_dimension_is_no_change_of_itself(case: Any) -> None:
    o = objective(case[0], **case[1].o)
    assert changes([o], [o]) == []
