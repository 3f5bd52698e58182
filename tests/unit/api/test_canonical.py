"""Canonical JSON: one form for one content."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.api.canonical import canonical, digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shuffled(content: Any) -> Any:
    """The same content with the keys of every object in reverse order."""
    if isinstance(content, dict):
        return {key: shuffled(value) for key, value in reversed(content.items())}
    return [shuffled(item) for item in content] if isinstance(content, list) else content


def test_the_example_of_rfc_8785() -> None:
    """Section 3.2.3: keys by their UTF-16 code units; section 3.2.2.2: the shortest escapes, and no others."""
    keys = {
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\U0001f600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis",
    }  # fmt: skip
    assert list(json.loads(canonical(keys))) == ["\r", "1", "\x80", "ö", "€", "\U0001f600", "\ufb33"]
    escapes = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/"
    assert canonical({"string": escapes}) == b'{"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'


def test_the_digest_is_that_of_sha256sum() -> None:
    """sha256sum of `{"a":[1,true,null],"b":"ä"}`."""
    expected = "sha256:969f837dc907ce425d3075e4047f12a0b40019a48623474c735721c438c5f60f"
    assert digest({"b": "ä", "a": [1, True, None]}) == expected


@given(JSON)
def test_it_is_json_of_the_same_content_whatever_the_order(content: Any) -> None:
    assert json.loads(canonical(content)) == content
    assert canonical(shuffled(content)) == canonical(content)


@given(JSON, JSON)
def test_other_content_has_another_form(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (canonical(one) == canonical(other)) == same
    assert (digest(one) == digest(other)) == same


@pytest.mark.parametrize("content", [0.5, math.nan, 2**53, {1: "a"}, {"a": {"b": [1.0]}}, "\ud800", b"a"])
def test_what_has_no_one_form_is_refused(content: Any) -> None:
    with pytest.raises(ValueError, match=r"canonical JSON|no text|no valid Unicode"):
        canonical(content)
