"""Makes the example's modules importable by the plain names that they use in the container."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.cli.running import Terminal

EXAMPLE = Path(__file__).parents[3] / "examples" / "digits"
sys.path.insert(0, str(EXAMPLE))

from handwriting import Split, load  # noqa: E402
from model import Cascade, Settings  # noqa: E402


@pytest.fixture(scope="session")
def split() -> Split:
    return load()


@pytest.fixture(scope="session")
def cascade(split: Split) -> Cascade:
    """A small model for tests that look at behaviour, not at quality."""
    return Cascade(Settings(ensemble_size=1, augmentations=4), split.train)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)
