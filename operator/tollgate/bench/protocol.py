"""How a model is spoken to: the path, the body of each input, and the prediction in an answer.

Bodies are made once, before the load starts, so that no stage pays for making them. Pure: no network here.
"""

from __future__ import annotations

import json
import math
from typing import Any

import jmespath
from jmespath.visitor import TreeInterpreter

from tollgate.api.profiles import BenchmarkProfileSpec, Protocol
from tollgate.bench.dataset import Dataset

_DEFAULT_PREDICTION = {Protocol.OPEN_INFERENCE: "outputs[0].data[0]", Protocol.JSON: "prediction"}
_FP32_PRECISION = 1e-6  # relative: two floats this close are the same number after a round trip through FP32
_TYPES: dict[str, tuple[type, ...]] = {
    "BOOL": (bool,),
    "INT32": (int,),
    "INT64": (int,),
    "FP32": (int, float),
    "FP64": (int, float),
    "BYTES": (str,),
}


class GarbageError(ValueError):
    """An answer that says 200 and is no answer: not JSON, or without a prediction."""


class Requests:
    """The requests of one profile over one dataset: a path, and for each item its body and its score."""

    def __init__(self, profile: BenchmarkProfileSpec, dataset: Dataset) -> None:
        """ValueError names the first item that the protocol cannot carry."""
        self.dataset = dataset.digest
        self.path = (
            f"/v2/models/{profile.model}/infer"
            if profile.protocol is Protocol.OPEN_INFERENCE
            else str(profile.path)
        )
        self.bodies = [_body(profile, number, item.input) for number, item in enumerate(dataset.items)]
        self.scored = [item.expected is not None for item in dataset.items]
        self._expected = [item.expected for item in dataset.items]
        self._prediction = jmespath.compile(profile.prediction or _DEFAULT_PREDICTION[profile.protocol])
        self._interpreter = TreeInterpreter()  # `search` would make one per answer, each a reference cycle

    def __len__(self) -> int:
        return len(self.bodies)

    def correct(self, item: int, answer: bytes) -> bool:
        """Whether the answer to an item is as expected; False if nothing is expected. Raises GarbageError."""
        try:
            document = json.loads(answer)
            if not self.scored[item]:
                return False
            prediction = self._interpreter.visit(self._prediction.parsed, document)
            if prediction is None:
                raise ValueError(f"no prediction at {self._prediction.expression}")
            return same(prediction, self._expected[item])
        except Exception as error:  # whatever an answer does to the parser or to the expression, it did
            raise GarbageError(f"{type(error).__name__}: {error}") from None


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


def _body(profile: BenchmarkProfileSpec, number: int, value: Any) -> bytes:
    if profile.protocol is Protocol.JSON:
        return _compact({profile.input_name: value})
    try:
        shape, data = _tensor(value)
    except ValueError as error:
        raise ValueError(f"items[{number}] of the dataset: {error}") from None
    allowed = _TYPES[profile.datatype]
    for element in data:
        if not isinstance(element, allowed) or (isinstance(element, bool) and bool not in allowed):
            raise ValueError(f"items[{number}] of the dataset: {element!r:.40} is no {profile.datatype}")
    tensor = {"name": profile.input_name, "shape": [1, *shape], "datatype": profile.datatype, "data": data}
    return _compact({"inputs": [tensor]})


def _tensor(value: Any) -> tuple[list[int], list[Any]]:
    """Shape and row-major elements of a nested list; a scalar is a list of one."""
    if not isinstance(value, list):
        return [1], [value]
    if not any(isinstance(element, list) for element in value):
        return [len(value)], value
    if not all(isinstance(element, list) for element in value):
        raise ValueError("its input mixes numbers and lists")
    parts = [_tensor(element) for element in value]
    if any(shape != parts[0][0] for shape, _ in parts):
        raise ValueError("its input is ragged: the lists of one level differ in length")
    return [len(value), *parts[0][0]], [element for _, data in parts for element in data]


def _compact(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
