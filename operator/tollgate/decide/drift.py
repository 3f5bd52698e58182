"""Has what serves become another than it was when it was approved? More load alone, or other inputs, do not make it so.

For a time after its approval the requests of a version are counted, and those over each limit, apart by the load of a
pod and by the sort of input (the strata). That is the reference. From then on the present is counted alike and held
against it, stratum by stratum, so that neither more traffic nor another mix of inputs is called drift.

Of a stratum, let u be the upper bound (Clopper and Pearson) of the fraction over the limit in the reference, at
alpha / (2 S) of S strata and objectives. As long as the fraction is at most `ratio` times what it was, that is at most
p0 = ratio u but with probability alpha / 2, and the evidence M of `decide.evidence` against p0 is at most 1 on average,
however often one looks; so is the product over the strata, as each request is in one. Drift is found where the product
reaches 2 / alpha, with as many objectives sharing alpha. Each day is a period of its own, so that good days do not hide
a bad one: what has not changed is called drift once in 1/alpha days, or rarer.

Clumps divide the counts, as everywhere (`decide.dispersion`). Nothing is decided by a finding: it asks for a benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from tollgate.api import units
from tollgate.api.budget import BudgetStatus, Stage
from tollgate.api.drift import MOST_STRATA, DriftFinding, DriftOfObjective, DriftState
from tollgate.api.objective import Dimension, Objective, Statistic
from tollgate.decide.actions import Notice, Row
from tollgate.decide.certificate import proportion_interval
from tollgate.decide.dispersion import clumping
from tollgate.decide.evidence import log_breach
from tollgate.decide.levels import counted_live
from tollgate.decide.limits import allowed_fraction, count, what_is_over
from tollgate.decide.live_proportion import over_limit
from tollgate.decide.means import REQUESTS_PER_BLOCK
from tollgate.decide.ranks import rank_correlation
from tollgate.decide.snapshot import Snapshot
from tollgate.measure.counts import Block, LiveCounts

DRIFTED = "Drifted"
_PERIOD = timedelta(days=1)
_LOAD_STEP, _INPUT_STEP = 2.0, 1.25
_LEAST_REFERENCE = 1000
"""Requests of a stratum below which its reference says too little to hold anything against it."""

_LEAST_CORRELATED = 10
"""Stretches from which on a correlation is told."""

Followed = tuple[BudgetStatus, tuple[Notice, ...]]


@dataclass(frozen=True)
class _Stretch:
    """Some consecutive blocks of a window: what was counted, and what sort of input it was."""

    block: Block
    inputs: tuple[tuple[str, float], ...]

    @property
    def load(self) -> float:
        """Requests per second and pod."""
        return self.block.requests / self.block.pod_seconds if self.block.pod_seconds else 0.0

    @property
    def stratum(self) -> str:
        """Its bins: of the load, and of each input's mean."""
        bins = [("load", _bin(self.load, _LOAD_STEP))]
        bins += [(name, _bin(mean, _INPUT_STEP)) for name, mean in self.inputs]
        return ",".join(f"{name}:{number}" for name, number in bins)


def _bin(value: float, step: float) -> int:
    return math.floor(math.log(value) / math.log(step) + 1e-9) if value > 0 else -999


@dataclass(frozen=True)
class _Stratum:
    """Requests and those over the limit, of the reference and of the present period."""

    reference: int = 0
    reference_over: int = 0
    present: int = 0
    present_over: int = 0

    def __str__(self) -> str:
        return f"{self.reference} {self.reference_over} {self.present} {self.present_over}"

    def plus(self, requests: int, over: int, *, of_reference: bool) -> _Stratum:
        if of_reference:
            return replace(
                self, reference=self.reference + requests, reference_over=self.reference_over + over
            )
        return replace(self, present=self.present + requests, present_over=self.present_over + over)


def follow(s: Snapshot, status: BudgetStatus) -> Followed:
    """The status with what the window that ends just now tells of drift; unchanged in the midst of a window."""
    if s.spec.drift is None or status.last_good is None:
        return (status if status.drift is None else _with(status, None)), ()
    state = status.drift
    if state is None or state.revision != status.last_good.revision or state.since < status.last_good.since:
        state = DriftState(revision=status.last_good.revision, since=s.now)
        return _with(status, state), ()
    if state.found is not None and s.measured_since is not None and s.measured_since > state.found.at:
        return _with(status, DriftState(revision=state.revision, since=s.measured_since)), ()
    ended = status.serving_since != s.status.serving_since
    if not ended or not _is_its_own(s, status) or s.look is None or s.look.counts is None:
        return status, ()
    if s.look.counts.silent or s.look.counts.garbled:
        return status, ()
    return _folded(s, status, _begun(s, state))


