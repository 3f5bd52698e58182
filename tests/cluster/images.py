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


@dataclass(frozen=True)
class Image:
    """An image of the project: what it is made of, and the variable that names one made elsewhere.

    `inputs` are glob patterns in the folder `context`: what the Containerfile copies, and nothing more.
    """

    name: str
    containerfile: Path
    context: Path
    inputs: tuple[str, ...]
    variable: str


OPERATOR = Image(
    "tollgate.dev/operator:dev",
    paths.REPOSITORY / "operator" / "Containerfile",
    paths.REPOSITORY,
    ("pyproject.toml", "operator/tollgate/**/*"),
    "TOLLGATE_IMAGE",
)
DIGITS = Image(
    "tollgate.dev/digits:dev",
    paths.REPOSITORY / "examples" / "digits" / "Containerfile",
    paths.REPOSITORY / "examples" / "digits",
    ("requirements.txt", "*.py"),
    "TOLLGATE_DIGITS_IMAGE",
)


def ensure(cluster: Cluster, image: Image) -> str:
    """Returns the name under which the cluster's pods find the image; builds and loads it if that takes it."""
    if elsewhere := os.environ.get(image.variable):
        say(f"  {image.variable} names {elsewhere}: using it as it is")
        return elsewhere
    now = content_hash(image.context, [str(image.containerfile.relative_to(image.context)), *image.inputs])
    record = paths.CLUSTER / "loaded" / image.name.replace("/", "_")
    if record.exists() and record.read_text() == now and cluster.has_image(image.name):
        say(f"  {image.name} is up to date")
        return image.name
    cluster.build(image.containerfile, image.context, image.name)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(now)
    return image.name


def content_hash(root: Path, patterns: Iterable[str]) -> str:
    """Hashes names and contents of the files in `root` that match a pattern, in a fixed order."""
    digest = hashlib.sha256()
    for file in sorted({file for pattern in patterns for file in root.glob(pattern)}):
        if not file.is_file() or "__pycache__" in file.parts:
            continue
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
