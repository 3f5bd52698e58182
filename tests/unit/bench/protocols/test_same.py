"""Which predictions are the expected ones."""

from __future__ import annotations

from typing import Any

import pytest

from tollgate.bench.protocols.same import same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (7, 7.0),
        (0.1, 0.10000000149011612),
        ("a", "a"),
        ([1, [2.0]], [1.0, [2]]),
        ({"a": 1}, {"a": 1.0}),
        (True, True),
    ],
)
def test_the_same(one: Any, other: Any) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (7, 8),
        (10**9, 10**9 + 1),
        (0.1, 0.1001),
        (True, 1),
        (False, 0),
        ("7", 7),
        ([7], 7),
        ([1, 2], [1]),
        ({"a": 1}, {"b": 1}),
        (float("nan"), 1.0),
        (10**400, 1.5),
    ],
)
def test_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert not same(other, one)
