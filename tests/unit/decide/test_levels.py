from __future__ import annotations

import math

import pytest

from tollgate.decide.levels import FIRST_LOOKS, Levels, Looks, spent


@pytest.mark.parametrize("alpha", [0.05, 0.01, 1e-5])
def test_all_looks_together_spend_alpha_and_no_more(alpha: float) -> None:
    assert math.isclose(math.fsum(spent(alpha, look) for look in range(1, 200)), alpha)
    assert all(spent(alpha, look + 1) < spent(alpha, look) for look in range(1, 50))
    assert spent(alpha, 5_000) == 0.0, "so many looks leave nothing, and are no error"


def test_the_first_gets_four_fifths_and_the_second_half_of_the_rest() -> None:
    assert spent(0.01, 1) == pytest.approx(0.008)
    assert spent(0.01, 2) == pytest.approx(0.001)
    assert spent(0.01, 3) == pytest.approx(0.0005)


def test_a_breach_is_shared_by_the_tests_too_and_each_side_has_its_own_looks() -> None:
    assert FIRST_LOOKS.levels(0.01, 4) == Levels(pytest.approx(0.002), pytest.approx(0.008))
    assert Looks(breach=3, within=2).levels(0.01, 1) == Levels(pytest.approx(0.0005), pytest.approx(0.001))
