"""What is sent to the model: the benchmark's dataset, and the mix of easy and hard images that live traffic is made of.

Run as a program, it prints the dataset: python inputs.py > dataset.json. With the argument `rough` it has each image
a second time, as a bad camera sees it: groups of inputs for the stages of quality.yaml.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from handwriting import Digits, Split, load, roughen


@dataclass(frozen=True)
class Sample:
    """One image as it is sent (64 whole numbers within 0..16), the digit it shows, and whether it was roughened."""

    image: tuple[int, ...]
    label: int
    hard: bool


@dataclass(frozen=True)
class Traffic:
    """The images that requests draw from."""

    easy: Sequence[Sample]
    hard: Sequence[Sample]

    def draw(self, rng: random.Random, hard_share: float) -> Sample:
        """One image; with probability `hard_share` a hard one."""
        return rng.choice(self.hard if rng.random() < hard_share else self.easy)


def dataset(split: Split) -> str:
    """The benchmark's dataset as JSON: {"items": [{"input": [64 pixels], "expected": digit}]}."""
    items = [
        json.dumps({"input": sample.image, "expected": sample.label}) for sample in _samples(split.benchmark)
    ]
    return '{"items": [\n' + ",\n".join(items) + "\n]}\n"


def dataset_with_rough(split: Split) -> str:
    """The same with each image twice: {"input", "expected", "group"}, as it is (clean) and as a bad camera sees it."""
    rough = roughen(split.benchmark.images, seed=6, degrees=12, pixels=0.4, noise=0.28)
    groups = {"clean": split.benchmark, "rough": replace(split.benchmark, images=rough)}
    items = [
        json.dumps({"input": sample.image, "expected": sample.label, "group": group})
        for group, digits in groups.items()
        for sample in _samples(digits)
    ]
    return '{"items": [\n' + ",\n".join(items) + "\n]}\n"


def benchmark_traffic(split: Split) -> Traffic:
    """The images of the benchmark's dataset, and no others."""
    return Traffic(easy=_samples(split.benchmark), hard=())


def live_traffic(split: Split) -> Traffic:
    """Digits that neither training nor the benchmark has seen: as they are, and as a bad camera sees them."""
    rough = roughen(split.live.images, seed=5, degrees=12, pixels=0.4, noise=0.28)
    hard = _samples(replace(split.live, images=rough), hard=True)
    return Traffic(easy=_samples(split.live), hard=hard)


def _samples(digits: Digits, hard: bool = False) -> Sequence[Sample]:
    return [
        Sample(tuple(int(pixel) for pixel in image), int(label), hard)
        for image, label in zip(digits.images, digits.labels, strict=True)
    ]


if __name__ == "__main__":
    print((dataset_with_rough if sys.argv[1:] == ["rough"] else dataset)(load()), end="")
