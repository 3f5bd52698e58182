"""What changed between two versions of a budget's objectives: which limits are looser, which tighter."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tollgate.api import units
from tollgate.api.adjustment import Adjustment
from tollgate.api.budget import BudgetSpec, adjusted
from tollgate.api.canonical import canonical
from tollgate.api.change import LONGEST_PHRASE, ChangeKind, DeclaredLimits, LimitChange
from tollgate.api.objective import Objective, objective_quantity
from tollgate.decide.limits import limit_value

_MOST = 1e9
"""Of a regression: more is as good as any."""


def declared(spec: BudgetSpec, generation: int = 0) -> DeclaredLimits:
    """The limits of a policy as it was applied."""
    return DeclaredLimits(
        generation=generation,
        confidence=spec.confidence,
        objectives=spec.objectives,
        adjustments=spec.adjustments,
        changes=spec.changes,
        approval=spec.approval,
    )


def limit_changes(old: DeclaredLimits, new: DeclaredLimits) -> list[LimitChange]:
    """What differs between the limits of two versions of a budget: its objectives, adjustments and confidence."""
    found = changes(old.objectives, new.objectives)
    before, after = ({a.name: a for a in some.adjustments} for some in (old, new))
    for name in {**before, **after}:
        found += _of_adjustment(name, old, new, before.get(name), after.get(name))
    if old.confidence != new.confidence:
        looser = float(new.confidence) < float(old.confidence)
        kind = ChangeKind.LOOSER if looser else ChangeKind.TIGHTER
        found.append(LimitChange(name="confidence", kind=kind, was=old.confidence, now=new.confidence))
    if old.changes != new.changes:
        kind = ChangeKind.LOOSER if new.changes == "Allow" else ChangeKind.TIGHTER
        found.append(LimitChange(name="changes", kind=kind, was=old.changes, now=new.changes))
    if old.approval != new.approval and old.changes == "RequireSignOff":
        texts = [_short(canonical(one.approval.dump()).decode()) for one in (old, new)]
        found.append(LimitChange(name="approval", kind=ChangeKind.REPLACED, was=texts[0], now=texts[1]))
    return found


def changes(old: Sequence[Objective], new: Sequence[Objective]) -> list[LimitChange]:
    """The changes by name, in the order of the old objectives and then of the new; [] where the limits are the same."""
    before, after = ({o.name: o for o in some} for some in (old, new))
    found = [_change(name, before.get(name), after.get(name)) for name in {**before, **after}]
    return [change for change in found if change is not None]


def _of_adjustment(
    name: str, old: DeclaredLimits, new: DeclaredLimits, was: Adjustment | None, now: Adjustment | None
) -> list[LimitChange]:
    """The limits while it is in force; where there is none, those of the objectives are."""
    if was == now:
        return []
    found = []
    if was is not None and now is not None and was.when != now.when:
        texts = [_short(canonical(one.when.dump()).decode()) for one in (was, now)]
        found.append(
            LimitChange(name="when", adjustment=name, kind=ChangeKind.REPLACED, was=texts[0], now=texts[1])
        )
    touched = {limit.objective for one in (was, now) if one for limit in one.limits}
    before, after = (
        [o for o in _under(limits.objectives, one) if o.name in touched]
        for limits, one in ((old, was), (new, now))
    )
    named = [c.model_copy(update={"adjustment": name}) for c in changes(before, after)]
    return found + [c for c in named if c.was and c.now]


def _under(objectives: Sequence[Objective], adjustment: Adjustment | None) -> list[Objective]:
    limits = {limit.objective: limit for limit in adjustment.limits} if adjustment else {}
    return [adjusted(o, limits[o.name]) if o.name in limits else o for o in objectives]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_PHRASE else f"{text[: LONGEST_PHRASE - 3]}..."


def _change(name: str, old: Objective | None, new: Objective | None) -> LimitChange | None:
    was, now = (_short(_written(o)) if o else "" for o in (old, new))

    def change(kind: ChangeKind) -> LimitChange:
        return LimitChange(name=name, kind=kind, was=was, now=now)

    if old is None or new is None:
        return change(ChangeKind.ADDED if old is None else ChangeKind.REMOVED)
    if _limited(old) != _limited(new):
        return change(ChangeKind.REPLACED)
    slack = {_sign(after - before) for before, after in zip(_allowed(old), _allowed(new), strict=True)} - {0}
    if not slack:
        return None
    if len(slack) > 1:
        return change(ChangeKind.REPLACED)  # looser in one, tighter in the other
    return change(ChangeKind.LOOSER if slack == {1} else ChangeKind.TIGHTER)


def _allowed(o: Objective) -> tuple[float, ...]:
    """What an objective allows, the more the looser: its limit, how late an answer may come, and what counts as equal.

    Without a maxRegression a canary is compared with nothing beside it: that is looser than any.
    """
    compared = float(o.margin) if o.max_regression is not None else math.inf
    return (
        limit_value(o) * (1 if o.max is not None else -1),
        float(units.parse_duration(o.within)) if o.within else 0.0,
        min(compared, _MOST),
        float(o.margin),
    )


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _written(o: Objective) -> str:
    """The limit as it reads, with its maxRegression if it has one."""
    regression = f", maxRegression {o.max_regression}" if o.max_regression is not None else ""
    return objective_quantity(o) + regression


def _limited(o: Objective) -> object:
    """What must be the same for two limits to be held against each other."""
    bound = "max" if o.max is not None else "min"
    meets, once = (one.dump() if one else None for one in (o.meets, o.amortized))
    return (
        o.dimension,
        o.statistic,
        o.per,
        o.metric,
        o.score,
        o.within is None,
        meets,
        once,
        o.stage,
        o.measured,
        bound,
        o.unit,
    )
