from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tollgate.report.labels import Box, beside, box, centred, width

INSIDE = Box(50, 30, 400, 250)
PLACES = st.tuples(st.floats(50, 400), st.floats(30, 250), st.text(min_size=1, max_size=30))


@given(st.lists(PLACES, max_size=12))
def test_no_label_covers_another_or_leaves_the_plot(points: list[tuple[float, float, str]]) -> None:
    taken = list[Box]()
    for x, y, text in points:
        free = beside(text, x, y, taken, INSIDE)
        if free is not None:
            taken.append(box(text, *free))
            assert taken[-1].within(INSIDE)
    assert not any(one.meets(other) for one, other in combinations(taken, 2))


def test_a_label_is_beside_its_point_and_on_its_other_side_at_the_edge() -> None:
    left, base = beside("steady", 100, 100, [], INSIDE) or (0, 0)
    assert (left > 100, base < 100) == (True, True)
    left, _ = beside("steady", 390, 100, [], INSIDE) or (500, 0)
    assert left + width("steady") < 390


def test_where_all_is_taken_there_is_no_label() -> None:
    assert beside("steady", 100, 100, [INSIDE], INSIDE) is None


def test_a_word_at_the_edge_is_pushed_inside() -> None:
    assert centred("200ms", 200, INSIDE) == 200 - width("200ms") / 2
    assert centred("200ms", 399, INSIDE) == 400 - width("200ms")
    assert centred("200ms", 51, INSIDE) == 50
