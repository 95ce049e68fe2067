"""The official Python SDK and Tailrace, side by side: the same replies read to the same end.

Two simulators with one seed answer alike, to the byte; one is read by each client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

import anthropic
import pytest

import tailrace
from tailrace.simulator import (
    Cut,
    Error,
    Fail,
    Ping,
    RedactedThinking,
    ServerTool,
    Simulator,
    Split,
    Stop,
    Text,
    Thinking,
    ToolUse,
)

ASKED: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Write a short poem about APIs."}],
}
SAID_BEFORE = [
    {"role": "user", "content": "Remember 7."},
    {"role": "assistant", "content": [{"type": "text", "text": "I will."}]},
    {"role": "user", "content": [{"type": "text", "text": "What was it?"}]},
]
CITATION = {
    "type": "char_location",
    "cited_text": "seven",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 5,
    "file_id": None,
}

SCRIPTS: dict[str, Any] = {
    "the standing answer": None,
    "text": "Grüße, Jürgen 👋",
    "pings": [Ping(2), Text("Slow"), Ping()],
    "thinking": [Thinking("Hm.", "sig"), Text("Yes.")],
    "redacted thinking": [RedactedThinking("abc"), Text("Yes.")],
    "citations": [Text("Seven.", citations=[CITATION])],
    "tools": [
        Text("Let me see."),
        ToolUse("f", {"city": "Paris", "deep": {"list": [1, 2.5, None]}}),
        ToolUse("g", {}),
    ],
    "a server's tool": [
        ServerTool("web_search", {"query": "APIs"}, result=[], id="srvtoolu_1"),
        Text("Nothing."),
    ],
    "cut up": [Split((1, 5)), Text("Pieces of a reply, smaller than its words.")],
    "max_tokens": [Text("It goes on and"), Stop("max_tokens")],
    "a stop sequence": [Text("One, two"), Stop("stop_sequence", "three")],
    "a refusal": [Stop("refusal")],
    "a reason of tomorrow": [Text("Hm"), Stop("brand_new_reason")],
}
FAILURES: dict[str, Any] = {
    "400": Fail(400, message="messages: too many of them"),
    "401": Fail(401),
    "404": Fail(404),
    "413": Fail(413),
    "429": Fail(429),
    "500": Fail(500),
    "529": Fail(529),
    "a page of HTML": Fail(502, body="<html>Bad gateway</html>"),
}


class Told(NamedTuple):
    """What a client made of a reply."""

    kinds: list[str]
    wire_events: list[Any]
    text: str
    message: dict[str, Any]
    request_id: str | None


@pytest.fixture
def sims() -> Iterator[tuple[Simulator, Simulator]]:
    with Simulator(seed=7) as one, Simulator(seed=7) as other:
        yield one, other


def played(sims: tuple[Simulator, Simulator], script: Any, times: int = 1) -> list[str]:
    """The addresses of both simulators, the script queued in each."""
    for sim in sims:
        if script is not None:
            sim.script(*[script] * times)
    return [sim.url for sim in sims]


def read(package: Any, url: str, **asked: Any) -> Told:
    """Everything that a synchronous client of a package says of a reply; it is asked thrice."""
    with package.Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        with client.messages.stream(**ASKED | asked) as stream:
            kinds = [event.type for event in stream]
            request_id = stream.request_id
            message = stream.get_final_message()
        with client.messages.stream(**ASKED | asked) as stream:
            text = "".join(stream.text_stream)
        with client.messages.create(stream=True, **ASKED | asked) as raw:
            wire_events = [event.to_dict() for event in raw]
    return Told(kinds, wire_events, text, message.to_dict(), request_id)


async def aread(package: Any, url: str, **asked: Any) -> Told:
    async with package.AsyncAnthropic(base_url=url, api_key="k", max_retries=0) as client:
        async with client.messages.stream(**ASKED | asked) as stream:
            kinds = [event.type async for event in stream]
            request_id = stream.request_id
            message = await stream.get_final_message()
        async with client.messages.stream(**ASKED | asked) as stream:
            text = "".join([piece async for piece in stream.text_stream])
        async with await client.messages.create(stream=True, **ASKED | asked) as raw:
            wire_events = [event.to_dict() async for event in raw]
    return Told(kinds, wire_events, text, message.to_dict(), request_id)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_same_reply(sims: tuple[Simulator, Simulator], script: Any) -> None:
    theirs, ours = played(sims, script, times=3)
    official, told = read(anthropic, theirs), read(tailrace, ours)
    assert told.kinds == official.kinds
    assert told.wire_events == official.wire_events
    assert told.text == official.text
    assert told.message["usage"] == official.message["usage"]
    assert told.message == official.message
    assert told.request_id == official.request_id


@pytest.mark.parametrize("name", ["the standing answer", "tools", "thinking"])
def test_the_same_reply_to_async_clients(sims: tuple[Simulator, Simulator], name: str) -> None:
    theirs, ours = played(sims, SCRIPTS[name], times=3)
    official = asyncio.run(aread(anthropic, theirs))
    assert asyncio.run(aread(tailrace, ours)) == official


def test_the_same_whole_message(sims: tuple[Simulator, Simulator]) -> None:
    messages = []
    for package, url in zip((anthropic, tailrace), played(sims, SCRIPTS["tools"]), strict=True):
        with package.Anthropic(base_url=url, api_key="k") as client:
            messages.append(client.messages.create(**ASKED))
    official, told = messages
    assert told.to_dict() == official.to_dict()
    assert told._request_id == official._request_id


def test_the_same_count_of_tokens(sims: tuple[Simulator, Simulator]) -> None:
    counts = []
    for package, sim in zip((anthropic, tailrace), sims, strict=True):
        with package.Anthropic(base_url=sim.url, api_key="k") as client:
            counts.append(client.messages.count_tokens(model=ASKED["model"], messages=SAID_BEFORE))
    assert counts[0].input_tokens == counts[1].input_tokens > 0


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_the_same_error(sims: tuple[Simulator, Simulator], failure: Fail) -> None:
    errors: list[Any] = []
    for package, url in zip((anthropic, tailrace), played(sims, failure), strict=True):
        with (
            package.Anthropic(base_url=url, api_key="k", max_retries=0) as client,
            pytest.raises(package.APIStatusError) as caught,
        ):
            client.messages.create(stream=True, **ASKED)
        errors.append(caught.value)
    official, told = errors
    assert type(told).__name__ == type(official).__name__
    assert str(told) == str(official)
    for name in ("status_code", "type", "api_message", "body", "request_id", "error_code"):
        assert getattr(told, name) == getattr(official, name), name


def test_the_same_request(sims: tuple[Simulator, Simulator]) -> None:
    """But for what names the client, and the API's version and key, which divergences lists."""
    for package, sim in zip((anthropic, tailrace), sims, strict=True):
        with package.Anthropic(base_url=sim.url, api_key="k") as client:
            asked = {**ASKED, "messages": SAID_BEFORE, "system": "Be brief.", "tools": []}
            client.messages.create(**asked, extra_headers={"x-mine": "1"}, extra_query={"q": "ä b"})
    official, told = (sim.requests[0] for sim in sims)
    assert told.body == official.body
    assert told.path == official.path
    for name in ("x-mine", "content-type", "accept", "x-stainless-retry-count"):
        assert told.headers[name] == official.headers[name], name


