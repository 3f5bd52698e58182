"""The five releases. Each story pushes a version to Git, waits for the decision, and returns the release then."""

from __future__ import annotations

import time
from dataclasses import dataclass

from examples.digits.demo.screen import Mood
from examples.digits.demo.vision import FOLDER, HARD_SHARE, NAME, RATE, Vision
from tests.support.kube import wait_until
from tollgate.api.release import Release, Stage

FEEDBACK = 6.0  # batches of 64 labelled images a second, to all pods together
GATE_SECONDS = 240.0


@dataclass(frozen=True)
class RollBack:
    """When a roll-back was decided, and when last-good served alone again; Unix seconds."""

    release: Release
    decided: float
    complete: float


def adopted(world: Vision) -> Release:
    """1: what serves when the budget arrives is taken as last-good."""
    world.screen.story("1  v1 serves, and a budget is declared for it")
    world.push("v1")
    wait_until("v1 serves", lambda: world.serves("v1"), 120)
    world.screen.say("v1", "its pods are ready")
    world.users.start(rate=RATE, hard_share=HARD_SHARE)
    world.screen.say(
        "users", f"{RATE:.0f} requests a second from now on, {HARD_SHARE:.0%} of them hard to read"
    )
    world.kube.run("apply", "--server-side", "--force-conflicts", "-k", str(FOLDER / "tollgate"))
    world.screen.say("budget", "kubectl apply -k examples/digits/tollgate")
    return world.progress.outcome(1, (Stage.PROMOTED,), "Adopted", 60)


def promoted(world: Vision) -> Release:
    """2: a better version passes."""
    world.screen.story("2  v2 gives the same answers with less work: measured, tried on users, promoted")
    world.push("v2")
    return world.progress.outcome(2, (Stage.WATCHING,), "", GATE_SECONDS)


def refused(world: Vision) -> Release:
    """3: a bad tail is seen before any user is."""
    world.screen.story("3  v3 is a little more accurate and has a bad tail: no user shall meet it")
    world.push("v3")
    return world.progress.outcome(3, (Stage.REJECTED,), "BenchmarkBreach", GATE_SECONDS)


def caught(world: Vision) -> Release:
    """4: what the benchmark's inputs did not show, live traffic does."""
    world.screen.story(
        "4  v4 is fast on the benchmark's clean digits, and slow on those that users really send"
    )
    world.push("v4")
    release = world.progress.outcome(4, (Stage.REJECTED,), "CanaryBreach", GATE_SECONDS)
    gone = lambda: world.kube.find("deployment", f"{NAME}-candidate") is None  # noqa: E731
    wait_until("the candidate of v4 to be gone", gone, 60)
    return release


def rolled_back(world: Vision) -> RollBack:
    """5: promoted, then worse with every day; taken back while Git still asks for it."""
    world.screen.story("5  v5 passes, and degrades while it serves: taken back while Git still asks for it")
    world.push("v5")
    world.progress.outcome(5, (Stage.WATCHING,), "", GATE_SECONDS)
    world.screen.say(
        "users",
        f"now send labels, too, from which v5 learns: its memory grows with each batch ({FEEDBACK:g}/s)",
    )
    world.users.set(feedback_rate=FEEDBACK)
    back = world.progress.outcome(5, (Stage.ROLLED_BACK,), "ServingBreach", GATE_SECONDS)
    wait_until("v2 serves alone", lambda: world.serves("v2"), 90)
    complete = time.time()
    world.users.set(feedback_rate=0)
    world.screen.say(
        "rolled back",
        f"v2 serves alone, {complete - back.since.timestamp():.1f} s after the verdict; Git still says v5",
        Mood.GOOD,
    )
    return RollBack(back, back.since.timestamp(), complete)
