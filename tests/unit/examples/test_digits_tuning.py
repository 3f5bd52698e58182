"""The exit threshold follows its file, and nothing that is no threshold counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from model import Answer, Settings
from server import Server
from tuning import Tuning


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "exit-threshold"


def says(file: Path, text: str) -> None:
    file.write_text(text)


def test_what_the_file_says_counts_as_soon_as_it_does(file: Path) -> None:
    seen: list[float] = []
    tuning = Tuning(file, 0.5, seen.append)
    for text in ("", "0.2", "0.2\n", "0.8", None):
        if text is None:
            file.unlink()
        elif text:
            file.write_text(text)
        tuning.look()
    assert seen == [0.5, 0.2, 0.8, 0.5], "without a file it is the default"


@pytest.mark.parametrize("text", ["often", "1.5", "-1", "nan"])
def test_what_is_no_threshold_changes_nothing_and_is_said(
    file: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[float] = []
    tuning = Tuning(file, 0.5, seen.append)
    file.write_text("0.2")
    tuning.look()
    file.write_text(text)
    for _ in range(2):
        tuning.look()
    assert seen == [0.2]
    said = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert said == [f"{file} must hold a number within 0..1, not {text!r}: staying at 0.2"]


async def test_the_model_exits_earlier_without_a_restart(file: Path) -> None:
    server = Server(Settings(ensemble_size=1, augmentations=4, exit_threshold=0.9), tuning=file)
    await server.train()
    model = server._model()
    says(file, "0.1")
    Tuning(file, 0.9, server._set_threshold).look()
    assert model.exit_threshold == 0.1
    doubtful = Answer(digit=3, confidence=0.5, stage=1)
    assert model.settles(doubtful)
    says(file, "")
    Tuning(file, 0.9, server._set_threshold).look()
    assert not model.settles(doubtful)
