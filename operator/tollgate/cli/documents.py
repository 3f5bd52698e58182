"""Reads manifests and other documents from files, strictly: what is wrong becomes one sentence (a ValueError).

The API server prunes unknown fields and the operator ignores them; here nobody would notice a misspelt one, so it is
refused. Files are JSON or YAML, one document or several; "-" is standard input.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tollgate.api.base import API_VERSION

M = TypeVar("M", bound=BaseModel)
Object = dict[str, Any]

_META = ("apiVersion", "kind", "metadata")
_SHOWN = 60  # characters of a value that is quoted


class _Loader(yaml.SafeLoader):
    """YAML as kubectl takes it: a key that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"{key.value} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_text(path: str) -> str:
    """The content of a file, or of standard input."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8") from None


def documents(text: str, path: str) -> list[Any]:
    """The documents of a file: one of JSON, or any number of YAML; empty ones are left out."""
    try:
        return [json.loads(text)]
    except (RecursionError, ValueError) as error:
        not_json = error
    try:
        found = list(yaml.load_all(text, _Loader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if text.lstrip().startswith("{"):
            raise ValueError(f"{path} is not JSON: {not_json}") from None
        raise ValueError(f"{path} is not YAML{_what_and_where(error)}") from None
    return [document for document in found if document is not None]


def _what_and_where(error: Exception) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    line = f" (line {mark.line + 1})" if mark else ""
    return f"{line}: {problem or ' '.join(str(error).split())[:200]}"


def manifests(path: str) -> list[Object]:
    """All the objects of a file, those of a List among them."""
    return list(_objects(documents(read_text(path), path)))


def manifest(path: str, kind: str, *, api_version: str = API_VERSION, name: str = "") -> Object:
    """The one object of a kind in a file, or the one of that name."""
    held = manifests(path)
    of_kind = [one for one in held if one.get("kind") == kind]
    found = [one for one in of_kind if name in ("", named(one), named(one).rpartition("/")[2])]
    if len(found) > 1:
        names = ", ".join(sorted(map(named, found)))
        raise ValueError(
            f"{path} holds {len(found)} objects of kind {kind} ({names}): choose one with --name"
        )
    if not found:
        wanted = f"{kind} {name}".rstrip()
        instead = ", ".join(f"{one.get('kind')} {named(one)}" for one in held[:5]) or "no object at all"
        raise ValueError(f"{path} holds no {wanted}, but {instead}")
    if found[0].get("apiVersion") != api_version:
        raise ValueError(
            f"{path}: {kind} {named(found[0])}: apiVersion is {found[0].get('apiVersion')!r}, not {api_version}"
        )
    return found[0]


def _objects(found: Sequence[Any]) -> Iterator[Object]:
    """The objects of a file, with those that kubectl has put into a List."""
    for one in found:
        if isinstance(one, dict) and one.get("kind") == "List" and isinstance(one.get("items"), list):
            yield from _objects(one["items"])
        elif isinstance(one, dict):
            yield one


def named(obj: Mapping[str, Any]) -> str:
    """`namespace/name` of an object, or its name where it has no namespace."""
    meta = obj.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    return "/".join(str(meta[part]) for part in ("namespace", "name") if meta.get(part)) or "without a name"


def parsed(model: type[M], raw: Mapping[str, Any], where: str) -> M:
    """A manifest as its model; `where` begins the sentence about what is wrong."""
    body = {field: value for field, value in raw.items() if field not in _META}
    return strictly(model, body, where)


def strictly(model: type[M], raw: Any, where: str) -> M:
    """A document as its model, without unknown fields."""
    try:
        return model.model_validate(raw, extra="forbid", by_alias=True, by_name=False)
    except ValidationError as error:
        first, *more = error.errors(include_url=False)
        others = f" (and {len(more)} more problem{'' if len(more) == 1 else 's'})" if more else ""
        raise ValueError(f"{where}: {_said(first)}{others}") from None


def _said(error: Any) -> str:
    """What is wrong with a field, and what is expected there."""
    where = _path(error["loc"])
    given = error["input"]
    match error["type"]:
        case "extra_forbidden":
            return f"{where} is no field of this kind: remove it, or mend its name"
        case "missing":
            return f"{where} is missing"
        case "string_type" if isinstance(given, int | float) and not isinstance(given, bool):
            return f'{where}: write it in quotes, with its unit where it has one: "{given}"'
        case "value_error":
            return f"{where}: {error['msg'].removeprefix('Value error, ')}"
    quoted = json.dumps(given, default=str)
    shown = quoted if len(quoted) <= _SHOWN else quoted[:_SHOWN] + "..."
    return f"{where}: {error['msg'][:1].lower()}{error['msg'][1:]}, not {shown}"


def _path(loc: Sequence[str | int]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return path.lstrip(".") or "the document"
