"""Tells what happens to a release while it happens, from the status of its budget as the API server stores it.

`news` is pure: two states of a status in, the lines to print out. `Progress` feeds it from a watch, and lets the
story wait for what it is about.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType

from examples.digits.demo.screen import Mood, Screen
from tests.support.kube import Kube, Object, TimedOutError
from tests.support.watch import Watch
from tollgate.api.budget import BudgetStatus, Release, Stage, parse_budget
from tollgate.api.conditions import find_condition
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict

SIGNS = {Verdict.WITHIN: "✓", Verdict.BREACH: "✗", Verdict.INCONCLUSIVE: "·"}
GOOD_ENDS = (Stage.WATCHING, Stage.PROMOTED)
BAD_ENDS = (Stage.REJECTED, Stage.ROLLED_BACK)


@dataclass(frozen=True)
class News:
    """One line: what it is about, and what is to be said."""

    topic: str
    text: str
    mood: Mood = Mood.PLAIN


def news(before: BudgetStatus, after: BudgetStatus) -> list[News]:
    """What a reader would want to know of the step from one status to the next."""
    return [
        *_stage(before.release, after.release),
        *_traffic(before.release, after.release),
        *_health(before, after),
    ]


def _stage(before: Release | None, after: Release | None) -> list[News]:
    if after is None:
        return []
    same = before is not None and before.number == after.number
    told: list[News] = []
    if after.benchmark_objectives and not (same and before and before.benchmark_objectives):
        told += [_result("benchmark", result) for result in after.benchmark_objectives]
    if (
        same
        and before
        and (before.stage, before.step, before.reason) == (after.stage, after.step, after.reason)
    ):
        return told
    mood = Mood.GOOD if after.stage in GOOD_ENDS else Mood.BAD if after.stage in BAD_ENDS else Mood.PLAIN
    return [*told, News(after.stage.value, after.message, mood)]


def waiting(status: BudgetStatus) -> str:
    """What a candidate or its benchmark waits for, as the Progressing condition says it; "" in other stages."""
    release, progressing = status.release, find_condition(status.conditions, "Progressing")
    if release is None or progressing is None or release.stage not in (Stage.STARTING, Stage.BENCHMARKING):
        return ""
    detail = progressing.message.partition(": ")[2]
    return "" if detail == release.message else detail


def _traffic(before: Release | None, after: Release | None) -> list[News]:
    """The canary's evidence, each time that more requests have been counted."""
    if after is None or after.stage is not Stage.CANARY:
        return []
    seen = _requests(before.live_objectives) if before and before.number == after.number else 0
    told: list[News] = []
    if after.share not in ("", "0%") and (before is None or before.share != after.share):
        told.append(News("share", f"{after.share} of the ready pods run the candidate"))
    if _requests(after.live_objectives) > seen:
        told.append(
            News(
                "live",
                f"{_requests(after.live_objectives):>5,} requests to it: {_verdicts(after.live_objectives)}",
            )
        )
    elif (blind := _blind(after)) and not (before and _blind(before)):
        told.append(News("live", f"frozen: {blind}", Mood.BAD))
    return told


def _blind(release: Release) -> str:
    """What Prometheus said, or did not say, when it gave no data; "" when it did."""
    unavailable = (r.message for r in release.live_objectives if r.reason is Reason.METRICS_UNAVAILABLE)
    return next(unavailable, "")


def _health(before: BudgetStatus, after: BudgetStatus) -> list[News]:
    """What serves, each time that its verdict changes."""
    told = []
    for kind in ("Ready", "WithinBudget"):
        old, new = find_condition(before.conditions, kind), find_condition(after.conditions, kind)
        if new is None or (old is not None and (old.status, old.reason) == (new.status, new.reason)):
            continue
        if new.status == "Unknown":
            continue  # waiting for requests is no news
        if new.reason == "WaitingForRollout":
            continue  # so it is with every budget for a moment
        mood = Mood.GOOD if new.status == "True" else Mood.BAD
        told.append(News(kind, f"{new.status}, {new.reason}: {new.message}", mood))
    return told


def _requests(results: Iterable[ObjectiveResult]) -> int:
    return max((r.requests or 0 for r in results), default=0)


def _verdicts(results: Iterable[ObjectiveResult]) -> str:
    judged = [r for r in results if r.reason is not Reason.NOT_JUDGED_HERE]
    return "  ".join(f"{SIGNS[r.verdict]} {r.name} {r.observed or '-'}" for r in judged)


def _result(topic: str, result: ObjectiveResult) -> News:
    mood = {Verdict.WITHIN: Mood.GOOD, Verdict.BREACH: Mood.BAD, Verdict.INCONCLUSIVE: Mood.PLAIN}[
        result.verdict
    ]
    return News(topic, f"{SIGNS[result.verdict]} {result.name}: {result.message}", mood)


class Progress:
    """Watches a budget, prints its news, and waits for what a story needs."""

    def __init__(self, kube: Kube, budget: str, screen: Screen, idle: Callable[[BudgetStatus], None]) -> None:
        self._watch = Watch(kube, "efficiencybudget", budget, self._saw)
        self._screen = screen
        self._idle = idle
        self._changed = threading.Condition()
        self._status = BudgetStatus()

    def __enter__(self) -> Progress:
        self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.__exit__(kind, error, trace)

    def _saw(self, raw: Object | None) -> None:
        status = parse_budget(raw).status if raw is not None else BudgetStatus()
        for line in news(self._status, status):
            self._screen.say(line.topic, line.text, line.mood)
        with self._changed:
            self._status = status
            self._changed.notify_all()

    def wait(self, what: str, done: Callable[[BudgetStatus], bool], timeout: float) -> BudgetStatus:
        """Wait until `done` says so of the status; raises TimedOutError with the status as it was then."""
        end = time.monotonic() + timeout
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: done(self._status), timeout=1.0):
                    return self._status
                status = self._status
            if time.monotonic() > end:
                conditions = "; ".join(
                    f"{c.type}={c.status} {c.reason}: {c.message}" for c in status.conditions
                )
                raise TimedOutError(f"waited {timeout:.0f} s for: {what}; instead: {conditions}")
            self._idle(status)

    def outcome(self, number: int, stages: tuple[Stage, ...], reason: str, timeout: float) -> Release:
        """Wait until that release is in one of these stages, for this reason (any, if empty).

        Raises AssertionError at once if the release ends in another way.
        """

        def there(status: BudgetStatus) -> bool:
            release = status.release
            if release is None or release.number < number:
                return False
            wanted = release.number == number and release.stage in stages and reason in ("", release.reason)
            ended = release.number > number or release.stage.ended
            if ended and not wanted:
                raise AssertionError(
                    f"release {release.number} is {release.stage.value} ({release.reason}: {release.message}), "
                    f"not {' or '.join(stages)} {reason}".rstrip()
                )
            return wanted

        wanted = " or ".join(stages)
        release = self.wait(f"release {number} {wanted} {reason}".rstrip(), there, timeout).release
        assert release is not None
        return release
