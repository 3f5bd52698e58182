"""The Open Inference Protocol v2, REST: requests into images, answers into responses. Pure: no HTTP, no model state.

https://github.com/open-inference/open-inference-protocol
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from handwriting import INK, PIXELS, SIDE, Floats
from model import Answer

MODEL = "digits"
INPUT = "input"
MAX_BATCH = 32  # images in one inference
MAX_LABELLED = 256  # images in one batch of feedback
DATATYPES = frozenset({"FP32", "FP64", "INT32", "INT64", "UINT8"})
OUTPUTS = {"label": "INT64", "confidence": "FP32", "exit_stage": "INT64"}

Json = dict[str, Any]


class BadInputError(ValueError):
    """The caller sent something the model cannot read; the message says what and what would be right."""


@dataclass(frozen=True)
class InferRequest:
    """Images to classify, shape (n, 64), the caller's id if it gave one, and the outputs it asked for."""

    images: Floats
    id: str | None
    outputs: tuple[str, ...]


def server_metadata() -> Json:
    """The body of GET /v2."""
    return {"name": "digits-server", "version": "1", "extensions": []}


def model_metadata(version: str) -> Json:
    """The body of GET /v2/models/digits."""
    return {
        "name": MODEL,
        "versions": [version],
        "platform": "scikit-learn",
        "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, PIXELS]}],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in OUTPUTS.items()
        ],
    }


def pixels(value: object) -> Floats:
    """One image, shape (64,), from a list of 64 numbers within 0..16. Raises BadInputError."""
    return _images(value, count=1).reshape(PIXELS)


def batch(value: object) -> Floats:
    """Images, shape (n, 64), from a list of lists of 64 numbers within 0..16. Raises BadInputError."""
    if not isinstance(value, list) or not value:
        raise BadInputError("images must be a list of at least one image of 64 numbers")
    if len(value) > MAX_LABELLED:
        raise BadInputError(f"{len(value)} images at once; at most {MAX_LABELLED} are accepted")
    return _images(value, count=len(value))


def read(body: object) -> InferRequest:
    """Read the body of an infer request. Raises BadInputError."""
    if not isinstance(body, dict):
        raise BadInputError("the request must be a JSON object")
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise BadInputError(f"inputs must hold one tensor, named {INPUT}")
    tensor = inputs[0]
    if tensor.get("name") != INPUT:
        raise BadInputError(f"the model has no input named {tensor.get('name')!r}; its input is {INPUT!r}")
    if tensor.get("datatype") not in DATATYPES:
        raise BadInputError(
            f"datatype {tensor.get('datatype')!r} is not one of {', '.join(sorted(DATATYPES))}"
        )
    identifier = body.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise BadInputError("id must be a string")
    count = _count(tensor.get("shape"))
    return InferRequest(_images(tensor.get("data"), count), identifier, _wanted(body.get("outputs")))


def write(request: InferRequest, answers: Sequence[Answer], version: str) -> Json:
    """The body of the response to an infer request."""
    columns: dict[str, list[Any]] = {
        "label": [answer.digit for answer in answers],
        "confidence": [round(answer.confidence, 6) for answer in answers],
        "exit_stage": [answer.stage for answer in answers],
    }
    response: Json = {"model_name": MODEL, "model_version": version}
    if request.id is not None:
        response["id"] = request.id
    response["outputs"] = [
        {"name": name, "datatype": OUTPUTS[name], "shape": [len(answers)], "data": columns[name]}
        for name in request.outputs
    ]
    return response


def _count(shape: object) -> int:
    """How many images a tensor of this shape holds."""
    if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
        raise BadInputError("shape must be a list of positive whole numbers")
    if not (shape[-1:] == [PIXELS] or shape[-2:] == [SIDE, SIDE]) or len(shape) > 3:
        raise BadInputError(f"shape {shape} is not [n, {PIXELS}] or [n, {SIDE}, {SIDE}]")
    count = prod(shape) // PIXELS
    if count > MAX_BATCH:
        raise BadInputError(f"{count} images in one request; at most {MAX_BATCH} are accepted")
    return count


def _images(value: object, count: int) -> Floats:
    if not isinstance(value, list):
        raise BadInputError("an image must be a list of numbers")
    try:
        images = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError):
        raise BadInputError("an image must be a list of numbers") from None
    if images.size != count * PIXELS:
        raise BadInputError(f"{count} image(s) need {count * PIXELS} numbers, not {images.size}")
    if not (np.isfinite(images).all() and images.min() >= 0 and images.max() <= INK):
        raise BadInputError("each pixel must be within 0..16")
    return images.reshape(count, PIXELS)


def _wanted(outputs: object) -> tuple[str, ...]:
    if outputs is None or outputs == []:
        return tuple(OUTPUTS)
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise BadInputError("outputs must be a list of objects with a name")
    names = tuple(output.get("name") for output in outputs)
    for name in names:
        if name not in OUTPUTS:
            raise BadInputError(f"the model has no output named {name!r}; it has {', '.join(OUTPUTS)}")
    return names
