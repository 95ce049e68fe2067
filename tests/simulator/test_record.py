"""Recording through the proxy from one simulator, and playing it back from another."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from tests.simulator.conftest import Answer, Wire

from tailrace.simulator import acts
from tailrace.simulator.acts import Fate, Text
from tailrace.simulator.pace import Pace
from tailrace.simulator.record import Recorder
from tailrace.simulator.replay import Replay, load_tapes
from tailrace.simulator.simulator import Simulator

Body = Callable[..., dict[str, Any]]
KEY = "sk-ant-api03-a-very-secret-key"


@pytest.fixture
def recorder(sim: Simulator, tmp_path: Path) -> Iterator[Recorder]:
    with Recorder(sim.url, tmp_path) as running:
        yield running


def asked(at: Simulator | Recorder, body: Any, **options: Any) -> Answer:
    wire = Wire(at)
    try:
        return wire.send(body, **options).answer()
    finally:
        wire.close()


def told(answer: Answer) -> Any:
    varying = ("date", "connection", "anthropic-organization-id")  # the last one is redacted
    headers = {name: value for name, value in answer.headers.items() if name not in varying}
    return answer.status, headers, answer.chunks, answer.announced, answer.ended


SCRIPTS: list[tuple[list[acts.Act], bool]] = [
    ([Text("Hello, wörld!"), acts.Split("characters")], True),
    ([Text("Hello"), acts.Split((1, 9))], True),
    ([acts.Thinking("Hm"), acts.ToolUse("f", {"x": "é"}), acts.Together(3)], True),
    ([Text("Hello")], False),
    ([acts.Fail(529, retry_after=3)], True),
    ([acts.Fail(502, body="<h1>Bad gateway</h1>")], True),
    ([acts.Head({"x-a": "b"}, status=203), Text("x")], True),
    ([Text("Half"), acts.Cut("end")], True),
    ([Text("Half"), acts.Cut("close")], True),
    ([Text("Half"), acts.Cut("half_chunk")], True),
    ([Text("Half"), acts.Cut("half_chunk", after_bytes=700)], True),
    ([Text("Half"), acts.Cut("reset")], True),
    ([Text("Half"), acts.Cut("close", after_bytes=30)], False),
    ([acts.Garbage(200), acts.Cut()], True),
    ([acts.Bytes(b"\xff\r\x00\n\n \n"), acts.Bytes(b"data: x"), acts.Cut()], True),
    ([acts.Error()], True),
]


@pytest.mark.parametrize(("script", "stream"), SCRIPTS)
def test_a_recording_replays_byte_for_byte_and_chunk_for_chunk(
    sim: Simulator,
    recorder: Recorder,
    tmp_path: Path,
    body: Body,
    script: list[acts.Act],
    stream: bool,
) -> None:
    asks = body(stream=stream or None)
    sim.script(script)
    through = asked(recorder, asks)
    sim.wait(1)
    recorder.stop()
    with Simulator(Replay(load_tapes(tmp_path))) as replayed:
        again = asked(replayed, asks)
    assert told(again) == told(through)
    assert through.chunks or through.announced == 0


def test_the_proxy_changes_nothing(sim: Simulator, recorder: Recorder, body: Body) -> None:
    with Simulator() as other:  # the same seed: the first reply of each is the same
        assert told(asked(recorder, body())) == told(asked(other, body()))


def test_time_is_kept(sim: Simulator, recorder: Recorder, body: Body) -> None:
    sim.script([acts.SlowHeaders(0.05), Text("a b c d", pace=Pace(50, first_token=0.05))])
    asked(recorder, body())
    tape = recorder.tapes[0]
    assert tape.head_after >= 0.045
    seconds = sum(chunk.after for chunk in tape.chunks)
    assert 0.05 + 3 * 0.02 - 0.01 <= seconds < 2


def test_nothing_secret_is_on_the_tape(
    sim: Simulator, recorder: Recorder, tmp_path: Path, body: Body
) -> None:
    sim.script(f"Your key is {KEY}, isn't it?")
    asked(recorder, body(f"My key is {KEY}"), x_api_key=KEY)
    text = next(tmp_path.glob("*.tape")).read_text()
    assert KEY not in text
    assert "[redacted]" in text
    assert sim.requests[0].headers["x-api-key"] == KEY


def test_contents_can_be_masked(sim: Simulator, tmp_path: Path, body: Body) -> None:
    sim.script("Attack at dawn.")
    asks = body("When do we attack?")
    with Recorder(sim.url, tmp_path, mask=True) as recorder:
        assert asked(recorder, asks).text == "Attack at dawn."
    text = next(tmp_path.glob("*.tape")).read_text().lower()
    assert "attack" not in text
    with Simulator(Replay(load_tapes(tmp_path))) as replayed:
        assert asked(replayed, asks).text == "xxxxxx xx xxxx."


def test_tapes_are_numbered_after_those_there(
    sim: Simulator, recorder: Recorder, tmp_path: Path, body: Body
) -> None:
    (tmp_path / "0007-x.tape").touch()
    asked(recorder, body())
    asked(recorder, None, path="/v1/models", method="GET")
    assert sorted(path.name for path in tmp_path.glob("*.tape")) == [
        "0007-x.tape",
        "0008-claude-sonnet-4-5.tape",
        "0009-models.tape",
    ]


def test_a_connection_is_used_again(sim: Simulator, recorder: Recorder, body: Body) -> None:
    wire = Wire(recorder)
    assert wire.send(body()).answer().status == 200
    assert wire.send(body()).send(body()).answer().status == 200
    assert wire.answer().status == 200
    wire.close()
    assert len(recorder.tapes) == 3


def test_a_client_that_leaves_stops_the_upstream(
    sim: Simulator, recorder: Recorder, body: Body
) -> None:
    sim.script(Text("word " * 1000, pace=Pace(200)))
    wire = Wire(recorder).send(body())
    wire.read_until(b"text_delta")
    wire.close()
    assert sim.wait(1, timeout=3)[0].ended == "client left"
    assert recorder.tapes == []


def test_an_upstream_that_is_not_there_is_a_502(tmp_path: Path, body: Body) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Recorder(f"http://127.0.0.1:{port}", tmp_path) as recorder:
        answer = asked(recorder, body())
    assert answer.status == 502
    assert "cannot reach" in answer.json["error"]["message"]


def test_an_upstream_that_says_nothing_is_a_502(
    sim: Simulator, recorder: Recorder, body: Body
) -> None:
    sim.script(acts.Refuse())
    assert asked(recorder, body()).status == 502
    assert recorder.tapes == []


@pytest.mark.parametrize("upstream", ["", "ftp://x", "api.anthropic.com"])
def test_an_upstream_is_a_url(upstream: str) -> None:
    with pytest.raises(ValueError, match="http or https URL"):
        Recorder(upstream)


def test_the_upstream_may_have_a_path(sim: Simulator, tmp_path: Path, body: Body) -> None:
    with Recorder(f"{sim.url}/v1/", tmp_path) as recorder:
        assert asked(recorder, body(), path="/messages?beta=true").status == 200
    assert (sim.requests[0].path, sim.requests[0].query) == ("/v1/messages", "beta=true")
    assert recorder.tapes[0].path == "/messages?beta=true"


def test_every_tape_is_told(sim: Simulator, tmp_path: Path, body: Body) -> None:
    names: list[str] = []
    with Recorder(sim.url, tmp_path, on_tape=lambda tape: names.append(tape.name)) as recorder:
        asked(recorder, body())
    assert names == ["0001-claude-sonnet-4-5.tape"]


def test_the_official_sdk_records_and_replays(
    sim: Simulator, recorder: Recorder, tmp_path: Path
) -> None:
    def poem(url: str) -> str:
        with (
            anthropic.Anthropic(base_url=url, api_key=KEY) as client,
            client.messages.stream(
                model="claude-sonnet-5-5",
                max_tokens=1024,
                messages=[{"role": "user", "content": "Write a short poem."}],
            ) as stream,
        ):
            return stream.get_final_text()

    first = poem(recorder.url)
    recorder.stop()
    with Simulator(Replay(load_tapes(tmp_path), speed=float("inf"))) as replayed:
        assert poem(replayed.url) == first


# -- replaying


@pytest.fixture
def replayed(sim: Simulator, tmp_path: Path, body: Body) -> Iterator[Simulator]:
    sim.script("one", "two")
    with Recorder(sim.url, tmp_path) as recorder:
        asked(recorder, body("1"))
        asked(recorder, body("2"))
    with Simulator(Replay(load_tapes(tmp_path))) as running:
        yield running


def test_a_request_that_was_not_recorded_hears_what_differs(
    replayed: Simulator, body: Body
) -> None:
    answer = asked(replayed, body("3 "))
    assert answer.status == 404
    assert answer.json["error"]["message"].startswith(
        "no tape fits this POST /v1/messages; the closest is 0001-claude-sonnet-4-5.tape, but "
        "body.messages[0].content: a text of 2 characters"
    )


def test_faults_can_be_queued_before_a_replay(replayed: Simulator, body: Body) -> None:
    replayed.script(acts.Fail(529))
    assert asked(replayed, body("1")).status == 529
    assert asked(replayed, body("1")).text == "one"


def test_no_key_is_needed_for_a_replay(replayed: Simulator, body: Body) -> None:
    connection = http.client.HTTPConnection(replayed.host, replayed.port, timeout=10)
    headers = {"anthropic-version": "2023-06-01"}
    connection.request("POST", "/v1/messages", json.dumps(body("2")), headers)
    assert b'"two"' in connection.getresponse().read()
    connection.close()


def test_ends_are_those_recorded(sim: Simulator, recorder: Recorder, body: Body) -> None:
    for how in ("end", "close", "half_chunk", "reset"):
        sim.script([Text("x"), acts.Cut(how)])  # type: ignore[arg-type]
        asked(recorder, body())
    assert [tape.fate for tape in recorder.tapes] == [
        Fate.END,
        Fate.CLOSE,
        Fate.HALF_CHUNK,
        Fate.RESET,
    ]
