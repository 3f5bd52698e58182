"""Writes a file whole or not at all: a reader never finds half of a result."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click


def check_writable(path: str) -> None:
    """ValueError where nothing could be written: better told before minutes of load than after them."""
    folder = Path(path).parent
    if path == "-":
        return
    if not folder.is_dir():
        raise ValueError(f"{path} cannot be written: there is no folder {folder}")
    if Path(path).is_dir():
        raise ValueError(f"{path} cannot be written: it is a folder")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{path} cannot be written: the folder {folder} is read-only")


def write_whole(path: str, text: str) -> None:
    """The text into a file that takes the name at once; "-" is standard output. ValueError where that fails."""
    if path == "-":
        click.echo(text, nl=False)
        return
    target, fresh = Path(path).resolve(), ""
    try:
        if target.exists() and not target.is_file():  # a device or a pipe: it must not be replaced
            target.write_text(text, encoding="utf-8")
            return
        handle, fresh = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(fresh).chmod(0o666 & ~_umask())
        Path(fresh).replace(target)
    except OSError as error:
        if fresh:
            Path(fresh).unlink(missing_ok=True)
        raise ValueError(f"{path} cannot be written: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
