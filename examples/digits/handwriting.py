"""The data: scikit-learn's bundled handwritten digits, how they are split, and how an image is turned or blurred.

Everything is derived from fixed seeds, so that each pod trains the same model and each run sends the same inputs.
Must not hold a model, read the environment or do I/O beyond loading the bundled data.

An image is 64 pixels (8 rows of 8, row by row), each from 0 (blank) to 16 (ink).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

SIDE = 8
PIXELS = SIDE * SIDE
INK = 16.0
CLASSES = 10
HELD_OUT = 300
WARPS = 64  # different ways in which roughened images are turned

Floats = NDArray[np.float32]
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Digits:
    """Images, shape (n, 64), and the digit each one shows, shape (n,)."""

    images: Floats
    labels: Labels


@dataclass(frozen=True)
class Split:
    """Three disjoint parts: what the model learns from, what it is benchmarked on, what live traffic is made of."""

    train: Digits
    benchmark: Digits
    live: Digits


def load(seed: int = 1) -> Split:
    """Split the 1,797 digits: 300 for the benchmark, 300 for live traffic, the rest for training."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))

    def part(chosen: NDArray[np.intp]) -> Digits:
        return Digits(images[chosen].astype(np.float32), labels[chosen].astype(np.uint8))

    return Split(
        benchmark=part(order[:HELD_OUT]),
        live=part(order[HELD_OUT : 2 * HELD_OUT]),
        train=part(order[2 * HELD_OUT :]),
    )


def warp(degrees: float, right: float, down: float) -> Floats:
    """The matrix, shape (64, 64), that turns an image about its centre and shifts it by pixels (bilinear)."""
    row, column = np.divmod(np.arange(PIXELS), SIDE)
    middle = (SIDE - 1) / 2
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    y = cosine * (row - middle) - sine * (column - middle) + middle - down
    x = sine * (row - middle) + cosine * (column - middle) + middle - right
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    matrix = np.zeros((PIXELS, PIXELS), np.float32)
    for source_row, source_column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        weight = (1 - abs(y - source_row)) * (1 - abs(x - source_column))
        inside = (source_row >= 0) & (source_row < SIDE) & (source_column >= 0) & (source_column < SIDE)
        target = np.flatnonzero(inside)
        matrix[target, source_row[inside] * SIDE + source_column[inside]] += weight[inside]
    return matrix


def perturbations(count: int, seed: int, degrees: float = 5.0, pixels: float = 0.25) -> Floats:
    """`count` small random warps, shape (count, 64, 64). The first leaves the image as it is."""
    rng = np.random.default_rng(seed)
    matrices = [np.eye(PIXELS, dtype=np.float32)]
    for _ in range(count - 1):
        right, down = rng.uniform(-pixels, pixels, 2)
        matrices.append(warp(rng.uniform(-degrees, degrees), right, down))
    return np.stack(matrices)


def roughen(images: Floats, seed: int, degrees: float, pixels: float, noise: float) -> Floats:
    """The images as a bad camera sees them: turned, shifted, with Gaussian noise (`noise` = its share of full ink).

    The result has whole pixel values within 0..16, as the originals have.
    """
    rng = np.random.default_rng(seed)
    warps = perturbations(WARPS, seed, degrees, pixels)[rng.integers(0, WARPS, len(images))]
    turned = np.einsum("nij,nj->ni", warps, images)
    noisy = turned + rng.normal(0, noise * INK, images.shape)
    return np.asarray(np.rint(np.clip(noisy, 0, INK)), np.float32)
