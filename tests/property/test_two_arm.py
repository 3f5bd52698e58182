"""What must hold of a canary beside a stable version, whatever they counted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.api.verdict import Verdict
from tollgate.decide.levels import Levels
from tollgate.decide.two_arm import Segment, arms_evidence, judge_arms

arm = st.integers(1, 50_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
segments = st.builds(lambda canary, stable: Segment(*canary, *stable), arm, arm)
margins = st.floats(0, 2)


def swapped(s: Segment) -> Segment:
    return Segment(s.stable_requests, s.stable_slow, s.canary_requests, s.canary_slow)


@given(st.lists(segments, min_size=1, max_size=4), margins)
def test_swapped_arms_swap_the_sides(several: list[Segment], margin: float) -> None:
    """ "More than 1 + d times" read from the other side is "less than 1 / (1 + d) times"."""
    one = arms_evidence(several, margin, 0.01)
    other = arms_evidence([swapped(s) for s in several], 1 / (1 + margin) - 1, 0.01)
    assert one.breach == pytest.approx(other.within, rel=1e-7, abs=1e-7)
    assert one.within == pytest.approx(other.breach, rel=1e-7, abs=1e-7)


@given(segments, margins)
def test_each_can_not_be_worse_than_the_other(one: Segment, margin: float) -> None:
    levels = Levels(0.01, 0.01)
    verdicts = [judge_arms([each], margin, levels).verdict for each in (one, swapped(one))]
    assert verdicts != [Verdict.BREACH, Verdict.BREACH]


@given(segments, st.integers(2, 6), margins)
def test_segment_cut_without_need_makes_no_evidence(one: Segment, parts: int, margin: float) -> None:
    """E[L^2] >= E[L]^2: a cut into equal parts is never worth more than the whole."""
    whole = Segment(*(parts * int(count) for count in one))
    together, apart = arms_evidence([whole], margin, 0.01), arms_evidence([one] * parts, margin, 0.01)
    assert float(apart.breach) <= float(together.breach) + 1e-9
    assert float(apart.within) <= float(together.within) + 1e-9


@given(segments, margins, margins)
def test_a_wider_margin_is_harder_to_breach(one: Segment, margin: float, more: float) -> None:
    """Where the canary is worse than either margin, which is where it matters."""
    near, far = arms_evidence([one], margin, 0.01).breach, arms_evidence([one], margin + more, 0.01).breach
    if far >= math.log(100):
        assert near >= math.log(100)


@given(segments, margins)
def test_a_slow_request_speaks_against_the_arm_it_fell_to(one: Segment, margin: float) -> None:
    canary, slow, stable, stable_slow = (int(count) for count in one)
    now = arms_evidence([one], margin, 0.01)
    if slow < canary and stable_slow > 0:
        moved = arms_evidence([Segment(canary, slow + 1, stable, stable_slow - 1)], margin, 0.01)
        assert moved.breach >= now.breach
        assert moved.within <= now.within
