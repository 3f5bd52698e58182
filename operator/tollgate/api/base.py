"""What every kind of the API shares: field naming, references, the group and version, rules and list keys.

What the API server is to check is written here once, next to the field, and read by two: pydantic, when the
operator parses an object, and `api.crd`, when it writes the CRD.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

GROUP = "tollgate.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

ObjectName = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
NameOrEmpty = Annotated[str, StringConstraints(max_length=253)]
Revision = Annotated[str, StringConstraints(max_length=63)]
Word = Annotated[str, StringConstraints(max_length=64)]
Text = Annotated[str, StringConstraints(max_length=1024)]


class Model(BaseModel):
    """camelCase on the wire, snake_case here. Unknown fields are ignored: the API server has pruned them."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    def dump(self) -> dict[str, Any]:
        """Plain JSON data as the API server takes it: camelCase, no nulls."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Rule(NamedTuple):
    """A check in CEL. Where it is about one field, the error is at that field and quotes its value."""

    rule: str
    message: str
    field: str = ""

    def schema(self) -> dict[str, str]:
        said = {"rule": self.rule, "message": self.message}
        if self.field:
            said["messageExpression"] = f"{self.message + ', not '!r} + self.{self.field}"
            said["fieldPath"] = f".{self.field}"
        return said


def cel(*rules: Rule) -> dict[str, Any]:
    """CEL rules for a field's `json_schema_extra`."""
    return {"x-kubernetes-validations": [rule.schema() for rule in rules]}


def checked(*rules: Rule) -> ConfigDict:
    """CEL rules of a model. A rule that looks at a single object needs a pydantic validator beside it."""
    return ConfigDict(json_schema_extra=cel(*rules))


@dataclass(frozen=True)
class Keyed:
    """Annotates a list of models whose field `key` differs from item to item: a list map of the API server.

    Server-side apply then merges the items by that key, and a key given twice is refused as a duplicate.
    """

    key: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            **handler(schema),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": [self.key],
        }

    def _check(self, items: list[Any]) -> list[Any]:
        repeated = [key for key, n in Counter(getattr(item, self.key) for item in items).items() if n > 1]
        if repeated:
            raise ValueError(f"each item needs a {self.key} of its own; given twice: {', '.join(repeated)}")
        return items


@dataclass(frozen=True)
class Distinct:
    """Annotates a list of words that differ from each other: a set of the API server."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "x-kubernetes-list-type": "set"}

    def _check(self, items: list[str]) -> list[str]:
        repeated = [item for item, n in Counter(items).items() if n > 1]
        if repeated:
            raise ValueError(f"each item may be given once; given twice: {', '.join(repeated)}")
        return items


class NameRef(Model):
    """A reference by name: to a cluster-scoped profile, or to an object of the same namespace."""

    name: ObjectName = Field(description="Name of the referenced object.")


class WorkloadRef(Model):
    """The governed workload, always in the namespace of the object that refers to it."""

    api_version: Literal["apps/v1"] = Field("apps/v1", description="API version of the workload: apps/v1.")
    kind: Literal["Deployment"] = Field("Deployment", description="Kind of the workload: Deployment.")
    name: ObjectName = Field(description="Name of the Deployment in this namespace.")
