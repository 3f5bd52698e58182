"""The command line as a user runs it: arguments in; exit code, standard output and standard error out."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tollgate.cli.main import main


class Ran(NamedTuple):
    """What a command ended with and printed."""

    code: int
    out: str
    err: str


class Terminal:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *arguments: object) -> Ran:
        code = main([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        return Ran(code, out, err)

    def refuses(self, *arguments: object) -> str:
        """The one sentence with which bad input ends; nothing else is printed."""
        ran = self.run(*arguments)
        assert ran.code == 64, ran
        assert ran.out == ""
        assert ran.err.count("\n") == 1, ran.err
        assert "Traceback" not in ran.err
        return ran.err.rstrip("\n")
