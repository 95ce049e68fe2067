"""What a relay counts, read with Prometheus' own parser and OpenTelemetry's own SDK."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.parser import text_string_to_metric_families

from tailrace.relay.journal import JournalUnavailableError
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.metrics import CONTENT_TYPE, Histogram, MeasuredJournal, Metrics
from tailrace.relay.relay import Relay

from .scripted import BEGINNING, ENDING, PARAMS, QUICK, Script, collect, delta, says, until

SECRET = "a question nobody else may see"
ASKED = {**PARAMS, "messages": [{"role": "user", "content": SECRET}]}


def read(metrics: Metrics) -> dict[str, float]:
    """Each sample, as its name with its labels."""
    found = {}
    for family in text_string_to_metric_families(metrics.text()):
        for sample in family.samples:
            labels = "".join(f"{{{value}}}" for value in sample.labels.values())
            found[sample.name.removeprefix("tailrace_relay_") + labels] = sample.value
    return found


def test_generations_and_viewers(run: Any) -> None:
    async def main() -> None:
        gate = asyncio.Event()
        script = Script(*BEGINNING, delta("a"), gate, delta("b"), *ENDING)
        async with Relay("memory:", source=script, **QUICK) as relay:
            one = await relay.start(ASKED, owner="ada")
            two = await relay.start(ASKED, owner="ada")
            following = [asyncio.create_task(collect(one.follow())) for _ in range(3)]
            await until(lambda: relay.hub.followers == 3)
            found = read(relay.metrics)
            assert found["generations_running"] == found["generations_started_total"] == 2
            assert (found["viewers"], found["draining"]) == (3, 0)
            await two.cancel()
            gate.set()
            await asyncio.gather(*following)
            await until(lambda: not relay.running)
            found = read(relay.metrics)
            assert found["generations_ended_total{done}"] == 1
            assert found["generations_ended_total{cancelled}"] == 1
            assert (found["generations_running"], found["viewers"]) == (0, 0)
            assert found["journal_seconds_count{append}"] >= 4
            assert found["journal_seconds_bucket{append}{+Inf}"] >= 4
            relay.begin_drain()
            assert read(relay.metrics)["draining"] == 1
            text = relay.metrics.text()
            assert not [word for word in (SECRET, "ada", one.id) if word in text]

    run(main())


def test_recoveries(run: Any) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        dying = Relay(journal, source=Script(*BEGINNING, delta("a"), asyncio.Event()), **QUICK)
        generation = await dying.start(PARAMS)
        await until(lambda: journal._logs[generation._key].entries[1:])
        async with Relay(journal, source=Script(), secret=await dying.secret(), **QUICK) as other:
            await dying._producer.close()  # as if the process had died
            handle = await other.find(generation.id)
            with pytest.raises(Exception, match="interrupted"):
                await collect(handle.follow())
            await until(lambda: read(other.metrics).get("recoveries_total{interrupt}"))
            assert other.metrics.recoveries == {"interrupt": 1}

    run(main())


def test_a_journal_that_is_away(run: Any) -> None:
    class Away(MemoryJournal):
        async def append(self, *args: Any, **options: Any) -> Any:
            raise JournalUnavailableError("away")

    async def main() -> None:
        metrics = Metrics()
        ticks = iter((1.0, 1.25))
        journal = MeasuredJournal(Away(), metrics, clock=lambda: next(ticks))
        with pytest.raises(JournalUnavailableError):
            await journal.append("k", None, (1, 0), b"", keep=1)  # type: ignore[arg-type]
        found = read(metrics)
        assert found["journal_errors_total{append}"] == 1
        assert found["journal_seconds_sum{append}"] == 0.25
        assert found["journal_seconds_bucket{append}{0.1}"] == 0
        assert found["journal_seconds_bucket{append}{0.25}"] == 1

    run(main())


def test_the_lag_of_one_write_in_sixteen_is_taken() -> None:
    metrics = Metrics()
    for _ in range(64):
        metrics.wrote(10.0, lambda: 10.02, viewers=1)
    assert metrics.lag.count == 4
    assert metrics.lag.total == pytest.approx(0.08)


def test_a_histogram_counts_each_value_once() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.5):
        histogram.add(value)
    assert (histogram.counts, histogram.count, histogram.total) == ([2, 1, 1], 4, 5.5)


def test_the_application(run: Any) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("it has nothing to wait for")

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        async with Relay("memory:", source=Script(*says("a")), **QUICK) as relay:
            await relay.metrics_app()({"type": "http", "path": "/"}, receive, send)
            with pytest.raises(RuntimeError, match="not websocket"):
                await relay.metrics_app()({"type": "websocket"}, receive, send)

    run(main())
    assert (b"content-type", CONTENT_TYPE.encode()) in sent[0]["headers"]
    assert b"# TYPE tailrace_relay_viewers gauge\n" in sent[1]["body"]


def test_opentelemetry(run: Any) -> None:
    async def main() -> None:
        reader = InMemoryMetricReader()
        provider = MeterProvider([reader])
        async with Relay("memory:", source=Script(*says("a")), **QUICK) as relay:
            relay.metrics.observe(provider.get_meter("test"))
            generation = await relay.start(PARAMS)
            await generation.message()
            await until(lambda: not relay.running)
            data: Any = reader.get_metrics_data()
            found = {
                metric.name.removeprefix("tailrace.relay."): {
                    tuple(point.attributes.values()): point.value
                    for point in metric.data.data_points
                }
                for resource in data.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
            }
        provider.shutdown()
        assert found["generations_started"] == {(): 1}
        assert found["generations_ended"] == {("done",): 1}
        assert found["generations_running"] == {(): 0}
        assert found["journal_seconds.count"][("append",)] >= 2

    run(main())
