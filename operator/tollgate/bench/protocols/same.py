"""Whether a prediction is the expected one. Pure."""

from __future__ import annotations

import math
from typing import Any

_FP32_PRECISION = 1e-6  # relative: two floats this close are the same number after a round trip through FP32


def same(prediction: Any, expected: Any) -> bool:
    """Equality of JSON values in which 7 is 7.0, and a float needs to agree only to FP32's precision.

    true is not 1, and a list is not its only element: the profile's JMESPath says what is compared.
    """
    if isinstance(prediction, bool) or isinstance(expected, bool):
        return prediction is expected
    if isinstance(prediction, int | float) and isinstance(expected, int | float):
        if isinstance(prediction, int) and isinstance(expected, int):
            return prediction == expected
        return _close(prediction, expected)
    if isinstance(prediction, list) and isinstance(expected, list):
        return len(prediction) == len(expected) and all(map(same, prediction, expected))
    if isinstance(prediction, dict) and isinstance(expected, dict):
        return prediction.keys() == expected.keys() and all(
            same(prediction[k], expected[k]) for k in expected
        )
    return type(prediction) is type(expected) and bool(prediction == expected)


def _close(one: float, other: float) -> bool:
    try:
        return math.isclose(one, other, rel_tol=_FP32_PRECISION)
    except OverflowError:  # an integer of more than 308 digits
        return False
