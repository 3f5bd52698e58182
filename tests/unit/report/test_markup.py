from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tollgate.report.markup import Markup, joined, tag


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = tag("b", "<i>", class_="x")
    assert tag("p", inner, "& 'more'") == '<p><b class="x">&lt;i&gt;</b>&amp; &#x27;more&#x27;</p>'
    assert isinstance(inner, Markup)


def test_markup_that_is_formatted_into_a_text_is_a_text_again() -> None:
    assert joined(f"{tag('b', 'x')}!") == "&lt;b&gt;x&lt;/b&gt;!"


def test_attributes_are_escaped_and_none_is_left_out() -> None:
    assert (
        tag("line", x1=1, aria_label='"><script>', id=None)
        == '<line x1="1" aria-label="&quot;&gt;&lt;script&gt;"/>'
    )


def test_what_moves_a_cursor_or_turns_text_round_is_shown_as_such() -> None:
    assert tag("p", "a\x1b[31m\u202eb\nc") == "<p>a\ufffd[31m\ufffdb\nc</p>"


@given(st.text())
def test_no_text_leaves_its_element(text: str) -> None:
    made = tag("p", text, title=text)
    assert made.count("<") == 2
    assert made.count(">") == 2
    assert made.count('"') == 2
