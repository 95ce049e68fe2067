"""The six patterns people know from guides to the official SDK, with only the import changed.

Each pattern is written as guides write it. Where `anthropic` is a parameter the test runs with the
official SDK as well and expects the same of it; the others show what it does not do.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

import tailrace
from tailrace.simulator import Cut, Error, Fail, Head, Simulator, Stop, Text, ToolUse

PIECES = ["Two", " doors,", "\none", " key."]
POEM = "".join(PIECES)
ONLY_ONCE = {"x-should-retry": "false"}

SIX_EVENTS = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
]


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulator that answers with the poem, and the environment that leads to it."""
    with Simulator([Text(pieces=PIECES)]) as simulator:
        monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
        for name, value in simulator.environment.items():
            monkeypatch.setenv(name, value)
        yield simulator


@pytest.fixture(params=["tailrace", "anthropic"])
def anthropic(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip(request.param)


# -- 1: the context manager ------------------------------------------------------------------------


def test_the_context_manager(
    anthropic: Any, sim: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    client = anthropic.Anthropic()

    with client.messages.stream(
        model="claude-sonnet-4-6",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Write a short poem about APIs."}],
    ) as stream:
        for text in stream.text_stream:
            print(text, end="", flush=True)

    # After the stream closes, get the full Message with usage stats
    message = stream.get_final_message()
    print(f"\n\nInput tokens: {message.usage.input_tokens}")
    print(f"Output tokens: {message.usage.output_tokens}")

    assert capsys.readouterr().out == f"{POEM}\n\nInput tokens: 14\nOutput tokens: 7\n"
    assert message.content[0].text == POEM
    assert (message.stop_reason, message.role, message.model) == (
        "end_turn",
        "assistant",
        "claude-sonnet-4-6",
    )
    (request,) = sim.requests
    assert request.body["stream"] is True
    client.close()


def test_text_stream_gives_only_the_new_characters(anthropic: Any, sim: Simulator) -> None:
    with (
        anthropic.Anthropic() as client,
        client.messages.stream(
            model="claude-sonnet-4-6",
            max_tokens=1024,
            messages=[{"role": "user", "content": "Write a short poem about APIs."}],
        ) as stream,
    ):
        assert list(stream.text_stream) == PIECES


def test_the_block_closes_the_connection_if_the_loop_raises(anthropic: Any, sim: Simulator) -> None:
    streams: list[Any] = []

    def use(client: Any) -> None:
        with client.messages.stream(
            model="claude-sonnet-4-6",
            max_tokens=1024,
            messages=[{"role": "user", "content": "Hello"}],
        ) as stream:
            streams.append(stream)
            for _text in stream.text_stream:
                raise ZeroDivisionError

    with anthropic.Anthropic() as client, pytest.raises(ZeroDivisionError):
        use(client)
    assert streams[0].response.is_closed


# -- 2: raw events ---------------------------------------------------------------------------------


def test_raw_events(anthropic: Any, sim: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    client = anthropic.Anthropic()
    seen: list[str] = []

    with client.messages.create(
        model="claude-sonnet-4-6",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Explain rate limiting in one paragraph."}],
        stream=True,
    ) as stream:
        for event in stream:
            print(event.type, event)
            seen.append(event.type)

    assert list(dict.fromkeys(seen)) == SIX_EVENTS
    assert seen.count("content_block_delta") == len(PIECES)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == seen
    assert all("Event(" in line for line in lines)
    client.close()


def test_text_is_in_the_text_deltas(anthropic: Any, sim: Simulator) -> None:
    with anthropic.Anthropic() as client:
        stream = client.messages.create(
            model="claude-sonnet-4-6",
            max_tokens=1024,
            messages=[{"role": "user", "content": "Hello"}],
            stream=True,
        )
        texts = [
            event.delta.text
            for event in stream
            if event.type == "content_block_delta" and event.delta.type == "text_delta"
        ]
    assert texts == PIECES


def test_the_start_has_placeholders_and_the_end_the_numbers(anthropic: Any, sim: Simulator) -> None:
    with anthropic.Anthropic() as client:
        stream = client.messages.create(
            model="claude-sonnet-4-6",
            max_tokens=1024,
            messages=[{"role": "user", "content": "Hello"}],
            stream=True,
        )
        events = {event.type: event for event in stream}
    assert events["message_start"].message.content == []
    assert events["message_delta"].delta.stop_reason == "end_turn"
    assert events["message_delta"].usage.output_tokens == 7


# -- 3: asyncio ------------------------------------------------------------------------------------


def test_asyncio(anthropic: Any, sim: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    async def stream_response() -> None:
        client = anthropic.AsyncAnthropic()
        async with client.messages.stream(
            model="claude-sonnet-4-6",
            max_tokens=1024,
            messages=[{"role": "user", "content": "Hello"}],
        ) as stream:
            async for text in stream.text_stream:
                print(text, end="", flush=True)

        message = await stream.get_final_message()
        print(f"\nTokens used: {message.usage.output_tokens}")
        await client.close()

    asyncio.run(stream_response())
    assert capsys.readouterr().out == f"{POEM}\nTokens used: 7\n"


# -- 4: a FastAPI route ----------------------------------------------------------------------------


@contextmanager
def served(app: FastAPI) -> Iterator[http.client.HTTPConnection]:
    """The application on a free port, in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        yield connection
    finally:
        connection.close()
        server.should_exit = True
        thread.join()


def test_a_fastapi_route(anthropic: Any, sim: Simulator) -> None:
    app = FastAPI()
    client = anthropic.AsyncAnthropic()

    @app.get("/stream")
    async def stream_claude() -> StreamingResponse:
        async def generate() -> Any:
            async with client.messages.stream(
                model="claude-sonnet-4-6",
                max_tokens=512,
                messages=[{"role": "user", "content": "Tell me something interesting."}],
            ) as stream:
                async for text in stream.text_stream:
                    yield text
            await client.close()

        return StreamingResponse(generate(), media_type="text/plain")

    with served(app) as connection:
        connection.request("GET", "/stream")
        assert connection.getresponse().read().decode() == POEM


# -- 5: tool use -----------------------------------------------------------------------------------


def test_tool_use(anthropic: Any, sim: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    sim.script([Text("Let me look. "), ToolUse("get_weather", {"city": "Paris"}, fragment=5)])
    client = anthropic.Anthropic()

    tool_input_parts = []
    current_block_type = None
    stop_reason = None

    with client.messages.create(
        model="claude-sonnet-4-6",
        max_tokens=1024,
        tools=[
            {
                "name": "get_weather",
                "description": "Get current weather for a city.",
                "input_schema": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                },
            }
        ],
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        stream=True,
    ) as stream:
        for event in stream:
            if event.type == "content_block_start":
                current_block_type = event.content_block.type
            elif event.type == "content_block_delta":
                if current_block_type == "tool_use":
                    tool_input_parts.append(event.delta.partial_json)
                elif current_block_type == "text":
                    print(event.delta.text, end="", flush=True)
            elif event.type == "message_delta":
                stop_reason = event.delta.stop_reason

    if tool_input_parts:
        tool_input = json.loads("".join(tool_input_parts))
        print(f"\nTool called with input: {tool_input}")

    expected = "Let me look. \nTool called with input: {'city': 'Paris'}\n"
    assert capsys.readouterr().out == expected
    assert stop_reason == "tool_use"
    assert len(tool_input_parts) > 2
    client.close()


def test_text_stream_skips_tool_use(anthropic: Any, sim: Simulator) -> None:
    sim.script([Text("Look:"), ToolUse("get_weather", {"city": "Paris"}), Stop("tool_use")])
    with (
        anthropic.Anthropic() as client,
        client.messages.stream(
            model="claude-sonnet-4-6",
            max_tokens=1024,
            messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        ) as stream,
    ):
        assert "".join(stream.text_stream) == "Look:"
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    assert message.content[1].input == {"city": "Paris"}


# -- 6: errors -------------------------------------------------------------------------------------


def handle(anthropic: Any, **options: Any) -> None:
    client = anthropic.Anthropic(**options)

    try:
        with client.messages.stream(
            model="claude-sonnet-4-6",
            max_tokens=1024,
            messages=[{"role": "user", "content": "Hello"}],
        ) as stream:
            for text in stream.text_stream:
                print(text, end="", flush=True)
    except anthropic.RateLimitError as e:
        print(f"Rate limited (429): {e}. Back off and retry.")
    except anthropic.APIStatusError as e:
        if e.status_code == 529:
            print("Claude is overloaded. Retry with exponential backoff.")
        else:
            print(f"API error {e.status_code}: {e.message}")
    except anthropic.APIConnectionError as e:
        print(f"Connection lost during stream: {e}")
    client.close()


BODY = "Error code: {} - {{'type': 'error', 'error': {{'type': '{}', 'message': 'No.'}}, "


@pytest.mark.parametrize(
    ("fault", "printed"),
    [
        (
            Fail(429, message="No.", headers=ONLY_ONCE),
            f"Rate limited (429): {BODY.format(429, 'rate_limit_error')}",
        ),
        (Fail(529, headers=ONLY_ONCE), "Claude is overloaded. Retry with exponential backoff."),
        (
            Fail(400, message="No."),
            f"API error 400: {BODY.format(400, 'invalid_request_error')}",
        ),
    ],
    ids=["429", "529", "400"],
)
def test_errors_before_the_stream(
    anthropic: Any, sim: Simulator, capsys: pytest.CaptureFixture[str], fault: Fail, printed: str
) -> None:
    sim.script(fault)
    handle(anthropic)
    assert capsys.readouterr().out.startswith(printed)


def test_an_error_event_in_the_middle_is_an_api_status_error(
    anthropic: Any, sim: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    sim.script([Text("Half"), Error("api_error", "No.")])
    handle(anthropic, max_retries=0)  # else Tailrace may repeat it: nothing was handed on yet
    out = capsys.readouterr().out
    assert out.startswith("HalfAPI error 200: {'type': 'error', 'error': {'type': 'api_error', ")


def test_an_unreachable_api_is_a_connection_error(
    anthropic: Any, sim: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    with sim.down():
        handle(anthropic, max_retries=0)
    assert capsys.readouterr().out.startswith("Connection lost during stream: Connection error")


@pytest.mark.parametrize("how", ["close", "half_chunk", "end"])
def test_a_dropped_connection_is_a_connection_error(
    sim: Simulator, capsys: pytest.CaptureFixture[str], how: Any
) -> None:
    sim.script([Text("Half"), Cut(how)])
    handle(tailrace)
    out = capsys.readouterr().out
    assert out.startswith("HalfConnection lost during stream: The reply was cut: ")


def test_faults_before_the_first_word_are_repeated(
    sim: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    at_once = {"retry-after-ms": "1"}
    sim.script(Fail(529, headers=at_once), [Head(at_once), Error("overloaded_error")])
    handle(tailrace)
    assert capsys.readouterr().out == POEM
    assert len(sim.requests) == 3
