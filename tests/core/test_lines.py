"""Lines of text, whatever the chunks."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.lines import Lines


def read(*chunks: bytes) -> list[str]:
    lines = Lines()
    return [line for chunk in chunks for line in lines.feed(chunk)] + lines.end()


CASES = {
    b"": [],
    b"a": ["a"],
    b"a\n": ["a"],
    b"a\r": ["a"],
    b"a\r\n": ["a"],
    b"a\nb\rc\r\nd": ["a", "b", "c", "d"],
    b"\n\r\r\n": ["", "", ""],
    b"\r\n\r\n": ["", ""],
    b"a\n\rb": ["a", "", "b"],
    "é\u2028x\x85y\x0bz\n".encode(): ["é\u2028x\x85y\x0bz"],
    b"\xff\n\xc3": ["\ufffd", "\ufffd"],
}


@pytest.mark.parametrize(("body", "expected"), CASES.items())
def test_endings(body, expected):
    assert read(body) == expected
    assert read(*(body[at : at + 1] for at in range(len(body)))) == expected


def test_a_line_comes_as_soon_as_it_has_ended():
    lines = Lines()
    assert lines.feed(b"a\r") == ["a"]
    assert lines.feed(b"\nb") == []
    assert lines.feed(b"c\n") == ["bc"]
    assert lines.end() == []


@given(
    st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", "é😀".encode(), b"\xf0"]), max_size=20),
    st.lists(st.integers(0, 40), max_size=8),
)
def test_any_split_gives_the_same_lines(pieces, cuts):
    body = b"".join(pieces)
    at = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    assert read(*(body[start:end] for start, end in itertools.pairwise(at))) == read(body)


def test_a_long_line_is_joined_once():
    lines = Lines()
    for _ in range(10_000):
        assert lines.feed(b"x") == []
    assert len(lines._parts) == 10_000  # nothing was joined on the way
    assert lines.feed(b"\n") == ["x" * 10_000]
    assert lines._parts == []
