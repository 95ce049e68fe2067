"""Compressed bodies nobody asked for."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.chunked import BodyError
from tailrace.transports.inflate import Inflate, inflate_for

TEXT = b"event: ping\ndata: {}\n\n" * 40


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
    "deflate": zlib.compress(TEXT),
    "Deflate ": raw_deflate(TEXT),
}


def unpacker(coding: str) -> Inflate:
    found = inflate_for(coding)
    assert found is not None
    return found


@pytest.mark.parametrize("coding", CODED)
@given(width=st.integers(1, 200))
def test_a_body_comes_whole_however_it_is_split(coding: str, width: int) -> None:
    raw = CODED[coding]
    unpack = unpacker(coding)
    pieces = [unpack.feed(raw[at : at + width]) for at in range(0, len(raw), width)]
    unpack.end()
    assert b"".join(pieces) == TEXT


def test_what_was_flushed_comes_at_once() -> None:
    packer = zlib.compressobj(wbits=31)
    unpack = unpacker("gzip")
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        assert unpack.feed(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)) == event


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize("kept", [1, 2, 20, -1])
def test_a_cut_body_is_noticed(coding: str, kept: int) -> None:
    unpack = unpacker(coding)
    assert TEXT.startswith(unpack.feed(CODED[coding][:kept]))
    with pytest.raises(BodyError, match="in the middle"):
        unpack.end()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_not_compressed_is_noticed(coding: str) -> None:
    with pytest.raises(BodyError, match="not compressed"):
        unpacker(coding).feed(b"\xff" * 100)


def test_an_empty_body_is_whole() -> None:
    unpacker("gzip").end()


@pytest.mark.parametrize("coding", [None, "identity", ""])
def test_most_bodies_are_as_they_are(coding: str | None) -> None:
    assert inflate_for(coding) is None


def test_other_codings_are_refused() -> None:
    with pytest.raises(BodyError, match="not asked for"):
        inflate_for("br")
