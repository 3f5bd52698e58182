from __future__ import annotations

import numpy as np
from handwriting import INK, PIXELS, Split, load, perturbations, roughen, warp


def test_parts_are_disjoint_and_complete(split: Split) -> None:
    parts = (split.train, split.benchmark, split.live)
    assert [len(part.labels) for part in parts] == [1197, 300, 300]
    images = np.concatenate([part.images for part in parts])
    assert len(np.unique(images, axis=0)) == 1797  # scikit-learn's digits hold no image twice


def test_split_is_the_same_every_time(split: Split) -> None:
    assert np.array_equal(load().live.images, split.live.images)


def test_warp_by_nothing_changes_nothing() -> None:
    assert np.allclose(warp(0, 0, 0), np.eye(PIXELS))


def test_warp_shifts_by_whole_pixels() -> None:
    image = np.zeros((8, 8), np.float32)
    image[2, 3] = 16
    shifted = (warp(0, right=1, down=2) @ image.ravel()).reshape(8, 8)
    assert shifted[4, 4] == 16
    assert shifted.sum() == 16


def test_warp_turns_about_the_centre() -> None:
    image = np.arange(64, dtype=np.float32).reshape(8, 8)
    turned = (warp(90, 0, 0) @ image.ravel()).reshape(8, 8)
    assert any(np.allclose(turned, np.rot90(image, k), atol=1e-4) for k in (1, 3))


def test_ink_shifted_out_of_the_picture_is_lost() -> None:
    assert np.allclose(warp(0, right=8, down=0) @ np.full(64, INK), 0)


def test_first_perturbation_is_none() -> None:
    matrices = perturbations(3, seed=4)
    assert np.array_equal(matrices[0], np.eye(PIXELS))
    assert not np.array_equal(matrices[1], matrices[2])


def test_roughened_images_are_images_still(split: Split) -> None:
    rough = roughen(split.live.images, seed=3, degrees=12, pixels=0.4, noise=0.28)
    assert rough.shape == split.live.images.shape
    assert np.array_equal(rough, np.rint(rough))
    assert rough.min() == 0
    assert rough.max() == INK
    assert np.array_equal(rough, roughen(split.live.images, seed=3, degrees=12, pixels=0.4, noise=0.28))
