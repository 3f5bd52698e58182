"""Says where things lie. Everything is in the user's cache folder, except sockets and mounts, which must be short
paths that a reboot forgets."""

from __future__ import annotations

import os
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
REPOSITORY = SOURCE.parents[1]
CONFIG = SOURCE / "config"
MANIFESTS = SOURCE / "manifests"

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tollgate"
BIN = CACHE / "bin"
IMAGES = CACHE / "images"
CLUSTER = CACHE / "cluster"
"""State of the running cluster: `down` removes it. The other folders only save time and survive."""

KUBECONFIG = CLUSTER / "kubeconfig"
AUDIT_LOG = CLUSTER / "audit" / "audit.log"
RUN = Path("/run/tollgate")


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Writes a file at once, and only if that changes it: daemons watch their configuration, and some then exit."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.touch(mode=mode)
    fresh.write_text(text)
    fresh.replace(path)
