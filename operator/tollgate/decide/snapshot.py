"""What a decision is made from: everything the operator saw at one instant, as plain values.

`reconcile.observe` fills it, `decide.release.step` reads it. It holds no client, no callable and no raw object,
so that a decision can be repeated from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tollgate.api.budget import Baseline, BudgetSpec, BudgetStatus, Objective
from tollgate.api.comparison import ParetoRelation
from tollgate.api.evidence import BenchmarkEvidence
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.approval import SignOff
from tollgate.decide.chain import Link
from tollgate.decide.look import Look
from tollgate.measure.counts import LiveCounts


@dataclass(frozen=True)
class Target:
    """The governed Deployment."""

    name: str
    uid: str
    revision: str
    image: str
    paused: bool
    paused_and_seen: bool  # paused, and the Deployment controller has seen it
    governed: str  # value of the governing label, "" when it is absent
    replicas: int  # wanted
    ready: int
    updated: int
    rolled_out: bool  # the template is rolled out completely and available
    template_active: bool  # some ReplicaSet holds exactly this template
    max_unavailable: int
    history_limit: int
    progress_deadline_seconds: int
    pause_owner: str = ""  # another field manager that owns spec.paused


@dataclass(frozen=True)
class ReplicaSet:
    """A ReplicaSet of the target, or one that was released from it."""

    name: str
    uid: str
    revision: str
    created: datetime
    replicas: int
    ready: int
    released: bool = False
    unschedulable: bool = False


@dataclass(frozen=True)
class Pod:
    """A candidate pod."""

    name: str
    uid: str
    ready: bool
    joined: bool
    problem: str = ""


@dataclass(frozen=True)
class Copy:
    """A copy of the target that runs beside it: the candidate, of the new template, or the baseline, of last-good's."""

    name: str
    uid: str
    ours: bool  # owned by this budget; another object of that name is never touched
    revision: str
    replicas: int
    pods: tuple[Pod, ...] = ()
    deleting: bool = False

    @property
    def joined(self) -> tuple[Pod, ...]:
        """Pods that users can reach."""
        return tuple(pod for pod in self.pods if pod.joined)

    @property
    def ready(self) -> tuple[Pod, ...]:
        """Pods that could serve."""
        return tuple(pod for pod in self.pods if pod.ready)

    def runs(self, revision: str) -> bool:
        """True when all its pods are ready, and of that revision."""
        return self.ours and self.revision == revision and len(self.ready) >= self.replicas > 0


@dataclass(frozen=True)
class Measured:
    """The candidate's Benchmark."""

    name: str
    phase: str  # Pending, Running, Succeeded, Failed
    message: str = ""
    objectives: tuple[ObjectiveResult, ...] = ()
    relation: ParetoRelation = ParetoRelation.UNKNOWN
    relation_message: str = ""
    paired: bool = False  # it was measured in turn with last-good
    comparison_due: bool = False  # there is, or was, a record to compare with
    evidence: BenchmarkEvidence | None = None  # what the results and the relation rest on

    @property
    def not_comparable(self) -> bool:
        """True where the relation could not be told, though there is something to compare with."""
        return self.comparison_due and self.relation is ParetoRelation.UNKNOWN


