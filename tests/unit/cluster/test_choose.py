"""The order in which a cluster is chosen."""

from __future__ import annotations

import pytest

from tests.cluster.choose import Provider, choose


def never() -> bool:
    raise AssertionError("Docker was asked although something else decides")


def test_a_named_context_wins_over_a_running_cluster() -> None:
    choice = choose({"TOLLGATE_CONTEXT": "staging"}, "embedded", never)
    assert (choice.provider, choice.context) == (Provider.CONTEXT, "staging")
    assert "staging" in choice.reason


def test_a_running_cluster_stays_the_choice_when_docker_appears() -> None:
    assert choose({}, "embedded", never).provider is Provider.EMBEDDED


@pytest.mark.parametrize(("answers", "provider"), [(True, Provider.KIND), (False, Provider.EMBEDDED)])
def test_docker_decides_when_nothing_else_does(answers: bool, provider: Provider) -> None:
    assert choose({"TOLLGATE_CONTEXT": ""}, "", lambda: answers).provider is provider
