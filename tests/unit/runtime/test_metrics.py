"""What a scrape shows."""

from __future__ import annotations

from typing import Any

import pytest

from tollgate.ports import BUDGET
from tollgate.reconcile.key import Key
from tollgate.runtime.feed import Feed
from tollgate.runtime.metrics import Instruments


@pytest.fixture
def instruments() -> Instruments:
    return Instruments()


def shown(instruments: Instruments, name: str) -> list[str]:
    return sorted(line for line in instruments.expose().decode().splitlines() if line.startswith(name))


def budget(name: str, stage: str, within: str, *verdicts: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "vision", "name": name, "resourceVersion": name},
        "status": {
            "release": {"stage": stage},
            "conditions": [{"type": "WithinBudget", "status": within}],
            "objectives": [{"verdict": verdict} for verdict in verdicts],
        },
    }


def test_budgets_are_shown_as_the_watch_delivered_them(instruments: Instruments) -> None:
    feed = Feed(lambda _key, _after: None, instruments.watch_event)
    instruments.show_budgets(feed.budgets)
    feed.observe(BUDGET, None, budget("a", "Canary", "True", "Within", "Inconclusive"))
    feed.observe(BUDGET, None, budget("b", "Promoted", "False", "Breach", "Within"))
    feed.observe(BUDGET, None, budget("c", "", "Unknown"))
    assert shown(instruments, "tollgate_within_budget") == [
        'tollgate_within_budget{budget="a",namespace="vision"} 1.0',
        'tollgate_within_budget{budget="b",namespace="vision"} 0.0',
    ]
    assert shown(instruments, "tollgate_release_stage") == [
        'tollgate_release_stage{budget="a",namespace="vision",stage="Canary"} 1.0'
    ]
    assert shown(instruments, "tollgate_verdicts") == [
        'tollgate_verdicts{verdict="Breach"} 1.0',
        'tollgate_verdicts{verdict="Inconclusive"} 1.0',
        'tollgate_verdicts{verdict="Within"} 2.0',
    ]
    assert len(shown(instruments, "tollgate_last_watch_event_timestamp_seconds")) == 1
    feed.observe(BUDGET, "DELETED", budget("a", "Canary", "True"))
    assert shown(instruments, "tollgate_release_stage") == []


def test_reconciles_and_queries_are_counted(instruments: Instruments) -> None:
    instruments.reconciled(Key("budget", "vision", "a"), "ok", 0.01, 0.0)
    instruments.reconciled(Key("budget", "vision", "b"), "conflict", 0.01, 0.0)
    instruments.query("error")
    instruments.depth(7)
    assert shown(instruments, "tollgate_reconcile_total") == [
        'tollgate_reconcile_total{controller="budget",result="conflict"} 1.0',
        'tollgate_reconcile_total{controller="budget",result="ok"} 1.0',
    ]
    assert 'tollgate_metrics_queries_total{result="error"} 1.0' in shown(instruments, "tollgate_metrics")
    assert shown(instruments, "tollgate_queue_depth") == ["tollgate_queue_depth 7.0"]


def test_a_decision_counts_when_the_api_server_took_it(instruments: Instruments) -> None:
    record = {"spec": {"action": "Promoted"}}
    instruments.api_call("create", "EfficiencyDecision", 201, record)
    instruments.api_call("create", "EfficiencyDecision", 409, {"message": "exists"})
    instruments.api_call("get", "EfficiencyDecision", 200, record)
    assert 'tollgate_decisions_total{action="Promoted"} 1.0' in shown(instruments, "tollgate_decisions_total")
    assert len(shown(instruments, "tollgate_api_requests_total")) == 3


def test_leading_is_as_of_the_scrape(instruments: Instruments) -> None:
    left = 5.0
    instruments.show_leading(lambda: left)
    assert shown(instruments, "tollgate_leader") == ["tollgate_leader 1.0"]
    left = 0.0
    assert shown(instruments, "tollgate_leader") == ["tollgate_leader 0.0"]
