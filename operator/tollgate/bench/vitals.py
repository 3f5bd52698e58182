"""Whether the load generator itself was well while it measured: its loop's lag, its CPU, and its CPU's throttling."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from tollgate.bench.pacing import Alarm, now
from tollgate.bench.records import StageRun

_BEAT = 0.02  # seconds
_CPU_STAT = Path("/sys/fs/cgroup/cpu.stat")


class Vitals:
    """Fills in the `lags`, `cpu` and `throttled` of a record while it is entered."""

    def __init__(self, record: StageRun) -> None:
        self._record = record

    def __enter__(self) -> Vitals:
        self._throttled_before = _throttled_seconds()
        self._cpu_before, self._entered = time.process_time(), now()
        self._alarm = Alarm(self._beat)
        self._next = self._entered + _BEAT
        self._alarm.set(self._next)
        return self

    def all_sent(self) -> None:
        """Note the CPU that sending took; in the wait for the last answers there is little to do."""
        used, took = time.process_time() - self._cpu_before, now() - self._entered
        self._record.cpu = used / took

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._alarm.close()
        self._record.throttled = _throttled_seconds() - self._throttled_before

    def _beat(self) -> None:
        """A stall is felt by every beat that it swallowed, as by the requests that were due in it."""
        while self._next <= now():
            self._record.lags.append(now() - self._next)
            self._next += _BEAT
        self._alarm.set(self._next)


def _throttled_seconds() -> float:
    """How long the kernel has kept this container from running because its CPU limit was used up; 0 if unknown."""
    try:
        stat = dict(line.split() for line in _CPU_STAT.read_text().splitlines())
        return int(stat["throttled_usec"]) / 1e6
    except (OSError, ValueError, KeyError):  # no cgroup v2, or no limit
        return 0.0
