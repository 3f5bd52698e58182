"""Builds images on a machine without a container engine: the same Containerfiles, a base image of our own.

The public base image is on a registry; here it is made of Debian's packages. Layers and downloaded wheels are kept in
the cache folder, so that a change of code rebuilds one thin layer.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cluster import debian, paths
from tests.cluster.say import step
from tests.cluster.shell import attempt, run

BASE = "tollgate.dev/base:bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
_WORK = paths.CACHE / "buildah"
_NEEDLESS = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man")

_FROM_THE_HOST = ("/etc/ssl/certs", "/etc/pip.conf")
"""How this machine reaches PyPI, a private mirror and its certificate included."""


def build(containerfile: Path, context: Path, name: str) -> None:
    """Builds an image in this builder's own storage."""
    debian.ensure(debian.IMAGE_BUILDER)
    if attempt([*_buildah(), "inspect", "--type=image", BASE]).returncode != 0:
        _build_base()
    mounts = [f"--volume={path}:{path}:ro" for path in _FROM_THE_HOST if Path(path).exists()]
    # fmt: off
    _run("bud", "--layers", "--isolation=chroot", "--network=host", *mounts, f"--build-arg=BASE={BASE}",
         f"--tag={name}", f"--file={containerfile}", str(context))
    # fmt: on


def export(name: str, archive: Path) -> None:
    """Writes a built image as an archive of uncompressed layers: compressing them takes longer than all the rest."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.unlink(missing_ok=True)
    _run("push", "--quiet", name, f"docker-archive:{archive}:{name}")


def _build_base() -> None:
    """Makes the base image: a minimal Debian with Python."""
    root = _WORK / "base"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    with step("making the base image with debootstrap (one time, about a minute)"):
        keyring = next(path for path in debian.IMAGE_BUILDER if path.endswith(".gpg"))
        system = root / "system"
        # fmt: off
        run(["debootstrap", "--variant=minbase", f"--keyring={keyring}", f"--include={PACKAGES}",
             "bookworm", str(system)])
        # fmt: on
        for folder in _NEEDLESS:
            shutil.rmtree(system / folder, ignore_errors=True)
        run(
            [
                "tar",
                "-C",
                str(system),
                "--exclude=./proc/*",
                "--exclude=./sys/*",
                "-cf",
                str(root / "system.tar"),
                ".",
            ]
        )
        (root / "Containerfile").write_text("FROM scratch\nADD system.tar /\n")
        _run("bud", f"--tag={BASE}", f"--file={root / 'Containerfile'}", str(root))
    shutil.rmtree(root)


def _run(*arguments: str) -> str:
    (_WORK / "tmp").mkdir(parents=True, exist_ok=True)
    # TMPDIR is where buildah keeps what `RUN --mount=type=cache` caches, which is pip's downloads.
    return run([*_buildah(), *arguments], environment={"TMPDIR": str(_WORK / "tmp")})


def _buildah() -> list[str]:
    # An overlay cannot lie on an overlay, which is what the disk of a container is; vfs is slower, but always works.
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    disk = run(["stat", "--file-system", "--format=%T", str(paths.CACHE)]).strip()
    driver = "vfs" if disk == "overlayfs" else "overlay"
    return [
        "buildah",
        f"--root={_WORK / 'storage'}",
        f"--runroot={_WORK / 'run'}",
        f"--storage-driver={driver}",
    ]
