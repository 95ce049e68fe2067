"""What a relay counts, as Prometheus and OpenTelemetry read it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tailrace import APITimeoutError
from tailrace.relay.exposition import MetricsApp, exposition
from tailrace.relay.journal import JournalUnavailableError
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.metrics import BOUNDS, Metrics, families
from tailrace.relay.relay import Relay

from .browser import Visit
from .scripted import PARAMS, QUICK, LosingJournal, Script, collect, delta, says, until

SECRETS = {"owner": "ada-the-owner", "key": "the-key-of-it", "prompt": "a-prompt-of-hers"}


def numbers(relay: Relay) -> Callable[..., float]:
    """The samples of a relay, read by Prometheus's own parser."""
    parsed = list(text_string_to_metric_families(exposition(families(relay))))
    found = {
        (sample.name.removeprefix("tailrace_relay_"), *sorted(sample.labels.values())): sample.value
        for family in parsed
        for sample in family.samples
    }
    return lambda *name: found[name]


def test_generations_viewers_and_how_they_ended(run) -> None:
    async def main() -> None:
        gate = asyncio.Event()
        source = Script(*says("a")[:3], gate, *says("a")[3:])
        async with Relay("memory:", source=source, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            following = generation.follow()
            await anext(following)
            now = numbers(relay)
            assert now("generations_running") == now("generations_started_total") == 1
            assert now("viewers") == 1
            gate.set()
            await collect(following)
            await until(lambda: not relay.running)
            source.items = (*says("a")[:3], 60)
            cancelled = await relay.start(PARAMS)
            await until(lambda: len(source.asked) == 2)
            await cancelled.cancel()
            await until(lambda: not relay.running)
            source.items = (APITimeoutError(message="slow"),)
            await relay.start(PARAMS)
            await until(lambda: not relay.running)
            now = numbers(relay)
            assert now("generations_running") == now("viewers") == 0
            assert now("generations_started_total") == 3
            assert now("generations_ended_total", "cancelled") == 1
            assert now("generations_ended_total", "error") == 1
            assert now("generations_ended_total", "done") == 1
            assert now("draining") == 0
            relay.begin_drain()
            assert numbers(relay)("draining") == 1

    run(main())


def test_a_viewer_that_takes_nothing_lags(run) -> None:
    async def main() -> None:
        source = Script(*says("a")[:3], 0.02, delta("b"), 60)
        async with Relay("memory:", source=source, **QUICK) as relay:
            generation = await relay.start(PARAMS)
            quick, slow = generation.follow(), generation.follower()
            for _ in range(4):
                await anext(quick)
            await asyncio.sleep(0.05)
            now = numbers(relay)
            assert now("viewers") == 2
            assert now("viewer_lag_seconds_max") >= 0.05
            assert now("viewer_lag_seconds_sum") == pytest.approx(now("viewer_lag_seconds_max"), 1)
            slow.take()
            assert numbers(relay)("viewer_lag_seconds_max") == 0
            slow.close()
            assert numbers(relay)("viewers") == 1
            del quick  # nobody needs to close one
            assert numbers(relay)("viewers") == 0

    run(main())


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [("interrupt", "interrupted"), ("restart", "restarted"), ("continue", "continued")],
)
def test_recoveries_by_outcome(run, policy, outcome) -> None:
    async def main() -> None:
        journal, source = MemoryJournal(), Script(*says("a")[:3], 60)
        dead, alive = (Relay(journal, source=source, on_crash=policy, **QUICK) for _ in range(2))
        generation = await dead.start(PARAMS)
        following = generation.follow()
        await anext(following)
        await dead.close()
        source.items = says("b") if policy == "restart" else says("b")[2:]
        found = (await alive.find(generation.id)).follow()
        await anext(found)
        await until(lambda: alive.metrics.recoveries)
        now = numbers(alive)
        assert now("recoveries_total", outcome) == 1
        assert now("generations_started_total") == 0
        await alive.close()

    run(main())


