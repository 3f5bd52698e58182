"""Canonical JSON, and the digest over it: equal content gives equal bytes, whoever writes them down.

The form is that of RFC 8785 for what the API holds, so any implementation of it agrees; so does, as all our keys are
plain ASCII, `jq -jcS`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from pydantic import StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]

_LARGEST = 2**53 - 1
"""Larger integers are no longer exact in every reader of JSON."""


def canonical(content: Any) -> bytes:
    """JSON with sorted keys, without white space, in UTF-8.

    ValueError for what has no one form: floats, integers beyond 2^53, keys that are no text, lone surrogates.
    """
    text = json.dumps(_ordered(content), separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text is no valid Unicode: it has half of a surrogate pair") from None


def digest(content: Any) -> str:
    """`sha256:` and the 64 hexadecimal digits over the canonical JSON. ValueError as `canonical`."""
    return "sha256:" + hashlib.sha256(canonical(content)).hexdigest()


def _ordered(content: Any) -> Any:
    match content:
        case dict():
            return {key: _ordered(content[key]) for key in sorted(content, key=_by_utf16)}
        case list() | tuple():
            return [_ordered(item) for item in content]
        case None | bool() | str():
            return content
        case int() if abs(content) <= _LARGEST:
            return content
        case _:
            raise ValueError(f"{content!r} has no canonical JSON: write numbers as decimal strings")


def _by_utf16(key: Any) -> bytes:
    if not isinstance(key, str):
        raise ValueError(f"the key {key!r} is no text")
    return key.encode("utf-16-be", "surrogatepass")