def _with(status: BudgetStatus, state: DriftState | None) -> BudgetStatus:
    return status.model_copy(update={"drift": state})


def _is_its_own(s: Snapshot, status: BudgetStatus) -> bool:
    """Whether the approved version alone serves, as it was approved: no canary, no roll-out, nothing given up."""
    release = status.release
    moving = release is not None and release.stage in (Stage.CANARY, Stage.PROMOTING)
    degraded = status.degradation is not None and bool(status.degradation.taken)
    return not moving and not degraded and not s.several_versions


def _begun(s: Snapshot, state: DriftState) -> DriftState:
    """The state with the period in which the window lies: the reference at first, and then a day after the other."""
    assert s.spec.drift is not None
    if state.period_since is None:
        over = s.now - state.since >= timedelta(hours=s.spec.drift.reference_hours)
        return state.model_copy(update={"period_since": s.now}) if over else state
    if s.now - state.period_since < _PERIOD:
        return state
    anew = [
        one.model_copy(
            update={
                "strata": _rows({k: replace(v, present=0, present_over=0) for k, v in _strata(one).items()}),
                "evidence": "",
            }
        )
        for one in state.objectives
    ]
    return state.model_copy(update={"period_since": s.now, "objectives": anew})


def _folded(s: Snapshot, status: BudgetStatus, state: DriftState) -> Followed:
    """The state with the window's counts, and the finding where they show one."""
    assert s.look is not None
    assert s.look.counts is not None
    known = {(one.name, one.statistic, one.limit): one for one in state.objectives}
    followed = [o for o in s.spec.objectives if _can_be_followed(o, s)]
    counted, objectives = (
        list[DriftOfObjective](),
        len([o for o in followed if allowed_fraction(o) is not None]),
    )
    for o in followed:
        counts = s.look.timed.get(o.dimension, s.look.counts)
        stretches = list(_stretches(counts, s.mix))
        one = known.get((o.name, o.statistic, o.limit))
        one = one or DriftOfObjective(name=o.name, statistic=o.statistic, limit=o.limit)
        one = _counted(o, one, stretches, of_reference=state.period_since is None)
        counted.append(_judged(s, one, objectives))
    state = state.model_copy(update={"objectives": counted})
    bar = math.log(2 * max(1, objectives) / s.spec.alpha)
    drifted = [one for one in counted if one.evidence and float(one.evidence) >= bar]
    if state.found is not None or not drifted:
        return _with(status, state), ()
    worst = max(drifted, key=lambda one: float(one.evidence))
    message = _finding(s, state, worst)
    found = DriftFinding(objective=worst.name, at=s.now, message=message[:1024])
    return _with(status, state.model_copy(update={"found": found})), (
        Notice("Warning", "DriftFound", message),
    )


def _can_be_followed(o: Objective, s: Snapshot) -> bool:
    timed = s.look.timed if s.look else {}
    return counted_live(o, timed) and o.dimension is not Dimension.COST


def _stretches(counts: LiveCounts, mix: Mapping[str, LiveCounts]) -> Iterator[_Stretch]:
    """Neighbouring blocks put together until they have enough requests. Where a sort of input is unknown, none are."""
    together, sums = Block(), dict.fromkeys(mix, (0.0, 0))
    for number, block in sorted(counts.blocks.items()):
        together += block
        for name, of_input in mix.items():
            one = of_input.blocks.get(number, Block())
            total, seen = sums[name]
            sums[name] = total + one.latency_sum, seen + one.requests
        if max(together.requests, together.attempts) < REQUESTS_PER_BLOCK:
            continue
        if all(seen for _, seen in sums.values()):
            yield _Stretch(together, tuple((name, total / seen) for name, (total, seen) in sums.items()))
        together, sums = Block(), dict.fromkeys(mix, (0.0, 0))


def _counted(
    o: Objective, one: DriftOfObjective, stretches: list[_Stretch], *, of_reference: bool
) -> DriftOfObjective:
    """What is known of the objective, with these stretches."""
    correlation = _correlation(o, stretches)
    if allowed_fraction(o) is None:
        return one.model_copy(update={"load_correlation": correlation})
    strata = _strata(one)
    for stretch in stretches:
        requests, _, over = over_limit(o, stretch.block)
        key = stretch.stratum
        if key in strata or len(strata) < MOST_STRATA:
            strata[key] = strata.get(key, _Stratum()).plus(requests, over, of_reference=of_reference)
    clumps = clumping([(float(over), float(n)) for n, _, over in (over_limit(o, x.block) for x in stretches)])
    return one.model_copy(
        update={
            "strata": _rows(strata),
            "load_correlation": correlation,
            "clumping": units.format_number(max(float(one.clumping), clumps)),
        }
    )


