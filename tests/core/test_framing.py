"""The format of WHATWG HTML, section 9.2, to the letter, at every split."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace.core.framing import (
    DEFAULT_MAX_EVENT_BYTES,
    EventStreamDecoder,
    EventTooLargeError,
    ServerSentEvent,
    encode,
    encode_comment,
)

BOM = b"\xef\xbb\xbf"


def decode(*chunks: bytes, limit: int | None = DEFAULT_MAX_EVENT_BYTES) -> list[ServerSentEvent]:
    decoder = EventStreamDecoder(max_event_bytes=limit)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    decoder.end()
    return events


def seen(body: bytes) -> list[tuple[str | None, str]]:
    return [(event.event, event.data) for event in decode(body)]


# -- the standard, read by a slow reader -------------------------------------------------------


def lines_of(body: bytes) -> list[str]:
    """9.2.5: the lines that have ended. CRLF, LF and CR end a line, and nothing else does."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    lines, line, at = [], "", 0
    while at < len(text):
        if text[at] in "\r\n":
            lines.append(line)
            line = ""
            at += 2 if text[at : at + 2] == "\r\n" else 1
        else:
            line += text[at]
            at += 1
    return lines  # "any pending data must be discarded"


def reference(body: bytes) -> list[tuple[str | None, str, str | None, int | None]]:
    """9.2.6: interpreting an event stream, in the words and order of the standard."""
    events = []
    data = event_type = ""
    last_id: str | None = None
    retry: int | None = None
    for line in lines_of(body):
        if line == "":
            if data != "":
                events.append((event_type or None, data.removesuffix("\n"), last_id, retry))
            data, event_type, retry = "", "", None
            continue
        if line.startswith(":"):
            continue
        name, value = line, ""
        if ":" in line:
            colon = line.index(":")
            name, value = line[:colon], line[colon + 1 :]
            value = value.removeprefix(" ")
        if name == "event":
            event_type = value
        elif name == "data":
            data += value + "\n"
        elif name == "id" and "\0" not in value:
            last_id = value
        elif name == "retry" and value != "" and all(char in "0123456789" for char in value):
            retry = int(value)
    return events


def fields(events: list[ServerSentEvent]) -> list[tuple[str | None, str, str | None, int | None]]:
    return [(event.event, event.data, event.id, event.retry) for event in events]


PIECES = [
    b"data",
    b"event",
    b"id",
    b"retry",
    b":",
    b" ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"x",
    b"7",
]
DELTA = b"event: content_block_delta\ndata: "
PIECES += [DELTA + b"1\n\n", DELTA + b"22\n\n", DELTA + b"\n\n", DELTA, b"\n" + DELTA]
PIECES += [b"data: a\n\n", b"event: ping\ndata: {}\n\n", b"event: message_stop\ndata: ", b"\0", BOM]
PIECES += [
    "é".encode(),
    "😀".encode(),
    "\u2028".encode(),
    b"\xff",
    b"\xe2\x80",
    b": hi\n",
    b"id: 1\n",
]
BODIES = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=40).map(b"".join)


@st.composite
def chunked(draw: st.DrawFn) -> list[bytes]:
    body = draw(BODIES)
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=12)))
    return [body[start:end] for start, end in itertools.pairwise([0, *cuts, len(body)])]


@given(chunked())
@example([b"\xef", b"\xbb", b"\xbfdata: x\n", b"\r", b"\n"])
@example([b"data: x\r", b"", b"\n", b"\r", b"\n"])
@example([b"event: message_stop\ndata: \ndata: 1\n\n"])
@example([b"id: 7\ndata\n\n", DELTA + b"1\n\n" + DELTA + b"\n\n" + DELTA + b" 3\n\n"])
@example([DELTA + b"1\n\n\n" + DELTA + b"2\n\n", DELTA + b"1\ndata: 1\n\n" + DELTA + b"2\n\n"])
@example([DELTA + b"1\n\nid: 1\n" + DELTA + b"2\n\n" + DELTA + b"3\nid: 2\n\n"])
def test_any_split_gives_what_the_standard_says(chunks):
    assert fields(decode(*chunks)) == reference(b"".join(chunks))


