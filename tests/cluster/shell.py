"""Runs other programs and turns their failures into sentences."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from tests.cluster.errors import ClusterError

SEARCH_PATH = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/go/bin"]
)
"""Also where nft, runc and Go lie on machines whose PATH, or whose sudo, does not say so."""


def find(program: str) -> str | None:
    """The program's path, or None if the machine lacks it."""
    return shutil.which(program, path=SEARCH_PATH)


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> str:
    """Runs a program to its end and returns its standard output.

    Raises ClusterError with the command and the end of its output if it fails.
    """
    result = attempt(argv, stdin=stdin, environment=environment, cwd=cwd)
    if result.returncode != 0:
        said = "\n".join((result.stderr.strip() or result.stdout.strip()).splitlines()[-15:])
        raise ClusterError(f"`{' '.join(argv[:6])}` failed (exit {result.returncode}):\n{said}")
    return result.stdout


def attempt(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs a program whose failure is an answer, too. A program that is absent exits with 127."""
    full = {**os.environ, "PATH": SEARCH_PATH, **(environment or {})}
    try:
        return subprocess.run(
            argv, input=stdin, env=full, cwd=cwd, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(argv, 127, "", f"{argv[0]}: not found")
