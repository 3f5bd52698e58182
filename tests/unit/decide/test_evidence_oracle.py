"""The evidence against two others: what `confseq` gives, and the mixture integrated numerically.

What must agree to 1e-9 is the evidence, so its logarithm to 1e-9 absolute; and where that logarithm is large (it goes
up to 1e13, where doubles are 2e-3 apart), the logarithm itself to 1e-9 of its size.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.decide import mixture
from tollgate.decide.evidence import log_breach, log_evidence, log_within

CONFSEQ = [
    # p0, alpha, n, slow, evidence for Breach, for Within: beta_binomial_log_mixture of confseq 0.0.11, one-sided,
    # v_opt = p0 (1 - p0) 20 / p0, alpha_opt = alpha, compiled with long double and Boost 1.85
    (0.01, 0.05, 0, 0, 0, 0),
    (0.01, 0.05, 50, 3, 1.0703599348704901, -1.0060597250839116),
    (0.01, 0.05, 100, 7, 3.3704774785481381, -1.696334698566239),
    (0.01, 0.05, 1000, 2, -1.7588886740896802, 3.489159319142903),
    (0.01, 0.05, 20000, 260, 6.8031931477041977, -3.964612401880007),
    (0.01, 0.01, 708, 0, -1.8230530508931492, 4.6072970953191894),
    (0.01, 0.01, 10000, 131, 3.0994138734323362, -3.6170538737131411),
    (0.05, 0.05, 112, 0, -1.4745567220275815, 3.0282568613464806),
    (0.001, 0.05, 5711, 0, -1.4545034529179478, 2.9962884788185038),
    (0.001, 0.01, 5, 5, 4.0064555375072353, -1.7616270371456813),
    (0.5, 0.05, 400, 250, 10.976137973724628, -4.0789903858785246),
    (0.2, 0.01, 100000, 20400, 1.0981611051439816, -6.2919134877594362),
    (0.01, 0.05, 3000, 47, 3.2487083959443378, -2.7430317950020374),
    (0.01, 0.05, 3000, 16, -2.2934782870231378, 3.1470038948370548),
]


@pytest.mark.parametrize(("p0", "alpha", "n", "slow", "breach", "within"), CONFSEQ)
def test_it_is_the_mixture_of_confseq(
    p0: float, alpha: float, n: int, slow: int, breach: float, within: float
) -> None:
    assert log_breach(n, slow, p0, alpha) == pytest.approx(breach, rel=0, abs=1e-9)
    assert log_within(n, slow, p0, alpha) == pytest.approx(within, rel=0, abs=1e-9)


def around_the_limit(n: int, p0: float) -> list[int]:
    """Counts from none to all: at the limit, near where a verdict begins, and far beyond."""
    spread = (n * p0 * (1 - p0)) ** 0.5
    counts = {0, n, round(3 * n * p0), *(round(n * p0 + z * spread) for z in (-20, -3, 0, 3, 20))}
    return sorted(slow for slow in counts if 0 <= slow <= n)


@pytest.mark.parametrize("alpha", [0.05, 1e-4])
@pytest.mark.parametrize("p0", [1e-6, 0.001, 0.01, 0.5])
def test_it_is_the_mixture_integrated(p0: float, alpha: float) -> None:
    counts = [(n, slow) for n in (0, 700, 10**6, 10**12) for slow in around_the_limit(n, p0)]
    breach, within = np.array([mixture.log_evidence(n, slow, p0, alpha) for n, slow in counts]).T
    n, slow = np.array(counts).T
    found = log_evidence(n, slow, p0, alpha)
    assert found.breach.tolist() == pytest.approx(breach.tolist(), rel=1e-9, abs=1e-9)
    assert found.within.tolist() == pytest.approx(within.tolist(), rel=1e-9, abs=1e-9)
    assert max(breach.max(), within.max()) > 1e5, "the grid goes far"
