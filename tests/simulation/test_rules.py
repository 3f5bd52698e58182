"""The tables that the simulations look into are the product's verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulation.rules import boundary, point_test_fails
from tollgate.api.verdict import Verdict
from tollgate.decide.evidence import judge_counts
from tollgate.decide.levels import Levels


@pytest.mark.parametrize(("p0", "alpha"), [(0.05, 0.01), (0.01, 0.05), (0.001, 0.01)])
def test_table_says_what_the_product_says(p0: float, alpha: float) -> None:
    requests = int(400 / p0)
    table = boundary(p0, alpha, requests)
    rng = np.random.default_rng(5)
    n = rng.integers(0, requests, 400, endpoint=True)
    slow = rng.binomial(n, rng.choice([0.0, 0.5, 0.9, 1.1, 1.5], 400) * p0)
    levels = Levels(alpha, alpha)
    counts = zip(n.tolist(), slow.tolist(), strict=True)
    said = [judge_counts(a, (b, b), p0, levels).verdict for a, b in counts]
    assert {Verdict.BREACH, Verdict.WITHIN, Verdict.INCONCLUSIVE} == set(said)
    assert table.is_breach(n, slow).tolist() == [one is Verdict.BREACH for one in said]
    assert table.is_within(n, slow).tolist() == [one is Verdict.WITHIN for one in said]
    assert (slow >= table.least_breach(n)).tolist() == table.is_breach(n, slow).tolist()
    assert (slow <= table.most_within(n)).tolist() == table.is_within(n, slow).tolist()


def test_beyond_the_table_is_an_error_and_not_a_verdict() -> None:
    with pytest.raises(ValueError, match="tabulated for up to"):
        boundary(0.01, 0.05, 1000).least_breach(np.array([10**6]))


def test_point_test() -> None:
    requests, slow = np.array([100, 100, 99, 0]), np.array([1, 2, 1, 0])
    assert point_test_fails(requests, slow, 0.01).tolist() == [False, True, True, False]
