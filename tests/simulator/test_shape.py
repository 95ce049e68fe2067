"""Cuts, joins and splits, on pieces alone."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.simulator import acts
from tailrace.simulator.acts import Fate
from tailrace.simulator.envelope import PING
from tailrace.simulator.pieces import Piece
from tailrace.simulator.shape import shape

EVENTS = [Piece(0.1, b"aaaa"), Piece(0.2, b"bbbb"), Piece(0.3, b"cccc")]


def shaped(*script: acts.Act, pieces: list[Piece] | None = None, seed: int = 0) -> list[Piece]:
    return list(shape(EVENTS if pieces is None else pieces, script, Random(seed)))


def test_without_acts_nothing_changes() -> None:
    assert shaped() == EVENTS


@pytest.mark.parametrize("how", ["end", "close", "reset"])
def test_a_cut_after_events(how: acts.How) -> None:
    assert shaped(acts.Cut(how, after_events=2)) == [*EVENTS[:2], Piece(0.0, b"", Fate(how))]


def test_pauses_are_no_events() -> None:
    pieces = [Piece(1.0, b""), *EVENTS]
    assert shaped(acts.Cut(after_events=1), pieces=pieces) == [
        *pieces[:2],
        Piece(0.0, b"", Fate.END),
    ]


def test_a_cut_before_everything() -> None:
    assert shaped(acts.Cut("reset", after_events=0)) == [Piece(0.0, b"", Fate.RESET)]
    assert shaped(acts.Cut("reset", after_bytes=0)) == [Piece(0.0, b"", Fate.RESET)]


def test_a_cut_beyond_the_end_changes_nothing() -> None:
    assert shaped(acts.Cut(after_events=4)) == EVENTS
    assert shaped(acts.Cut(after_bytes=13)) == EVENTS
    assert shaped(acts.Cut("half_chunk", after_bytes=12)) == EVENTS


@pytest.mark.parametrize("size", range(13))
def test_a_cut_after_bytes_is_exact(size: int) -> None:
    told = shaped(acts.Cut("close", after_bytes=size))
    assert b"".join(piece.data for piece in told) == b"aaaabbbbcccc"[:size]
    assert told[-1].fate is Fate.CLOSE


def test_half_a_chunk_announces_the_whole() -> None:
    assert shaped(acts.Cut("half_chunk", after_bytes=5)) == [
        EVENTS[0],
        Piece(0.2, b"b", Fate.HALF_CHUNK, 4),
    ]
    assert shaped(acts.Cut("half_chunk", after_events=1)) == [
        EVENTS[0],
        Piece(0.2, b"bb", Fate.HALF_CHUNK, 4),
    ]


def test_half_a_chunk_at_a_boundary_sends_none_of_the_next() -> None:
    assert shaped(acts.Cut("half_chunk", after_bytes=4)) == [
        EVENTS[0],
        Piece(0.2, b"", Fate.HALF_CHUNK, 4),
    ]


def test_half_a_chunk_in_place_halves_what_would_follow() -> None:
    cut = Piece(0.0, b"", Fate.HALF_CHUNK)
    assert shaped(pieces=[EVENTS[0], cut, Piece(1.0, b""), EVENTS[1]]) == [
        EVENTS[0],
        Piece(1.2, b"bb", Fate.HALF_CHUNK, 4),
    ]


def test_half_a_chunk_after_the_end_halves_a_ping() -> None:
    told = shaped(acts.Cut("half_chunk", after_events=3))
    assert told[-1] == Piece(0.0, PING[: len(PING) // 2], Fate.HALF_CHUNK, len(PING))


def test_nothing_follows_a_fate() -> None:
    error = Piece(0.0, b"error", Fate.END)
    assert shaped(pieces=[EVENTS[0], error, EVENTS[1]]) == [EVENTS[0], error]


def test_events_together_leave_with_the_last() -> None:
    told = shaped(acts.Together(2))
    assert [(round(piece.after, 3), piece.data) for piece in told] == [
        (0.3, b"aaaabbbb"),
        (0.3, b"cccc"),
    ]


def test_what_waits_for_company_leaves_before_a_fate() -> None:
    told = shaped(acts.Together(5), acts.Cut("reset", after_events=2))
    assert [piece.data for piece in told] == [b"aaaabbbb", b""]
    assert told[-1].fate is Fate.RESET


def test_bytes_without_framing_stay_alone() -> None:
    odd = Piece(0.0, b"!", framed=False)
    assert shaped(acts.Together(3), pieces=[EVENTS[0], odd, EVENTS[1]]) == [
        EVENTS[0],
        odd,
        EVENTS[1],
    ]


def test_split_at_sizes() -> None:
    assert [piece.data for piece in shaped(acts.Split(3))] == [
        b"aaa",
        b"a",
        b"bbb",
        b"b",
        b"ccc",
        b"c",
    ]
    assert [piece.after for piece in shaped(acts.Split(3))] == [0.1, 0, 0.2, 0, 0.3, 0]


def test_split_at_lines() -> None:
    pieces = [Piece(0.0, b"event: a\ndata: b\n\n")]
    assert [piece.data for piece in shaped(acts.Split("lines"), pieces=pieces)] == [
        b"event: a\n",
        b"data: b\n",
        b"\n",
    ]


def test_split_inside_characters() -> None:
    pieces = [Piece(0.0, "añb€".encode(), Fate.END)]
    told = shaped(acts.Split("characters"), pieces=pieces)
    assert [piece.data for piece in told] == [b"a\xc3", b"\xb1b\xe2", b"\x82\xac"]
    assert told[-1].fate is Fate.END


def test_half_a_chunk_is_not_split() -> None:
    told = shaped(acts.Split(1), acts.Cut("half_chunk", after_events=0))
    assert told == [Piece(0.1, b"aa", Fate.HALF_CHUNK, 4)]


@given(st.lists(st.binary(min_size=1), min_size=1), st.integers(1, 9), st.integers(0, 9))
def test_split_and_together_keep_the_bytes(data: list[bytes], least: int, more: int) -> None:
    pieces = [Piece(0.0, one) for one in data]
    script = [acts.Split((least, least + more)), acts.Together(1 + more)]
    told = list(shape(pieces, script, Random(1)))
    assert b"".join(piece.data for piece in told) == b"".join(data)
    assert all(len(piece.data) <= least + more for piece in told)
