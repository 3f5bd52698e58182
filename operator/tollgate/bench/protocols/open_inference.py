"""Open Inference Protocol v2 over REST, as KServe, Triton, Seldon and MLServer speak it: one tensor, a batch of one.

https://github.com/kserve/open-inference-protocol. Its gRPC form is left out: docs/adr/0019 says why.
"""

from __future__ import annotations

from typing import Any

from tollgate.bench.protocols.base import Spoken, compact

_TYPES: dict[str, tuple[type, ...]] = {
    "BOOL": (bool,),
    "INT32": (int,),
    "INT64": (int,),
    "FP32": (int, float),
    "FP64": (int, float),
    "BYTES": (str,),
}


class OpenInference(Spoken):
    """POST /v2/models/MODEL/infer."""

    prediction = "outputs[0].data[0]"

    @property
    def path(self) -> str:
        return f"/v2/models/{self.profile.model}/infer"

    def body(self, value: Any) -> bytes:
        shape, data = _tensor(value)
        allowed = _TYPES[self.profile.datatype]
        for element in data:
            if not isinstance(element, allowed) or (isinstance(element, bool) and bool not in allowed):
                raise ValueError(f"{element!r:.40} is no {self.profile.datatype}")
        tensor = {
            "name": self.profile.input_name,
            "shape": [1, *shape],
            "datatype": self.profile.datatype,
            "data": data,
        }
        return compact({"inputs": [tensor], **({"parameters": self.parameters} if self.parameters else {})})


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
