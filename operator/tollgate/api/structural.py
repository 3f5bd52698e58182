"""pydantic's JSON schema made into what the API server accepts: a structural schema of OpenAPI v3.

Whatever has no lossless translation raises `NotStructural` here, at build time, and never reaches a cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, NoDefault
from pydantic_core import core_schema

Schema = dict[str, Any]

RULES = "x-kubernetes-validations"

_ORDER = (
    "description", "type", "format", "enum", "default", "pattern", "minLength", "maxLength",
    "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum",
    "maxProperties", "additionalProperties", "required", "properties",
    "minItems", "maxItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "items",
    RULES,
)  # fmt: skip
_DROPPED = ("title", "$defs")


class NotStructural(ValueError):
    """A model says something that a CRD cannot say; the message names the place."""


class _Generator(GenerateJsonSchema):
    """Keeps the defaults that a factory makes: of a model `{}`, as its own fields have defaults."""

    def get_default_value(self, schema: core_schema.WithDefaultSchema) -> Any:
        factory: Callable[..., Any] | None = schema.get("default_factory")
        return factory() if factory is not None else schema.get("default", NoDefault)

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return {}
        if isinstance(dft, list):
            return [i.model_dump(mode="json", by_alias=True, exclude_defaults=True) for i in dft]
        return super().encode_default(dft)


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a model, in the order of its fields. Raises NotStructural."""
    raw = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _translate(raw, raw.get("$defs", {}), model.__name__)


def as_written(schema: Schema) -> Schema:
    """The schema without defaults and rules at any depth: of what the operator alone writes, which is stored as it is.

    A default of a later version would change what is read back of an old object.
    """
    result = {key: value for key, value in schema.items() if key not in ("default", RULES)}
    if "properties" in result:
        result["properties"] = {name: as_written(p) for name, p in result["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in result:
            result[key] = as_written(result[key])
    return result


def _translate(node: JsonSchemaValue, defs: Schema, where: str) -> Schema:
    node = _flatten(node, defs, where)
    result: Schema = {}
    for key, value in node.items():
        if key == "properties":
            result[key] = {name: _translate(p, defs, f"{where}.{name}") for name, p in value.items()}
        elif key == "items":
            result[key] = _translate(value, defs, f"{where}[]")
        elif key == "additionalProperties" and isinstance(value, dict):
            result[key] = _translate(value, defs, f"{where}{{}}")
        elif key == "const":
            result["enum"] = [value]
        elif key in ("exclusiveMinimum", "exclusiveMaximum"):
            result |= {key: True, key.replace("exclusiveM", "m"): value}
        elif key in _ORDER:
            result[key] = value
        elif key not in _DROPPED:
            raise NotStructural(f"{where}: {key} cannot be said in a CRD")
    if result.get("default") in (None, "", []):
        result.pop("default", None)
    return {key: result[key] for key in _ORDER if key in result}


def _flatten(node: JsonSchemaValue, defs: Schema, where: str) -> JsonSchemaValue:
    """`node` with its reference, or the `or null` of an optional field, resolved; its own words win."""
    if "$ref" in node:
        inner = defs[node["$ref"].removeprefix("#/$defs/")]
    elif "anyOf" in node:
        options = [option for option in node["anyOf"] if option != {"type": "null"}]
        if len(options) != 1:
            raise NotStructural(f"{where}: a union; use optional fields and a rule that one of them is set")
        (inner,) = options
    elif "allOf" in node:
        if len(node["allOf"]) != 1:
            raise NotStructural(f"{where}: allOf of several schemas")
        (inner,) = node["allOf"]
    else:
        return node
    own = {key: value for key, value in node.items() if key not in ("$ref", "anyOf", "allOf")}
    merged = {**_flatten(inner, defs, where), **own}
    if RULES in inner and RULES in own:
        merged[RULES] = [*inner[RULES], *own[RULES]]
    return merged
