"""What changed between two versions of a budget's objectives: which limits are looser, which tighter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tollgate.api import units
from tollgate.api.objective import Objective, objective_quantity
from tollgate.decide.limits import limit_value

_MOST = 1e9
"""Of a regression: more is as good as any."""


class Kind(StrEnum):
    """How a limit changed. Replaced: the two cannot be held against each other."""

    ADDED = "added"
    REMOVED = "removed"
    LOOSER = "looser"
    TIGHTER = "tighter"
    REPLACED = "replaced"


@dataclass(frozen=True)
class Change:
    """One objective that is not what it was; "" where it was not there, or is not there any more."""

    name: str
    kind: Kind
    was: str
    now: str

    @property
    def loosens(self) -> bool:
        """Whether what was refused before may pass now."""
        return self.kind in (Kind.REMOVED, Kind.LOOSER, Kind.REPLACED)


def changes(old: Sequence[Objective], new: Sequence[Objective]) -> list[Change]:
    """The changes by name, in the order of the old objectives and then of the new; [] where the limits are the same."""
    before, after = ({o.name: o for o in some} for some in (old, new))
    found = [_change(name, before.get(name), after.get(name)) for name in {**before, **after}]
    return [change for change in found if change is not None]


def _change(name: str, old: Objective | None, new: Objective | None) -> Change | None:
    was, now = (_written(o) if o else "" for o in (old, new))
    if old is None or new is None:
        return Change(name, Kind.ADDED if old is None else Kind.REMOVED, was, now)
    if _limited(old) != _limited(new):
        return Change(name, Kind.REPLACED, was, now)
    slack = {_sign(after - before) for before, after in zip(_allowed(old), _allowed(new), strict=True)} - {0}
    if not slack:
        return None
    if len(slack) > 1:
        return Change(name, Kind.REPLACED, was, now)  # looser in one, tighter in the other
    return Change(name, Kind.LOOSER if slack == {1} else Kind.TIGHTER, was, now)


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
        o.within is None,
        meets,
        once,
        o.stage,
        o.measured,
        bound,
        o.unit,
    )
