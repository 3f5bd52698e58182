from __future__ import annotations

import random

import inputs
import numpy as np
from handwriting import Split
from model import Cascade

from tollgate.bench.dataset import parse_dataset


def test_the_dataset_is_what_the_load_generator_reads(split: Split) -> None:
    items = parse_dataset(inputs.dataset(split).encode()).items
    assert len(items) == 300
    assert [item.expected for item in items] == split.benchmark.labels.tolist()
    assert np.array_equal([item.input for item in items], split.benchmark.images)


def test_the_dataset_fits_a_config_map(split: Split) -> None:
    assert len(inputs.dataset(split)) < 900_000


def test_live_traffic_and_benchmark_share_no_image(split: Split) -> None:
    live = inputs.live_traffic(split)
    benchmark = {sample.image for sample in inputs.benchmark_traffic(split).easy}
    assert benchmark.isdisjoint(sample.image for sample in [*live.easy, *live.hard])


def test_the_share_of_hard_images_is_kept(split: Split) -> None:
    live, rng = inputs.live_traffic(split), random.Random(1)
    hard = [live.draw(rng, 0.15).hard for _ in range(4000)]
    assert 0.13 < np.mean(hard) < 0.17
    assert not any(live.draw(rng, 0).hard for _ in range(200))


def test_hard_images_are_hard_for_the_first_stage_and_still_legible(split: Split, cascade: Cascade) -> None:
    hard = inputs.live_traffic(split).hard
    answers = [cascade.first(np.array(sample.image, np.float32)) for sample in hard]
    assert np.mean([answer.confidence < 0.4 for answer in answers]) > 0.85
    assert (
        np.mean([answer.digit == sample.label for answer, sample in zip(answers, hard, strict=True)]) > 0.75
    )
