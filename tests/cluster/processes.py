"""Starts daemons that outlive the command that starts them, and stops exactly those again.

A process is known by its id, its start time and the machine's boot: an id alone may by now belong to somebody else,
and such a process must never be touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import paths
from tests.cluster.errors import ClusterError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Daemon:
    """A process to keep running. A change of its command or of a file in `reads` calls for a restart."""

    name: str
    argv: tuple[str, ...]
    reads: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Hashes what decides how the daemon behaves: command, environment, configuration, binary."""
        digest = hashlib.sha256(repr((self.argv, sorted(self.environment.items()))).encode())
        for path in self.reads:
            digest.update(path.read_bytes())
        binary = Path(self.argv[0])
        digest.update(str(binary.stat().st_mtime_ns if binary.exists() else 0).encode())
        return digest.hexdigest()


class Supervisor:
    """Keeps the record of the started processes in `folder`, and their logs beside it."""

    def __init__(self, folder: Path) -> None:
        self._record = folder / "processes.json"
        self._logs = folder / "logs"
        self._ensured: list[str] = []

    def log(self, name: str) -> Path:
        """The file that holds the daemon's standard output and error."""
        return self._logs / f"{name}.log"

    def alive(self, name: str) -> bool:
        """Whether the recorded process still runs."""
        return self._pid(name) is not None

    def current(self, daemon: Daemon) -> bool:
        """Whether the daemon runs with the command and configuration that it should have now."""
        entry = self._load().get(daemon.name)
        return entry is not None and self.alive(daemon.name) and entry["fingerprint"] == daemon.fingerprint()

    def ensure(self, daemon: Daemon) -> bool:
        """Starts the daemon unless it is current; returns whether it had to."""
        self._ensured.append(daemon.name)
        if self.current(daemon):
            return False
        self.stop([daemon.name])
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log(daemon.name).open("wb") as log:
            process = subprocess.Popen(
                daemon.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **daemon.environment},
                cwd="/",
                start_new_session=True,
            )
        entries = self._load()
        entries[daemon.name] = {
            "pid": process.pid,
            "started": started(process.pid),
            "boot": BOOT_ID.read_text(),
            "fingerprint": daemon.fingerprint(),
        }
        self._save(entries)
        return True

    def stop(self, names: Iterable[str] | None = None, patience_seconds: float = 10.0) -> None:
        """Ends the named processes (all recorded ones if None): SIGTERM, and SIGKILL when patience runs out."""
        entries = self._load()
        stopping = list(entries) if names is None else [name for name in names if name in entries]
        for sent in (signal.SIGTERM, signal.SIGKILL):
            for name in stopping:
                if pid := self._pid(name):
                    os.kill(pid, sent)
            deadline = time.monotonic() + patience_seconds
            while any(self.alive(name) for name in stopping) and time.monotonic() < deadline:
                time.sleep(0.05)
        for name in stopping:
            entries.pop(name)
        self._save(entries)

    def wait(self, what: str, ready: Callable[[], bool], timeout_seconds: float, logs_of: str) -> None:
        """Waits for `ready`; fails early if any process that this object ensured dies.

        Raises ClusterError with the end of the dead daemon's log, or of `logs_of` when the time is up.
        """
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            dead = [name for name in self._ensured if not self.alive(name)]
            if dead or time.monotonic() > deadline:
                name = dead[0] if dead else logs_of
                reason = f"{name} ended" if dead else f"{timeout_seconds:.0f} s passed"
                raise ClusterError(f"{reason} before {what}; the end of {self.log(name)}:\n{self.tail(name)}")
            time.sleep(0.1)

    def tail(self, name: str, lines: int = 12) -> str:
        """The last lines of the daemon's log."""
        log = self.log(name)
        return (
            "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
        )

    def _pid(self, name: str) -> int | None:
        entry = self._load().get(name)
        if entry is None or entry["boot"] != BOOT_ID.read_text():
            return None
        pid, began = int(entry["pid"]), int(entry["started"])
        return pid if began and started(pid) == began else None

    def _load(self) -> dict[str, dict[str, str | int]]:
        return json.loads(self._record.read_text()) if self._record.exists() else {}

    def _save(self, entries: Mapping[str, Mapping[str, str | int]]) -> None:
        paths.write(self._record, json.dumps(entries, indent=1))


def started(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 if it does not run (a zombie does not run)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    state, *rest = text.rpartition(")")[2].split()
    return 0 if state in "ZX" else int(rest[18])
