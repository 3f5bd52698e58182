"""Builds the project's images and loads them into the cluster, when and only when their inputs have changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import paths
from tests.cluster.cluster import Cluster
from tests.cluster.say import say

_IGNORED = {"__pycache__", ".dockerignore"}


@dataclass(frozen=True)
class Image:
    """An image of the project: what it is made of, and the variable that names one made elsewhere."""

    name: str
    containerfile: Path
    context: Path
    inputs: tuple[Path, ...]
    variable: str


OPERATOR = Image(
    "tollgate.dev/operator:dev",
    paths.REPOSITORY / "operator" / "Containerfile",
    paths.REPOSITORY,
    (paths.REPOSITORY / "pyproject.toml", paths.REPOSITORY / "operator" / "tollgate"),
    "TOLLGATE_IMAGE",
)
DIGITS = Image(
    "tollgate.dev/digits:dev",
    paths.REPOSITORY / "examples" / "digits" / "Containerfile",
    paths.REPOSITORY / "examples" / "digits",
    (paths.REPOSITORY / "examples" / "digits",),
    "TOLLGATE_DIGITS_IMAGE",
)


def ensure(cluster: Cluster, image: Image) -> str:
    """Returns the name under which the cluster's pods find the image; builds and loads it if that takes it."""
    if elsewhere := os.environ.get(image.variable):
        say(f"  {image.variable} names {elsewhere}: using it as it is")
        return elsewhere
    now = content_hash(paths.REPOSITORY, [image.containerfile, *image.inputs])
    record = paths.CLUSTER / "loaded" / image.name.replace("/", "_")
    if record.exists() and record.read_text() == now and cluster.has_image(image.name):
        say(f"  {image.name} is up to date")
        return image.name
    cluster.build(image.containerfile, image.context, image.name)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(now)
    return image.name


def content_hash(root: Path, inputs: Iterable[Path]) -> str:
    """Hashes names (relative to `root`) and contents of files and of all files in folders, in a fixed order."""
    files = {file for path in inputs for file in (path.rglob("*") if path.is_dir() else [path])}
    digest = hashlib.sha256()
    for file in sorted(files):
        if not file.is_file() or _IGNORED.intersection(file.parts):
            continue
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
