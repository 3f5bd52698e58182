"""What is still missing for the steps of degradation to be in force, or given back, as actions."""

from __future__ import annotations

from tollgate.api.budget import BudgetStatus
from tollgate.api.degradation import TakenStep
from tollgate.decide.actions import Action, Admit, CallWebhook, Dismiss, ScaleFallback, SetKey
from tollgate.decide.snapshot import Lever, Snapshot
from tollgate.decide.steps import lever_of, taken_steps, value_set
from tollgate.decide.upkeep import DRAIN_SECONDS


def degradation_upkeep(s: Snapshot, status: BudgetStatus) -> list[Action]:
    """What is still missing for the steps to be in force, or given back."""
    actions: list[Action] = []
    for one in taken_steps(status):
        lever = lever_of(s, one)
        if one.step.webhook is not None:
            if not one.done:
                asks = "Restore" if one.undoing else "Degrade"
                actions.append(CallWebhook(one.step.webhook.name, one.name, asks))  # type: ignore[arg-type]
        elif lever.uid:
            actions += _undoing(s, status, one, lever) if one.undoing else _taking(one, lever)
    return actions


def _taking(one: TakenStep, lever: Lever) -> list[Action]:
    actions: list[Action] = []
    if not one.done and lever.value != value_set(one):
        actions.append(_setting(one, lever, value_set(one)))
    able = tuple(pod for pod in lever.pods if pod.ready and not pod.joined)
    if one.step.scale is not None and one.step.scale.takes_traffic and able:
        actions.append(Admit(able))
    return actions


def _undoing(s: Snapshot, status: BudgetStatus, one: TakenStep, lever: Lever) -> list[Action]:
    if joined := tuple(pod for pod in lever.pods if pod.joined):
        return [Dismiss(joined)]
    assert status.degradation is not None
    changed = status.degradation.changed_at
    drains = one.step.scale is not None and one.step.scale.takes_traffic
    if drains and changed is not None and (s.now - changed).total_seconds() < DRAIN_SECONDS:
        return []
    if lever.value == value_set(one) and lever.value != one.was:
        return [_setting(one, lever, one.was)]
    return []


def _setting(one: TakenStep, lever: Lever, value: str | None) -> Action:
    if one.step.config_map is not None:
        key = one.step.config_map
        return SetKey(key.name, lever.uid, lever.version, key.key, value)
    assert one.step.scale is not None
    return ScaleFallback(one.step.scale.name, lever.uid, int(value or 0))