# -- where they part ---------------------------------------------------------------------------


def test_a_cut_reply_is_whole_to_one_and_cut_to_the_other(
    sims: tuple[Simulator, Simulator],
) -> None:
    theirs, ours = played(sims, [Text("Half of a"), Cut("end")])
    with anthropic.Anthropic(base_url=theirs, api_key="k", max_retries=0) as official:  # noqa: SIM117
        with official.messages.stream(**ASKED) as stream:
            assert stream.get_final_text() == "Half of a"
    with tailrace.Anthropic(base_url=ours, api_key="k", max_retries=0) as client:  # noqa: SIM117
        with client.messages.stream(**ASKED) as stream:
            with pytest.raises(tailrace.StreamTruncatedError) as caught:
                stream.get_final_text()
    assert caught.value.partial is not None
    assert caught.value.partial.content[0].text == "Half of a"


def test_an_error_in_the_stream_has_the_class_of_its_type(
    sims: tuple[Simulator, Simulator],
) -> None:
    errors: list[Any] = []
    script = [Text("Half of a"), Error("overloaded_error")]
    for package, url in zip((anthropic, tailrace), played(sims, script), strict=True):
        with (
            package.Anthropic(base_url=url, api_key="k", max_retries=0) as client,
            client.messages.stream(**ASKED) as stream,
            pytest.raises(package.APIStatusError) as caught,
        ):
            stream.until_done()
        errors.append(caught.value)
    official, told = errors
    assert type(official) is anthropic.APIStatusError
    assert isinstance(told, tailrace.OverloadedError)
    assert told.status_code == official.status_code == 200
    assert str(told) == str(official)
