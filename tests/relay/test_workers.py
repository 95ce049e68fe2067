"""Web nodes that only ask, and workers that produce."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from tailrace.relay.errors import (
    GenerationCancelledError,
    GenerationFailedError,
    GenerationInterruptedError,
    RewoundError,
    TooManyError,
)
from tailrace.relay.jobs import Job, Jobs
from tailrace.relay.journal import JournalUnavailableError, Offset
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.relay import Relay
from tailrace.relay.worker import Worker

from .scripted import BEGINNING, PARAMS, QUICK, LosingJournal, Script, collect, says, text_of, until


@pytest.fixture(params=["memory", "sqlite", "redis"])
def where(request, tmp_path):
    """Opens one store again and again, as several processes would."""
    if request.param == "memory":
        journal = MemoryJournal()
        return lambda: journal
    address = tmp_path / "relay.db"
    if request.param == "redis":
        address = request.getfixturevalue("redis").url
    return lambda: address


async def unused(params, so_far):
    raise AssertionError("a web node must not ask Claude")
    yield


def web(where, **options) -> Relay:
    return Relay(where, source=unused, workers=True, **{**QUICK, **options})


@asynccontextmanager
async def working(where, source, **options):
    """A worker's relay, while the worker runs."""
    relay = Relay(where, source=source, **QUICK)
    task = asyncio.create_task(Worker(relay, **options).run())
    try:
        yield relay
    finally:
        relay.begin_drain()
        await task
        await relay.close()


async def kill(relay: Relay) -> None:
    """As `kill -9`: nothing more is stored, no lease renewed."""
    relay.draining.set()
    await relay._producer.close()


