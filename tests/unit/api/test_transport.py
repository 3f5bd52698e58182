"""The codec of benchmark results: it always fits, never changes a count, and never trusts what it reads."""

from __future__ import annotations

import base64
import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.load import LoadStage
from tollgate.api.paired import MOST_STAGES, PairedStage
from tollgate.api.quality import BINS, SURE, ClassCount, ConfidenceBin, QualityCounts
from tollgate.api.sketch import Sketch
from tollgate.api.transport import (
    LIMIT,
    PREFIX,
    coarsen,
    decode,
    digest,
    encode,
    encode_error,
    read_bins,
    write_bins,
)

EXACT: dict[str, Any] = {
    **dict.fromkeys(
        ("blocks", "sketch", "client_limited", "spread", "client", "error_examples", "steady"), True
    ),
    "stream": {
        name: {"sketch"} for name in ("time_to_first_token", "time_per_output_token", "inter_token_latency")
    },
}
"""What may shrink; all else travels whole."""
DIGEST = "sha256:" + "0123456789abcdef" * 4


def result_of(
    seed: int, stages: int, limits: int, bins: int, blocks: int, text: int, streamed: bool = False
) -> BenchmarkResult:
    """A result with numbers of four significant digits, as noisy as the seed makes them."""
    rng = random.Random(seed)
    bounds = [_duration(rng) for _ in range(limits)]
    kinds = ["timeout", "connect", "disconnect", "http_4xx", "http_5xx", "redirect", "garbage", "other"]

    def one(number: int) -> dict[str, Any]:
        requests = rng.randrange(100_000, 1_000_000)
        errors = {kind: rng.randrange(1000) for kind in kinds}
        return {
            "name": "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=32)),
            "warmUp": number == 0 and stages > 1,
            **{
                rate: f"{rng.randrange(1, 99999)}req/s"
                for rate in ("requestedRate", "achievedRate", "answeredRate")
            },
            "seconds": _duration(rng),
            "requests": requests,
            "errors": sum(errors.values()),
            "errorKinds": errors,
            "overLimit": [{"limit": b, "requests": rng.randrange(8000, requests)} for b in bounds],
            "scored": requests,
            "correct": rng.randrange(requests),
            "mean": _duration(rng),
            "blocks": [
                {"requests": rng.randrange(requests // 32), "mean": _duration(rng)} for _ in range(blocks)
            ],
            "quantiles": {q: _duration(rng) for q in ("p50", "p90", "p95", "p99", "p999", "max")},
            "sketch": {
                "growth": "1.05",
                "bins": write_bins({100 + i: rng.randrange(1, 999) for i in range(bins)}),
            },
            "spread": {
                "blocks": 20,
                **{
                    end: {q: _duration(rng) for q in ("p50", "p90", "p95", "p99", "p999")}
                    for end in ("low", "high")
                },
            },
            **(_streamed(rng, requests - sum(errors.values()), bins) if streamed else {}),
            "errorExamples": {kind: "".join(rng.choices("abcdefgh ", k=text // 4)) for kind in kinds[:3]},
            "scheduleDelayP99": _duration(rng),
            "clientLimited": "".join(chr(rng.randrange(32, 0x2FF)) for _ in range(text)),
            "steady": {"since": _instant(rng), "until": _instant(rng)},
        }

    digests = {key: "sha256:" + rng.randbytes(32).hex() for key in ("dataset", "profile")}
    return BenchmarkResult.model_validate(
        {**digests, "pods": rng.randrange(1, 1000), "stages": [one(number) for number in range(stages)]}
    )


def _streamed(rng: random.Random, streams: int, bins: int) -> dict[str, Any]:
    def times() -> dict[str, Any]:
        sketch = write_bins({100 + i: rng.randrange(1, 999) for i in range(bins)})
        return {
            **{name: _duration(rng) for name in ("mean", "p50", "p90", "p95", "p99", "max")},
            "sketch": {"growth": "1.05", "bins": sketch},
        }

    named = ("timeToFirstToken", "timePerOutputToken", "interTokenLatency")
    return {
        "tokens": {
            "input": rng.randrange(10**7),
            "output": rng.randrange(10**7),
            "rate": f"{rng.randrange(1, 9999)}tok/s",
        },
        "stream": {
            "streams": streams,
            "timed": streams - rng.randrange(9),
            "chunks": 90 * streams,
            **{name: times() for name in named},
        },
    }


def _instant(rng: random.Random) -> str:
    return f"2026-01-01T{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.uniform(10, 59):.3f}Z"


def _duration(rng: random.Random) -> str:
    return units.format_duration(rng.uniform(0.0001, 300))


def exact(result: BenchmarkResult) -> dict[str, Any]:
    """All that must survive."""
    return result.model_dump(exclude={"stages": {"__all__": EXACT}})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    stages=st.integers(1, 8),
    limits=st.integers(0, 16),
    bins=st.integers(0, 250),
    blocks=st.integers(0, 32),
    text=st.integers(0, 1024),
)
def test_it_always_fits_and_every_exact_number_survives(
    seed: int, stages: int, limits: int, bins: int, blocks: int, text: int
) -> None:
    result = result_of(seed, stages, limits, bins, blocks, text)
    message = encode(result)
    assert len(message.encode()) <= LIMIT
    back = decode(message)
    assert exact(back) == exact(result)
    for before, after in zip(result.stages, back.stages, strict=True):
        assert before.client_limited.startswith(after.client_limited)
        assert sum(n for _, n in read_bins(after.sketch)) in (0, sum(n for _, n in read_bins(before.sketch)))
        assert sum(b.requests for b in after.blocks) in (0, sum(b.requests for b in before.blocks))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), stages=st.integers(1, 5), limits=st.integers(0, 16))
def test_the_times_of_tokens_travel_whole(seed: int, stages: int, limits: int) -> None:
    result = result_of(seed, stages, limits, 250, 32, 1024, streamed=True)
    message = encode(result)
    assert len(message.encode()) <= LIMIT
    assert exact(decode(message)) == exact(result)


def test_what_fits_travels_whole() -> None:
    result = result_of(seed=1, stages=2, limits=3, bins=60, blocks=20, text=80)
    assert decode(encode(result)) == result


def test_the_largest_result_keeps_its_counts() -> None:
    result = result_of(seed=2, stages=8, limits=16, bins=250, blocks=20, text=1024)
    back = decode(encode(result))
    assert exact(back) == exact(result)
    assert not back.stages[0].blocks  # the warm-up's detail goes first


def scored(result: BenchmarkResult, classes: int) -> BenchmarkResult:
    """The same with so many classes, ten bins of confidence, and what was right in time at each limit."""
    rng = random.Random(4)

    def one(stage: StageResult) -> StageResult:
        made = stage.model_copy(deep=True)
        for over in made.over_limit:
            over.correct = rng.randrange(1 + min(stage.correct, stage.requests - over.requests))
        made.quality = QualityCounts(
            classes=[
                ClassCount(
                    label=f'"{i}"', expected=n, predicted=n + rng.randrange(99), correct=rng.randrange(n)
                )
                for i, n in enumerate(rng.choices(range(1000, 9000), k=classes))
            ],
            confidence=[
                ConfidenceBin(answers=n, correct=rng.randrange(n), confidence=rng.randrange(n * SURE))
                for n in rng.choices(range(100, 900), k=BINS)
            ],
            squared_error=rng.randrange(1000 * SURE),
        )
        return made

    return result.model_copy(update={"stages": [one(stage) for stage in result.stages]})


def test_what_was_counted_of_quality_is_the_last_to_be_left_out() -> None:
    usual = scored(result_of(seed=2, stages=4, limits=4, bins=250, blocks=20, text=200), classes=10)
    measured = [stage for stage in decode(encode(usual)).stages if not stage.warm_up]
    assert [stage.quality for stage in measured] == [stage.quality for stage in usual.stages[1:]]
    largest = scored(result_of(seed=2, stages=8, limits=16, bins=250, blocks=20, text=1024), classes=16)
    (stage, *_) = decode(encode(largest)).stages
    assert (stage.quality, stage.over_limit[0].correct) == (None, None)
    assert (stage.scored, stage.correct) == (largest.stages[0].scored, largest.stages[0].correct)


def test_a_limit_on_the_client_is_never_forgotten() -> None:
    back = decode(encode(result_of(seed=3, stages=8, limits=16, bins=250, blocks=32, text=1024)))
    assert all(len(stage.client_limited) >= 30 for stage in back.stages)


def test_halved_blocks_keep_requests_and_weighted_mean() -> None:
    result = result_of(seed=4, stages=8, limits=4, bins=0, blocks=32, text=0)
    before, after = result.stages[7], decode(encode(result)).stages[7]
    assert 0 < len(after.blocks) < 32

    def total(stage: StageResult) -> float:
        return sum(block.requests * float(units.parse_duration(block.mean)) for block in stage.blocks)

    assert total(after) == pytest.approx(total(before), rel=1e-3)


@given(st.dictionaries(st.integers(0, 400), st.integers(1, 10**6), max_size=100))
def test_a_coarser_sketch_moves_no_count_out_of_its_stretch(bins: dict[int, int]) -> None:
    fine = Sketch(growth="1.05", bins=write_bins(bins))
    coarse = coarsen(fine)
    assert coarse.growth == "1.102500"
    merged = dict(read_bins(coarse))
    for index, count in merged.items():
        assert count == bins.get(2 * index - 1, 0) + bins.get(2 * index, 0)
    assert sum(merged.values()) == sum(bins.values())


def packed(document: bytes) -> str:
    return PREFIX + base64.b64encode(zlib.compress(document, 9)).decode()


GOOD = encode(result_of(seed=5, stages=1, limits=1, bins=5, blocks=2, text=0))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "left no result: it was killed"),
        (" \n", "left no result"),
        ("Traceback (most recent call last):", "is no benchmark result"),
        ("tollgate-benchmark/2:AAAA", "is no benchmark result"),
        (PREFIX + "!!!!", "damaged"),
        (PREFIX + "AAAA", "damaged"),
        (PREFIX, "damaged"),
        (GOOD[:-8], "damaged"),
        (PREFIX + base64.b64encode(zlib.compress(b"{}") + b"more").decode(), "followed by something else"),
        (GOOD + "A" * LIMIT, "more than the 4096"),
        (packed(b" " * 2_000_000), "unpacks to more than 262144 bytes"),
        (packed(b"[" * 200_000), "not plausible: document: Invalid JSON"),
        (packed(b"{}"), "not plausible: dataset: Field required"),
        (packed(b"\xff"), "not plausible"),
        (
            packed(json.dumps({"dataset": DIGEST, "profile": DIGEST, "pods": 1, "stages": []}).encode()),
            "stages",
        ),
    ],
)
def test_what_is_no_result_is_refused_in_one_sentence(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        decode(text)
    assert len(str(caught.value)) <= 1024
    assert "\n" not in str(caught.value)


def test_counts_that_do_not_add_up_are_refused() -> None:
    document = json.loads(zlib.decompress(base64.b64decode(GOOD[len(PREFIX) :])))
    document["stages"][0]["correct"] = document["stages"][0]["scored"] + 1
    with pytest.raises(ValueError, match=r"not plausible: .*do not add up"):
        decode(packed(json.dumps(document).encode()))


@given(st.text(max_size=300))
def test_any_text_is_a_result_or_one_clear_sentence(text: str) -> None:
    for candidate in (text, PREFIX + text, "tollgate-error: " + text):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 -- any sentence will do, if it is one
            decode(candidate)
        assert str(caught.value).strip()
        assert str(caught.value).isprintable()


@given(st.text())
def test_an_error_travels_as_one_line(sentence: str) -> None:
    message = encode_error(sentence)
    assert len(message.encode()) <= LIMIT
    assert message.isprintable()


def test_the_reason_of_a_failure_comes_out_again() -> None:
    with pytest.raises(ValueError, match=r"^the dataset is empty: give it at least one item$"):
        decode(encode_error("the dataset is empty:\n give it at least one item"))


def test_an_error_of_any_length_fits() -> None:
    assert len(encode_error("\N{SNOWMAN}" * 100_000).encode()) <= LIMIT


def test_a_result_that_cannot_fit_is_refused() -> None:
    """Limits of 22 digits, others in each stage: nothing the load generator makes, but encode must not cut it."""
    result = result_of(seed=6, stages=8, limits=16, bins=0, blocks=0, text=0)
    rng = random.Random(7)
    for stage in result.stages:
        for over in stage.over_limit:
            over.limit = f"{rng.randrange(10**11, 10**12)}.{rng.randrange(10**8, 10**9)}ms"
    with pytest.raises(ValueError, match="does not fit into 4096 bytes"):
        encode(result)


def test_the_digest_is_of_the_meaning() -> None:
    fields = {"name": "steady", "rate": "40req/s", "durationSeconds": 60}
    one = LoadStage.model_validate(fields)
    assert digest(one) == digest(LoadStage.model_validate({**fields, "arrival": "Poisson"}))  # the default
    assert digest(one) != digest(LoadStage.model_validate({**fields, "rate": "41req/s"}))


def turns_of(result: BenchmarkResult, seed: int) -> list[PairedStage]:
    """Turns of its measured stages, as noisy as the seed makes them."""
    rng = random.Random(seed)

    def ratio(level: str) -> dict[str, str]:
        value, below, above = (units.format_number(rng.uniform(0.001, 2), digits) for digits in (6, 4, 4))
        return {"baseline": level, "value": value, "below": below, "above": above}

    def one(stage: StageResult) -> PairedStage:
        alike = stage.requests - 20_000
        return PairedStage.model_validate(
            {
                "name": stage.name,
                "turns": 20,
                "requests": stage.requests,
                "errors": stage.errors,
                "baselineErrors": rng.randrange(9_999),
                "errorClumping": units.format_number(rng.uniform(1, 99)),
                "scored": stage.requests,
                "bothCorrect": alike,
                "onlyCandidate": rng.randrange(9_999),
                "onlyBaseline": rng.randrange(9_999),
                "answerClumping": units.format_number(rng.uniform(1, 99)),
                "rate": ratio(f"{rng.randrange(1, 99_999)}req/s"),
                **{name: ratio(_duration(rng)) for name in ("mean", "p50", "p90", "p95", "p99", "p999")},
            }
        )

    return [one(stage) for stage in result.stages if not stage.warm_up]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), stages=st.integers(1, MOST_STAGES), limits=st.integers(0, 16))
def test_the_turns_of_two_arms_travel_whole_beside_every_exact_number(
    seed: int, stages: int, limits: int
) -> None:
    """With a warm-up before as many measured stages as there may be."""
    result = result_of(seed, stages + 1, limits, 250, 32, 0)
    result = result.model_copy(update={"paired": turns_of(result, seed), "baseline_pods": 3})
    message = encode(result)
    assert len(message.encode()) <= LIMIT
    assert exact(decode(message)) == exact(result)
    assert len(result.paired) == stages
