"""Exit codes of the commands, and how bad input ends one: a sentence on standard error, and 64.

The codes of a verdict are for scripts and CI; 64 and 69 (EX_USAGE, EX_UNAVAILABLE of sysexits.h) are no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from functools import wraps
from typing import Any

import click

from tollgate.api.verdict import Verdict


class Exit(IntEnum):
    """What a command that judges ends with."""

    WITHIN = 0
    BREACH = 1
    INCONCLUSIVE = 2
    NEEDS_SIGN_OFF = 3
    BAD_INPUT = 64
    UNAVAILABLE = 69
    STOPPED = 130


class BadInput(click.ClickException):
    """Something that was handed in is wrong: one sentence with what, where and what to do."""

    exit_code = Exit.BAD_INPUT

    def __init__(self, message: str) -> None:
        super().__init__(message)
        context = click.get_current_context(silent=True)
        self.command = context.command_path if context else ""


def sentence(error: click.ClickException) -> str:
    """Which command ended, and why."""
    if isinstance(error, BadInput):
        return f"{error.command}: {error.message}"
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "tollgate"
    return f"{command}: {error.format_message().removesuffix('.')} (see {command} --help)"


def exit_of(verdicts: Iterable[Verdict]) -> Exit:
    """The code of several verdicts: a breach of one is one of all, and no verdict at all is none."""
    found = set(verdicts)
    if Verdict.BREACH in found:
        return Exit.BREACH
    return Exit.WITHIN if found == {Verdict.WITHIN} else Exit.INCONCLUSIVE


def plain(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose ValueError is bad input, said without a traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ValueError as error:
            raise BadInput(str(error)) from None

    return run
