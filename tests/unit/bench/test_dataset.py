"""The dataset: read whole, or refused with the place of the mistake."""

from __future__ import annotations

import hashlib

import pytest

from tollgate.bench.dataset import Item, parse_dataset


def test_items_with_and_without_an_expected_output() -> None:
    data = (
        b'{"items": [{"input": [1, 2], "expected": 3}, {"input": "text"}, {"input": 0, "expected": false}]}'
    )
    dataset = parse_dataset(data)
    assert dataset.items == [Item([1, 2], 3), Item("text"), Item(0, False)]
    assert dataset.digest == "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"items": [{"input": NaN}]}', "NaN is no JSON number"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no list of items"),
        (b'{"items": {}}', "no list of items"),
        (b'{"items": []}', "empty"),
        (b'{"items": [{"input": 1}, 2]}', r"items\[1\].* is not an object"),
        (b'{"items": [{"expected": 1}]}', r"items\[0\].* has no input"),
        (b'{"items": [{"input": null}]}', r"items\[0\].* has no input"),
        (b'{"items": [{"input": 1, "expected": null}]}', r"items\[0\].* expects null"),
    ],
)
def test_a_wrong_dataset_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_dataset(data)
