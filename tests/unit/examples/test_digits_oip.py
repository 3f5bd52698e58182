from __future__ import annotations

from typing import Any

import numpy as np
import oip
import pytest
from model import Answer


def request(**changes: Any) -> dict[str, Any]:
    tensor = {"name": "input", "shape": [1, 64], "datatype": "FP32", "data": [0.5] * 64}
    return {"inputs": [tensor | changes]}


@pytest.mark.parametrize(
    ("shape", "count"), [([64], 1), ([1, 64], 1), ([3, 64], 3), ([8, 8], 1), ([2, 8, 8], 2)]
)
def test_images_are_read_in_every_shape(shape: list[int], count: int) -> None:
    read = oip.read(request(shape=shape, data=list(range(16)) * (4 * count)))
    assert read.images.shape == (count, 64)
    assert read.images[-1, :3].tolist() == [0, 1, 2]


def test_nested_data_is_read() -> None:
    assert oip.read(request(shape=[2, 64], data=[[1] * 64, [2] * 64])).images[1, 0] == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "must be a JSON object"),
        ({}, "inputs must hold one tensor"),
        (request(name="picture"), "no input named 'picture'; its input is 'input'"),
        (request(datatype="BYTES"), "datatype 'BYTES' is not one of"),
        (request(shape=[1, 63]), "shape .* is not"),
        (request(shape=[True, 64]), "whole numbers"),
        (request(shape=[33, 64]), "at most 32"),
        (request(shape=[2, 64]), "need 128 numbers, not 64"),
        (request(data=["a"] * 64), "list of numbers"),
        (request(data=[[1, 2], [3]]), "list of numbers"),
        (request(data=[17] * 64), "within 0..16"),
        (request(data=[float("nan")] * 64), "within 0..16"),
        (request() | {"id": 7}, "id must be a string"),
        (request() | {"outputs": [{"name": "logits"}]}, "no output named 'logits'"),
        (request() | {"outputs": ["label"]}, "objects with a name"),
    ],
)
def test_what_cannot_be_read_is_said(body: object, message: str) -> None:
    with pytest.raises(oip.BadInputError, match=message):
        oip.read(body)


def test_response_follows_the_protocol() -> None:
    asked = oip.read(request(shape=[2, 64], data=[1] * 128) | {"id": "a"})
    response = oip.write(asked, [Answer(7, 0.9, 1), Answer(3, 0.4, 2)], "v2")
    assert response == {
        "model_name": "digits",
        "model_version": "v2",
        "id": "a",
        "outputs": [
            {"name": "label", "datatype": "INT64", "shape": [2], "data": [7, 3]},
            {"name": "confidence", "datatype": "FP32", "shape": [2], "data": [0.9, 0.4]},
            {"name": "exit_stage", "datatype": "INT64", "shape": [2], "data": [1, 2]},
        ],
    }


def test_only_the_outputs_asked_for_are_sent() -> None:
    asked = oip.read(request() | {"outputs": [{"name": "exit_stage"}]})
    response = oip.write(asked, [Answer(7, 0.9, 2)], "v2")
    assert [output["name"] for output in response["outputs"]] == ["exit_stage"]
    assert "id" not in response


def test_metadata_describes_what_read_accepts_and_write_sends() -> None:
    metadata = oip.model_metadata("v2")
    assert metadata["versions"] == ["v2"]
    assert metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 64]}]
    assert [output["name"] for output in metadata["outputs"]] == ["label", "confidence", "exit_stage"]


def test_pixels_has_one_image() -> None:
    assert np.array_equal(oip.pixels([3] * 64), np.full(64, 3, np.float32))
    with pytest.raises(oip.BadInputError, match="need 64 numbers, not 65"):
        oip.pixels([3] * 65)
