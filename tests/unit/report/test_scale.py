from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.report.scale import Scale, spanning

values = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20)


@given(values, st.booleans())
def test_every_value_has_a_place_and_a_tick_or_two_beside_it(found: list[float], log: bool) -> None:
    scale = spanning(found, 10, 300, log=log)
    assert all(10 <= scale(value) <= 300 for value in found)
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 12
    assert ticks == sorted(ticks)
    assert all(scale.low <= tick * (1 + 1e-9) and tick * (1 - 1e-9) <= scale.high for tick in ticks)


def test_places_grow_with_the_value_or_with_its_logarithm() -> None:
    assert Scale(0, 10, 0, 100)(2.5) == 25
    assert Scale(1, 100, 0, 100, log=True)(10) == pytest.approx(50)
    assert Scale(0, 10, 100, 0)(10) == 0, "upside down, as SVG is"


def test_what_is_beyond_is_at_the_end() -> None:
    assert Scale(1, 100, 0, 100, log=True)(0) == 0
    assert Scale(0, 10, 0, 100)(math.inf) == 100


@pytest.mark.parametrize("odd", [[], [0.0], [math.inf], [0.0, 0.0]])
def test_values_that_are_none_still_make_a_scale(odd: list[float]) -> None:
    for log in (False, True):
        assert spanning(odd, 0, 100, log=log).ticks()


def test_ticks_are_round() -> None:
    assert Scale(0, 100, 0, 1).ticks() == [0, 50, 100]
    assert Scale(1, 10, 0, 1, log=True).ticks() == [1, 2, 5, 10]
