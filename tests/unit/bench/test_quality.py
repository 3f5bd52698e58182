"""What is counted of the quality of answers: against the definitions, and put together exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import record, stage
from tests.unit.measure.test_parts import document
from tollgate.api.part_transport import decode_part, encode_part
from tollgate.api.quality import SURE, QualityCounts
from tollgate.bench.answer import NO_CLASS
from tollgate.bench.merge import deal, merge
from tollgate.bench.parts import part_of
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.summary import summarize
from tollgate.bench.told import UNTOLD, Asked, Told
from tollgate.measure.parts import merge_parts

ASKED = Asked(labels=["0", "1", "2"], all=True, positive=1, confidence=True, scores=("rougeL", "toxicity"))


def answers(
    expected: list[int], predicted: list[int], sure: list[float] | None = None, failed: Any = ()
) -> StageRun:
    """Requests of these classes, answered so; a tenth of a second each."""
    run = record([0.1] * len(expected))
    told = run.told = Told(len(expected), ASKED)
    told.expected[:], told.predicted[:] = expected, predicted
    told.confidence[:] = np.round(np.array(sure or [0.5] * len(expected)) * SURE)
    told.scores[:, 0] = told.confidence
    told.scores[:, 1] = SURE // 4
    run.outcome[list(failed)] = Outcome.HTTP_5XX
    told.scores[list(failed)] = 0
    told.predicted[list(failed)], told.confidence[list(failed)] = NO_CLASS, UNTOLD
    run.correct[:] = (told.expected == told.predicted) & (run.outcome == Outcome.ANSWERED)
    return run


def quality(run: StageRun) -> QualityCounts:
    found = summarize(stage(), run, []).quality
    assert found is not None
    return found


def random_run(requests: int) -> StageRun:
    rng = np.random.default_rng(requests)
    failed = np.flatnonzero(rng.random(requests) < 0.1)
    made = answers(
        rng.integers(0, 3, requests).tolist(),
        rng.integers(-1, 3, requests).tolist(),
        rng.random(requests).tolist(),
        failed.tolist(),
    )
    made.scored[::7] = False
    made.correct &= made.scored
    return made


def shares(whole: StageRun, number: int) -> list[StageRun]:
    made = []
    for k in range(number):
        share = StageRun(deal(whole.schedule, k, number), whole.timeout, whole.scored[k::number])
        for name in ("correct", "outcome", "sent", "ended"):
            getattr(share, name)[:] = getattr(whole, name)[k::number]
        assert whole.told is not None
        share.told = Told.joined([whole.told], np.arange(k, len(whole.sent), number))
        made.append(share)
    return made


def test_each_class_has_its_true_and_false_positives() -> None:
    found = quality(answers([0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, NO_CLASS]))
    assert [(c.expected, c.predicted, c.correct, c.touched) for c in found.classes] == [
        (2, 1, 1, 2),
        (2, 3, 2, 3),
        (2, 1, 1, 2),
    ]
    assert found.positive == found.classes[1]


def test_a_failed_request_is_missed_by_its_class_and_a_false_alarm_of_the_positive_one() -> None:
    found = quality(answers([0, 1, 1], [0, 1, 1], failed=[0, 1]))
    assert found.positive is not None
    assert (found.positive.expected, found.positive.predicted, found.positive.correct) == (2, 2, 1)
    assert (found.classes[0].expected, found.classes[0].predicted, found.classes[0].correct) == (1, 0, 0)
    assert found.sure == 1


def test_confidences_are_summed_by_bin() -> None:
    found = quality(answers([0, 0, 0], [0, 1, 0], [0.1, 0.95, 1.0]))
    assert [(b.answers, b.correct, b.confidence) for b in found.confidence if b.answers] == [
        (1, 1, 100_000),
        (2, 1, 1_950_000),
    ]
    assert found.confidence[1].answers == 1  # 0.1 is in the second bin
    assert found.squared_error == 810_000 + 902_500


def test_scores_are_summed_over_all_requests_and_a_failed_one_has_none() -> None:
    found = quality(answers([0, 0, 0, 0], [0, 1, 0, 0], [0.1, 0.5, 1.0, 0.9], failed=[3]))
    assert [(s.name, s.requests, s.total, s.squares) for s in found.scores] == [
        ("rougeL", 4, 1_600_000, 10_000 + 250_000 + 1_000_000),
        ("toxicity", 4, 750_000, 187_500),
    ]


def test_what_is_not_asked_is_not_counted() -> None:
    assert summarize(stage(), record([0.1] * 5), []).quality is None


def test_a_right_answer_that_comes_late_is_not_right_in_time() -> None:
    run = record([0.1, 0.3, 0.1, 0.1])
    run.correct[2] = False
    run.outcome[3], run.correct[3] = Outcome.TIMEOUT, False
    (over,) = summarize(stage(), run, ["250ms"]).over_limit
    assert (over.requests, over.correct) == (2, 1)
    run.scored[:] = run.correct[:] = False
    assert summarize(stage(), run, ["250ms"]).over_limit[0].correct is None


@given(st.integers(40, 400), st.integers(1, 9))
def test_workers_and_pods_add_up_to_what_one_would_have_counted(requests: int, several: int) -> None:
    whole = random_run(requests)
    one = summarize(stage(), whole, ["150ms"])
    again = summarize(stage(), merge(whole.schedule, shares(whole, several)), ["150ms"])
    assert (again.quality, again.over_limit) == (one.quality, one.over_limit)
    parts = {
        k: document(k, [part_of(stage(), requests, share, ["150ms"])])
        for k, share in enumerate(shares(whole, several))
    }
    parts = {k: decode_part(encode_part(part)) for k, part in parts.items()}
    (summed,) = merge_parts(parts, {}, 1).stages
    assert (summed.quality, summed.over_limit, summed.correct) == (one.quality, one.over_limit, one.correct)
