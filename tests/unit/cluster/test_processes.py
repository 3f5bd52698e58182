"""Keeping and ending daemons, with real processes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.errors import ClusterError
from tests.cluster.processes import Daemon, Supervisor, started

SLEEP = "/bin/sleep"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop(patience_seconds=1)


def recorded_pid(folder: Path, name: str) -> int:
    return int(json.loads((folder / "processes.json").read_text())[name]["pid"])


def test_a_running_daemon_is_kept(supervisor: Supervisor, tmp_path: Path) -> None:
    daemon = Daemon("sleeper", (SLEEP, "60"))
    assert supervisor.ensure(daemon)
    pid = recorded_pid(tmp_path, "sleeper")
    assert not Supervisor(tmp_path).ensure(daemon)
    assert recorded_pid(tmp_path, "sleeper") == pid


@pytest.mark.parametrize("changed", ["command", "configuration"])
def test_a_changed_daemon_is_restarted(supervisor: Supervisor, tmp_path: Path, changed: str) -> None:
    config = tmp_path / "config"
    config.write_text("a")
    supervisor.ensure(Daemon("sleeper", (SLEEP, "60"), reads=(config,)))
    pid = recorded_pid(tmp_path, "sleeper")
    if changed == "configuration":
        config.write_text("b")
    assert supervisor.ensure(
        Daemon("sleeper", (SLEEP, "60" if changed == "configuration" else "61"), reads=(config,))
    )
    assert recorded_pid(tmp_path, "sleeper") != pid
    assert not started(pid)


def test_a_killed_daemon_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    daemon = Daemon("sleeper", (SLEEP, "60"))
    supervisor.ensure(daemon)
    os.kill(recorded_pid(tmp_path, "sleeper"), signal.SIGKILL)
    while supervisor.alive("sleeper"):
        pass
    assert supervisor.ensure(daemon)
    assert supervisor.current(daemon)


@pytest.mark.parametrize("stale", ["started", "boot"])
def test_a_process_that_only_shares_the_id_is_never_ended(
    supervisor: Supervisor, tmp_path: Path, stale: str
) -> None:
    supervisor.ensure(Daemon("sleeper", (SLEEP, "60")))
    record = tmp_path / "processes.json"
    honest = record.read_text()
    entries = json.loads(honest)
    entries["sleeper"][stale] = 1 if stale == "started" else "another boot"
    record.write_text(json.dumps(entries))
    supervisor.stop()
    pid = int(entries["sleeper"]["pid"])
    assert started(pid)
    record.write_text(honest)


def test_waiting_ends_early_when_the_daemon_dies_and_shows_its_log(supervisor: Supervisor) -> None:
    supervisor.ensure(Daemon("broken", ("/bin/sh", "-c", "echo no such flag; exit 1")))
    with pytest.raises(ClusterError, match=r"broken ended before it was ready(?s:.)*no such flag"):
        supervisor.wait("it was ready", lambda: False, 30, logs_of="broken")


def test_waiting_gives_up_in_time(supervisor: Supervisor) -> None:
    supervisor.ensure(Daemon("sleeper", (SLEEP, "60")))
    with pytest.raises(ClusterError, match="0 s passed before it was ready"):
        supervisor.wait("it was ready", lambda: False, 0, logs_of="sleeper")
