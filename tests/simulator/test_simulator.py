"""The simulator as a whole: starting, stopping, asserting."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tailrace import simulator
from tailrace.simulator.pace import Pace
from tailrace.simulator.quota import Quota
from tailrace.simulator.received import Received
from tailrace.simulator.scenario import Case, Scenario
from tailrace.simulator.simulator import API_KEY, Simulator

HEADERS = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
BODY = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
SRC = Path(simulator.__file__).parents[2]


def post(sim: Simulator, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(sim.host, sim.port, timeout=10)
    try:
        connection.request("POST", "/v1/messages", json.dumps(BODY), {**HEADERS, **headers})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def said(sim: Simulator) -> str:
    return str(post(sim)[1]["content"][0]["text"])


def test_it_starts_on_a_free_port_and_stops_clean() -> None:
    before = threading.active_count()
    with Simulator("Hello") as sim, Simulator("Other") as other:
        assert sim.url == f"http://127.0.0.1:{sim.port}"
        assert (said(sim), said(other)) == ("Hello", "Other")
        assert sim.port != other.port
    assert threading.active_count() == before


def test_it_stops_while_replies_go_on() -> None:
    with Simulator("word " * 500, pace=Pace(50)) as sim:
        connection = http.client.HTTPConnection(sim.host, sim.port, timeout=10)
        body = json.dumps({**BODY, "max_tokens": 4000, "stream": True})
        connection.request("POST", "/v1/messages", body, HEADERS)
        response = connection.getresponse()
        response.read(10)
    assert sim.requests[0].ended == "client left"
    response.close()
    connection.close()


def test_it_may_start_again() -> None:
    sim = Simulator("Hello")
    for _ in range(2):
        with sim:
            assert said(sim) == "Hello"
    assert len(sim.requests) == 2


def test_before_the_start_it_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Simulator().url
    with pytest.raises(RuntimeError, match="not running"):
        Simulator().down()


def test_it_starts_once() -> None:
    with Simulator() as sim, pytest.raises(RuntimeError, match="running already"):
        sim.start()


def test_a_port_in_use_is_an_error() -> None:
    with Simulator() as sim, pytest.raises(OSError, match="in use"):
        Simulator().start(port=sim.port)


def test_inside_an_event_loop() -> None:
    async def main() -> None:
        async with Simulator("Hello") as sim:
            assert await asyncio.to_thread(said, sim) == "Hello"
            async with sim.down():
                with pytest.raises(OSError, match=r"refused|Connect call failed"):
                    await asyncio.open_connection(sim.host, sim.port)
            assert await asyncio.to_thread(said, sim) == "Hello"

    asyncio.run(main())


def test_a_thread_can_be_down_from_a_loop() -> None:
    async def main(sim: Simulator) -> None:
        async with sim.down():
            with pytest.raises(OSError, match=r"refused|Connect call failed"):
                await asyncio.open_connection(sim.host, sim.port)

    with Simulator() as sim:
        asyncio.run(main(sim))


def test_queued_replies_come_before_the_standing_one() -> None:
    with Simulator("standing") as sim:
        sim.script("one", "two")
        assert sim.scripts_left == 2
        assert [said(sim) for _ in range(3)] == ["one", "two", "standing"]
        sim.answer_with("changed").script("never")
        sim.clear()
        assert said(sim) == "changed"
        assert len(sim.requests) == 1


def test_a_scenario_answers() -> None:
    scenario = Scenario([Case([lambda ask: f"turn {ask.number}"])])
    with Simulator(scenario) as sim:
        assert [said(sim), said(sim)] == ["turn 1", "turn 2"]


def test_keys_are_checked() -> None:
    with Simulator(api_keys=["right"]) as sim:
        assert post(sim)[0] == 401
        assert post(sim, **{"x-api-key": "right"})[0] == 200
        assert sim.environment["ANTHROPIC_API_KEY"] == "right"


def test_a_quota_bites_and_its_headers_tell() -> None:
    with Simulator("Hi", quota=Quota(requests_per_minute=1), clock=lambda: 1000.0) as sim:
        assert [post(sim)[0], post(sim)[0]] == [200, 429]


def test_output_counts_against_the_quota() -> None:
    quota = Quota(output_tokens_per_minute=10)
    with Simulator("one two three four five six", quota=quota, clock=lambda: 1000.0) as sim:
        assert [post(sim)[0] for _ in range(3)] == [200, 200, 429]


def test_the_environment_leads_clients_here() -> None:
    with Simulator() as sim:
        assert sim.environment == {"ANTHROPIC_BASE_URL": sim.url, "ANTHROPIC_API_KEY": API_KEY}


def test_the_same_seed_gives_the_same_ids() -> None:
    ids = []
    for seed in (1, 1, 2):
        with Simulator(seed=seed) as sim:
            ids.append(post(sim)[1]["id"])
    assert ids[0] == ids[1] != ids[2]


def test_requests_are_told_when_they_come_and_when_they_end() -> None:
    told: list[tuple[int, str | None]] = []

    def tell(received: Received) -> None:
        told.append((received.number, received.ended))

    with Simulator("x", on_request=tell) as sim:
        said(sim)
        sim.wait(1)
    assert told == [(1, None), (1, "end")]


def test_waiting_for_requests_that_do_not_come_fails() -> None:
    with Simulator() as sim, pytest.raises(TimeoutError, match="0 of 1 requests"):
        sim.wait(1, timeout=0.01)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="events_per_packet"):
        Simulator(events_per_packet=0)


def test_prompt_caching_shows_in_the_usage() -> None:
    system = [{"type": "text", "text": "word " * 1200, "cache_control": {"type": "ephemeral"}}]
    with Simulator("x") as sim:
        connection = http.client.HTTPConnection(sim.host, sim.port, timeout=10)
        read = []
        for _ in range(2):
            connection.request(
                "POST", "/v1/messages", json.dumps({**BODY, "system": system}), HEADERS
            )
            usage = json.loads(connection.getresponse().read())["usage"]
            read.append(usage["cache_read_input_tokens"])
        connection.close()
    assert read[0] == 0
    assert read[1] > 1200


SERVE = """
import sys
from tailrace.simulator import Simulator
Simulator("Hello").serve(port=0, on_start=lambda sim: print(sim.url, flush=True))
print("stopped")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_stops_at_a_signal(number: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SRC), "PYTHONWARNINGS": "error"}
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        host, port = process.stdout.readline().strip().removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("POST", "/v1/messages", json.dumps(BODY), HEADERS)
        assert connection.getresponse().status == 200
        process.send_signal(number)
        assert process.stdout.read() == "stopped\n"
        assert process.wait(10) == 0
        connection.close()


# -- the front door


def test_every_public_name_is_there() -> None:
    for name in simulator.__all__:
        assert getattr(simulator, name) is not None
    assert set(simulator.__all__) == set(simulator._HOME)
    assert dir(simulator) == sorted(simulator.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = simulator.nothing


def test_the_door_is_light() -> None:
    code = (
        "import sys, tailrace.simulator as s; light = set(sys.modules); s.Simulator; "
        "heavy = {'aiohttp', 'urllib3', 'httpx2', 'ssl', 'anthropic'} & set(sys.modules); "
        "print(sorted(heavy - {'ssl'}), sorted({'asyncio', 'msgspec'} & light))"
    )
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert told.stdout == "[] []\n"
