"""What the demo promises, checked on what was recorded: the users' log, the decisions, each version of the template.

Pure. A claim that does not hold fails the demo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.support.traffic import Answer, between, by_version, failed, longest_gap

OUT_SECONDS = 2.0
"""By so long after a verdict no new request may reach what it refused: kube-proxy follows the endpoints in less."""


@dataclass(frozen=True)
class Claim:
    """A sentence, whether it is true, and what it rests on."""

    text: str
    holds: bool
    evidence: str


def log_is_complete(answers: Sequence[Answer], rate: float) -> Claim:
    """Requests are sent evenly, so that one without a line would leave a gap."""
    gap = longest_gap(list(answers))
    return Claim(
        "every request of the users is in their log",
        bool(answers) and gap < 1.9 / rate,
        f"{len(answers):,} requests, one each {1000 / rate:.0f} ms, never more than {1000 * gap:.0f} ms apart",
    )


def never_served(answers: Sequence[Answer], version: str) -> Claim:
    """No answer came from that version."""
    counts = by_version(answers)
    others = ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items()))
    return Claim(
        f"no user request ever reached {version}", counts[version] == 0, f"answers by version: {others}"
    )


def left_at_once(answers: Sequence[Answer], version: str, decided_at: float) -> Claim:
    """No request of after the verdict reached that version."""
    sent = [answer.scheduled for answer in answers if answer.version == version]
    last = max(sent, default=decided_at) - decided_at
    when = f"{last:.1f} s after" if last > 0 else f"{-last:.1f} s before"
    return Claim(
        f"{version} was out of the endpoints at once",
        bool(sent) and last < OUT_SECONDS,
        f"{len(sent):,} requests reached it, the last was sent {when} the verdict",
    )


def template_is_gits(versions: int, differences: Sequence[str], interruptions: int, applied: int) -> Claim:
    """`spec.template` was Git's in every version of the Deployment that the API server stored."""
    said = f"{versions:,} versions of the Deployment compared, Git's manifest applied {applied} times"
    problems = [*differences[:3], *([f"the watch broke off {interruptions} times"] if interruptions else [])]
    return Claim(
        "spec.template was Git's all the time",
        versions > 0 and not problems,
        "; ".join([said, *problems]),
    )


def none_failed(answers: Sequence[Answer], what: str, since: float, until: float) -> Claim:
    """Each request under way in that stretch of Unix time was answered with 200."""
    there = between(answers, since, until)
    bad = failed(there)
    slowest = max((answer.latency_ms for answer in there), default=0.0)
    return Claim(
        f"no request failed {what}",
        bool(there) and not bad,
        f"{len(there):,} requests in {until - since:.0f} s, {len(bad)} failed, the slowest took {slowest:,.0f} ms",
    )


def decided(actions: Mapping[str, str], wanted: Mapping[str, str]) -> Claim:
    """Each version got the decision it ought to get, by version."""
    return Claim(
        "each release got the decision it deserves",
        dict(actions) == dict(wanted),
        ", ".join(f"{version} {action}" for version, action in actions.items()),
    )