@given(st.lists(st.binary(max_size=30), max_size=8), st.integers(1, 40))
def test_random_bytes_raise_nothing_but_the_bound(chunks, limit):
    try:
        decode(*chunks, limit=limit)
    except EventTooLargeError as error:
        assert error.limit == limit < error.size  # noqa: PT017 - it need not raise
    else:
        assert all(len(event.raw_data) <= limit for event in decode(*chunks))


@pytest.mark.parametrize("limit", [33, 34, 36, 200])
def test_the_bound_is_that_of_each_delta_of_many(limit):
    body = b"".join(DELTA + b"7" * length + b"\n\n" for length in (1, 2, 3, 1))
    decoder, events = EventStreamDecoder(max_event_bytes=limit), []
    try:
        events += decoder.feed(b"data\n\n" + body[:10])
        events += decoder.feed(body[10:])
        decoder.end()
    except EventTooLargeError as error:
        assert error.size > limit  # noqa: PT017 - it need not raise
    fit = next((n for n, length in enumerate((1, 2, 3, 1)) if len(DELTA) + length > limit), 4)
    assert [len(event.raw_data) for event in events] == [0, 1, 2, 3, 1][: fit + 1]


def test_every_recording_at_every_cut(corpus):
    rng = random.Random(7)
    for recording in corpus:
        whole = decode(recording.body)
        assert whole
        small = [1, 2, 3] if len(recording.body) < 5_000 else []
        for size in (*small, 7, 100, 0):
            chunks, at = [], 0
            while at < len(recording.body):
                step = size or rng.randint(1, 200)
                chunks.append(recording.body[at : at + step])
                at += step
            assert decode(*chunks) == whole, (recording.name, size)


# -- the table ---------------------------------------------------------------------------------

FORMAT = {
    "three kinds of line ending": (b"data: a\r\rdata: b\r\n\r\ndata: c\n\n", ["a", "b", "c"]),
    "kinds mixed in one blank line": (b"data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", ["a", "b", "c"]),
    "byte order mark": (BOM + b"data: a\n\n", ["a"]),
    "only one byte order mark": (BOM + BOM + b"data: a\n\ndata: b\n\n", ["b"]),
    "no byte order mark later": (b"\n\n" + BOM + b"data: a\n\n", []),
    "comments": (b": hello\n:\n\ndata: a\n: in between\ndata: b\n\n", ["a\nb"]),
    "lines of data join": (b"data: a\ndata:\ndata: b\n\n", ["a\n\nb"]),
    "data without colon is empty": (b"data\n\ndata\ndata\n\n", ["", "\n"]),
    "empty data is an event": (b"data:\n\ndata: \n\n", ["", ""]),
    "one leading space goes": (b"data:a\n\ndata: b\n\ndata:  c\n\n", ["a", "b", " c"]),
    "a leading tab stays": (b"data:\ta\n\n", ["\ta"]),
    "trailing space stays": (b"data: a \n\n", ["a "]),
    "colons in the value": (b"data: a:b: c\n\n", ["a:b: c"]),
    "no data, no event": (b"event: x\n\nid: 1\n\nretry: 5\n\n\n\ndata: a\n\n", ["a"]),
    "unknown fields": (b"foo: 1\nDATA: b\n data: c\ndatax: d\ndata: a\n\n", ["a"]),
    "unfinished event": (b"data: a\n\ndata: b\n", ["a"]),
    "unfinished line": (b"data: a\n\ndata: b", ["a"]),
    "line separators of Unicode": (
        "data: a\u2028b\u2029c\x85d\x0be\n\n".encode(),
        ["a\u2028b\u2029c\x85d\x0be"],
    ),
    "malformed UTF-8": (b"data: \xff\xc3\n\n", ["\ufffd\ufffd"]),
}


@pytest.mark.parametrize(("body", "expected"), FORMAT.values(), ids=FORMAT)
def test_data(body, expected):
    assert [event.data for event in decode(body)] == expected
    assert [event.data for event in decode(*(body[at : at + 1] for at in range(len(body))))] == (
        expected
    )