def test_workers_produce_what_web_nodes_begin(run, where) -> None:
    async def main() -> None:
        source = Script(*says("a", "b"))
        one, two = web(where()), web(where())
        async with working(where(), source) as first, working(where(), source) as second:
            starts = [node.start(PARAMS, key=str(n // 2), owner="ada")
                      for n, node in enumerate([one, two] * 8)]  # fmt: skip
            handles = await asyncio.gather(*starts)
            found = await asyncio.gather(*(collect(handle.follow()) for handle in handles))
            assert {text_of(events) for events in found} == {"ab"}
            assert len(source.asked) == 8, "each of the eight once, by whichever worker"
            assert all(asked == (PARAMS, []) for asked in source.asked)
            await until(lambda: sum(r.metrics.ended["done"] for r in (first, second)) == 8)
            assert one.running == two.running == 0
        await one.close()
        await two.close()

    run(main())


def test_a_cancel_on_a_web_node_reaches_the_worker(run, where) -> None:
    async def main() -> None:
        source, node = Script(*says("a")[:3], 60), web(where())
        async with working(where(), source) as worker:
            generation = await node.start(PARAMS)
            following = generation.follow()
            await anext(following)
            assert await generation.cancel()
            with pytest.raises(GenerationCancelledError):
                await collect(following)
            await until(lambda: source.closed)
            await until(lambda: not worker.running)
        await node.close()

    run(main())


def test_what_no_worker_takes_ends_with_an_error(run, where) -> None:
    async def main() -> None:
        node = web(where(), worker_wait=0.3)
        generation = await node.start(PARAMS)
        with pytest.raises(
            GenerationFailedError, match=r"no worker .* within 0.3 seconds"
        ) as found:
            await generation.message()
        assert found.value.error["status"] == 503
        assert node.metrics.recoveries["no_worker"] == 1
        source = Script(*says("late"))
        async with working(where(), source):
            assert (await (await node.start(PARAMS)).message()).content[0].text == "late"
            assert len(source.asked) == 1, "what had ended is left alone"
        await node.close()

    run(main())


@pytest.mark.parametrize("another", [True, False])
def test_a_dead_workers_generation_is_taken_by_another(run, where, another) -> None:
    async def main() -> None:
        source = Script(*says("a")[:3], 60)
        node = web(where(), on_crash="restart", worker_wait=0.5)
        async with working(where(), source) as first:
            generation = await node.start(PARAMS)
            following = generation.follow()
            await anext(following)
            await kill(first)
            source.items = says("new")
            if not another:
                with pytest.raises(GenerationInterruptedError, match="no worker"):
                    await collect(following)
            else:
                async with working(where(), source) as second:
                    with pytest.raises(RewoundError):
                        await collect(following)
                    assert text_of(await collect(generation.follow())) == "new"
                    assert second.metrics.recoveries["restart"] == 1
        assert node.metrics.recoveries["queued"] == 1
        await node.close()

    run(main())


def test_a_full_worker_takes_the_next_when_it_has_room(run) -> None:
    async def main() -> None:
        journal, source = MemoryJournal(), Script(*BEGINNING, 60)
        node = web(journal, worker_wait=20)
        async with working(journal, source, most=1) as worker:
            first, second = await node.start(PARAMS), await node.start(PARAMS)
            await until(lambda: worker.running)
            await asyncio.sleep(0.3)
            assert worker.running == len(source.asked) == 1
            source.items = says("b")
            for handle in (first, second):
                if await handle.ended() is None and len(source.asked) == 1:
                    await handle.cancel()
                    await until(lambda: len(source.asked) == 2)
            ends = sorted([await ended(first), await ended(second)])
            assert ends == ["cancelled", "done"]
        with pytest.raises(ValueError, match="at least one"):
            Worker(worker, most=0)
        await node.close()

    async def ended(handle) -> str:
        try:
            await handle.message()
        except GenerationCancelledError:
            return "cancelled"
        return "done"

    run(main())


def test_an_owner_has_a_quota_also_of_what_workers_produce(run) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        node = web(journal, owner_generations=1)
        async with working(journal, Script(*BEGINNING, 60)):
            generation = await node.start(PARAMS, owner="ada")
            with pytest.raises(TooManyError):
                await node.start(PARAMS, owner="ada")
            await node.start(PARAMS, owner="bob")
            await generation.cancel()
            await until(lambda: not node._owners["ada"])
            await node.start(PARAMS, owner="ada")
        await node.close()

    run(main())


def test_a_question_that_could_not_be_put_is_put_again(run) -> None:
    class Deaf(MemoryJournal):
        failures = 2

        async def append(self, key, *arguments, **named):
            if key.startswith("jobs-") and self.failures:
                self.failures -= 1
                raise JournalUnavailableError("not now")
            return await super().append(key, *arguments, **named)

    async def main() -> None:
        journal = Deaf()
        node = web(journal, worker_wait=0.1)
        async with working(journal, Script(*says("a"))):
            generation = await node.start(PARAMS, owner="ada")
            assert generation.created
            assert text_of(await collect(generation.follow())) == "a"
        assert not journal.failures
        await until(lambda: not node._owners)
        await node.close()

    run(main())


def test_a_question_that_is_lost_is_asked_again(run) -> None:
    """With the newest entries of a store, or with a worker that read it and died."""

    async def main() -> None:
        journal = MemoryJournal()
        node = web(journal, worker_wait=4)
        generation = await node.start(PARAMS)
        reader = asyncio.create_task(collect(generation.follow()))
        await journal.drop(node.jobs.key)
        async with working(journal, Script(*says("a"))):
            assert text_of(await reader) == "a"
        assert node.metrics.recoveries["no_worker"] == 0
        await node.close()

    run(main())


def test_a_node_is_not_its_own_viewer(run) -> None:
    async def main() -> None:
        node = web(MemoryJournal())
        await node.start(PARAMS)
        assert "\ntailrace_relay_viewers 0\n" in node.metrics.text()
        await node.close()

    run(main())


def test_a_worker_outlasts_an_absent_journal(run) -> None:
    async def main() -> None:
        journal, source = LosingJournal(), Script(*says("a"))
        node = web(journal, worker_wait=20)
        async with working(journal, source):
            journal.away = True
            await asyncio.sleep(0.3)
            journal.away = False
            assert text_of(await collect((await node.start(PARAMS)).follow())) == "a"
        await node.close()

    run(main())


def test_jobs_are_read_once_by_each_and_by_clocks_that_differ(run, where) -> None:
    async def main() -> None:
        now = 1_790_000_000.0
        relays = [Relay(where(), source=unused, **QUICK) for _ in range(3)]
        writer, fast, slow = (
            Jobs(relay.journal, clock=lambda late=late: now + late)
            for relay, late in zip(relays, (0, 59, -59), strict=True)
        )
        jobs = [Job(f"log{n}", Offset(7, n), now) for n in range(20)]
        await asyncio.gather(*((writer, fast, slow)[n % 3].put(jobs[n]) for n in range(20)))
        for reader in (writer, fast, slow):
            # one that is fast by 59 seconds may write two minutes after one that is slow by 59
            found = await reader.news()
            assert {job.place for job in found} >= {job.place for job in jobs[::3]}
            assert all(job in jobs for job in found)
            assert len(found) == len({job.place for job in found})
            assert await reader.news() == []
        for relay in relays:
            await relay.close()

    run(main())


def test_workers_need_the_request_and_some_time() -> None:
    with pytest.raises(ValueError, match="store_request"):
        Relay("memory:", workers=True, store_request=False)
    with pytest.raises(ValueError, match="worker_wait"):
        Relay("memory:", workers=True, worker_wait=0)