def _correlation(o: Objective, stretches: list[_Stretch]) -> str | None:
    """Of the objective with the load; None where there is too little, or nothing varies."""
    if len(stretches) < _LEAST_CORRELATED:
        return None
    if o.statistic is Statistic.MEAN:
        values = [x.block.latency_sum / x.block.requests for x in stretches if x.block.requests]
    else:
        values = [over / n for n, _, over in (over_limit(o, x.block) for x in stretches) if n]
    loads = [x.load for x in stretches]
    if len(values) != len(loads):
        return None
    found = rank_correlation(loads, values)
    return None if found is None else f"{found + 0.0:.2f}"


def _judged(s: Snapshot, one: DriftOfObjective, objectives: int) -> DriftOfObjective:
    """The objective with the evidence that it has drifted."""
    assert s.spec.drift is not None
    strata = [stratum for stratum in _strata(one).values() if stratum.reference >= _LEAST_REFERENCE]
    if not strata or not any(stratum.present for stratum in strata):
        return one.model_copy(update={"evidence": ""})
    factor, ratio, alpha = float(one.clumping), float(s.spec.drift.ratio), s.spec.alpha
    each = alpha / (2 * MOST_STRATA * max(1, objectives))
    evidence = 0.0
    for stratum in strata:
        _, upper = proportion_interval(stratum.reference / factor, stratum.reference_over / factor, each)
        p0 = min(ratio * upper, 0.999)
        evidence += log_breach(stratum.present / factor, stratum.present_over / factor, p0, alpha)
    return one.model_copy(update={"evidence": units.format_number(evidence)})


def _finding(s: Snapshot, state: DriftState, one: DriftOfObjective) -> str:
    """How much, in the stratum that shows it most, and against when."""
    o = s.spec.objective(one.name)
    assert o is not None
    usable = {k: v for k, v in _strata(one).items() if v.reference >= _LEAST_REFERENCE and v.present}

    def excess(stratum: _Stratum) -> float:
        expected = max(stratum.reference_over, 1) / stratum.reference * stratum.present
        return stratum.present_over - expected

    key, worst = max(usable.items(), key=lambda item: excess(item[1]))
    now, then = (
        units.format_percent(over / n)
        for over, n in (
            (worst.present_over, worst.present),
            (worst.reference_over, worst.reference),
        )
    )
    return (
        f"{one.name}: {now} of {count(worst.present)} {what_is_over(o)} {_where(key)}, {then} of "
        f"{count(worst.reference)} there after its approval on {state.since:%Y-%m-%d}"
    )


def _where(key: str) -> str:
    """A stratum for people: `at 8 to 16 requests a second and pod`."""
    said = []
    for part in key.split(","):
        name, number = part.split(":")
        step = _LOAD_STEP if name == "load" else _INPUT_STEP
        low, high = (units.format_number(step ** (int(number) + more)) for more in (0, 1))
        what = "requests a second and pod" if name == "load" else name
        said.append(f"{low} to {high} {what}")
    return f"at {' and '.join(said)}"


def _strata(one: DriftOfObjective) -> dict[str, _Stratum]:
    found = {}
    for row in one.strata:
        key, *numbers = row.split(" ")
        found[key] = _Stratum(*map(int, numbers))
    return found


def _rows(strata: Mapping[str, _Stratum]) -> list[str]:
    return [f"{key} {stratum}" for key, stratum in strata.items()]


def drifted(s: Snapshot, status: BudgetStatus) -> Row | None:
    """The condition of a budget that follows drift."""
    state, asked = status.drift, s.spec.drift
    if asked is None or state is None:
        return None
    if state.found is not None:
        return DRIFTED, True, "DriftFound", f"{state.found.message}. {_what_to_do(s)}"
    if state.period_since is None:
        until = state.since + timedelta(hours=asked.reference_hours)
        return DRIFTED, None, "Reference", f"until {until:%Y-%m-%d %H:%M} UTC it is counted what is normal"
    if not any(one.evidence for one in state.objectives):
        return (
            DRIFTED,
            None,
            "NothingAlike",
            "no load and sort of input of today was seen often enough before",
        )
    return DRIFTED, False, "AsApproved", f"no objective is {asked.ratio} times worse than after the approval"


def _what_to_do(s: Snapshot) -> str:
    return (
        f"Measure it again: a Benchmark of Deployment {s.spec.target.name} with profile "
        f"{s.spec.benchmark.profile_ref.name} (docs/drift.md has it). From its end on it is counted anew what is normal"
    )
