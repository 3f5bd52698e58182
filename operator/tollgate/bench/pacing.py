"""Waking up on time: an alarm of microsecond resolution for an event loop.

The timers of asyncio and uvloop count whole milliseconds, which at 1,000 requests/s is a whole gap; spinning
until the time has come would burn a core that the model server may need. A Linux timerfd does neither.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections.abc import Callable

_MONOTONIC = 1  # CLOCK_MONOTONIC: the clock of time.perf_counter() on Linux
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME

now = time.perf_counter


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class Alarm:
    """Calls back once for each `set`, from the running event loop, as soon after the time as the loop can.

    Linux only. OSError when the kernel gives no timer.
    """

    def __init__(self, callback: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._checked(self._libc.timerfd_create(_MONOTONIC, _NONBLOCK_CLOEXEC))
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._ring)

    def set(self, when: float) -> None:
        """Ring when `now()` reaches that many seconds, at once if it has; an earlier `set` is forgotten."""
        nanoseconds = max(1, round(when * 1e9))  # zero would switch the timer off
        spec = _TimerSpec(value=_TimeSpec(*divmod(nanoseconds, 1_000_000_000)))
        self._checked(self._libc.timerfd_settime(self._fd, _ABSOLUTE, ctypes.byref(spec), None))

    def close(self) -> None:
        """Give the timer back; it rings no more."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _ring(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # set anew between the timer's end and this call
            return
        self._callback()

    @staticmethod
    def _checked(returned: int) -> int:
        if returned < 0:
            code = ctypes.get_errno()
            raise OSError(code, f"timerfd: {os.strerror(code)}")
        return returned
