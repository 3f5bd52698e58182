"""The approved baseline: what a release is compared with so that many small losses do not pass one by one.

Last-good moves with every release, and a loss within the margin is none. The approved baseline stays where it is until
somebody has looked: it moves to a release that is better and not shown to be worse in anything, not even within the
margin; to one whose losses a person signed off; and, where it can no longer be measured against, to last-good.
"""

from __future__ import annotations

from collections.abc import Iterable

from tollgate.api.comparison import Against, ComparisonResult, ObjectiveComparison, ParetoRelation
from tollgate.api.evidence import Judged
from tollgate.api.objective import Objective
from tollgate.api.release import Approved, ApprovedBaseline, Release


def next_baseline(
    current: ApprovedBaseline | None, last_good: Approved | None, release: Release, approved: Approved
) -> ApprovedBaseline | None:
    """The approved baseline once `release` is approved as `approved`; `last_good` is what it replaces."""
    judged = release.judged
    if judged is None or not release.benchmark:
        return current  # taken as it served, or known from before: nothing was measured
    if current is None:
        return _moved(approved, "First")
    if release.sign_offs and not release.overrides:
        return _moved(approved, "SignedOff")
    step = _against(judged, Against.LAST_GOOD)
    since = _against(judged, Against.APPROVED)
    if last_good is not None and current.benchmark == last_good.benchmark:
        since = step
    if (
        since is not None
        and since.relation is ParetoRelation.DOMINATES
        and not losses(since, judged.objectives)
    ):
        return _moved(approved, "Dominates")
    alike = step is not None and step.comparable
    # In turn, last-good is measured as the candidate is, whatever its record: that tells of no new way for good.
    lost = since is None or (not since.comparable and judged.paired is None)
    if alike and lost and last_good is not None and last_good.benchmark:
        return _moved(last_good, "MeasuredOtherwise")
    return current


def losses(comparison: ComparisonResult, objectives: Iterable[Objective]) -> set[str]:
    """The objectives that are shown to be worse by anything at all, also within their margins."""
    lower_is_better = {o.name for o in objectives if o.max is not None}
    return {c.name for c in comparison.objectives if _lost(c, lower_is_better=c.name in lower_is_better)}


def _lost(compared: ObjectiveComparison, *, lower_is_better: bool) -> bool:
    end = compared.low if lower_is_better else compared.high
    return end != "" and (float(end) > 1 if lower_is_better else float(end) < 1)


def _moved(to: Approved, reason: str) -> ApprovedBaseline:
    return ApprovedBaseline(**dict(to), reason=reason)


def _against(judged: Judged, what: Against) -> ComparisonResult | None:
    return next((c for c in judged.comparisons if c.against is what), None)
