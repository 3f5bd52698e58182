"""How long pods took to become ready, by what the API server holds of them. Pure.

Its times are whole seconds, and those of a pod come from two clocks, the API server's (creation) and the node's: what
would be negative is unknown. Ready is the last time that a pod became so, which is the first unless its probe failed
meanwhile. When images were pulled is not in a pod; it is what lies between the sandbox and the start of a container.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tollgate.api.cold_start import FirstRequests, OverPods, StartTimes
from tollgate.ports import Object


def start_times(pods: Sequence[Object], now: datetime) -> StartTimes:
    """The starts of these pods, which are ready."""
    fresh = [pod for pod in pods if not any(int(c.get("restartCount", 0)) for c in _containers(pod))]
    since = [ready for pod in fresh if (ready := _since(pod, "Ready")) is not None]
    return StartTimes(
        pods=len(fresh),
        restarted=len(pods) - len(fresh),
        from_creation=_over([_between(_created(pod), _since(pod, "Ready")) for pod in fresh]),
        from_scheduling=_over([_between(_since(pod, "PodScheduled"), _since(pod, "Ready")) for pod in fresh]),
        without_pulls=_over([_without_pulls(pod) for pod in fresh]),
        from_start=_over([_between(_started(pod), _since(pod, "Ready")) for pod in fresh]),
        ready_for=_text(now - min(since)) if since and now >= min(since) else None,
    )


def told(starts: StartTimes | None, first: FirstRequests | None) -> str:
    """Both as the end of a summary; empty where neither was asked for."""
    parts = []
    if starts and starts.from_creation:
        parts.append(f"ready {_said(starts.from_creation)} after creation")
    if starts and starts.from_start:
        parts.append(f"{_said(starts.from_start)} after the start of the program")
    if first:
        failed = f", {first.errors} of {first.requests} failed" if first.errors else ""
        parts.append(f"first requests {first.median} (worst {first.worst}{failed})")
    return f"; cold start: {', '.join(parts)}" if parts else ""


def _said(times: OverPods) -> str:
    return f"{times.median} (worst {times.worst})"


def _without_pulls(pod: Object) -> timedelta | None:
    """Until the sandbox was there, what init containers ran, and from the start of the last container."""
    sandbox = _between(_since(pod, "PodScheduled"), _since(pod, "PodReadyToStartContainers"))
    program = _between(_started(pod), _since(pod, "Ready"))
    before = []
    for container in (pod.get("status") or {}).get("initContainerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated") or {}
        before.append(_between(_instant(ended.get("startedAt")), _instant(ended.get("finishedAt"))))
    parts = [sandbox, program, *before]
    known = [part for part in parts if part is not None]
    return sum(known, timedelta()) if len(known) == len(parts) else None


def _containers(pod: Object) -> Iterable[Mapping[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]


def _created(pod: Object) -> datetime | None:
    return _instant(pod["metadata"].get("creationTimestamp"))


def _started(pod: Object) -> datetime | None:
    """When the last of its containers did."""
    states = [c.get("state") or {} for c in (pod.get("status") or {}).get("containerStatuses") or []]
    started = [_instant((state.get("running") or {}).get("startedAt")) for state in states]
    known = [at for at in started if at is not None]
    return max(known) if known and len(known) == len(started) else None


def _since(pod: Object, condition: str) -> datetime | None:
    """Since when a condition holds."""
    for one in (pod.get("status") or {}).get("conditions") or []:
        if one.get("type") == condition and one.get("status") == "True":
            return _instant(one.get("lastTransitionTime"))
    return None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _between(begin: datetime | None, end: datetime | None) -> timedelta | None:
    return end - begin if begin is not None and end is not None and end >= begin else None


def _over(times: Sequence[timedelta | None]) -> OverPods | None:
    known = sorted(time for time in times if time is not None)
    if not known or len(known) < len(times):
        return None
    return OverPods(median=_text(known[len(known) // 2]), worst=_text(known[-1]))


def _text(time: timedelta) -> str:
    return f"{int(time.total_seconds())}s"
