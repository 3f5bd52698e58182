"""Events out of bytes, in whatever pieces they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.bench.protocols.sse import Event, EventStream


def events(*parts: bytes) -> list[Event]:
    stream = EventStream()
    return [event for part in parts for event in stream.feed(part)]


def data(*parts: bytes) -> list[bytes]:
    return [event.data for event in events(*parts)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data\n\n", [b""]),
        (b": keep-alive\n\ndata: a\n\n", [b"a"]),
        (b"data: a\n: in between\ndata: b\n\n", [b"a\nb"]),
        (b"id: 7\nretry: 100\nnonsense\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"\n\n\ndata: a\n\n", [b"a"]),
        (b"data: a", []),
        (b"data: a\n", []),
        (b'{"choices": []}', []),
        (b"", []),
    ],
)
def test_the_events_of_a_text(text: bytes, expected: list[bytes]) -> None:
    assert data(text) == expected
    assert data(*(text[i : i + 1] for i in range(len(text)))) == expected


def test_an_event_has_a_type_of_its_own() -> None:
    assert events(b"event: error\ndata: a\n\ndata: b\n\n") == [Event(b"error", b"a"), Event(b"", b"b")]


def test_a_character_in_two_pieces_is_whole() -> None:
    text = "data: snow ☃ man\n\n".encode()
    cut = text.index("☃".encode()) + 1
    assert data(text[:cut], text[cut:]) == ["snow ☃ man".encode()]


def test_a_line_end_in_two_pieces_is_one() -> None:
    assert data(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [b"a\nb"]


LINES = st.lists(
    st.sampled_from([b"data: a", b"data:", b"data: b c", b": x", b"", b"", b"event: e", b"junk"]), max_size=20
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(LINES, st.data())
def test_how_it_is_cut_does_not_matter(lines: list[bytes], draw: st.DataObject) -> None:
    text = b"".join(line + draw.draw(ENDS) for line in lines)
    whole = events(text)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert events(*pieces) == whole


@given(st.binary(max_size=300))
def test_no_bytes_are_too_odd(text: bytes) -> None:
    assert all(isinstance(event.data, bytes) for event in events(text))


def test_a_long_line_in_small_pieces_takes_time_in_proportion() -> None:
    """Each piece is kept, not joined to what came before: 16 MiB in pieces of 64 bytes would take minutes else."""
    stream = EventStream()
    piece = b"x" * 64
    stream.feed(b"data: ")
    for _ in range(256 * 1024):
        assert stream.feed(piece) == []
    (event,) = stream.feed(b"\n\n")
    assert len(event.data) == 16 * 1024 * 1024
