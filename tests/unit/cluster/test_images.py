"""When an image counts as changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cluster import images
from tests.cluster.images import content_hash

PATTERNS = ["package/**/*", "requirements.txt"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return grow(tmp_path / "tree")


def grow(root: Path) -> Path:
    (root / "package" / "__pycache__").mkdir(parents=True)
    (root / "package" / "module.py").write_text("x = 1")
    (root / "requirements.txt").write_text("numpy==1")
    return root


def test_the_hash_depends_on_names_and_contents_only(tree: Path, tmp_path: Path) -> None:
    first = content_hash(tree, PATTERNS)
    assert content_hash(grow(tmp_path / "elsewhere"), reversed(PATTERNS)) == first
    os.utime(tree / "package" / "module.py", (1, 1))
    assert content_hash(tree, PATTERNS) == first


def test_a_change_of_content_or_name_changes_the_hash(tree: Path) -> None:
    first = content_hash(tree, PATTERNS)
    (tree / "package" / "module.py").write_text("x = 2")
    second = content_hash(tree, PATTERNS)
    (tree / "package" / "module.py").rename(tree / "package" / "renamed.py")
    assert len({first, second, content_hash(tree, PATTERNS)}) == 3


def test_contents_cannot_move_between_files_unnoticed(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("ab")
    two.write_text("c")
    first = content_hash(tmp_path, ["*"])
    one.write_text("a")
    two.write_text("bc")
    assert content_hash(tmp_path, ["*"]) != first


@pytest.mark.parametrize("needless", ["package/__pycache__/module.pyc", "README.md"])
def test_what_no_image_copies_does_not_count(tree: Path, needless: str) -> None:
    first = content_hash(tree, PATTERNS)
    (tree / needless).write_text("new")
    assert content_hash(tree, PATTERNS) == first


@pytest.mark.parametrize("image", [images.OPERATOR, images.DIGITS], ids=lambda image: image.name)
def test_every_input_of_an_image_exists(image: images.Image) -> None:
    assert image.containerfile.is_file()
    assert all(any(image.context.glob(pattern)) for pattern in image.inputs)
