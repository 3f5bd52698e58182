"""When an image counts as changed."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.images import content_hash


def tree(root: Path) -> list[Path]:
    (root / "package" / "__pycache__").mkdir(parents=True)
    (root / "package" / "module.py").write_text("x = 1")
    (root / "requirements.txt").write_text("numpy==1")
    return [root / "package", root / "requirements.txt"]


def test_the_hash_depends_on_names_and_contents_only(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    first = content_hash(here, tree(here))
    assert content_hash(there, reversed(tree(there))) == first
    (here / "package" / "module.py").touch()
    assert content_hash(here, [here / "package", here / "requirements.txt"]) == first


def test_a_change_of_content_or_name_changes_the_hash(tmp_path: Path) -> None:
    inputs = tree(tmp_path)
    first = content_hash(tmp_path, inputs)
    (tmp_path / "package" / "module.py").write_text("x = 2")
    second = content_hash(tmp_path, inputs)
    (tmp_path / "package" / "module.py").rename(tmp_path / "package" / "renamed.py")
    assert len({first, second, content_hash(tmp_path, inputs)}) == 3


def test_contents_cannot_move_between_files_unnoticed(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("ab")
    two.write_text("c")
    first = content_hash(tmp_path, [one, two])
    one.write_text("a")
    two.write_text("bc")
    assert content_hash(tmp_path, [one, two]) != first


def test_compiled_python_does_not_count(tmp_path: Path) -> None:
    inputs = tree(tmp_path)
    first = content_hash(tmp_path, inputs)
    (tmp_path / "package" / "__pycache__" / "module.pyc").write_text("compiled")
    assert content_hash(tmp_path, inputs) == first
