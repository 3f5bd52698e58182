"""`tollgate check` on a budget and results that a test gives."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.cli.files import Folder, budget
from tests.unit.cli.running import Ran, Terminal
from tollgate.api.benchmark import BenchmarkResult


class Case:
    """A budget and a result in files, and the command on them."""

    def __init__(self, terminal: Terminal, folder: Folder) -> None:
        self.terminal, self.folder = terminal, folder

    def given(
        self, result: Any, spec: dict[str, Any] | None = None, baseline: BenchmarkResult | None = None
    ) -> list[object]:
        self.folder.write("budget.yaml", budget(**(spec or {})))
        arguments: list[object] = [
            "check", "-f", self.folder.path / "budget.yaml", "--result",
            self.folder.write("result.json", result),
        ]  # fmt: skip
        if baseline is not None:
            arguments += ["--baseline", self.folder.write("baseline.json", baseline)]
        return arguments

    def run(self, *arguments: Any, more: tuple[object, ...] = (), **named: Any) -> Ran:
        return self.terminal.run(*self.given(*arguments, **named), *more)

    def json(self, *arguments: Any, more: tuple[object, ...] = (), **named: Any) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.run(*arguments, more=("-o", "json", *more), **named).out)
        return said
