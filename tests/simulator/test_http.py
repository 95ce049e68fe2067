"""HTTP/1.1 requests in, replies out, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.simulator.acts import Fate
from tailrace.simulator.http import (
    MAX_HEAD,
    BadHttp,
    HttpRequest,
    RequestParser,
    encode_head,
    write,
)
from tailrace.simulator.pieces import Piece, Response

POST = (
    b"POST /v1/messages?beta=true HTTP/1.1\r\n"
    b"Host: a\r\nX-Api-Key: k\r\nContent-Length: 5\r\n\r\nhello"
)
CHUNKED = (
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
)


def parse(data: bytes, **options: int) -> list[HttpRequest | BadHttp]:
    return RequestParser(**options).feed(data)


def test_a_request_with_a_length() -> None:
    headers = {"host": "a", "x-api-key": "k", "content-length": "5"}
    assert parse(POST) == [HttpRequest("POST", "/v1/messages", "beta=true", headers, b"hello")]


def test_a_request_in_chunks() -> None:
    request = parse(CHUNKED)[0]
    assert isinstance(request, HttpRequest)
    assert request.body == b"hello"


@given(st.lists(st.integers(1, 30)))
def test_requests_may_come_in_any_pieces(sizes: list[int]) -> None:
    data, parser, found = POST + CHUNKED + POST, RequestParser(), []
    for size in [*sizes, len(data)]:
        found += parser.feed(data[:size])
        data = data[size:]
    assert [request.body for request in found] == [b"hello"] * 3


@pytest.mark.parametrize(
    ("version", "header", "keep"),
    [
        ("1.1", "", True),
        ("1.1", "Connection: close\r\n", False),
        ("1.0", "", False),
        ("1.0", "Connection: keep-alive\r\n", True),
    ],
)
def test_when_the_connection_stays(version: str, header: str, keep: bool) -> None:
    request = parse(f"GET / HTTP/{version}\r\n{header}\r\n".encode())[0]
    assert isinstance(request, HttpRequest)
    assert request.keep_alive is keep


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nname : v\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD, 431),
        (b"POST / HTTP/1.1\r\ncontent-length: 11\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nb\r\n", 413),
    ],
)
def test_what_is_no_request_is_said_so(data: bytes, status: int) -> None:
    bad = parse(data, max_body=10)[0]
    assert isinstance(bad, BadHttp)
    assert bad.status == status


@given(st.sampled_from([b"", POST[:30], CHUNKED[:-9]]), st.binary())
def test_no_bytes_are_too_strange_to_read(start: bytes, data: bytes) -> None:
    found = parse(start + data)
    assert all(isinstance(one, (HttpRequest, BadHttp)) for one in found)


def test_a_client_may_ask_before_it_sends_its_body() -> None:
    parser = RequestParser()
    head = b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    assert parser.feed(head) == []
    assert parser.wants_continue
    assert len(parser.feed(b"ok")) == 1
    assert not parser.wants_continue


def test_no_repr_shows_a_key_or_a_body() -> None:
    assert "k" not in repr(parse(POST)[0]).replace("keep", "")
    assert "hello" not in repr(parse(POST)[0])


# -- replies


def written(response: Response, **options: bool) -> list[Piece]:
    return list(write(response, keep_alive=True, now=0.0, **options))


def test_a_body_of_unknown_length_goes_in_chunks() -> None:
    pieces = written(Response(200, {}, [Piece(0.5, b"x" * 17), Piece(1.0, b"")]))
    assert b"transfer-encoding: chunked\r\n" in pieces[0].data
    assert pieces[1:] == [
        Piece(0.5, b"11\r\n" + b"x" * 17 + b"\r\n"),
        Piece(1.0, b""),
        Piece(0.0, b"0\r\n\r\n", Fate.END),
    ]


def test_only_a_good_end_has_the_last_chunk() -> None:
    pieces = written(Response(200, {}, [Piece(0.0, b"a", Fate.CLOSE), Piece(0.0, b"b")]))
    assert pieces[1:] == [Piece(0.0, b"1\r\na\r\n", Fate.CLOSE)]


def test_half_a_chunk_has_no_end() -> None:
    pieces = written(Response(200, {}, [Piece(0.0, b"ab", Fate.HALF_CHUNK, 4)]))
    assert pieces[1:] == [Piece(0.0, b"4\r\nab", Fate.HALF_CHUNK)]


def test_bytes_without_framing_are_sent_bare() -> None:
    pieces = written(Response(200, {}, [Piece(0.0, b"zz", framed=False)]))
    assert pieces[1].data == b"zz"


def test_a_body_of_known_length_is_bare() -> None:
    pieces = written(Response(200, {}, [Piece(0.0, b"ab")], 2))
    assert b"content-length: 2\r\n" in pieces[0].data
    assert pieces[1:] == [Piece(0.0, b"ab"), Piece(0.0, b"", Fate.END)]


def test_the_head_may_be_late() -> None:
    assert written(Response(200, {}, (), 0, 2.0))[0].after == 2.0


def test_the_head_may_drip() -> None:
    response = Response(200, {}, (), 0, 2.0, True)
    pieces = written(response)[:-1]
    assert {len(piece.data) for piece in pieces} == {1}
    assert sum(piece.after for piece in pieces) == pytest.approx(2.0)
    head = encode_head(response, keep_alive=True, now=0.0)
    assert b"".join(piece.data for piece in pieces) == head


def test_the_answer_to_head_has_no_body() -> None:
    assert len(written(Response(200, {}, [Piece(0.0, b"ab")], 2), head_only=True)) == 2


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK\r\n"),
        (429, b"HTTP/1.1 429 Too Many Requests\r\n"),
        (529, b"HTTP/1.1 529 \r\n"),
    ],
)
def test_the_status_line(status: int, line: bytes) -> None:
    assert encode_head(Response(status, {}), keep_alive=True, now=0.0).startswith(line)
