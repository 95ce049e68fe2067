"""Over real sockets: chunks, ends, connections (test_every_act.py has the acts one by one)."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.corpus import ROOT, Recording

from tailrace.simulator import acts
from tailrace.simulator.acts import Text
from tailrace.simulator.answers import recordings
from tailrace.simulator.pace import Pace
from tailrace.simulator.server import listen
from tailrace.simulator.simulator import Simulator

Ask = Callable[..., Any]
Body = Callable[..., dict[str, Any]]
Connect = Callable[[], Any]

START = {"type": "message_start", "message": {"usage": {}}}


def test_one_event_is_one_chunk(sim: Simulator, ask: Ask) -> None:
    sim.script(Text("Hello, world!"))
    answer = ask()
    assert answer.status == 200
    assert answer.text == "Hello, world!"
    assert all(chunk.endswith(b"\n\n") and chunk.count(b"\n\n") == 1 for chunk in answer.chunks)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["request-id"].startswith("req_")
    assert "anthropic-organization-id" in answer.headers
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "4000"
    assert answer.ended == "end"


def test_bytes_without_framing_break_the_framing(sim: Simulator, ask: Ask) -> None:
    sim.script([acts.Bytes(b"zzz\r\n", framing=False), acts.Cut("close")])
    with pytest.raises(ValueError, match="zzz"):
        ask()


@pytest.mark.parametrize(
    ("how", "ended"), [("end", "end"), ("close", "eof"), ("reset", "reset"), ("half_chunk", "eof")]
)
@pytest.mark.parametrize("place", [{}, {"after_events": 3}, {"after_bytes": 300}])
def test_every_cut_at_every_place(
    sim: Simulator, ask: Ask, how: Any, ended: str, place: dict[str, int]
) -> None:
    sim.script([Text("one two three four five"), acts.Cut(how, **place), Text("never")])
    answer = ask()
    assert answer.ended == ended
    assert "message_stop" not in answer.kinds
    if "after_bytes" in place:
        assert len(answer.body) == 300
    elif "after_events" in place:
        assert len(answer.events) == 3
    assert sim.wait(1)[0].ended == how


def test_half_a_chunk_was_announced_longer(sim: Simulator, ask: Ask) -> None:
    sim.script([acts.Cut("half_chunk", after_bytes=500), Text("x " * 100)])
    answer = ask()
    assert 0 < len(answer.chunks[-1]) < answer.announced


def test_a_stall_holds_until_the_client_leaves(
    sim: Simulator, connect: Connect, body: Body
) -> None:
    sim.script([Text("x"), acts.Stall()])
    wire = connect().send(body())
    assert b"content_block_stop" in wire.read_until(b"content_block_stop")
    assert sim.requests[0].ended is None
    wire.close()
    assert sim.wait(1)[0].ended == "client left"


@pytest.mark.parametrize(
    ("act", "sizes"),
    [
        (acts.Split(7), {7}),
        (acts.Split((2, 4)), {2, 3, 4}),
    ],
)
def test_split_into_sizes(sim: Simulator, ask: Ask, act: acts.Act, sizes: set[int]) -> None:
    sim.script([acts.Recording(b"x" * 700), act])
    assert {len(chunk) for chunk in ask().chunks[:-1]} == sizes


def test_events_together(sim: Simulator, ask: Ask) -> None:
    sim.script([Text("a b c d"), acts.Together(4)])
    counts = [chunk.count(b"\n\n") for chunk in ask().chunks]
    assert counts == [4, 4, 2]


def test_an_http_failure(sim: Simulator, ask: Ask) -> None:
    sim.script(acts.Fail(529, retry_after=2))
    answer = ask()
    assert (answer.status, answer.headers["retry-after"]) == (529, "2")
    assert answer.json["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert answer.json["request_id"] == answer.headers["request-id"]


@pytest.mark.parametrize("drip", [True, False])
def test_slow_headers_arrive(sim: Simulator, ask: Ask, drip: bool) -> None:
    sim.script([acts.SlowHeaders(0.05, drip=drip), Text("x")])
    assert ask().text == "x"
    assert (sim.wait(1)[0].chunks > 100) is drip


def test_refused_connections_are_reset(sim: Simulator, connect: Connect, body: Body) -> None:
    sim.script(acts.Refuse(2), "Hello")
    for _ in range(2):
        with pytest.raises(ConnectionResetError):  # while it connects, or when it reads
            connect().socket.recv(1)
    assert connect().send(body()).answer().text == "Hello"


def test_a_connection_made_before_is_refused_too(
    sim: Simulator, connect: Connect, body: Body
) -> None:
    wire = connect()
    assert wire.send(body()).answer().status == 200
    sim.script(acts.Refuse(2), "Hello")
    answer = wire.send(body()).answer()
    assert (answer.status, answer.ended) == (0, "reset")
    with pytest.raises(ConnectionResetError):
        connect().socket.recv(1)
    assert connect().send(body()).answer().text == "Hello"


def test_while_it_is_down_no_one_listens(sim: Simulator, ask: Ask) -> None:
    with sim.down(), pytest.raises(ConnectionRefusedError):
        socket.create_connection((sim.host, sim.port))
    assert ask().status == 200


# -- connections


def test_a_connection_is_used_again(sim: Simulator, connect: Connect, body: Body) -> None:
    wire = connect()
    texts = []
    for text in ("one", "two", "three"):
        sim.script(text)
        texts.append(wire.send(body()).answer().text)
    assert texts == ["one", "two", "three"]
    assert wire.send(body(stream=None)).answer().json["type"] == "message"
    assert wire.send(body(max_tokens=None)).answer().status == 400
    assert {one.connection for one in sim.requests} == {1}


def test_replies_leave_without_nagles_algorithm() -> None:
    listening = listen("127.0.0.1", 0)
    assert listening.proto == socket.IPPROTO_TCP
    listening.close()


def test_requests_sent_at_once_are_answered_in_order(
    sim: Simulator, connect: Connect, body: Body
) -> None:
    sim.script("one", "two")
    wire = connect().send(body()).send(body())
    assert [wire.answer().text, wire.answer().text] == ["one", "two"]


def test_a_client_may_close_after_the_answer(sim: Simulator, connect: Connect, body: Body) -> None:
    wire = connect().send(body(), connection="close")
    answer = wire.answer()
    assert answer.headers["connection"] == "close"
    assert not wire.more()
    assert wire.ended == "eof"


def test_the_script_stops_when_the_client_leaves(
    sim: Simulator, connect: Connect, body: Body
) -> None:
    sim.script(Text("word " * 1000, pace=Pace(200)))
    wire = connect().send(body())
    wire.read_until(b"text_delta")
    wire.close()
    received = sim.wait(1, timeout=3)[0]
    assert received.ended == "client left"
    assert received.chunks < 900


def test_a_slow_reader_gets_everything(sim: Simulator, connect: Connect, body: Body) -> None:
    sim.script([acts.Recording(b"data: " + b"x" * 1_000_000 + b"\n\n")] * 20)
    wire = connect().send(body())
    wire.read_until(b"x" * 1000)
    assert sim.requests[0].chunks < 20  # the sockets' buffers do not hold it all
    assert len(wire.answer().body) == 20 * 1_000_008


def test_a_reset_comes_after_the_last_byte(sim: Simulator, connect: Connect, body: Body) -> None:
    data = b"data: " + b"x" * 3_000_000 + b"\n\n"
    sim.script([acts.Recording(data), acts.Cut("reset")])
    answer = connect().send(body()).answer()
    assert (len(answer.body), answer.ended) == (len(data), "reset")


def test_a_body_too_large_hears_why(sim: Simulator, connect: Connect) -> None:
    wire = connect()
    data = b"x" * (32 * 1024 * 1024 + 1)
    sender = threading.Thread(target=wire.send, args=(data,))
    sender.start()
    answer = wire.answer()
    sender.join()
    assert answer.status == 413
    assert answer.json["error"] == {
        "type": "request_too_large",
        "message": "Request exceeds the maximum size",
    }
    assert sim.requests[0].path == "/v1/messages"


def test_a_client_that_asks_first_is_told_to_continue(sim: Simulator, connect: Connect) -> None:
    wire = connect()
    wire.socket.sendall(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
    assert wire.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_what_is_no_http_is_refused(connect: Connect) -> None:
    wire = connect()
    wire.socket.sendall(b"\x16\x03\x01 TLS?\r\n\r\n")
    assert wire.answer().status == 400


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"x_api_key": ""}, 401),
        ({"path": "/v2"}, 404),
        ({"method": "PUT"}, 405),
        ({"anthropic_version": ""}, 400),
    ],
)
def test_refusals_have_the_official_body(ask: Ask, options: dict[str, str], status: int) -> None:
    answer = ask(**options)
    assert answer.status == status
    assert answer.json["type"] == "error"
    assert answer.json["request_id"] == answer.headers["request-id"]


def test_a_function_that_fails_is_a_500(sim: Simulator, ask: Ask) -> None:
    def fails(asked: object) -> str:
        raise KeyError("gone")

    sim.script(fails)
    answer = ask()
    assert answer.status == 500
    assert answer.json["error"]["message"] == "the simulator's answer failed: KeyError: 'gone'"
    assert ask().status == 200


def test_a_template_that_fails_in_the_stream_is_a_reset(sim: Simulator, ask: Ask) -> None:
    sim.script([Text("x"), acts.Template("{{nmae}}")])
    assert ask().ended == "reset"


def test_many_streams_at_once(sim: Simulator, connect: Connect, body: Body) -> None:
    sim.answer_with(Text("word " * 50, pace=Pace(1000, jitter=1.0)))
    wires = [connect().send(body()) for _ in range(50)]
    assert {wire.answer().text for wire in wires} == {"word " * 50}


def test_every_recorded_stream_is_sent_as_recorded(
    corpus: tuple[Recording, ...], body: Body, connect: Connect, sim: Simulator
) -> None:
    wire = connect()
    for recording in corpus:
        sim.script(recording.body)
        assert wire.send(body()).answer().body == recording.body, recording.name


def test_every_recorded_stream_is_a_message_without_streaming(
    corpus: tuple[Recording, ...], body: Body, connect: Connect, sim: Simulator
) -> None:
    wire = connect()
    for recording in corpus:
        sim.script(recording.body)
        message = wire.send(body(stream=None)).answer().json
        assert message["type"] == "message", recording.name
        assert all(isinstance(block.get("input", {}), dict) for block in message["content"])


def test_a_folder_of_recordings_plays_in_order(
    corpus: tuple[Recording, ...], body: Body, connect: Connect, sim: Simulator
) -> None:
    sim.answer_with(recordings(ROOT))
    paths = sorted(ROOT.rglob("*.sse"))
    wire = connect()
    for path in paths[:20]:
        assert wire.send(body()).answer().body == path.read_bytes()
    assert len(paths) == len(corpus)


def test_bodies_are_kept_for_assertions(sim: Simulator, ask: Ask, body: Body) -> None:
    ask(body("Secret plans"), x_api_key="sk-secret")
    received = sim.wait(1)[0]
    assert received.body["messages"][0]["content"] == "Secret plans"
    assert received.ask.user == "Secret plans"
    assert received.headers["X-Api-Key"] == "sk-secret"
    assert received.status == 200
    assert received.time > 10**9
    assert "secret" not in (repr(received) + repr(received.headers)).lower()


def test_a_body_that_is_no_json_is_kept_as_it_came(sim: Simulator, ask: Ask) -> None:
    assert ask(b"{").status == 400
    assert sim.requests[0].content == b"{"
    with pytest.raises(ValueError, match="truncated"):
        _ = sim.requests[0].body
