"""Pieces are written when they are due: with a loop and a clock of our own."""

import heapq
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import pytest

from tailrace.core.http import Headers
from tailrace.simulator.acts import Fate
from tailrace.simulator.pieces import Piece
from tailrace.simulator.player import Player, Timers
from tailrace.simulator.received import Received


class Loop:
    """An event loop whose time is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.late = 0.0  # how much later than asked each timer fires
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._timers, (when, next(self._order), lambda: call(*arguments)))

    def call_soon(self, call: Callable[..., None], *arguments: Any) -> None:
        self.call_at(self.now, call, *arguments)

    def run(self, until: float = float("inf")) -> None:
        while self._timers and self._timers[0][0] <= until:
            when, _, call = heapq.heappop(self._timers)
            self.now = max(self.now, when + self.late)
            call()

    @property
    def waits(self) -> int:
        return len(self._timers)


class Transport:
    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.closing = False
        self.written: list[tuple[float, bytes]] = []

    def write(self, data: bytes) -> None:
        self.written.append((round(self._loop.now - 100.0, 3), data))

    def is_closing(self) -> bool:
        return self.closing


class Stage:
    """A player with what it needs."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.loop = Loop()
        self.transport = Transport(self.loop)
        self.timers = Timers(self.loop)  # type: ignore[arg-type]
        self.received = Received(1, "POST", "/", "", Headers(), b"", 0.0)
        self.fates: list[Fate] = []
        self.player = Player(
            self.timers,
            self.transport,  # type: ignore[arg-type]
            iter(pieces),
            self.received,
            self.fates.append,
        )

    @property
    def times(self) -> list[float]:
        return [time for time, _ in self.transport.written]


END = Piece(0.0, b"", Fate.END)


def test_pieces_leave_when_they_are_due() -> None:
    stage = Stage([Piece(0.0, b"a"), Piece(0.5, b"b"), Piece(0.25, b"c"), END])
    stage.player.play()
    stage.loop.run()
    assert [data for _, data in stage.transport.written] == [b"a", b"b", b"c"]
    assert stage.times == pytest.approx([0.0, 0.5, 0.75], abs=0.0011)
    assert stage.fates == [Fate.END]
    assert (stage.received.sent, stage.received.chunks) == (3, 3)


def test_lateness_does_not_add_up() -> None:
    stage = Stage([*[Piece(0.1, b"x")] * 100, END])
    stage.loop.late = 0.03
    stage.player.play()
    stage.loop.run()
    assert stage.times[-1] == pytest.approx(10.03, abs=0.0011)


def test_time_stands_still_while_it_is_held() -> None:
    stage = Stage([Piece(0.0, b"a"), Piece(0.5, b"b"), Piece(0.5, b"c"), END])
    stage.player.play()
    stage.loop.run(until=100.2)
    stage.loop.now = 100.2
    stage.player.hold()
    stage.player.hold()  # twice is once
    stage.loop.run()
    assert stage.player.held
    assert stage.times == [0.0]
    stage.loop.now = 110.2
    stage.player.go_on()
    stage.player.go_on()
    stage.loop.run()
    assert stage.times == pytest.approx([0.0, 10.2, 11.0], abs=0.0011)
    assert stage.fates == [Fate.END]


def test_what_is_overdue_leaves_at_once() -> None:
    stage = Stage([*[Piece(0.1, b"x")] * 10, END])
    stage.loop.late = 0.35
    stage.player.play()
    stage.loop.run()
    assert len(set(stage.times)) < 10
    assert len(stage.times) == 10


def test_pauses_without_bytes_count() -> None:
    stage = Stage([Piece(1.0, b""), Piece(0.5, b"x"), END])
    stage.player.play()
    stage.loop.run()
    assert stage.times == pytest.approx([1.5], abs=0.0011)


def test_a_burst_lets_others_have_their_turn() -> None:
    stage = Stage([*[Piece(0.0, b"x")] * 100, END])
    stage.player.play()
    assert len(stage.times) == 64
    stage.loop.run()
    assert len(stage.times) == 100


def test_a_slow_reader_is_waited_for_and_time_goes_on() -> None:
    stage = Stage([Piece(0.0, b"a"), Piece(1.0, b"b"), Piece(1.0, b"c"), END])
    stage.player.play()
    stage.player.pause()
    stage.loop.run()
    assert stage.times == [0.0]
    stage.loop.now = 110.0
    stage.player.resume()
    assert stage.times == [0.0, 10.0, 10.0]
    assert stage.fates == [Fate.END]


def test_a_pause_that_ends_before_the_next_piece_changes_nothing() -> None:
    stage = Stage([Piece(0.0, b"a"), Piece(1.0, b"b"), END])
    stage.player.play()
    stage.player.pause()
    stage.player.resume()
    assert stage.times == [0.0]
    stage.loop.run()
    assert stage.times == pytest.approx([0.0, 1.0], abs=0.0011)


def test_nothing_is_written_after_the_client_left() -> None:
    stage = Stage([Piece(0.0, b"a"), Piece(1.0, b"b"), END])
    stage.player.play()
    stage.player.stop()
    stage.loop.run()
    assert stage.times == [0.0]
    assert stage.fates == []


def test_nothing_is_written_to_a_closing_transport() -> None:
    stage = Stage([Piece(0.0, b"a"), Piece(0.0, b"b"), END])
    stage.transport.closing = True
    stage.player.play()
    assert stage.times == []


def test_hold_goes_on_for_ever() -> None:
    stage = Stage([Piece(0.0, b"a", Fate.HOLD)])
    stage.player.play()
    stage.player.pause()
    stage.player.resume()
    stage.loop.run()
    assert stage.times == [0.0]
    assert stage.fates == []


def test_a_script_that_fails_is_a_reset(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Iterable[Piece]:
        yield Piece(0.0, b"a")
        raise KeyError("gone")

    stage = Stage(fails())
    stage.player.play()
    assert stage.fates == [Fate.RESET]
    assert "the reply to request 1 failed" in caplog.text


def test_many_players_share_a_timer() -> None:
    stages = [Stage([Piece(0.0101, b"a"), END]) for _ in range(1)]
    stage = stages[0]
    others = [
        Player(
            stage.timers,
            stage.transport,  # type: ignore[arg-type]
            iter([Piece(0.0101, b"b"), END]),
            stage.received,
            stage.fates.append,
        )
        for _ in range(50)
    ]
    for player in (stage.player, *others):
        player.play()
    assert stage.loop.waits == 1
    stage.loop.run()
    assert len(stage.times) == 51
    assert all(0.0101 <= time <= 0.0121 for time in stage.times)
