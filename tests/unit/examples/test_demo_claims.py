"""Each promise of the demo can be broken, and is then said to be."""

from __future__ import annotations

from examples.digits.demo import claims

from tests.support.traffic import Answer


def _answers(*versions: str, start: float = 100.0, every: float = 0.02) -> list[Answer]:
    return [Answer(start + i * every, 5.0, 200, version, False) for i, version in enumerate(versions)]


def test_a_log_with_a_gap_proves_nothing() -> None:
    whole = _answers(*["v1"] * 10)
    assert claims.log_is_complete(whole, rate=50).holds
    assert not claims.log_is_complete(whole[:4] + whole[5:], rate=50).holds
    assert not claims.log_is_complete([], rate=50).holds


def test_one_answer_is_one_too_many() -> None:
    assert claims.never_served(_answers("v1", "v2"), "v3").holds
    broken = claims.never_served(_answers("v1", "v3"), "v3")
    assert not broken.holds
    assert broken.evidence == "answers by version: v1 1, v3 1"


def test_a_refused_version_must_be_gone_soon_and_must_have_been_there() -> None:
    answers = _answers("v4", "v4", "v2", start=100.0)
    assert claims.left_at_once(answers, "v4", decided_at=100.0).holds
    assert not claims.left_at_once(answers, "v4", decided_at=97.0).holds
    assert not claims.left_at_once(answers, "v5", decided_at=100.0).holds


def test_the_template_must_have_been_watched_without_a_break() -> None:
    assert claims.template_is_gits(10, [], 0, 5).holds
    assert not claims.template_is_gits(10, ["resourceVersion 4: ..."], 0, 5).holds
    assert not claims.template_is_gits(10, [], 1, 5).holds
    assert not claims.template_is_gits(0, [], 0, 5).holds


def test_a_failure_counts_where_it_was_under_way() -> None:
    answers = [*_answers("v1", "v1"), Answer(101.0, 2000.0, 0, None, False)]
    assert claims.none_failed(answers, "before", 99.0, 100.5).holds
    assert not claims.none_failed(answers, "then", 102.0, 110.0).holds
    assert not claims.none_failed([], "at all", 0.0, 1.0).holds


def test_the_decisions_must_be_all_of_the_wanted_and_no_others() -> None:
    assert claims.decided({"v1": "Adopted"}, {"v1": "Adopted"}).holds
    assert not claims.decided({"v1": "Adopted"}, {"v1": "Adopted", "v2": "Promoted"}).holds
