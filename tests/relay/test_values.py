"""The pure parts: cursors, ids, records, merging, the writer's answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace import APITimeoutError, OverloadedError
from tailrace.core.errors import stream_error
from tailrace.core.http import Response
from tailrace.relay.cursors import AT_END, format_cursor, parse_cursor
from tailrace.relay.ids import chat_key, is_ours, keyed_id, log_key, seal_id
from tailrace.relay.journal import END, Entry, Offset
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.merge import Merger
from tailrace.relay.records import (
    Batch,
    Claim,
    End,
    current,
    decode_record,
    encode_record,
    events_of,
)
from tailrace.relay.source import error_object
from tailrace.relay.writer import OvertakenError, Writer

from .scripted import says, text_of

offsets = st.builds(Offset, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


@given(offsets, st.integers(0, 999_999))
def test_cursors_come_back(at, k) -> None:
    assert parse_cursor(format_cursor(at, k)) == (at, k)


@given(st.text(max_size=60))
def test_other_texts_are_no_cursors(text) -> None:
    try:
        cursor = parse_cursor(text)
    except ValueError:
        return
    assert cursor is AT_END or cursor.at <= END


@given(st.binary(min_size=16, max_size=16), st.text(max_size=20), st.text(max_size=20))
def test_an_id_belongs_to_one_owner_and_one_secret(name, owner, other) -> None:
    made = seal_id(b"s", owner, name)
    assert len(made) == 32
    assert made.isascii()
    assert is_ours(b"s", owner, made)
    assert not is_ours(b"t", owner, made)
    if other != owner:
        assert not is_ours(b"s", other, made)
        assert log_key(b"s", other, made) != log_key(b"s", owner, made)
        assert keyed_id(b"s", other, "k") != keyed_id(b"s", owner, "k")


def test_purposes_and_boundaries_do_not_mix() -> None:
    assert keyed_id(b"s", "ab", "c") != keyed_id(b"s", "a", "bc")
    assert log_key(b"s", "a", "b") != chat_key(b"s", "a", "b")
    assert not is_ours(b"s", "a", "")
    assert not is_ours(b"s", "a", "é" * 32)


def test_records_come_back() -> None:
    records = [
        Claim(None, {"model": "m", "odd": "\ud800"}, "restart"),
        Claim(Offset(7, 3), restart=True),
        Batch([{"type": "x", "n": 1.5}]),
        End("error", Offset(7, 3), [{"type": "y"}], {"type": "e"}, "me", 5.0),
    ]
    assert [decode_record(encode_record(one)) for one in records] == records


@pytest.mark.parametrize("data", [b"", b"1", b"{}", b'{"record":"x"}', b"{"])
def test_other_bytes_are_no_records(data) -> None:
    with pytest.raises(ValueError, match=r"an entry|Expecting"):
        decode_record(data)


def test_what_a_claim_left_behind_is_not_current() -> None:
    def at(epoch, seq, record):
        return Entry(Offset(epoch, seq), encode_record(record))

    first = [at(1, 0, Claim()), at(1, 1, Batch([1])), at(1, 2, Batch([2]))]
    rewound = [*first, at(2, 0, Claim(Offset(1, 1))), at(2, 1, Batch([3]))]
    again = [*first, at(2, 0, Claim(Offset(1, 2), restart=True)), at(2, 1, Batch([4]))]
    assert events_of(current(first)) == [1, 2]
    assert events_of(current(rewound)) == [1, 3]
    assert events_of(current(again)) == [4]


# -- merging ----------------------------------------------------------------------------------

deltas = st.one_of(
    st.builds(lambda text: {"type": "text_delta", "text": text}, st.text()),
    st.builds(lambda text: {"type": "thinking_delta", "thinking": text}, st.text()),
    st.builds(lambda text: {"type": "input_json_delta", "partial_json": text}, st.text()),
    st.builds(lambda text: {"type": "signature_delta", "signature": text}, st.text()),
    st.builds(lambda text: {"type": "text_delta", "text": text, "new": 1}, st.text()),
    st.just({"type": "text_delta"}),
)
events = st.one_of(
    st.builds(
        lambda index, delta: {"type": "content_block_delta", "index": index, "delta": delta},
        st.integers(0, 1),
        deltas,
    ),
    st.just({"type": "ping"}),
    st.just({"type": "content_block_stop", "index": 0}),
    st.just({"type": "content_block_delta", "index": 0, "delta": "odd"}),
)


def unmerged(found: list) -> list:
    """Events with each mergeable delta as its letters, so that merged and not are the same."""
    letters: list = []
    for event in found:
        delta = event.get("delta")
        names = {"text", "thinking", "partial_json"} & set(delta if type(delta) is dict else ())
        if len(names) == 1 and len(delta) == 2:
            letters += [(event["index"], *names, letter) for letter in delta[next(iter(names))]]
        elif event["type"] != "ping":
            letters.append(event)
    return letters


@given(st.lists(st.one_of(events, st.just("take"))))
def test_merging_changes_no_letter_and_no_order(items) -> None:
    merger, found = Merger(), []
    for item in [*items, "take"]:
        if item == "take":
            found += [json.loads(bytes(raw)) for raw in merger.take()]
        else:
            merger.add(item)
    assert not merger
    assert unmerged(found) == unmerged([item for item in items if item != "take"])


def test_adjacent_deltas_become_one() -> None:
    merger = Merger()
    for event in says("a", "b", "c"):
        merger.add(event)
    found = [json.loads(bytes(raw)) for raw in merger.take()]
    assert found == says("abc")


def test_an_event_that_changes_later_is_kept_as_it_came() -> None:
    merger = Merger()
    event = {"type": "message_start", "message": {"content": []}}
    merger.add(event)
    event["message"]["content"].append("later")
    assert b"later" not in bytes(merger.take()[0])


# -- the writer -------------------------------------------------------------------------------


def test_a_writer_writes_again_from_wherever_the_log_ends(run) -> None:
    async def main() -> None:
        for lost in range(6):
            journal = MemoryJournal()
            writer = Writer(journal, "key", 7, keep=60, lease=1)
            for n in range(5):
                writer.add(b"%d" % n)
                await writer.store()
            entries = journal._logs["key"].entries
            del entries[len(entries) - min(lost, 5) :]
            if not entries:
                del journal._logs["key"]
            writer.add(b"5")
            await writer.store()
            found = await journal.read("key", None)
            assert [entry.data for entry in found] == [b"0", b"1", b"2", b"3", b"4", b"5"]

    run(main())


def test_a_writer_that_was_overtaken_writes_nothing(run) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        one = Writer(journal, "key", 7, keep=60, lease=1)
        one.add(b"claim")
        await one.store()
        two = Writer(journal, "key", 9, found=await journal.read("key", None), keep=60, lease=1)
        two.add(b"takeover")
        await two.store()
        one.add(b"late")
        for use in (one.store(), one.close(b"end", keep=60)):
            with pytest.raises(OvertakenError):
                await use
        await two.close(b"end", keep=60)
        found = await journal.read("key", None)
        assert [entry.data for entry in found] == [b"claim", b"takeover", b"end"]

    run(main())


# -- errors -----------------------------------------------------------------------------------


def test_errors_as_the_api_says_them() -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    streamed = stream_error(Response(200, {}), body)
    assert isinstance(streamed, OverloadedError)
    expected = {"type": "overloaded_error", "message": "busy", "status": 529}
    assert error_object(streamed) == expected
    assert error_object(APITimeoutError(message="slow"))["status"] == 502
    assert "secret" not in str(error_object(KeyError("secret")))
    assert text_of([]) == ""
