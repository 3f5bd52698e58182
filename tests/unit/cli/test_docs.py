"""The pages say what happens: their commands are run here. UPDATE_DOCS=1 writes into them what they print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from tests.unit.cli.running import Terminal
from tollgate.cli.main import tollgate

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "cli.md"
CONSOLE = re.compile(r"```console\n\$ ((?:[^\n]*\\\n)*[^\n]*)\n(.*?)```", re.S)
SNIPPETS = re.compile(r"^```yaml\n(.*?)^```$", re.S | re.M)


def printed(terminal: Terminal, command: str) -> str:
    """What a command of the page prints; of `| head -1` the first line."""
    program, *arguments = shlex.split(command.replace("\\\n", " ").removesuffix(" | head -1"))
    assert program == "tollgate"
    out = terminal.run(*arguments).out
    return out.splitlines(keepends=True)[0] if command.endswith("| head -1") else out


@pytest.mark.parametrize(("name", "least"), [("cli.md", 5), ("records.md", 3), ("budgets.md", 2)])
def test_commands_print_what_the_page_says(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, least: int
) -> None:
    monkeypatch.chdir(ROOT)
    path = ROOT / "docs" / name
    page = path.read_text()
    told = CONSOLE.sub(lambda found: f"```console\n$ {found[1]}\n{printed(terminal, found[1])}```", page)
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(told)
        page = told
    assert len(CONSOLE.findall(page)) >= least
    assert page == told, "run UPDATE_DOCS=1 pytest tests/unit/cli/test_docs.py, and read what changed"


def test_every_command_has_its_line() -> None:
    listed = re.findall(r"^\| \[?`tollgate ([a-z ]+)`", PAGE.read_text(), re.M)
    assert sorted(listed) == sorted(names(tollgate))


def names(group: click.Group) -> Iterator[str]:
    """The commands of a group, and of the groups in it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from (f"{name} {inner}" for inner in names(command))
        else:
            yield name


@pytest.fixture
def ci(tmp_path: Path) -> dict[str, str]:
    """A job's environment: the checkout, and a `tollgate` that runs this one; nothing is installed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in (("tollgate", f'exec {sys.executable} -m tollgate.cli.main "$@"'), ("pip", "exit 0")):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{programs}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}


def run(script: str, ci: dict[str, str], folder: Path) -> int:
    done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], env=ci, cwd=folder, check=False)
    return done.returncode


def snippets() -> tuple[str, str]:
    """The scripts of the GitLab and of the GitHub job."""
    gitlab, github = (yaml.safe_load(text) for text in SNIPPETS.findall(PAGE.read_text()))
    steps = github["jobs"]["efficiency"]["steps"]
    return "\n".join(gitlab["efficiency"]["script"]), "\n".join(
        step["run"] for step in steps if "run" in step
    )


def test_the_gitlab_job_leaves_a_report(ci: dict[str, str], tmp_path: Path) -> None:
    script, _ = snippets()
    assert run(script, ci, tmp_path) == 0
    assert (tmp_path / "efficiency.xml").read_text().count("<testcase") == 6
    assert run(script.replace("result.json", "slow.json"), ci, tmp_path) == 1
    assert "<failure" in (tmp_path / "efficiency.xml").read_text()


def test_the_github_job_shows_the_table_and_ends_as_the_check_does(
    ci: dict[str, str], tmp_path: Path
) -> None:
    _, script = snippets()
    assert run(script, ci, tmp_path) == 0
    assert run(script.replace("result.json", "slow.json"), ci, tmp_path) == 1
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("```\nWithin: all 5 objectives")
    assert "```\nBreach: tail, acc, errs" in summary
    assert summary.count("```") == 4