NAMES = {
    "none": (b"data: a\n\n", None),
    "empty": (b"event:\ndata: a\n\n", None),
    "known": (b"event: message_stop\ndata: a\n\n", "message_stop"),
    "unknown": (b"event: brand_new\ndata: a\n\n", "brand_new"),
    "after the data": (b"data: a\nevent: ping\n\n", "ping"),
    "last wins": (b"event: ping\nevent: error\ndata: a\n\n", "error"),
    "last wins though empty": (b"event: ping\nevent\ndata: a\n\n", None),
    "not of the event before": (b"event: ping\n\ndata: a\n\n", None),
    "with a space too many": (b"event:  ping\ndata: a\n\n", " ping"),
    "malformed": (b"event: \xff\ndata: a\n\n", "\ufffd"),
}


@pytest.mark.parametrize(("body", "expected"), NAMES.values(), ids=NAMES)
def test_name(body, expected):
    assert seen(body) == [(expected, "a")]


IDS = {
    "none": (b"data\n\n", [None]),
    "sticky": (b"id: 1\ndata\n\ndata\n\n", ["1", "1"]),
    "without data it counts later": (b"id: 1\n\ndata\n\n", ["1"]),
    "empty resets": (b"id: 1\ndata\n\nid\ndata\n\n", ["1", ""]),
    "NUL is ignored": (b"id: 1\ndata\n\nid: 2\0\ndata\n\n", ["1", "1"]),
    "not UTF-8": (b"id: \xff\ndata\n\n", ["\ufffd"]),
}


@pytest.mark.parametrize(("body", "expected"), IDS.values(), ids=IDS)
def test_id(body, expected):
    assert [event.id for event in decode(body)] == expected


RETRIES = {b"5": 5, b"0": 0, b"007": 7, b"": None, b"-1": None, b"1.5": None, b"1e3": None}
RETRIES |= {b"5 ": None, b"x": None, "٣".encode(): None, b"9" * 18: 10**18 - 1}


@pytest.mark.parametrize(("value", "expected"), RETRIES.items())
def test_retry_is_digits_only(value, expected):
    decoder = EventStreamDecoder()
    (event,) = decoder.feed(b"retry: " + value + b"\ndata: a\n\n")
    assert event.retry == decoder.retry == expected


def test_retry_is_the_stream_s_but_shown_on_its_event():
    decoder = EventStreamDecoder()
    assert [event.retry for event in decoder.feed(b"retry: 5\ndata\n\ndata\n\n")] == [5, None]
    assert decoder.feed(b"retry: 6\n\n") == []
    assert decoder.retry == 6


def test_multi_byte_characters_split_anywhere():
    body = "data: né 😀\n\n".encode()
    for at in range(len(body)):
        assert [event.data for event in decode(body[:at], body[at:])] == ["né 😀"]


def test_end_says_what_was_left():
    for body, left in ((b"data: a\n\n", 0), (b"data: a\n", 8), (b"a\n\n: x", 3), (BOM[:2], 2)):
        decoder = EventStreamDecoder()
        decoder.feed(body)
        assert decoder.end() == left


# -- the bound, and the cost -------------------------------------------------------------------

BLOCK = b"event: x\ndata: 12345"


@pytest.mark.parametrize("ending", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\n\n"])
@pytest.mark.parametrize("before", [b"", b"data: a\n\n"])
def test_the_bound_is_exact_at_every_cut(ending, before):
    body = before + BLOCK + ending
    for at in range(len(body) + 1):
        chunks = body[:at], body[at:]
        assert decode(*chunks, limit=len(BLOCK))[-1].data == "12345", at
        with pytest.raises(EventTooLargeError) as caught:
            decode(*chunks, limit=len(BLOCK) - 1)
        assert caught.value.limit == len(BLOCK) - 1 < caught.value.size <= len(body)


def test_the_bound_is_one_event_s_and_can_be_lifted():
    assert len(decode(b"data: 12345\n\n" * 100, limit=11)) == 100
    assert len(decode(b"data: " + b"x" * 1000 + b"\n\n", limit=None)) == 1
    for value in (0, -1):
        with pytest.raises(ValueError, match="positive or None"):
            EventStreamDecoder(max_event_bytes=value)


def test_an_endless_event_ends_in_an_error():
    decoder = EventStreamDecoder(max_event_bytes=100)
    for _ in range(10):
        assert decoder.feed(b"x" * 10) == []
    with pytest.raises(EventTooLargeError, match="at least 110 bytes exceeds the bound of 100"):
        decoder.feed(b"x" * 10)


def test_the_error_survives_copy_and_pickle():
    for twin in (copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))):
        error = twin(EventTooLargeError(11, 10))
        assert (error.size, error.limit, str(error)) == (11, 10, str(EventTooLargeError(11, 10)))


