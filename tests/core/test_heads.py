"""Heads of HTTP/1.1 messages."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.heads import MAX_HEAD, Head, HeadError, HeadReader, packets, request_head

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Twice: a\r\nx-twice:  b \r\n\r\n"


def read(data: bytes) -> Head:
    head = HeadReader().feed(data)
    assert head is not None
    return head


def test_status_fields_and_the_beginning_of_the_body() -> None:
    head = read(PLAIN + b"data")
    assert head == Head(
        "1.1",
        200,
        [("content-type", "text/event-stream"), ("x-twice", "a"), ("x-twice", "b")],
        b"data",
    )
    assert head.values("x-twice") == ["a", "b"]
    assert head.values("absent") == []


@given(st.lists(st.integers(0, len(PLAIN) + 4), max_size=6))
def test_cut_anywhere_it_is_the_same_head(cuts: list[int]) -> None:
    data = PLAIN + b"body"
    edges = [0, *sorted(cuts), len(data)]
    reader, head, rest = HeadReader(), None, b""
    for start, end in itertools.pairwise(edges):
        if head is None:
            head = reader.feed(data[start:end])
        else:
            rest += data[start:end]
    assert head is not None
    assert (head.status, head.fields) == (200, read(PLAIN).fields)
    assert head.rest + rest == b"body"


@pytest.mark.parametrize(
    ("data", "status", "fields"),
    [
        (b"HTTP/1.1 204\r\n\r\n", 204, []),
        (b"HTTP/1.0 200 OK\n\n", 200, []),
        (b"HTTP/1.1 200 OK\nA: 1\n\n", 200, [("a", "1")]),
        (b"HTTP/1.1 200 OK\r\nA: one\r\n\t two\r\nB:\r\n\r\n", 200, [("a", "one two"), ("b", "")]),
        (b"HTTP/1.1 200 OK\r\nA: caf\xe9\r\n\r\n", 200, [("a", "café")]),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nl: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
         200, []),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, []),
    ],
)  # fmt: skip
def test_what_counts_as_a_head(data: bytes, status: int, fields: list[tuple[str, str]]) -> None:
    head = read(data)
    assert (head.status, head.fields, head.rest) == (status, fields, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0",
        b"HTTP/2 200",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 099 no\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: 1\rb: 2\r\n\r\n",
    ],
)
def test_what_does_not(data: bytes) -> None:
    with pytest.raises(HeadError) as raised:
        HeadReader().feed(data)
    assert "bad" not in str(raised.value), "the text must not quote what came"


def test_a_head_that_is_too_long_is_refused_also_if_it_comes_at_once() -> None:
    with pytest.raises(HeadError, match=str(MAX_HEAD)):
        HeadReader().feed(b"HTTP/1.1 200 OK\r\nx: " + b"y" * MAX_HEAD + b"\r\n\r\nbody")


def test_a_connection_that_ends_too_early() -> None:
    reader = HeadReader()
    with pytest.raises(HeadError, match="ended before"):
        reader.end()
    reader.feed(b"HTTP/1.1 200")
    with pytest.raises(HeadError, match="in the middle"):
        reader.end()


def test_what_is_written_is_one_packet_if_it_is_small() -> None:
    assert packets(b"head", b"body") == (b"headbody",)
    large = b"x" * 100_000
    assert packets(b"head", large) == (b"head", large)


def test_a_head_without_end_is_refused() -> None:
    reader = HeadReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\nx: ") is None
    with pytest.raises(HeadError, match=str(MAX_HEAD)):
        reader.feed(b"y" * MAX_HEAD)


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        ("1.1", [], True),
        ("1.1", ["close"], False),
        ("1.1", ["Keep-Alive, Close"], False),
        ("1.0", [], False),
        ("1.0", ["keep-alive"], True),
    ],
)
def test_whether_the_connection_may_be_used_again(
    version: str, connection: list[str], keeps: bool
) -> None:
    head = Head(version, 200, [("connection", value) for value in connection], b"")
    assert head.keeps_connection() is keeps


def test_a_request_head() -> None:
    fields = [("x-api-key", "k"), ("accept", "*/*")]
    assert request_head("POST", "/v1?a=%20 é", "host:81", fields, 12) == (
        b"POST /v1?a=%20%20%C3%A9 HTTP/1.1\r\nhost: host:81\r\n"
        b"x-api-key: k\r\naccept: */*\r\ncontent-length: 12\r\n\r\n"
    )
    assert request_head("GET", "/", "h", [], None) == b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"


@pytest.mark.parametrize("field", [("a", "1\r\nb: 2"), ("a", "1\n"), ("a\r", "1"), ("a", "\0")])
def test_a_field_cannot_become_two(field: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="line ending"):
        request_head("GET", "/", "h", [field], None)
