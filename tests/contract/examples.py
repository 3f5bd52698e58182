"""The objects of the digits example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "examples/digits/tollgate"


def example(name: str) -> dict[str, Any]:
    """The object of a file."""
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return loaded
