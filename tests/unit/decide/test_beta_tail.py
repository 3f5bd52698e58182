"""Against values that were integrated numerically with 40 digits."""

from __future__ import annotations

import pytest

from tollgate.decide.beta_tail import log_mills_lower, log_mills_upper

ORACLE = [
    # a, b, x, ln(P(X <= x) / pdf(x)), ln(P(X >= x) / pdf(x))
    (3.15, 311.9, 0.01, -4.793761478978274, -5.091838852588735),
    (103.15, 30000.0, 0.01, 82.04833850376899, -9.910395598529018),
    (5000.0, 400000.0, 0.01, -11.476072467569335, 96.78284790087105),
    (3.15, 100000.0, 0.01, 979.4948254131516, -11.520847165676585),
    (10020.0, 20000000.0, 0.001, 3051.5865905272435, -16.118297872431732),
    (500.0, 10.0, 0.5, -6.889665506211259, 302.6850788808808),
    (25.0, 20000000.0, 1e-06, -15.777044969444495, -14.09461408517315),
    (5000.0, 20000000.0, 1e-06, -22.328696530444365, 22609.52462341864),
    (10010000000.0, 990000000000.0, 0.01, -20.7233668225521, 4933.129655796762),
    (1000000000000.0, 311.0, 0.01, -32.23619130191351, 4605170178865.4795),
    (1005000.0, 1000000000000.0, 1e-06, -22.36913330817247, -7.332615187230189),
    (4.0, 1000000000000.0, 0.01, 10050335758.574577, -27.64107145148505),
]


@pytest.mark.parametrize(("a", "b", "x", "lower", "upper"), ORACLE)
def test_tails_relative_to_the_density(a: float, b: float, x: float, lower: float, upper: float) -> None:
    assert log_mills_lower(a, b, x) == pytest.approx(lower, rel=1e-12, abs=1e-9)
    assert log_mills_upper(a, b, x) == pytest.approx(upper, rel=1e-12, abs=1e-9)