@dataclass(frozen=True)
class Signing:
    """The record that people are asked to sign, as it is stored, and the sign-offs of this budget."""

    digest: str
    objectives: tuple[Objective, ...]
    confidence: str
    sign_offs: tuple[SignOff, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Why a policy can not be enforced as it is."""

    reason: str
    message: str
    freezes: bool = True
    """False: said in Ready, but releases go on, as the objective concerned has no verdict and stops them itself."""


@dataclass(frozen=True)
class Circumstances:
    """What adjustments of limits go by. None is what is not known."""

    load: float | None = None  # requests per second to the whole service, over the last minutes
    priority_class: str = ""  # of the target's pod template
    annotations: Mapping[str, str] | None = field(default_factory=dict)  # of the namespace


@dataclass(frozen=True)
class Lever:
    """What a step of degradation changes, as it is now."""

    seen: bool = False  # False: it could not be looked at
    value: str | None = None  # of the key, or the number of pods that are wanted; None: absent
    uid: str = ""  # "" where there is no such object
    version: str = ""  # of a ConfigMap: what is patched is what was seen
    problem: str = ""  # why the step cannot be taken
    pods: tuple[Pod, ...] = ()  # of a fallback


@dataclass(frozen=True)
class Snapshot:
    """Everything seen."""

    now: datetime
    namespace: str
    name: str
    uid: str
    generation: int
    spec: BudgetSpec  # with the limits in force
    status: BudgetStatus
    target: Target | None
    replica_sets: tuple[ReplicaSet, ...] = ()
    candidate: Copy | None = None
    baseline: Copy | None = None
    measured: Measured | None = None
    recorded_pods: int = 0  # with so many pods last-good was measured; 0 where nothing is compared with that
    signing: Signing | None = None  # None: nobody is asked, or the record is not there
    approver_checked: bool = False  # the API server was seen to refuse a sign-off in another person's name
    live: tuple[ObjectiveResult, ...] = ()
    traffic: float | None = None  # requests per second to all pods that users reach, roughly
    problems: tuple[Problem, ...] = ()
    hints: tuple[str, ...] = ()  # said in Ready's message, without stopping anything
    resting_latch: bool = False  # the API server has no admission policy that latches
    scrape_seconds: int = 30
    records: tuple[Link, ...] = ()  # of the target; listed only where the status does not tell what is needed
    actor: str = ""  # the operator's user name
    measure_again: str = ""  # what people wrote into the annotation that asks for a new measurement
    declared: BudgetSpec | None = None  # the same without adjustments; None where that makes no difference
    applied: BudgetSpec | None = (
        None  # as it stands in the object, where people have yet to accept what it loosens
    )
    answers: tuple[SignOff, ...] = ()  # the budget's sign-offs, while such a change waits for them
    circumstances: Circumstances = Circumstances()
    mix: Mapping[str, LiveCounts] = field(default_factory=dict)  # sums of what inputs are, by name
    measured_since: datetime | None = None  # when the latest Benchmark of the target itself came to its end
    levers: Mapping[str, Lever] = field(default_factory=dict)  # by what a step sets, as a string
    look: Look | None = None  # what `live` rests on
    judged: BenchmarkEvidence | None = None  # what the release's benchmark was judged by, once it was

    @property
    def frozen(self) -> bool:
        """True when no release may move until the policy is valid."""
        return self.target is None or any(problem.freezes for problem in self.problems)

    def of_revision(self, revision: str) -> tuple[ReplicaSet, ...]:
        """The target's own ReplicaSets of a revision, oldest first."""
        found = [rs for rs in self.replica_sets if rs.revision == revision and not rs.released]
        return tuple(sorted(found, key=lambda rs: (rs.created, rs.name)))

    @property
    def to_pair(self) -> ReplicaSet | None:
        """Last-good's ReplicaSet, where the policy wants the candidate measured in turn with last-good."""
        good = self.status.last_good
        if self.spec.benchmark.baseline is not Baseline.PAIRED or good is None:
            return None
        return next(reversed(self.of_revision(good.revision)), None)

    @property
    def active(self) -> tuple[ReplicaSet, ...]:
        """The target's own ReplicaSets that are to have pods."""
        return tuple(rs for rs in self.replica_sets if rs.replicas > 0 and not rs.released)

    @property
    def several_versions(self) -> bool:
        """Whether more than one version may take the traffic of the target's Services."""
        joined = self.candidate is not None and bool(self.candidate.joined)
        return joined or bool(self.released) or len({rs.revision for rs in self.active}) > 1

    @property
    def released(self) -> tuple[ReplicaSet, ...]:
        """ReplicaSets that were taken out of the target's hands."""
        return tuple(rs for rs in self.replica_sets if rs.released)
