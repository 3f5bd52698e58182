from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.checking import Case
from tests.unit.cli.files import Folder
from tests.unit.cli.running import Terminal


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def case(terminal: Terminal, folder: Folder) -> Case:
    return Case(terminal, folder)