class Counting(bytearray):
    """A buffer that counts the bytes it moves or looks at."""

    work = 0

    def __iadd__(self, other):
        self.work += len(other)
        return super().__iadd__(other)

    def rfind(self, sub, start=0):
        self.work += len(self) - start
        return super().rfind(sub, start)

    def __getitem__(self, index):
        found = super().__getitem__(index)
        self.work += len(found)
        return found


@pytest.mark.parametrize(("chunk", "size"), [(1, 30_000), (16, 300_000), (4096, 3_000_000)])
def test_the_work_is_linear_in_the_bytes_however_they_are_cut(chunk, size):
    decoder = EventStreamDecoder()
    decoder._pending = buffer = Counting()
    body = b"data: " + b"x" * size + b"\n\n"
    events = [
        event for at in range(0, len(body), chunk) for event in decoder.feed(body[at : at + chunk])
    ]
    assert len(events) == 1
    # Each byte comes in, is looked at (and the one before its chunk again), and goes out.
    assert size < buffer.work <= 4 * len(body)


# -- the way back ------------------------------------------------------------------------------

LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)
DATA = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=30)


@given(
    st.lists(st.tuples(st.none() | LINE.filter(bool), DATA), max_size=5),
    st.integers(1, 7),
)
def test_encode_then_decode_is_the_identity(events, size):
    body = b"".join(encode(name, data) for name, data in events)
    found = decode(*(body[at : at + size] for at in range(0, len(body), size)))
    assert [(event.event, event.data) for event in found] == events


@given(st.binary(max_size=40).filter(lambda data: b"\r" not in data))
def test_encode_keeps_bytes_that_are_no_text(data):
    assert [event.raw_data for event in decode(encode("x", data))] == [data]


@given(LINE.filter(lambda text: "\0" not in text), st.integers(0, 10**18 - 1))
def test_encode_carries_id_and_retry(ident, retry):
    assert decode(encode("x", "y", id=ident, retry=retry)) == [
        ServerSentEvent("x", b"y", ident, retry)
    ]


def test_encode_turns_every_line_ending_into_one():
    assert [event.data for event in decode(encode(None, "a\rb\r\nc\nd\n"))] == ["a\nb\nc\nd\n"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"event": "a\nb", "data": ""}, "event must be one line"),
        ({"event": "a\rdata: b", "data": ""}, "event must be one line"),
        ({"event": None, "data": "", "id": "1\n"}, "id must be one line"),
        ({"event": None, "data": "", "id": "1\0"}, "NUL"),
        ({"event": None, "data": "", "retry": -1}, "milliseconds"),
        ({"event": None, "data": "\ud800"}, "surrogates not allowed"),
    ],
)
def test_encode_refuses_what_the_format_cannot_carry(arguments, what):
    with pytest.raises(ValueError, match=what):
        encode(**arguments)


def test_comments_are_ignored_by_readers():
    assert encode_comment() == b": \n\n"
    assert decode(b"data: a\n" + encode_comment("hi").removesuffix(b"\n") + b"data: b\n\n")
    assert seen(encode_comment("keep alive") + encode("x", "y")) == [("x", "y")]
    with pytest.raises(ValueError, match="comment must be one line"):
        encode_comment("a\n\ndata: b")


def test_json():
    assert ServerSentEvent("x", b'{"a": "\xc3\xa9"}').json() == {"a": "é"}
    with pytest.raises(json.JSONDecodeError):
        ServerSentEvent("x", b"[DONE]").json()
