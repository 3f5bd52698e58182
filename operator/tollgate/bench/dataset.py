"""Inputs with expected outputs, from the dataset's file: checked whole before the first request is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Item:
    """An input, and the output that is right for it: None when no output is right or wrong."""

    input: Any
    expected: Any = None
    group: str = ""  # by which a stage may ask for inputs of this kind


@dataclass(frozen=True)
class Dataset:
    """The items of a file, at least one, and the file's digest."""

    items: Sequence[Item]
    digest: str


def parse_dataset(data: bytes) -> Dataset:
    """Read `{"items": [{"input": ..., "expected": ...}]}`. ValueError names what is wrong."""
    try:
        document = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the dataset is not JSON: {error}") from None
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise ValueError(
            'the dataset has no list of items: write {"items": [{"input": ..., "expected": ...}]}'
        )
    if not items:
        raise ValueError("the dataset is empty: give it at least one item")
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return Dataset([_item(number, item) for number, item in enumerate(items)], digest)


def _item(number: int, item: object) -> Item:
    if not isinstance(item, dict):
        raise ValueError(f'items[{number}] of the dataset is not an object with "input"')
    if item.get("input") is None:
        raise ValueError(f"items[{number}] of the dataset has no input")
    if "expected" in item and item["expected"] is None:
        raise ValueError(
            f"items[{number}] of the dataset expects null: leave expected out when nothing is expected"
        )
    group = item.get("group", "")
    if not isinstance(group, str):
        raise ValueError(
            f"items[{number}] of the dataset has a group that is no text: write a name, such as long"
        )
    return Item(item["input"], item.get("expected"), group)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")
