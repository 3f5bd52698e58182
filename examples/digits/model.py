"""The model: a cascade that answers easy digits at once and thinks longer about hard ones.

Stage 1 is one kernel vote: some tens of microseconds. If its confidence is below the exit threshold, stage 2 asks an
ensemble about many slightly perturbed copies of the image. What that costs is real computation, set by the size of
the ensemble and the number of copies; nothing here ever waits. Must not know of HTTP, metrics or the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.svm import SVC

from handwriting import CLASSES, INK, PIXELS, Digits, Floats, Labels, perturbations, roughen

KERNEL_WIDTH = 1.6  # of exp(-width * squared distance), for pixels scaled to 0..1
PRIOR = (
    0.1  # kernel mass shared by all digits: what is left far from every known image, hence a low confidence
)
BLOCK_ROWS = 8192  # rows of the memory compared at a time: bounds the intermediate matrix


@dataclass(frozen=True)
class Settings:
    """What one version of the model is. Each field is read from the variable of its name in capitals."""

    model_version: str = "dev"
    stages: int = 2
    exit_threshold: float = 0.5
    ensemble_size: int = 4
    augmentations: int = 64
    online_memory: bool = False
    memory_rows: int = 150_000
    memory_copies: int = 64
    max_batch_size: int = 1

    def __post_init__(self) -> None:
        limits = {
            "stages": (1, 2),
            "exit_threshold": (0, 1),
            "ensemble_size": (1, 64),
            "augmentations": (1, 4096),
            "memory_rows": (10_000, 1_000_000),
            "memory_copies": (1, 256),
            "max_batch_size": (1, 32),
        }
        for field, (low, high) in limits.items():
            if not low <= getattr(self, field) <= high:
                raise ValueError(f"{field.upper()} must be within {low}..{high}, not {getattr(self, field)}")

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the settings. Raises ValueError that names the variable and what it should hold."""
        return cls(
            model_version=env.get("MODEL_VERSION", cls.model_version),
            stages=int(_number(env, "STAGES", cls.stages)),
            exit_threshold=_number(env, "EXIT_THRESHOLD", cls.exit_threshold),
            ensemble_size=int(_number(env, "ENSEMBLE_SIZE", cls.ensemble_size)),
            augmentations=int(_number(env, "AUGMENTATIONS", cls.augmentations)),
            online_memory=_flag(env, "ONLINE_MEMORY", cls.online_memory),
            memory_rows=int(_number(env, "MEMORY_ROWS", cls.memory_rows)),
            memory_copies=int(_number(env, "MEMORY_COPIES", cls.memory_copies)),
            max_batch_size=int(_number(env, "MAX_BATCH_SIZE", cls.max_batch_size)),
        )


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(env.get(name, default))
    except ValueError:
        raise ValueError(f"{name} must be a number, not {env[name]!r}") from None


def _flag(env: Mapping[str, str], name: str, default: bool) -> bool:
    text = env.get(name, str(default)).lower()
    if text not in ("true", "false"):
        raise ValueError(f"{name} must be true or false, not {env[name]!r}")
    return text == "true"


