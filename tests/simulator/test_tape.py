"""Tapes as text."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.simulator.acts import Fate
from tailrace.simulator.pieces import Piece
from tailrace.simulator.tape import Chunk, Tape, TapeError, dump, load

TAPE = Tape(
    "POST",
    "/v1/messages?beta=true",
    200,
    (("anthropic-version", "2023-06-01"), ("x-api-key", "[redacted]")),
    b'{"model": "m", "n": [1, "\xc3\xa9"]}',
    (("content-type", "text/event-stream"),),
    0.41271,
    (
        Chunk(0.0008, b'event: a\ndata: {"x":1}   \n\n'),
        Chunk(0.031, b"event: b\nda"),
        Chunk(0.0, b"ta: \xc3"),
        Chunk(0.0, b"\xa9\\n\r\n\x00 \n"),
    ),
    0.0002,
    Fate.END,
    name="t",
)

TEXT = """\
tailrace tape 1
> POST /v1/messages?beta=true
> anthropic-version: 2023-06-01
> x-api-key: [redacted]
{
  "model": "m",
  "n": [
    1,
    "é"
  ]
}
< 200
< content-type: text/event-stream
@ 0.4127
+ 0.0008
| event: a
|x data: {"x":1}  \\x20
|
+ 0.0310
| event: b
|- da
+ 0.0000
|x- ta: \\xc3
+ 0.0000
|x \\xa9\\\\n\\x0d
|x \\x00\\x20
= 0.0002 end
"""


def test_how_a_tape_looks() -> None:
    assert dump(TAPE) == TEXT


def test_a_tape_is_read_back() -> None:
    assert load(TEXT, "t") == replace(TAPE, head_after=0.4127)


def test_line_ends_of_another_system_do_not_matter() -> None:
    assert load(TEXT.replace("\n", "\r\n"), "t") == load(TEXT, "t")


CHUNKS = st.lists(st.binary(min_size=1) | st.text(min_size=1).map(str.encode))


@given(CHUNKS)
def test_any_chunks_come_back_byte_for_byte(data: list[bytes]) -> None:
    tape = replace(TAPE, chunks=tuple(Chunk(0.0, one) for one in data))
    assert load(dump(tape)).chunks == tape.chunks


@given(st.binary())
def test_any_request_body_comes_back(body: bytes) -> None:
    tape = load(dump(replace(TAPE, request_body=body)))
    try:
        assert tape.json == json.loads(body)
    except ValueError:
        assert tape.request_body == body


@given(CHUNKS)
def test_a_tape_has_no_odd_characters(data: list[bytes]) -> None:
    text = dump(replace(TAPE, chunks=tuple(Chunk(0.0, one) for one in data)))
    assert all(line == line.rstrip() for line in text.split("\n"))
    assert text.replace("\n", "").replace("\t", "").isprintable()


@pytest.mark.parametrize("fate", list(Fate))
def test_every_end_is_kept(fate: Fate) -> None:
    assert load(dump(replace(TAPE, fate=fate))).fate is fate


def test_a_cut_chunk_keeps_what_it_announced() -> None:
    tape = replace(TAPE, chunks=(Chunk(0.5, b"ab", 9),), fate=Fate.HALF_CHUNK)
    assert "+ 0.5000 of 9\n" in dump(tape)
    assert load(dump(tape)).chunks == tape.chunks
    assert next(iter(tape.response().body)) == Piece(0.5, b"ab", Fate.HALF_CHUNK, 9)


@pytest.mark.parametrize("field", ["sized", "masked"])
def test_marks_are_kept(field: str) -> None:
    assert getattr(load(dump(replace(TAPE, **{field: True}))), field) is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t:1: a tape begins with 'tailrace tape 1'"),
        ("tailrace tape 2\n", "t:1: a tape begins with"),
        ("tailrace tape 1\nPOST /", "t:2: expected the request, a line that begins with '> '"),
        ("tailrace tape 1\n> POST /\n{\n< 200", "t:3: the request's body is no JSON"),
        ("tailrace tape 1\n> POST /\n< x\n", "t:3: expected a number, not 'x'"),
        ("tailrace tape 1\n> POST /\n< 200\n@ 1", "t:4: the tape ends before the end"),
        ("tailrace tape 1\n> POST /\n< 200\n@ 1\n+ 1\n|q x\n= 0 end", "t:6: a line of data"),
        ("tailrace tape 1\n> POST /\n< 200\n@ 1\n= 0 odd", "t:5: an end is one of end, close"),
    ],
)
def test_a_broken_tape_says_where(text: str, message: str) -> None:
    with pytest.raises(TapeError) as caught:
        load(text, "t")
    assert str(caught.value).startswith(message)


def test_no_repr_shows_contents() -> None:
    assert repr(TAPE) == (
        "Tape(method='POST', path='/v1/messages?beta=true', status=200, head_after=0.41271, "
        "end_after=0.0002, fate=<Fate.END: 'end'>, sized=False, masked=False, name='t')"
    )


# -- as a response


def test_a_tape_plays_at_its_own_time() -> None:
    response = TAPE.response()
    assert (response.status, response.head_after, response.length) == (200, 0.41271, None)
    assert [piece.after for piece in response.body] == [0.0008, 0.031, 0.0, 0.0, 0.0002]


@pytest.mark.parametrize(("speed", "after"), [(2.0, 0.0155), (float("inf"), 0.0)])
def test_a_tape_plays_faster(speed: float, after: float) -> None:
    assert list(TAPE.response(speed).body)[1].after == after


def test_a_sized_body_keeps_the_length_it_had_announced() -> None:
    tape = replace(TAPE, sized=True, headers=(("content-length", "99"),), fate=Fate.CLOSE)
    assert tape.response().length == 99
    assert replace(TAPE, sized=True).response().length == len(TAPE.body)