def test_the_journal_is_timed_and_its_errors_counted(run) -> None:
    async def main() -> None:
        journal = LosingJournal()
        async with Relay(journal, source=Script(*says("a")), **QUICK) as relay:
            await (await relay.start(PARAMS)).message()
            now = numbers(relay)
            appends = now("journal_seconds_count", "append")
            assert appends >= 3, "a secret, a claim and an end at least"
            assert now("journal_seconds_bucket", "+Inf", "append") == appends
            assert now("journal_errors_total", "append") == 0
            journal.away = True
            with pytest.raises(JournalUnavailableError):
                await relay.journal.read("key", None)
            assert numbers(relay)("journal_errors_total", "read") == 1

    run(main())


def test_durations_fall_into_buckets(run) -> None:
    async def done() -> None:
        pass

    async def main() -> None:
        times = iter((0.0, BOUNDS[2], 10.0, 10.0 + 100.0))
        metrics = Metrics(clock=lambda: next(times))
        await metrics.timed("read", done())
        await metrics.timed("read", done())
        found = [(s.labels.get("le"), s.value) for s in metrics.journal_seconds["read"].samples({})]
        assert found[1:4] == [("0.001", 0), ("0.0025", 1), ("0.005", 1)]
        assert found[-3:] == [("+Inf", 2), (None, pytest.approx(100.0025)), (None, 2)]

    run(main())


def test_only_those_with_the_token_may_read(run) -> None:
    async def main() -> None:
        async with Relay("memory:", source=Script(*says("a")), **QUICK) as relay:
            app = relay.metrics_app(token="s3cret")
            for header in ("", "Bearer wrong", "s3cret"):
                visit = await Visit(app, "GET", "/", headers={"authorization": header}).done()
                assert visit.status == 401
                assert b"tailrace_relay" not in b"".join(visit.sent)
            visit = await Visit(app, "GET", "/", headers={"authorization": "Bearer s3cret"}).done()
            assert visit.status == 200
            assert visit.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert b"tailrace_relay_viewers{} 0" in b"".join(visit.sent)
            unguarded = relay.metrics_app(token=None)
            assert (await Visit(unguarded, "GET", "/").done()).status == 200
            assert (await Visit(unguarded, "POST", "/", body={}).done()).status == 405
            with pytest.raises(ValueError, match="token"):
                MetricsApp(relay, "")

    run(main())


def test_metrics_name_nobody(run) -> None:
    async def main() -> None:
        journal = LosingJournal()
        async with Relay(journal, source=Script(*says("a reply")), **QUICK) as relay:
            message = {"role": "user", "content": SECRETS["prompt"]}
            params = {**PARAMS, "messages": [message]}
            owner, key = SECRETS["owner"], SECRETS["key"]
            generation = await relay.start(params, owner=owner, key=key)
            await generation.message()
            text = exposition(families(relay))
            for word in (*SECRETS.values(), generation.id, generation._key, "a reply", "sonnet"):
                assert word not in text

    run(main())


def test_opentelemetry_reads_the_same_numbers(run) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from tailrace.relay.otel import observe

    async def main() -> None:
        reader = InMemoryMetricReader()
        provider = MeterProvider([reader])
        async with Relay("memory:", source=Script(*says("a")), **QUICK) as relay:
            observe(relay, provider.get_meter("test"))
            await (await relay.start(PARAMS)).message()
            await until(lambda: not relay.running)
            data = await asyncio.to_thread(reader.get_metrics_data)
            assert data is not None
            found = {
                (metric.name, *point.attributes.values()): point.value
                for resource in data.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
                for point in metric.data.data_points
            }
            assert found["tailrace.relay.generations_started",] == 1
            assert found["tailrace.relay.generations_ended", "done"] == 1
            assert found["tailrace.relay.viewers",] == 0
            appends = numbers(relay)("journal_seconds_count", "append")
            assert found["tailrace.relay.journal_seconds.count", "append"] == appends
        provider.shutdown()

    run(main())
