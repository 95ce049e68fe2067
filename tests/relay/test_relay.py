"""Generations from start to end: one producer, many followers, crashes, cancels, lost tails."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from tailrace import APITimeoutError
from tailrace.relay.addresses import open_journal
from tailrace.relay.errors import (
    DrainingError,
    GenerationCancelledError,
    GenerationFailedError,
    GenerationGoneError,
    GenerationInterruptedError,
    GenerationNotFoundError,
    RewoundError,
    TooManyError,
)
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.production import Tempo
from tailrace.relay.relay import Relay

from .scripted import (
    BEGINNING,
    ENDING,
    PARAMS,
    QUICK,
    LosingJournal,
    Script,
    collect,
    delta,
    says,
    text_of,
    until,
)


def test_every_follower_gets_every_event(run) -> None:
    async def main() -> None:
        source = Script(*says("a", "b"), 0)
        async with Relay("memory:", source=source, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            found = await asyncio.gather(*(collect(generation.follow()) for _ in range(5)))
            late = await collect((await relay.find(generation.id)).follow())
            assert [text_of(events) for events in [*found, late]] == ["ab"] * 6
            assert late[0]["type"] == "message_start"
            assert late[-1]["type"] == "message_stop"
            assert len(source.asked) == 1
            assert await generation.ended() == "done"
            message = await generation.message()
            assert message.content[0].text == "ab"

    run(main())


def test_a_journal_that_cannot_be_watched_for_a_moment(run) -> None:
    """Following waits for it; it must not wait for ever."""

    class Unwatchable(MemoryJournal):
        tries = 0

        @asynccontextmanager
        async def watch(self, key):
            self.tries += 1
            if self.tries == 2:  # the first is the producer's
                raise RuntimeError("not now")
            async with super().watch(key) as hint:
                yield hint

    async def main() -> None:
        journal = Unwatchable()
        async with Relay(journal, source=Script(*says("Hello")), **QUICK) as relay:
            generation = await relay.start(PARAMS)
            await until(lambda: journal.tries == 1)
            assert text_of(await collect(generation.follow())) == "Hello"
        assert journal.tries >= 3

    run(main())


@pytest.mark.parametrize("store", ["memory", "sqlite", "redis"])
def test_two_nodes_share_a_journal(run, request, tmp_path, store) -> None:
    where = {"memory": MemoryJournal(), "sqlite": tmp_path / "relay.db"}.get(store)
    if where is None:
        where = request.getfixturevalue("redis").url

    async def main() -> None:
        gate = asyncio.Event()
        source = Script(*says("a")[:3], gate, *ENDING)
        one, two = (Relay(where, source=source, **QUICK) for _ in range(2))
        starts = [relay.start(PARAMS, key="k", owner="ada") for relay in [one, two] * 25]
        handles = await asyncio.gather(*starts)
        assert len({handle.id for handle in handles}) == 1
        assert sum(handle.created for handle in handles) == 1
        followers = [asyncio.create_task(collect(handle.follow())) for handle in handles]
        await asyncio.sleep(0.05)
        gate.set()
        assert {text_of(events) for events in await asyncio.gather(*followers)} == {"a"}
        assert len(source.asked) == 1
        await one.close()
        await two.close()

    run(main())


@pytest.mark.parametrize("cut", range(8))
def test_a_follower_goes_on_exactly_where_it_was(run, cut) -> None:
    async def main() -> None:
        source = Script(*BEGINNING, delta("a"), 0.01, delta("b"), 0.01, delta("c"), *ENDING)
        async with Relay("memory:", source=source, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            following = generation.follow()
            events = [await anext(following) for _ in range(cut)]
            cursor = following.cursor
            await following.aclose()
            events += await collect(generation.follow(cursor))
            assert events == await collect(generation.follow())

    run(main())


def test_an_ended_cursor_gives_nothing_more(run) -> None:
    async def main() -> None:
        async with Relay("memory:", source=Script(*says("a")), **QUICK) as relay:
            generation = await relay.start(PARAMS)
            following = generation.follow()
            await collect(following)
            assert following.cursor == "end"
            assert await collect(generation.follow("end")) == []
            with pytest.raises(ValueError, match="cursor"):
                generation.follow("nonsense")

    run(main())


def test_an_upstream_failure_is_an_error_with_what_had_arrived(run) -> None:
    async def main() -> None:
        source = Script(*says("a")[:3], 0.01, APITimeoutError(message="too slow"))
        async with Relay("memory:", source=source, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            events: list = []
            with pytest.raises(GenerationFailedError, match="too slow") as caught:
                await collect(generation.follow(), events)
            assert text_of(events) == "a"
            assert caught.value.error["status"] == 502

    run(main())


def test_other_exceptions_are_not_quoted(run) -> None:
    async def main() -> None:
        source = Script(RuntimeError("the prompt was: secret"))
        async with Relay("memory:", source=source, **QUICK) as relay:
            with pytest.raises(GenerationFailedError, match="RuntimeError") as caught:
                await (await relay.start(PARAMS)).message()
            assert "secret" not in str(caught.value)

    run(main())


def test_a_reply_without_message_stop_gets_one(run) -> None:
    async def main() -> None:
        async with Relay("memory:", source=Script(*says("a")[:-1]), **QUICK) as relay:
            events = await collect((await relay.start(PARAMS)).follow())
            assert events[-1] == {"type": "message_stop"}

    run(main())


def test_cancel_ends_the_upstream_and_keeps_the_text(run) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        source = Script(*says("a")[:3], 60)
        one, two = Relay(journal, source=source, **QUICK), Relay(journal, source=source, **QUICK)
        generation = await one.start(PARAMS, owner="ada")
        elsewhere = await two.find(generation.id, owner="ada")
        following = elsewhere.follow()
        events = [await anext(following) for _ in range(3)]
        assert await elsewhere.cancel()
        assert await generation.cancel(), "cancelling twice is fine"
        with pytest.raises(GenerationCancelledError):
            await anext(following)
        await until(lambda: source.closed)
        assert text_of(events) == "a"
        assert await elsewhere.ended() == "cancelled"
        await one.close()
        await two.close()

    run(main())


def test_of_cancel_and_finish_exactly_one_wins(run) -> None:
    async def one(relay: Relay, source: Script, n: int) -> str:
        gate = asyncio.Event()
        source.items = (*says("a")[:3], gate, *ENDING)
        generation = await relay.start(PARAMS)
        await asyncio.sleep(0)
        gate.set()
        for _ in range(n % 40):
            await asyncio.sleep(0)
        cancelled = await generation.cancel()
        events = []
        try:
            async for event in generation.follow():
                events.append(event)
        except GenerationCancelledError:
            assert cancelled
            assert {"type": "message_stop"} not in events
            return "cancelled"
        assert not cancelled
        assert events[-1] == {"type": "message_stop"}
        return "done"

    async def main() -> None:
        source = Script()
        async with Relay("memory:", source=source, **QUICK) as relay:
            ends = [await one(relay, source, n) for n in range(200)]
        assert set(ends) == {"done", "cancelled"}

    run(main())


def test_a_cancel_of_nothing_creates_nothing(run) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        async with Relay(journal, source=Script(*says("a")), **QUICK) as relay:
            generation = await relay.start(PARAMS, owner="ada")
            await collect(generation.follow())
            before = journal.count()
            with pytest.raises(GenerationNotFoundError):
                await relay.find(generation.id, owner="bob")
            with pytest.raises(GenerationNotFoundError):
                await relay.find("A" * 32, owner="ada")
            await journal.drop(generation._key)
            for use in (generation.cancel, generation.message, generation.ended):
                with pytest.raises(GenerationGoneError):
                    await use()
            await generation.drop()
            assert journal.count() == before - 1

    run(main())


def test_a_dropped_generation_is_not_written_anew(run) -> None:
    async def main() -> None:
        journal, gate = MemoryJournal(), asyncio.Event()
        source = Script(*says("secret")[:3], gate, *ENDING)
        async with Relay(journal, source=source, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            following = generation.follow()
            await anext(following)
            await generation.drop()
            gate.set()
            await until(lambda: source.closed)
            await asyncio.sleep(0.05)
            (mark,) = await journal.read(generation._key, None)
            assert b"secret" not in mark.data
            with pytest.raises(GenerationGoneError):
                await collect(following)
            with pytest.raises(GenerationGoneError):
                await generation.message()

    run(main())


# -- crashes ----------------------------------------------------------------------------------


async def crashed(journal, source, **options) -> tuple[Relay, Relay, object]:
    """A generation whose producer died after "ab", and a node that is left."""
    dead, alive = (Relay(journal, source=source, **QUICK, **options) for _ in range(2))
    generation = await dead.start(PARAMS, owner="ada")
    following = generation.follow()
    while text_of([await anext(following)]) != "b":
        pass
    await following.aclose()
    for _, task in dead._running.values():
        task.cancel()
    return dead, alive, await alive.find(generation.id, owner="ada")


def test_a_crash_keeps_the_text_and_says_that_it_is_cut(run) -> None:
    async def main() -> None:
        source = Script(*says("a")[:3], 0.02, delta("b"), 60)
        dead, alive, generation = await crashed(MemoryJournal(), source)
        events: list = []
        with pytest.raises(GenerationInterruptedError):
            await collect(generation.follow(), events)
        assert text_of(events) == "ab"
        assert len(source.asked) == 1
        await alive.close()
        await dead.close()

    run(main())


def test_a_restart_voids_what_was_there(run) -> None:
    async def main() -> None:
        source = Script(*says("a")[:3], 0.02, delta("b"), 60)
        dead, alive, generation = await crashed(MemoryJournal(), source, on_crash="restart")
        source.items = (*says("new"),)
        following = generation.follow()
        await anext(following)
        with pytest.raises(RewoundError):
            await collect(following)
        with pytest.raises(RewoundError):
            await collect(generation.follow(following.cursor))
        assert text_of(await collect(generation.follow())) == "new"
        assert len(source.asked) == 2
        await alive.close()
        await dead.close()

    run(main())


def test_a_source_that_can_goes_on_from_the_events(run) -> None:
    async def main() -> None:
        source = Script(*says("a")[:3], 0.02, delta("b"), 60)
        dead, alive, generation = await crashed(MemoryJournal(), source, on_crash="continue")
        source.items = (delta("c"), *ENDING)
        following = generation.follow()
        assert text_of(await collect(following)) == "abc"
        params, so_far = source.asked[1]
        assert params == PARAMS
        assert text_of(so_far) == "ab"
        await alive.close()
        await dead.close()

    run(main())


def test_a_living_producer_without_a_lease_for_a_moment_is_left_alone(run) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        source = Script(*says("a")[:3], 0.5, *ENDING)
        async with Relay(journal, source=source, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            other = Relay(journal, source=source, **QUICK)
            reading = asyncio.create_task(collect((await other.find(generation.id)).follow()))
            await asyncio.sleep(0.05)
            journal._leases.clear()
            assert text_of(await reading) == "a"
            await other.close()

    run(main())


# -- a store that forgets, or is away ----------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 2, 3, 99])
def test_a_living_producer_writes_again_what_the_store_lost(run, lost) -> None:
    async def main() -> None:
        journal, gate = LosingJournal(), asyncio.Event()
        source = Script(*says("a")[:3], 0.01, delta("b"), gate, delta("c"), *ENDING)
        async with Relay(journal, source=source, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            following = generation.follow()
            events = [await anext(following) for _ in range(4)]
            journal.lose(lost)
            gate.set()
            events += await collect(following)
            assert text_of(events) == "abc"
            assert await collect(generation.follow()) == events

    run(main())


def test_a_lost_tail_without_its_producer_is_a_rewind(run) -> None:
    async def main() -> None:
        journal = LosingJournal()
        source = Script(*says("a")[:3], 0.02, delta("b"), 60)
        dead, alive, generation = await crashed(journal, source, on_crash="continue")
        following = generation.follow()
        events = [await anext(following) for _ in range(4)]
        assert text_of(events) == "ab"
        journal.lose(1)
        source.items = (delta("B"), *ENDING)
        with pytest.raises(RewoundError):
            await collect(following)
        assert text_of(await collect(generation.follow())) == "aB"
        await alive.close()
        await dead.close()

    run(main())


def test_a_log_made_anew_by_a_node_with_a_slow_clock_is_noticed(run, monkeypatch) -> None:
    async def main() -> None:
        journal = LosingJournal()
        source = Script(*says("a")[:3], 60)
        dead, alive = (Relay(journal, source=source, **QUICK) for _ in range(2))
        generation = await dead.start(PARAMS, key="k")
        following = (await alive.find(generation.id)).follow()
        await anext(following)
        for _, task in dead._running.values():
            task.cancel()
        journal.lose(99)
        monkeypatch.setattr("tailrace.relay.producing.time.time", lambda: 1.0)
        source.items = says("new")
        again = await dead.start(PARAMS, key="k")
        assert again.created
        with pytest.raises(RewoundError):
            await collect(following)
        assert text_of(await collect(generation.follow())) == "new"
        await alive.close()
        await dead.close()

    run(main())


def test_a_generation_outlasts_an_absent_store(run) -> None:
    async def main() -> None:
        journal, gate = LosingJournal(), asyncio.Event()
        source = Script(*says("a")[:3], gate, delta("b"), *ENDING)
        async with Relay(journal, source=source, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            following = generation.follow()
            events = [await anext(following) for _ in range(3)]
            journal.away = True
            gate.set()
            await until(lambda: source.closed)
            journal.away = False
            events += await collect(following)
            assert text_of(events) == "ab"

    run(main())


def test_a_log_that_is_gone_for_good_ends_following(run) -> None:
    async def main() -> None:
        journal = LosingJournal()
        source = Script(*says("a")[:3], 0.02, delta("b"), 60)
        dead, alive, generation = await crashed(journal, source)
        following = generation.follow()
        await anext(following)
        journal.lose(99)
        with pytest.raises(GenerationGoneError):
            await collect(following)
        await alive.close()
        await dead.close()

    run(main())


# -- bounds -----------------------------------------------------------------------------------


def test_a_reply_over_the_bound_is_an_error(run) -> None:
    async def main() -> None:
        source = Script(*says(*["x" * 100] * 100))
        options = {**QUICK, "tempo": Tempo(flush=0.001, max_bytes=1000)}
        async with Relay("memory:", source=source, **options) as relay:
            with pytest.raises(GenerationFailedError, match="limit of 1000 bytes"):
                await (await relay.start(PARAMS)).message()
            assert source.closed

    run(main())


def test_an_owner_may_run_so_many(run) -> None:
    async def main() -> None:
        source = Script(*BEGINNING, 60)
        async with Relay("memory:", source=source, owner_generations=2, **QUICK) as relay:
            first = await relay.start(PARAMS, owner="ada")
            await relay.start(PARAMS, owner="ada")
            with pytest.raises(TooManyError):
                await relay.start(PARAMS, owner="ada")
            await relay.start(PARAMS, owner="bob")
            await first.cancel()
            await until(lambda: relay.running == 2)
            await relay.start(PARAMS, owner="ada")

    run(main())


def test_an_owner_may_run_so_many_also_when_all_begin_at_once(run) -> None:
    async def main() -> None:
        source = Script(*BEGINNING, 60)
        async with Relay("memory:", source=source, owner_generations=3, **QUICK) as relay:
            starts = (relay.start(PARAMS, owner="ada") for _ in range(20))
            found = await asyncio.gather(*starts, return_exceptions=True)
            assert sum(isinstance(one, TooManyError) for one in found) == 17
            assert relay.running == 3

    run(main())


def test_equal_questions_count_once(run) -> None:
    async def main() -> None:
        source = Script(*BEGINNING, 60)
        async with Relay("memory:", source=source, **QUICK) as relay:
            starts = (relay.start(PARAMS, key="k", owner="ada") for _ in range(20))
            generation, *_ = await asyncio.gather(*starts)
            assert relay._owners == {"ada": 1}
            await generation.cancel()
            await until(lambda: not relay._owners)

    run(main())


def test_a_drain_lets_generations_end_and_interrupts_the_rest(run) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        source = Script(*says("a")[:3], 0.1, *ENDING)
        relay = Relay(journal, source=source, **QUICK)
        short = await relay.start(PARAMS)
        await until(lambda: source.asked)
        source.items = (*says("a")[:3], 60)
        long = await relay.start(PARAMS)
        await asyncio.sleep(0.02)
        await relay.drain(0.3)
        assert await short.ended() == "done"
        assert await long.ended() == "interrupted"
        assert relay.running == 0
        with pytest.raises(DrainingError):
            await relay.start(PARAMS)
        await relay.close()

    run(main())


def test_requests_are_stored_only_if_they_may_be(run) -> None:
    async def main(store: bool) -> bytes:
        journal = MemoryJournal()
        source = Script(*says("a"))
        async with Relay(journal, source=source, store_request=store, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            await collect(generation.follow())
            return (await journal.read(generation._key, None))[0].data

    assert b"Hi" in run(main(True))
    assert b"Hi" not in run(main(False))
    with pytest.raises(ValueError, match="needs the request"):
        Relay("memory:", store_request=False, on_crash="restart")


def test_addresses_of_journals(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    kinds = {
        None: "SQLiteJournal",
        "memory:": "MemoryJournal",
        "sqlite:x.db": "SQLiteJournal",
        tmp_path / "y.db": "SQLiteJournal",
    }
    for where, kind in kinds.items():
        assert type(open_journal(where)).__name__ == kind
    with pytest.raises(ValueError, match="http"):
        open_journal("http://example.org")
