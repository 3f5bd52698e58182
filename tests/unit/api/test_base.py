from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import ValidationError

from tollgate.api.base import Keyed, Model, NameRef, WorkloadRef


class _Shelf(Model):
    books: Annotated[list[NameRef], Keyed("name")] = []


def test_fields_are_camel_case_on_the_wire_and_nulls_are_left_out() -> None:
    assert WorkloadRef(name="digits").dump() == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "digits",
    }


def test_a_field_of_a_newer_version_is_ignored() -> None:
    assert NameRef.model_validate({"name": "digits", "since": "v2"}) == NameRef(name="digits")


@pytest.mark.parametrize("name", ["", "Digits", "-digits", "digits-", "a" * 254])
def test_a_name_is_one_the_api_server_would_take(name: str) -> None:
    with pytest.raises(ValidationError):
        NameRef(name=name)


def test_a_key_given_twice_is_named_in_the_error() -> None:
    with pytest.raises(ValidationError, match="given twice: a"):
        _Shelf.model_validate({"books": [{"name": "a"}, {"name": "b"}, {"name": "a"}]})
