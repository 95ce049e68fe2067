"""Bodies of HTTP/1.1: whole, cut, split anywhere, malformed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.chunked import (
    MAX_LINE,
    MAX_TRAILERS,
    BodyError,
    ChunkedBody,
    OpenBody,
    SizedBody,
    body_of,
)

DATA = st.binary(min_size=1, max_size=40) | st.sampled_from(
    [b"\r\n", b"0\r\n\r\n", b"a" * 300, b"\r\n1\r\n", b"a\r\n3\r\nabc", b"\r\n0\r\n\r\n"]
)
SIZE = st.just("%x") | st.sampled_from(["%x", "%X", "0%x", "%x ", "%x;a=b", '%x ; q="\t"'])
CHUNKS = st.lists(st.tuples(DATA, SIZE), max_size=8)
ENDS = st.sampled_from([b"0\r\n\r\n", b"000;x\r\n\r\n", b"0\r\nA: 1\r\nb:\r\n\r\n"])


def encoded(chunks: list[tuple[bytes, str]], end: bytes) -> bytes:
    return b"".join(b"%b\r\n%b\r\n" % ((s % len(d)).encode(), d) for d, s in chunks) + end


def fed(body: ChunkedBody | SizedBody, pieces: list[bytes]) -> bytes:
    got = b""
    for piece in pieces:
        if body.done or body.fault:
            body.extra += piece
        else:
            got += body.feed(piece)
    return got


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted({min(place, len(raw)) for place in places}), len(raw)]
    return [raw[a:b] for a, b in pairwise(bounds)]


@given(CHUNKS, ENDS, st.lists(st.integers(0, 500), max_size=6), st.binary(max_size=5))
def test_chunks_come_whole_however_they_are_split(
    chunks: list[tuple[bytes, str]], end: bytes, places: list[int], extra: bytes
) -> None:
    body = ChunkedBody()
    got = fed(body, cut(encoded(chunks, end) + extra, places))
    assert got == b"".join(data for data, _ in chunks)
    assert (body.done, body.fault, body.extra) == (True, None, extra)
    body.end()


def test_what_looks_like_a_size_line_is_none_unless_the_sizes_say_so() -> None:
    inner = [b"ab\r\n2\r\ncd", b"0\r\n", b"\r\n0\r\n\r\n", b"e\r\n1\r\nf"]
    for last in (b"0\r\n\r\n", b"0;\r\nA: 1\r\n\r\n"):
        raw = encoded([(data, "%x") for data in (b"x", *inner, b"y")], last)
        for at in range(len(raw)):
            body = ChunkedBody()
            assert fed(body, [raw[:at], raw[at:]]) == b"x" + b"".join(inner) + b"y"
            assert body.done
            assert not body.extra


def test_what_comes_after_the_end_is_no_chunk() -> None:
    body = ChunkedBody()
    assert body.feed(b"1\r\na\r\n0\r\n\r\n2\r\nbc\r\n0\r\n\r\n") == b"a"
    assert (body.done, body.extra) == (True, b"2\r\nbc\r\n0\r\n\r\n")


def test_every_single_split_and_every_dribble() -> None:
    raw = encoded([(b"one\r\n", "%x"), (b"x" * 17, "%X ; a")], b"0\r\nt: 1\r\nu: 2\r\n\r\n")
    for width in range(1, len(raw)):
        body = ChunkedBody()
        pieces = [raw[at : at + width] for at in range(0, len(raw), width)]
        assert fed(body, pieces) == b"one\r\n" + b"x" * 17
        assert body.done


@given(CHUNKS, ENDS, st.integers(0, 10_000))
def test_a_cut_body_is_never_whole(chunks: list[tuple[bytes, str]], end: bytes, at: int) -> None:
    raw = encoded(chunks, end)
    body = ChunkedBody()
    got = body.feed(raw[: at % len(raw)])
    assert b"".join(data for data, _ in chunks).startswith(got)
    assert not body.done
    with pytest.raises(BodyError, match="ended before the last chunk"):
        body.end()


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"\r\n", b"0", b"5\r\n"]), max_size=9))
def test_any_bytes_are_body_or_fault(pieces: list[bytes]) -> None:
    split, joined = ChunkedBody(), ChunkedBody()
    got = fed(split, pieces)
    assert joined.feed(b"".join(pieces)) == got
    assert (split.done, str(split.fault)) == (joined.done, str(joined.fault))


MALFORMED = {
    "no size": b"\r\ndata",
    "not hexadecimal": b"xyz\r\n",
    "a sign": b"-5\r\nhello\r\n",
    "a prefix": b"0x5\r\nhello\r\n",
    "an underscore": b"1_0\r\n",
    "a space in front": b" 5\r\nhello\r\n",
    "a space within": b"5 5\r\n",
    "too large": b"1" * 16 + b"\r\n",
    "a bare line feed": b"5\nhello\n",
    "a bare carriage return": b"5\rhello",
    "longer than its size": b"5\r\nhello!\r\n",
    "shorter than its size": b"6\r\nhello\r\n1\r\n",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_malformed_framing_is_a_fault_after_what_was_good(raw: bytes) -> None:
    for pieces in ([b"4\r\ngood\r\n" + raw], [b"4\r\ngood\r\n", raw], [*b"4\r\ngood\r\n" + raw]):
        body = ChunkedBody()
        got = fed(body, [bytes([p]) if isinstance(p, int) else p for p in pieces])
        assert got in (b"good", b"goodhello", b"goodhello\r")
        assert body.fault is not None
        assert not body.done
        assert "good" not in str(body.fault)
        with pytest.raises(BodyError, match="size line"):
            body.end()


@pytest.mark.parametrize("trailer", [b"no colon\r\n\r\n", b": no name\r\n\r\n", b"a b: c\r\n\r\n"])
def test_malformed_trailers_are_a_fault(trailer: bytes) -> None:
    body = ChunkedBody()
    assert body.feed(b"1\r\nx\r\n0\r\n" + trailer) == b"x"
    assert not body.done
    assert "trailer" in str(body.fault)


def test_endless_lines_are_a_fault() -> None:
    body = ChunkedBody()
    body.feed(b"5;" + b"a" * MAX_LINE)
    assert "longer than 4096 bytes" in str(body.fault)
    body = ChunkedBody()
    body.feed(b"0\r\nname: " + b"a" * MAX_TRAILERS)
    assert "longer than 16384 bytes" in str(body.fault)


@given(st.binary(max_size=60), st.integers(0, 40), st.lists(st.integers(0, 60), max_size=4))
def test_a_sized_body_is_as_long_as_said(raw: bytes, size: int, places: list[int]) -> None:
    body = SizedBody(size)
    got = fed(body, cut(raw, places))
    assert got == raw[:size]
    assert body.done == (len(raw) >= size)
    assert body.extra == raw[size:]
    if body.done:
        body.end()
    else:
        with pytest.raises(BodyError, match=f"{size - len(raw)} bytes before"):
            body.end()


def test_an_open_body_ends_with_the_connection() -> None:
    body = OpenBody()
    assert body.feed(b"any") == b"any"
    assert not body.done
    body.end()
    assert body.done


def test_the_head_says_how_a_body_ends() -> None:
    assert isinstance(body_of("POST", 200, [" Chunked "], ["5"]), ChunkedBody)
    assert isinstance(body_of("POST", 200), OpenBody)
    sized = body_of("POST", 200, (), ["5", " 5"])
    assert isinstance(sized, SizedBody)
    assert sized.feed(b"123456") == b"12345"
    for method, status in (("HEAD", 200), ("POST", 204), ("GET", 304)):
        assert body_of(method, status, ["chunked"], ["5"]).done


@pytest.mark.parametrize(
    ("codings", "sizes"),
    [
        (["gzip, chunked"], []),
        (["chunked", "chunked"], []),
        (["identity"], []),
        ([], ["5", "6"]),
        ([], ["-1"]),
        ([], ["+5"]),
        ([], ["5, 5"]),
        ([], ["²"]),
        ([], ["9" * 19]),
        ([], [""]),
    ],
)
def test_heads_that_leave_it_open_are_refused(codings: list[str], sizes: list[str]) -> None:
    with pytest.raises(BodyError):
        body_of("POST", 200, codings, sizes)
