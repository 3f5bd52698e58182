"""What happens to a revision that serves everybody: rolled out, watched, rolled back; and who may begin.

A roll-back is decided only on a breach, only while the release is watched, only to a revision that is there, and
only so often a day. Anything else is said in a condition.
"""

from __future__ import annotations

from datetime import timedelta

from tollgate.api.budget import Approved, BudgetStatus, Release, Stage
from tollgate.api.verdict import NOTHING_COUNTED, ObjectiveResult, Reason, Verdict
from tollgate.decide.detector import next_window
from tollgate.decide.gate import breaches, sentence
from tollgate.decide.moves import Move, advance, approve, begin, enter, recorded, refuse
from tollgate.decide.snapshot import Snapshot
from tollgate.decide.steps import before_rollback

WINDOW_SECONDS = 600
"""A window of live counts begins anew after so long: old good requests must not hide a new breach."""

SPOKEN_WINDOW_SECONDS = 60
"""The same where every objective has spoken already."""

YOUNG_SCRAPES = 5
"""A window is young for so many scrapes: that no requests were seen in it yet says nothing."""

WORTH_WRITING = 1.25
"""Unchanged verdicts are stored again once they rest on so many times the requests: no write at every scrape."""


def promoting(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """The Deployment controller rolls out the template; a breach on the way turns it back."""
    assert s.target is not None
    back = _roll_back(s, status, release)
    if back is not None:
        return back
    if s.target.revision != release.revision or not s.target.rolled_out:
        return None
    newest = s.of_revision(release.revision)
    status = _name_replica_set(status, release.revision, newest[-1].name if newest else "")
    return advance(
        s,
        status,
        Stage.WATCHING,
        "RolledOut",
        f"{s.target.ready} pods serve revision {release.revision}; watching for {s.spec.rollback.watch_seconds} s",
        share="",
    )


def watching(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """The promoted revision serves everybody and is still on probation."""
    back = _roll_back(s, status, release)
    if back is not None:
        return back
    if (s.now - release.since).total_seconds() < s.spec.rollback.watch_seconds:
        return None
    return advance(
        s, status, Stage.PROMOTED, "WatchPassed", f"no breach in {s.spec.rollback.watch_seconds} s of serving"
    )


def rollback_obstacle(s: Snapshot, status: BudgetStatus, release: Release) -> str:
    """Why this release could not be rolled back; "" when it could."""
    to = release.rollback_to
    if to is None:
        return "no earlier revision was approved"
    if not s.of_revision(to.revision):
        return (
            f"no ReplicaSet of last-good {to.revision} is left: keep spec.revisionHistoryLimit of the Deployment "
            "at 1 or more"
        )
    day_ago = s.now - timedelta(days=1)
    recent = [old for old in status.rejected if old.rolled_back and old.at > day_ago]
    if len(recent) >= s.spec.rollback.max_per_day:
        return f"{len(recent)} roll-backs in the last 24 h have used up rollback.maxPerDay"
    return ""


def _roll_back(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    bad = breaches(s.live, release)
    if not bad or rollback_obstacle(s, status, release):
        return None
    if release.stage is Stage.WATCHING and before_rollback(s, status, bad):
        return None
    seen = release.model_copy(update={"live_objectives": list(s.live)})
    return refuse(
        s, status.model_copy(update={"release": seen}), Stage.ROLLED_BACK, "ServingBreach", sentence(bad)
    )


def _name_replica_set(status: BudgetStatus, revision: str, name: str) -> BudgetStatus:
    """The approved revision with the ReplicaSet that holds it."""

    def named(approved: Approved) -> Approved:
        return (
            approved.model_copy(update={"replica_set": name}) if approved.revision == revision else approved
        )

    return status.model_copy(
        update={
            "last_good": named(status.last_good) if status.last_good else None,
            "known_good": [named(known) for known in status.known_good],
        }
    )


def intake(s: Snapshot, status: BudgetStatus) -> Move | None:
    """Whether the target's present template begins a release, and of which sort."""
    assert s.target is not None
    release, target = status.release, s.target
    if release is not None and release.stage.ended and not _cleared(s, release):
        return None
    unenforced = (Stage.SUPERSEDED, Stage.OBSERVED, Stage.BREACHED)
    if status.last_good is None and (release is None or release.stage in unenforced):
        return _first(s, status)
    known = {approved.revision: approved for approved in status.known_good}
    if status.last_good is not None and target.revision == status.last_good.revision:
        return None
    if any(old.revision == target.revision for old in status.rejected):
        return None
    if target.revision in known:
        move = begin(
            s,
            status,
            Stage.PROMOTING,
            "KnownGood",
            f"revision {target.revision} was approved by {known[target.revision].decision}: rolling out at once",
            counting_since=s.now,
            benchmark=known[target.revision].benchmark,
        )
        assert move.status.release is not None
        return Move(approve(s, move.status, move.status.release), move.notices)
    return begin(
        s, status, Stage.HELD, "NewTemplate", f"revision {target.revision} is held until it is measured"
    )


def _cleared(s: Snapshot, release: Release) -> bool:
    """An ended release is over once its record is written and its copy is gone."""
    return recorded(s, release) and s.candidate is None


def _first(s: Snapshot, status: BudgetStatus) -> Move | None:
    """What serves as the budget arrives: taken as last-good, or measured first."""
    assert s.target is not None
    active = s.active
    if len(active) > 1 or (active and active[0].ready < active[0].replicas):
        return None  # a roll-out of before our time is still under way
    if not active and s.target.replicas > 0:
        return None
    serving = active[0].revision if active else s.target.revision
    if s.spec.initial == "Gate" and serving == s.target.revision:
        return begin(
            s,
            status,
            Stage.HELD,
            "InitialGate",
            f"revision {serving} serves already and is measured before it counts as last-good",
            initial=True,
        )
    message = f"revision {serving} served when the budget arrived and is last-good"
    move = begin(s, status, Stage.PROMOTED, "Adopted", message, revision=serving)
    assert move.status.release is not None
    adopted = approve(s, move.status, move.status.release, active[0].name if active else "")
    return Move(adopted, move.notices)


def recreated(s: Snapshot, status: BudgetStatus) -> Move | None:
    """The Deployment was deleted and made anew: what it runs now was never held."""
    assert s.target is not None
    release = status.release
    if release is not None and not release.stage.ended:
        gone = enter(release, Stage.SUPERSEDED, s.now, "TargetRecreated", "the Deployment was made anew")
        return Move(status.model_copy(update={"release": gone}))
    if release is not None and not _cleared(s, release):
        return None
    known = next((k for k in status.known_good if k.revision == s.target.revision), None)
    if known is not None:
        return Move(
            status.model_copy(
                update={"governed_uid": s.target.uid, "last_good": known, "serving_since": s.now}
            )
        )
    if any(old.revision == s.target.revision for old in status.rejected):
        return Move(status.model_copy(update={"governed_uid": s.target.uid, "serving_since": s.now}))
    if status.last_good is None:
        return _first(s, status.model_copy(update={"governed_uid": ""}))
    return begin(
        s,
        status,
        Stage.HELD,
        "TargetRecreated",
        f"the Deployment was made anew with revision {s.target.revision}, which is measured while it serves",
        initial=True,
        rollback_to=None,
    )


def serving_window(s: Snapshot, status: BudgetStatus) -> BudgetStatus:
    """The status with what the live traffic says, and a new window of counts once the old one is done.

    What the old one says against what serves is carried into the new one: see `decide.detector`.
    """
    since = status.serving_since
    young = since is None or (s.now - since).total_seconds() < YOUNG_SCRAPES * s.scrape_seconds
    status = status.model_copy(update={"objectives": _shown(status.objectives, s.live, young)})
    if since is None:
        return status.model_copy(update={"serving_since": s.now})
    judged = [r for r in s.live if r.reason is not Reason.NOT_JUDGED_HERE]
    spoken = bool(judged) and all(r.verdict is not Verdict.INCONCLUSIVE for r in judged)
    if (s.now - since).total_seconds() >= (SPOKEN_WINDOW_SECONDS if spoken else WINDOW_SECONDS):
        return new_window(s, status)
    return status


def new_window(s: Snapshot, status: BudgetStatus) -> BudgetStatus:
    """The status with a window of counts that begins now; what was found under limits that stay is carried on."""
    if status.serving_since is None:
        return status
    detector = next_window(status, s.spec.objectives, s.live, s.spec.alpha, s.now)
    return status.model_copy(update={"serving_since": s.now, "detector": detector})


def _shown(
    before: list[ObjectiveResult], now: tuple[ObjectiveResult, ...], young: bool
) -> list[ObjectiveResult]:
    """The results worth storing: the new ones where they say something new."""
    old = {r.name: r for r in before}
    return [_newer(old.get(result.name), result, young) for result in now] or before


def _newer(old: ObjectiveResult | None, new: ObjectiveResult, young: bool) -> ObjectiveResult:
    if old is None or old.limit != new.limit:
        return new
    if new.verdict is Verdict.INCONCLUSIVE and old.verdict is not Verdict.INCONCLUSIVE:
        # A new window has too few requests to speak, at first none: the verdict of the last one stands until it does.
        waits = new.reason is Reason.TOO_FEW_REQUESTS or (young and new.reason in NOTHING_COUNTED)
        return old if waits else new
    same = (old.verdict, old.reason, old.limit) == (new.verdict, new.reason, new.limit)
    if same and (old.requests or 0) <= (new.requests or 0) < WORTH_WRITING * (old.requests or 0):
        return old
    return new
