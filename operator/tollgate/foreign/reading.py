"""Takes values out of a file of unknown content: a sentence where one is missing, never a KeyError."""

from __future__ import annotations

import math
from typing import Any


def part(document: Any, *path: str | int) -> Any:
    """What is at a path of keys; None where it is not there."""
    for key in path:
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and isinstance(key, int) and key < len(document):
            document = document[key]
        else:
            return None
    return document


def listed(document: Any, *path: str | int) -> list[Any]:
    """The list at a path; empty where there is none."""
    found = part(document, *path)
    return found if isinstance(found, list) else []


def number(document: Any, *path: str | int) -> float | None:
    """The number at a path; None where there is none that is finite."""
    found = part(document, *path)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return float(found)


def needed(where: str, document: Any, *path: str | int) -> float:
    """The number at a path. ValueError names the place where it should be."""
    found = number(document, *path)
    if found is None:
        raise ValueError(f"{where} has no number at {'.'.join(map(str, path))}")
    return found


def text(document: Any, *path: str | int) -> str:
    """The text at a path; empty where there is none."""
    found = part(document, *path)
    return found if isinstance(found, str) else ""
