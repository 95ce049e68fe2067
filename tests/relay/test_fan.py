"""Viewers who sleep while they are sent what is new."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from tailrace.core.framing import EventStreamDecoder
from tailrace.relay.asgi import Departure
from tailrace.relay.dialects import AnthropicDialect, TextDialect
from tailrace.relay.fan import CHUNK_BYTES, Fan, Seat
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.relay import Relay
from tailrace.relay.show import show

from .scripted import BEGINNING, ENDING, PARAMS, QUICK, LosingJournal, Script, delta, until

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO")


class Stage:
    """A relay that says the next of some texts whenever it is told to, and viewers of it."""

    def __init__(self, *texts: str, journal: MemoryJournal | None = None) -> None:
        self.gates = [asyncio.Event() for _ in texts]
        said = [item for pair in zip(self.gates, map(delta, texts), strict=True) for item in pair]
        self.relay = Relay(
            journal or MemoryJournal(),
            source=Script(*BEGINNING, *said, *ENDING),
            **{**QUICK, "heartbeat": 60},
        )

    async def __aenter__(self):
        self.generation = await self.relay.start(PARAMS, key="k")
        return self

    async def __aexit__(self, *error) -> None:
        await self.relay.close()

    def say(self) -> None:
        next(gate for gate in self.gates if not gate.is_set()).set()

    async def viewer(self, name: str = "ada", make=AnthropicDialect) -> Viewer:
        """One who has seen the beginning, and sleeps."""
        viewer = Viewer(self, name, make)
        await until(lambda: viewer.sleeps == 1)
        return viewer


class Viewer:
    """Somebody who is shown a generation, and how it was done."""

    def __init__(self, stage: Stage, name: str, make) -> None:
        self.bodies: list[bytes] = []
        self.senders: set[tuple[str, bool]] = set()
        self.sleeps = 0
        self.error: Exception | None = None
        self.over = False
        self.room = asyncio.Event()
        self.room.set()
        self._gone = asyncio.Event()
        context = contextvars.copy_context()
        context.run(WHO.set, name)
        loop = asyncio.get_running_loop()
        self.task = loop.create_task(self._look(stage, make), context=context)

    async def _look(self, stage: Stage, make) -> None:
        follower = stage.generation.follower()
        await follower.seek(None)
        departure = Departure(self._receive)
        drain, metrics = stage.relay.draining, stage.relay.metrics
        try:
            await show(
                follower, make, self.send, departure, draining=drain, spread=0, metrics=metrics
            )
        finally:
            departure.close()
            follower.close()

    async def _receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message) -> None:
        self.senders.add((WHO.get(), asyncio.current_task() is self.task))
        if self.error is not None:
            raise self.error
        if not self.room.is_set():
            async with asyncio.timeout(5):  # as middleware may: it belongs to the task it is in
                await asyncio.sleep(0)
                await self.room.wait()
        self.bodies.append(message["body"])
        self.over = not message["more_body"]

    def leave(self) -> None:
        self._gone.set()

    @property
    def data(self) -> list:
        return [event.json() for event in EventStreamDecoder().feed(b"".join(self.bodies))]

    @property
    def text(self) -> str:
        deltas = (one["delta"] for one in self.data if one["type"] == "content_block_delta")
        return "".join(one["text"] for one in deltas)


@pytest.fixture(autouse=True)
def _count_sleeps(monkeypatch) -> None:
    sit = Fan.sit

    def counted(self, seat, departure):
        seat.send.__self__.sleeps += 1
        return sit(self, seat, departure)

    monkeypatch.setattr(Fan, "sit", counted)


def test_all_are_sent_what_is_new_and_nobody_is_woken(run) -> None:
    async def main() -> None:
        async with Stage(*"abc") as stage:
            viewers = [await stage.viewer(name) for name in ("ada", "bob", "eve")]
            for said in ("a", "ab", "abc"):
                stage.say()
                await until(lambda said=said: all(viewer.text == said for viewer in viewers))
            await asyncio.gather(*(viewer.task for viewer in viewers))
            assert all(viewer.over for viewer in viewers)
            assert [viewer.sleeps for viewer in viewers] == [1, 1, 1]
            assert viewers[0].data == viewers[1].data == viewers[2].data

    run(main())


def test_a_send_runs_as_its_viewer_s_task_and_in_its_context(run) -> None:
    async def main() -> None:
        async with Stage(*"ab") as stage:
            ada, bob = await stage.viewer("ada"), await stage.viewer("bob")
            stage.say()
            await until(lambda: ada.text == bob.text == "a")
            assert ada.senders == {("ada", True)}
            assert bob.senders == {("bob", True)}

    run(main())


def test_one_whose_send_waits_finishes_it_alone_and_then_gets_all_it_missed_at_once(run) -> None:
    async def main() -> None:
        async with Stage(*"abcd", "e") as stage:
            slow, quick = await stage.viewer(), await stage.viewer()
            slow.room.clear()
            for said in ("a", "ab", "abc"):
                stage.say()
                await until(lambda said=said: quick.text == said)
            assert slow.text == ""
            bodies = len(slow.bodies)
            slow.room.set()
            await until(lambda: slow.text == "abc")
            assert len(slow.bodies) - bodies == 2, "the one that waited, and the rest"
            stage.say()
            await until(lambda: slow.text == quick.text == "abcd")
            assert (slow.sleeps, quick.sleeps) == (2, 1)
            assert slow.senders == {("ada", True)}

    run(main())


def test_one_whose_send_waits_too_long_is_given_up_alone(run, monkeypatch) -> None:
    monkeypatch.setattr("tailrace.relay.show.SEND_SECONDS", 0.02)

    async def main() -> None:
        async with Stage(*"ab") as stage:
            slow, quick = await stage.viewer(), await stage.viewer()
            slow.room.clear()
            stage.say()
            with pytest.raises(TimeoutError):
                await slow.task
            stage.say()
            await quick.task
            assert quick.text == "ab"
            assert not slow.over

    run(main())


def test_one_whose_send_fails_has_the_error_alone(run) -> None:
    async def main() -> None:
        async with Stage(*"ab") as stage:
            first, broken, last = [await stage.viewer() for _ in range(3)]
            broken.error = OSError("broken pipe")
            stage.say()
            with pytest.raises(OSError, match="broken pipe"):
                await broken.task
            stage.say()
            await asyncio.gather(first.task, last.task)
            assert first.text == last.text == "ab"

    run(main())


def test_one_who_leaves_or_is_cancelled_is_sent_no_more(run) -> None:
    async def main() -> None:
        async with Stage(*"ab") as stage:
            left, cancelled, stays = [await stage.viewer() for _ in range(3)]
            left.leave()
            cancelled.task.cancel()
            await asyncio.gather(left.task, cancelled.task, return_exceptions=True)
            stage.say()
            await until(lambda: stays.text == "a")
            assert left.text == cancelled.text == ""
            assert cancelled.task.cancelled()

    run(main())


def test_a_send_that_waits_is_left_when_its_viewer_is_cancelled(run) -> None:
    async def main() -> None:
        async with Stage(*"ab") as stage:
            viewer, other = await stage.viewer(), await stage.viewer()
            viewer.room.clear()
            stage.say()
            await until(lambda: other.text == "a")
            viewer.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await viewer.task
            assert viewer.text == ""

    run(main())


def test_dialects_have_fans_of_their_own(run) -> None:
    async def main() -> None:
        async with Stage(*"ab") as stage:
            events, text = await stage.viewer(), await stage.viewer(make=TextDialect)
            stage.say()
            stage.say()
            await asyncio.gather(events.task, text.task)
            assert events.text == "ab"
            assert "".join(one for one in text.data if isinstance(one, str)) == "ab"
            assert (events.sleeps, text.sleeps) == (1, 1)

    run(main())


def test_much_at_once_wakes_those_who_would_get_it(run) -> None:
    async def main() -> None:
        long = "x" * (CHUNK_BYTES + 1)
        async with Stage(long, "b") as stage:
            viewer = await stage.viewer()
            stage.say()
            await until(lambda: viewer.text == long)
            stage.say()
            await viewer.task
            assert viewer.text == long + "b"
            assert viewer.sleeps == 2

    run(main())


def test_a_cut_wakes_them_and_they_begin_again(run) -> None:
    async def main() -> None:
        journal = LosingJournal()
        async with Stage(*"ab", journal=journal) as stage:
            events, text = await stage.viewer(), await stage.viewer(make=TextDialect)
            stage.say()
            await until(lambda: events.text == "a" and text.data == ["a"])
            for _, task in stage.relay._running.values():
                task.cancel()
            journal.lose(1)
            await asyncio.gather(events.task, text.task)
            assert not events.over, "broken, as what was said cannot be taken back"
            assert text.over
            assert {} in text.data, "the reset"

    run(main())


def test_entries_that_cannot_be_told_are_an_error_of_each_viewer(run, caplog) -> None:
    class Mute(AnthropicDialect):
        def event(self, event):
            if event["type"] == "content_block_delta":
                raise LookupError("no words")
            return super().event(event)

    async def main() -> None:
        async with Stage(*"ab") as stage:
            mute, other = await stage.viewer(make=Mute), await stage.viewer()
            stage.say()
            with pytest.raises(LookupError):
                await mute.task
            await until(lambda: other.text == "a")

    run(main())
    assert "cannot be encoded" in caplog.text


def test_a_seat_is_taken_in_a_task(run) -> None:
    async def main() -> None:
        async with Stage("a") as stage:
            follower = stage.generation.follower()
            failed = asyncio.get_running_loop().create_future()

            def outside() -> None:
                try:
                    Seat(follower, lambda message: failed)
                except RuntimeError as error:
                    failed.set_result(str(error))

            asyncio.get_running_loop().call_soon(outside)
            assert await failed == "a viewer must be a task"
            follower.close()

    run(main())
