"""The simulator as an ASGI app: alone, mounted, and behind a real server."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from tailrace.simulator import acts
from tailrace.simulator.acts import Cut, Fail, Text
from tailrace.simulator.asgi import BrokenReplyError, SimulatorApp
from tailrace.simulator.pace import Pace

HEADERS = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
ASKED: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 999,
    "messages": [{"role": "user", "content": "Hi"}],
}


def post(app: Any, path: str = "/v1/messages", **fields: Any) -> httpx2.Response:
    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://sim") as client:
            return await client.post(path, json={**ASKED, **fields}, headers=HEADERS)

    return asyncio.run(send())


def test_a_request_is_answered_without_a_socket() -> None:
    app = SimulatorApp("Hello")
    answer = post(app)
    assert answer.json()["content"] == [{"type": "text", "text": "Hello"}]
    assert answer.headers["request-id"].startswith("req_")
    assert (app.requests[0].status, app.requests[0].ended) == (200, "end")


def test_a_stream_is_answered() -> None:
    answer = post(SimulatorApp("Hello"), stream=True)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.text.rstrip().endswith("}")
    assert "message_stop" in answer.text


def test_scripts_and_checks_are_the_same() -> None:
    app = SimulatorApp("Hello")
    app.script(Fail(529))
    assert post(app).status_code == 529
    assert post(app, max_tokens=-1).json()["error"]["type"] == "invalid_request_error"
    assert post(app, path="/v1/nothing").status_code == 404
    assert app.wait(3)


def test_it_can_be_mounted() -> None:
    app = FastAPI()
    app.mount("/anthropic", SimulatorApp("Hello"))
    assert post(app, path="/anthropic/v1/messages").status_code == 200


@pytest.mark.parametrize("how", ["close", "half_chunk", "reset"])
def test_a_reply_that_breaks_off_is_an_exception(how: Any) -> None:
    app = SimulatorApp([Text("Half"), Cut(how)])
    with pytest.raises(BrokenReplyError, match=how):
        post(app, stream=True)
    assert app.requests[0].ended == how


def test_a_refused_request_is_an_exception_without_a_head() -> None:
    with pytest.raises(BrokenReplyError, match="reset"):
        run(SimulatorApp(acts.Refuse()), asks())


def test_the_official_sdk_talks_to_it_without_a_socket() -> None:
    async def main() -> str:
        transport = httpx2.ASGITransport(app=SimulatorApp("Hello"))
        async with (
            httpx2.AsyncClient(transport=transport) as http,
            anthropic.AsyncAnthropic(base_url="http://sim", api_key="k", http_client=http) as asks,
            asks.messages.stream(**ASKED) as stream,
        ):
            return await stream.get_final_text()

    assert asyncio.run(main()) == "Hello"


# -- by hand, as a server calls it


def scope(**fields: Any) -> dict[str, Any]:
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/messages",
        "headers": headers,
        "query_string": b"",
        **fields,
    }


def run(app: SimulatorApp, *messages: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope(**fields), receive, send))
    return sent


def asks(**fields: Any) -> dict[str, Any]:
    import json

    return {"type": "http.request", "body": json.dumps({**ASKED, **fields}).encode()}


LEAVES = {"type": "http.disconnect"}


def test_a_client_that_leaves_ends_the_reply() -> None:
    app = SimulatorApp([Text("Hello"), acts.Stall()])
    sent = run(app, asks(stream=True), LEAVES)
    assert all(message["type"] != "http.response.body" or message["more_body"] for message in sent)
    assert app.requests[0].ended == "client left"


def test_a_client_that_leaves_before_it_has_asked_is_no_request() -> None:
    app = SimulatorApp("Hello")
    assert run(app, {**asks(), "more_body": True}, LEAVES) == []
    assert app.requests == []


def test_a_body_too_large_is_refused() -> None:
    body = {"type": "http.request", "body": b"x" * (1 << 24), "more_body": True}
    assert run(SimulatorApp("Hello"), body, body, body)[0]["status"] == 413


def test_the_lifespan_is_lived() -> None:
    app = SimulatorApp()
    sent = run(app, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}, type="lifespan")
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


# -- behind uvicorn


@pytest.fixture
def served() -> Iterator[tuple[SimulatorApp, str]]:
    app = SimulatorApp(Text("word " * 500, pace=Pace(500)))
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    yield app, f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    bound.close()


def test_streams_through_a_real_server(served: tuple[SimulatorApp, str]) -> None:
    app, url = served
    app.script("Hello", [Text("Half"), Cut("close")])
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        with client.messages.stream(**ASKED) as stream:
            assert stream.get_final_text() == "Hello"
        with (
            client.messages.stream(**ASKED) as stream,
            pytest.raises(httpx2.RemoteProtocolError),
        ):
            stream.until_done()
        with client.messages.stream(**ASKED) as stream:
            assert next(iter(stream.text_stream)) == "word"
    assert app.wait(3)[2].ended == "client left"