class Memory:
    """Known images that vote, each with a weight that falls with its distance (a Parzen window classifier).

    A vote compares every query with every row, so it costs time in proportion to `size`. One thread may learn while
    others vote: rows are in place before `size` counts them, and a row that is replaced may be read half old.
    """

    def __init__(self, known: Digits, capacity: int) -> None:
        self._rows = np.empty((capacity, PIXELS), np.float32)
        self._norms = np.empty(capacity, np.float32)
        self._labels = np.empty(capacity, np.uint8)
        self._first = len(known.labels)
        self._next = 0
        self.size = 0
        self._store(known.images / INK, known.labels)

    def learn(self, images: Floats, labels: Labels) -> None:
        """Add images, shape (n, 64), scaled to 0..1. Once full, the oldest learned rows make room."""
        for start in range(0, len(labels), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            if self._next + len(labels[block]) > len(self._labels):
                self._next = self._first
            self._store(images[block], labels[block])

    def _store(self, images: Floats, labels: Labels) -> None:
        rows = slice(self._next, self._next + len(labels))
        self._rows[rows] = images
        self._norms[rows] = (images * images).sum(axis=1)
        self._labels[rows] = labels
        self._next = rows.stop
        self.size = max(self.size, rows.stop)

    def vote(self, images: Floats) -> Floats:
        """Probabilities, shape (n, 10), for images, shape (n, 64), scaled to 0..1."""
        norms = (images * images).sum(axis=1)[:, None]
        mass = np.full((len(images), CLASSES), PRIOR / CLASSES, np.float32)
        for start in range(0, self.size, BLOCK_ROWS):
            block = slice(start, min(start + BLOCK_ROWS, self.size))
            distance = norms + self._norms[block] - 2 * (images @ self._rows[block].T)
            kernel = np.exp(-KERNEL_WIDTH * np.maximum(distance, 0, out=distance))
            mass += kernel @ np.eye(CLASSES, dtype=np.float32)[self._labels[block]]
        return np.asarray(mass / mass.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Answer:
    """A digit, how sure the model is (0..1), and the stage that answered (1 or 2)."""

    digit: int
    confidence: float
    stage: int


class Cascade:
    """A trained model. Its construction is the training: a second or two of CPU, the same result every time."""

    def __init__(self, settings: Settings, train: Digits) -> None:
        self.settings = settings
        self.exit_threshold = settings.exit_threshold  # may be changed while the model answers
        self._glance = Memory(train, capacity=len(train.labels))
        self._memory = Memory(train, settings.memory_rows) if settings.online_memory else self._glance
        if settings.stages == 2:
            self._members = [_member(train, seed) for seed in range(settings.ensemble_size)]
            self._views = perturbations(settings.augmentations, seed=1).reshape(-1, PIXELS)
        self._copies = perturbations(settings.memory_copies, seed=2)

    @property
    def memory_rows(self) -> int:
        """How many known images stage 2 compares each copy with."""
        return self._memory.size

    def answer(self, image: Floats) -> Answer:
        """Classify one image, shape (64,), pixels 0..16: both stages, where the second is needed."""
        first = self.first(image)
        return first if self.settles(first) else self.second(image[None])[0]

    def first(self, image: Floats) -> Answer:
        """The cheap stage: fit to run where it must not block."""
        return _answer(self._glance.vote(image[None] / INK)[0], stage=1)

    def settles(self, first: Answer) -> bool:
        """Whether the first stage's answer is the final one."""
        return self.settings.stages == 1 or first.confidence >= self.exit_threshold

    def second(self, images: Floats) -> list[Answer]:
        """The expensive stage, for images, shape (n, 64): their perturbed copies are judged, and the mean decides.

        An image's answer is, to the last bit, the one that it gets alone.
        """
        copies = np.stack([self._views @ image for image in images / INK]).reshape(len(images), -1, PIXELS)
        together = copies.reshape(-1, PIXELS)  # a member's predictions have a fixed cost, here paid once
        votes = [
            np.eye(CLASSES)[member.predict(together)].reshape(*copies.shape[:2], CLASSES).mean(axis=1)
            for member in self._members
        ]
        # Image by image: a vote has no fixed cost to share, its matrix would grow with the batch, and the rounding
        # of a matrix product depends on its shape.
        votes.append(np.stack([self._memory.vote(of_one).mean(axis=0) for of_one in copies]))
        return [_answer(probabilities, stage=2) for probabilities in np.mean(votes, axis=0)]

    def learn(self, images: Floats, labels: Labels) -> int:
        """Remember labelled images, shape (n, 64), pixels 0..16, with perturbed copies of each.

        Returns how many were learned: 0 for a version without online memory.
        """
        if not self.settings.online_memory:
            return 0
        copies = np.einsum("cij,nj->nci", self._copies, images / INK, optimize=True)
        self._memory.learn(copies.reshape(-1, PIXELS), np.repeat(labels, len(self._copies)))
        return len(labels)


def _answer(probabilities: Floats, stage: int) -> Answer:
    digit = int(probabilities.argmax())
    return Answer(digit, float(probabilities[digit]), stage)


def _member(train: Digits, seed: int) -> SVC:
    """One support vector machine, trained on its own resample of the digits and on a roughened copy of it."""
    chosen = np.random.default_rng(seed).integers(0, len(train.labels), len(train.labels))
    clean = train.images[chosen]
    images = np.concatenate([clean, roughen(clean, seed, degrees=12, pixels=0.6, noise=0.15)]) / INK
    return SVC(gamma=0.16, C=10).fit(images, np.tile(train.labels[chosen], 2))
