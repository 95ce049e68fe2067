"""Cassettes and HAR files as tapes."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tailrace.simulator.foreign import load_foreign
from tailrace.simulator.replay import Replay, load_tapes
from tailrace.simulator.simulator import Simulator
from tailrace.simulator.tape import Tape, TapeError

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
STREAM = PING + STOP
CASSETTE = r"""
interactions:
- request:
    body: '{"model":"m","stream":true,"messages":[]}'
    headers:
      X-Api-Key:
      - sk-ant-api03-very-secret-key
      anthropic-version:
      - '2023-06-01'
    method: POST
    uri: https://api.anthropic.com/v1/messages?beta=true
  response:
    body:
      string: "event: ping\ndata: {\"type\": \"ping\"}\n\nevent: message_stop\ndata: {\"type\":\"\
        message_stop\"}\n\n"
    headers:
      Content-Type:
      - text/event-stream; charset=utf-8
      Transfer-Encoding:
      - chunked
      request-id:
      - req_1
    status:
      code: 200
      message: OK
version: 1
"""


def checked(tape: Tape) -> None:
    assert (tape.method, tape.status, tape.json["model"]) == ("POST", 200, "m")
    assert [chunk.data for chunk in tape.chunks] == [PING, STOP]
    assert "very-secret" not in str(tape.request_headers)
    assert not tape.sized
    assert ("request-id", "req_1") in tape.headers
    assert "transfer-encoding" not in dict(tape.headers)


def test_a_cassette_in_yaml() -> None:
    tape = load_foreign(CASSETTE, "c.yaml")[0]
    checked(tape)
    assert (tape.path, tape.name) == ("/v1/messages?beta=true", "c.yaml#1")


def interaction(string: Any, **headers: str) -> dict[str, Any]:
    return {
        "request": {"method": "POST", "uri": "http://x/v1/messages", "body": "{}", "headers": {}},
        "response": {
            "status": {"code": 200},
            "headers": {name.replace("_", "-"): [value] for name, value in headers.items()},
            "body": {"string": string},
        },
    }


def test_a_cassette_in_json() -> None:
    text = json.dumps({"interactions": [interaction('{"a": 1}'), interaction("")], "version": 1})
    first, second = load_foreign(text)
    assert (first.body, first.sized, first.response().length) == (b'{"a": 1}', True, 8)
    assert second.chunks == ()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_body_is_unpacked(coding: str) -> None:
    import zlib

    packed = gzip.compress(STREAM) if coding == "gzip" else zlib.compress(STREAM)
    data = base64.encodebytes(packed).decode().replace("\n", "\n          ").rstrip()
    text = CASSETTE[: CASSETTE.index("      string:")] + (
        f"      string: !!binary |\n          {data}\n"
        f"    headers:\n      content-encoding:\n      - {coding}\n"
        "      content-type:\n      - text/event-stream\n"
    )
    tape = load_foreign(text)[0]
    assert tape.body == STREAM
    assert "content-encoding" not in dict(tape.headers)


def test_what_cannot_be_unpacked_is_refused() -> None:
    text = json.dumps({"interactions": [interaction("\x1b", content_encoding="br")]})
    with pytest.raises(TapeError, match="c: its body is compressed with br"):
        load_foreign(text, "c")


def har(**content: Any) -> str:
    entry = {
        "request": {
            "method": "POST",
            "url": "https://api.anthropic.com/v1/messages",
            "headers": [
                {"name": ":authority", "value": "api.anthropic.com"},
                {"name": "Authorization", "value": "Bearer very-secret-token"},
            ],
            "postData": {"text": '{"model":"m","note":"very-secret-token"}'},
        },
        "response": {
            "status": 200,
            "headers": [
                {"name": "content-type", "value": "text/event-stream"},
                {"name": "request-id", "value": "req_1"},
            ],
            "content": content,
        },
        "timings": {"wait": 250, "receive": 500, "send": -1},
    }
    return json.dumps({"log": {"entries": [entry]}})


@pytest.mark.parametrize(
    "content",
    [
        {"text": STREAM.decode()},
        {"text": base64.b64encode(STREAM).decode(), "encoding": "base64"},
    ],
)
def test_a_har_file(content: dict[str, str]) -> None:
    tape = load_foreign(har(**content), "h.har")[0]
    checked(tape)
    assert tape.head_after == 0.25
    assert [chunk.after for chunk in tape.chunks] == [0.25, 0.25]
    assert b"very-secret" not in tape.request_body
    assert dict(tape.request_headers) == {"authorization": "[redacted]"}


@pytest.mark.parametrize("text", ["{}", '{"log": {}', "a: 1\nb", "a: 1"])
def test_what_is_neither_is_an_error(text: str) -> None:
    with pytest.raises(TapeError, match=r"^f: "):
        load_foreign(text, "f")


def test_a_folder_may_hold_all_of_them(tmp_path: Path, connect: Any) -> None:
    (tmp_path / "a.har").write_text(har(text=STREAM.decode()))
    (tmp_path / "b.yaml").write_text(CASSETTE)
    (tmp_path / "notes.txt").write_text("no tape")
    tapes = load_tapes(tmp_path)
    assert [tape.name for tape in tapes] == ["a.har#1", "b.yaml#1"]
    assert load_tapes(tmp_path / "b.yaml")[0].name == "b.yaml#1"
    from tests.simulator.conftest import Wire

    with Simulator(Replay(tapes, match="loose")) as sim:
        wire = Wire(sim)
        answer = wire.send({"stream": True, "model": "m"}, path="/v1/messages").answer()
        wire.close()
    assert answer.body == STREAM
