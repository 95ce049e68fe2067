"""Playing a reply: each of its pieces is written when it is due.

A piece is due at the time the reply began plus all gaps so far, so lateness never adds up; what is
due is written at once, one write a piece. No task and no thread: a reply costs a timer while it
waits, and many replies share the timers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

from tailrace.simulator.acts import Fate
from tailrace.simulator.pieces import Piece
from tailrace.simulator.received import Received

log = logging.getLogger("tailrace.simulator")

_BURST = 64  # pieces one reply may write before other connections have their turn


class Timers:
    """Wakes players in steps of a millisecond, with one timer of the loop for all of a step.

    A thousand streams at 50 tokens a second wake 50,000 times a second; a loop timer each would
    cost more than composing and writing the events.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now = loop.time
        self._loop = loop
        self._steps: dict[int, list[Player]] = {}

    def wake(self, player: Player, due: float) -> None:
        """Call `player.play` at this time of the loop, or up to a millisecond later."""
        step = int(due * 1000) + 1
        players = self._steps.get(step)
        if players is None:
            self._steps[step] = [player]
            self._loop.call_at(step / 1000, self._fire, step)
        else:
            players.append(player)

    def soon(self, player: Player) -> None:
        """Call `player.play` after the other players have had their turn."""
        self._loop.call_soon(player.play)

    def _fire(self, step: int) -> None:
        for player in self._steps.pop(step):
            player.play()


class Player:
    """Writes the pieces of one reply, each when it is due."""

    def __init__(
        self,
        timers: Timers,
        transport: asyncio.Transport,
        pieces: Iterator[Piece],
        received: Received,
        done: Callable[[Fate], None],
    ) -> None:
        self._timers = timers
        self._transport = transport
        self._pieces = pieces
        self._received = received
        self._done = done
        self._due = timers.now()
        self._waiting: Piece | None = None
        self._asleep = False
        self._paused = False
        self._held: float | None = None  # since when

    def play(self) -> None:
        """Write what is due and come back for the rest."""
        self._asleep = False
        try:
            for _ in range(_BURST):
                if self._paused or self._held is not None or not self._one():
                    return
        except Exception:  # a script's own code or template; the client sees a reset
            log.exception("the reply to request %d failed", self._received.number)
            self._done(Fate.RESET)
            return
        self._asleep = True
        self._timers.soon(self)

    def pause(self) -> None:
        """The client reads too slowly; the time goes on."""
        self._paused = True

    def resume(self) -> None:
        """The client has caught up."""
        self._paused = False
        if not self._asleep:
            self.play()

    @property
    def held(self) -> bool:
        """Whether somebody told it to wait."""
        return self._held is not None

    def hold(self) -> None:
        """Write nothing until `go_on`; the reply's time stands still."""
        if self._held is None:
            self._held = self._timers.now()

    def go_on(self) -> None:
        """Go on where it was held."""
        if self._held is not None:
            self._due += self._timers.now() - self._held
            self._held = None
            if not self._asleep:
                self.play()

    def stop(self) -> None:
        """The client is gone."""
        self._paused = True  # for good: nobody resumes it

    def _one(self) -> bool:
        """Write the next piece if it is due; whether to go on at once."""
        piece = self._waiting
        if piece is None:
            piece = next(self._pieces)
            if piece.after:
                self._due += piece.after
                if self._due > self._timers.now():
                    self._waiting = piece
                    self._asleep = True
                    self._timers.wake(self, self._due)
                    return False
        self._waiting = None
        if self._transport.is_closing():  # a write failed; `connection_lost` is on its way
            self._waiting = piece
            return False
        if piece.data:
            self._transport.write(piece.data)
            self._received.sent += len(piece.data)
            self._received.chunks += 1
        if piece.fate is None:
            return True
        if piece.fate is Fate.HOLD:
            self._waiting = Piece(0.0, b"", Fate.HOLD)  # for ever
        else:
            self._done(piece.fate)
        return False
