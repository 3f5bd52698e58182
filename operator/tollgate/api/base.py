"""What every kind of the API shares: field naming, references, the group and version."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

GROUP = "tollgate.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

ObjectName = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
LabelValue = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
]
Text = Annotated[str, StringConstraints(max_length=1024)]


class Model(BaseModel):
    """camelCase on the wire, snake_case here. Unknown fields are ignored: the API server has pruned them."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    def dump(self) -> dict[str, Any]:
        """Plain JSON data as the API server takes it: camelCase, no nulls."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def rules(*pairs: tuple[str, str]) -> ConfigDict:
    """A model's CEL rules, as (rule, message) pairs, carried into the CRD by `api.crd`."""
    listed = [{"rule": rule, "message": message} for rule, message in pairs]
    return ConfigDict(json_schema_extra={"x-kubernetes-validations": listed})  # type: ignore[dict-item]


class NameRef(Model):
    """A reference by name: to a cluster-scoped profile, or to an object of the same namespace."""

    name: ObjectName = Field(description="Name of the referenced object.")


class WorkloadRef(Model):
    """The governed workload, always in the namespace of the object that refers to it."""

    api_version: Literal["apps/v1"] = Field("apps/v1", description="API version of the workload: apps/v1.")
    kind: Literal["Deployment"] = Field("Deployment", description="Kind of the workload: Deployment.")
    name: ObjectName = Field(description="Name of the Deployment in this namespace.")
