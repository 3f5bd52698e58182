"""Which limits are looser, and which tighter, than they were."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT, objective
from tests.unit.decide.test_dimensions import CASES
from tollgate.api.change import ChangeKind, LimitChange
from tollgate.api.objective import Objective
from tollgate.decide.changes import changes


def changed(o: Objective, **fields: Any) -> Objective:
    return Objective.model_validate(o.dump() | fields)


def only(old: Objective, new: Objective) -> LimitChange:
    (found,) = changes([old], [new])
    return found


@pytest.mark.parametrize(
    ("old", "fields", "kind"),
    [
        (P99, {"max": "300ms"}, ChangeKind.LOOSER),
        (P99, {"max": "0.2s"}, ChangeKind.TIGHTER),
        (ACCURACY, {"min": "0.9"}, ChangeKind.LOOSER),
        (ACCURACY, {"min": "0.99"}, ChangeKind.TIGHTER),
        (THROUGHPUT, {"min": "20req/s"}, ChangeKind.LOOSER),
        (P99, {"statistic": "P95"}, ChangeKind.REPLACED),
        (P99, {"stage": "peak"}, ChangeKind.REPLACED),
        (COST, {"max": "0.30EUR"}, ChangeKind.REPLACED),
        (COST, {"per": "Request"}, ChangeKind.REPLACED),
        (THROUGHPUT, {"min": "900tok/s"}, ChangeKind.REPLACED),
        (objective("Energy", per="Request", max="1J"), {"max": "0.001Wh"}, ChangeKind.LOOSER),
        (objective("Energy", per="Request", max="1J"), {"max": "1gCO2e"}, ChangeKind.REPLACED),
        (
            objective("Energy", per="Request", max="1J", measured=True),
            {"measured": False},
            ChangeKind.REPLACED,
        ),
        (objective("Parameters", max="8B"), {"max": "16Gi"}, ChangeKind.REPLACED),
        (objective("ViolationRate", within="1s", max="1%"), {"within": "2s"}, ChangeKind.LOOSER),
        (changed(P99, maxRegression="10%"), {"maxRegression": "50%"}, ChangeKind.LOOSER),
        (changed(P99, maxRegression="10%"), {"maxRegression": "5%"}, ChangeKind.TIGHTER),
        (changed(P99, maxRegression="10%"), {"maxRegression": "50%", "max": "200ms"}, ChangeKind.REPLACED),
        (P99, {"maxRegression": "5%"}, ChangeKind.TIGHTER),
        (
            objective("ViolationRate", within="1s", max="1%"),
            {"within": "2s", "max": "0.5%"},
            ChangeKind.REPLACED,
        ),
        (objective("ViolationRate", within="1s", max="1%"), {"within": "2s", "max": "2%"}, ChangeKind.LOOSER),
    ],
)
def test_how_a_limit_changed(old: Objective, fields: dict[str, Any], kind: ChangeKind) -> None:
    change = only(old, changed(old, **fields))
    assert change.kind is kind
    assert change.was != change.now or fields.keys() == {"measured"}
    assert change.loosens == (kind in (ChangeKind.LOOSER, ChangeKind.REPLACED))


def test_the_same_written_otherwise_is_no_change() -> None:
    assert changes([P99, MEAN], [changed(MEAN, max="0.08s"), changed(P99, max="0.250s")]) == []


def test_what_came_and_what_went() -> None:
    gone, new = changes([P99, ERRORS], [P99, ACCURACY])
    assert (gone.name, gone.kind, gone.now, gone.loosens) == ("errorrate", ChangeKind.REMOVED, "", True)
    assert (new.name, new.kind, new.was, new.loosens) == ("quality", ChangeKind.ADDED, "", False)


@given(st.sampled_from(CASES), st.sampled_from(CASES))
def test_one_way_is_the_other_way_back(one: Any, other: Any) -> None:
    old, new = (objective(d, **row.o | {"name": "o"}) for d, row in (one, other))
    there, back = changes([old], [new]), changes([new], [old])
    assert len(there) == len(back)
    turned = {
        ChangeKind.LOOSER: ChangeKind.TIGHTER,
        ChangeKind.TIGHTER: ChangeKind.LOOSER,
        ChangeKind.REPLACED: ChangeKind.REPLACED,
    }
    assert [turned[change.kind] for change in there] == [change.kind for change in back]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]))
def test_every_dimension_is_no_change_of_itself(case: Any) -> None:
    o = objective(case[0], **case[1].o)
    assert changes([o], [o]) == []
