from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from tollgate.api.base import Keyed, Model, NameRef, Rule, cel
from tollgate.api.structural import NotStructural, as_written, structural


class _Inner(Model):
    """An inner thing."""

    width: int = Field(3, ge=0)


class _Outer(Model):
    """An outer thing."""

    title: str = Field(max_length=5)
    fixed: Literal["only"] = "only"
    maybe: _Inner | None = Field(None, description="Perhaps.")
    inner: _Inner = Field(default_factory=_Inner, json_schema_extra=cel(Rule("true", "never")))
    above: int = Field(1, gt=0)
    many: Annotated[list[NameRef], Field(max_length=2), Keyed("name")] = Field(default_factory=list)
    counts: Annotated[dict[str, int], Field(max_length=4)] = Field(default_factory=dict)


def test_references_titles_constants_and_nulls_are_gone() -> None:
    schema = structural(_Outer)
    assert schema["description"] == "An outer thing."
    assert schema["required"] == ["title"]
    properties = schema["properties"]
    assert properties["title"] == {"type": "string", "maxLength": 5}
    assert properties["fixed"] == {"type": "string", "enum": ["only"], "default": "only"}
    assert properties["maybe"] == {
        "description": "Perhaps.",
        "type": "object",
        "properties": {"width": {"type": "integer", "default": 3, "minimum": 0}},
    }


def test_a_model_that_fills_itself_in_defaults_to_an_empty_object() -> None:
    inner = structural(_Outer)["properties"]["inner"]
    assert inner["default"] == {}
    assert inner["x-kubernetes-validations"] == [{"rule": "true", "message": "never"}]


def test_bounds_maps_and_keyed_lists() -> None:
    properties = structural(_Outer)["properties"]
    assert properties["above"] == {"type": "integer", "default": 1, "minimum": 0, "exclusiveMinimum": True}
    assert properties["counts"]["additionalProperties"] == {"type": "integer"}
    assert properties["counts"]["maxProperties"] == 4
    assert properties["many"]["x-kubernetes-list-map-keys"] == ["name"]
    assert "default" not in properties["many"]


def test_what_is_stored_as_written_has_no_defaults_and_no_rules_at_any_depth() -> None:
    schema = as_written(structural(_Outer))
    assert "default" not in str(schema)
    assert "validations" not in str(schema)
    assert schema["properties"]["many"]["x-kubernetes-list-map-keys"] == ["name"]


class _Union(BaseModel):
    either: int | str


class _Tuple(BaseModel):
    pair: tuple[int, int]


@pytest.mark.parametrize(("model", "message"), [(_Union, "_Union.either: a union"), (_Tuple, "prefixItems")])
def test_what_a_crd_can_not_say_stops_the_build(model: type[BaseModel], message: str) -> None:
    with pytest.raises(NotStructural, match=message):
        structural(model)
