"""Runs the five releases and checks what they promise: python -m examples.digits.demo"""

from __future__ import annotations

import os
import sys
import time

from examples.digits.demo import claims, report, stories
from examples.digits.demo.screen import Mood, Screen
from examples.digits.demo.vision import NAMESPACE, RATE, Vision, vision
from tests.cluster import images
from tests.cluster.cluster import Cluster, running
from tests.cluster.errors import ClusterError
from tests.support.kube import Kube, diagnose
from tests.support.operator import Operator
from tollgate.api.decision import DecisionSpec, EfficiencyDecision
from tollgate.api.release import Stage

WANTED = {"v1": "Adopted", "v2": "Promoted", "v3": "Rejected", "v4": "Rejected", "v5": "RolledBack"}


def main() -> int:
    """Exit status 0 if every promise was kept."""
    screen = Screen()
    try:
        cluster = running()
        screen.title(
            f"Tollgate demo: five releases of a digit classifier, with {RATE:.0f} requests a second from users"
        )
        screen.say("cluster", f"{cluster.provider.value}; a real Prometheus scrapes every 5 s")
        operator = Operator(cluster)
        # What an earlier run left takes a while to go: meanwhile the operator starts.
        Kube(cluster.kubeconfig, NAMESPACE).delete_namespace(wait=False)
        operator.install(os.environ.get(images.OPERATOR.variable) or images.OPERATOR.name)
        screen.say("operator", "Tollgate is installed and leads")
        with vision(cluster, screen) as world:
            return _run(world, cluster, operator)
    except ClusterError as error:
        screen.say("error", str(error), Mood.BAD)
        return 1
    except KeyboardInterrupt:
        screen.say("interrupted", "make demo begins with a clean namespace again")
        return 130


def _run(world: Vision, cluster: Cluster, operator: Operator) -> int:
    began = time.time()
    try:
        releases = [
            story(world) for story in (stories.adopted, stories.promoted, stories.refused, stories.caught)
        ]
        back = stories.rolled_back(world)
        ended = time.time()
        answers = world.users.stop()
    except AssertionError as error:
        world.screen.say("failed", str(error), Mood.BAD)
        print(diagnose([world.kube]), operator.log(200), sep="\n--- operator\n", file=sys.stderr)
        return 1
    releases.append(back.release)
    decisions = _decisions(world)
    world.screen.story("What was decided, and on what evidence")
    spent = {release.number: report.durations(release.history) for release in releases}
    spent[back.release.number][Stage.ROLLED_BACK] = back.complete - back.decided
    for line, mood in report.table(decisions, world.versions, spent):
        world.screen.text(line, mood)
    world.screen.story("What was promised")
    template = world.template
    outcomes = {world.versions.get(d.revision, d.revision): d.action.value for d in decisions}
    kept = report.conclude(
        world.screen,
        [
            claims.decided(outcomes, WANTED),
            claims.log_is_complete(answers, RATE),
            claims.never_served(answers, "v3"),
            claims.left_at_once(answers, "v4", releases[3].since.timestamp()),
            claims.template_is_gits(
                template.versions,
                [*template.differences, *world.git.failures],
                template.interruptions,
                world.git.applied,
            ),
            claims.none_failed(answers, "during the roll-back", back.decided, back.complete),
            claims.none_failed(answers, "in the whole demo", began, ended),
        ],
    )
    report.look_around(world.screen, str(cluster.kubeconfig))
    world.screen.text()
    world.screen.text(f"Done in {world.screen.seconds:.0f} s.", Mood.GOOD if kept else Mood.BAD)
    return 0 if kept else 1


def _decisions(world: Vision) -> list[DecisionSpec]:
    """The records, in the order in which they were decided."""
    found = [EfficiencyDecision.model_validate(raw).spec for raw in world.kube.list("efficiencydecisions")]
    return sorted(found, key=lambda decision: decision.decided_at)


if __name__ == "__main__":
    sys.exit(main())
