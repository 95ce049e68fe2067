"""A recorder's view of responses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.simulator.acts import Fate
from tailrace.simulator.http_response import (
    Part,
    ResponseChunk,
    ResponseEnd,
    ResponseHead,
    ResponseParser,
)

HEAD = b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
BODY = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
PARTS = [
    ResponseHead(200, (("x-a", "b"),), False),
    ResponseChunk(b"abc"),
    ResponseChunk(b"de"),
    ResponseEnd(Fate.END),
]


def parse(*pieces: bytes, end: bool = False, reset: bool = False, bodiless: bool = False):
    parser = ResponseParser(bodiless=bodiless)
    parts: list[Part] = []
    for piece in pieces:
        parts += parser.feed(piece)
    return parts + (parser.end(reset=reset) if end or reset else [])


@given(st.lists(st.integers(1, 20)))
def test_chunks_keep_their_boundaries_however_they_arrive(sizes: list[int]) -> None:
    data, pieces = HEAD + BODY, []
    for size in [*sizes, len(data)]:
        pieces.append(data[:size])
        data = data[size:]
    assert parse(*pieces) == PARTS


def test_a_sized_body_comes_as_it_arrives() -> None:
    head = b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\n"
    assert parse(head + b"ab", b"cde") == [
        ResponseHead(404, (("content-length", "5"),), True),
        ResponseChunk(b"ab"),
        ResponseChunk(b"cde"),
        ResponseEnd(Fate.END),
    ]


def test_a_body_may_last_as_long_as_the_connection() -> None:
    assert parse(b"HTTP/1.1 200 OK\r\n\r\nab", b"c", end=True)[1:] == [
        ResponseChunk(b"ab"),
        ResponseChunk(b"c"),
        ResponseEnd(Fate.CLOSE),
    ]


def test_the_answer_to_head_has_no_body() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
    assert parse(head, bodiless=True)[1:] == [ResponseEnd(Fate.END)]


def test_interim_responses_are_passed_over() -> None:
    assert parse(b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + BODY) == PARTS


@pytest.mark.parametrize(
    ("data", "reset", "ending"),
    [
        (BODY[:8], False, ResponseEnd(Fate.CLOSE)),
        (BODY[:8], True, ResponseEnd(Fate.RESET)),
        (BODY[:5], False, ResponseEnd(Fate.HALF_CHUNK, b"ab", 3)),
        (BODY[:5], True, ResponseEnd(Fate.RESET, b"ab", 3)),
        (BODY[:7], False, ResponseEnd(Fate.HALF_CHUNK, b"abc", 3)),
        (b"", False, ResponseEnd(Fate.CLOSE)),
    ],
)
def test_how_a_body_ended(data: bytes, reset: bool, ending: ResponseEnd) -> None:
    assert parse(HEAD + data, end=True, reset=reset)[-1] == ending


def test_after_the_end_nothing_comes() -> None:
    assert parse(HEAD + BODY, b"more", end=True) == PARTS


@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", HEAD + b"xyz\r\n"])
def test_what_is_no_http_is_an_error(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        parse(data)
