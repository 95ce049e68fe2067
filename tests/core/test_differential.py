"""The official package and this one read the same bytes, and say the same.

Every recorded stream goes through the official helper and through `Cursor`: the sequence of events
and the final message must be equal, key by key. Where they are not, the stream stands in
`DIVERGENCES`, under a name that `docs/divergences.md` explains, and is checked to differ.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import STOP, ends, opens, starts, text, tool
from tests.corpus import body as body_of

from tailrace.core.cursor import Cursor
from tailrace.core.errors import StreamProtocolError
from tailrace.core.framing import EventStreamDecoder
from tailrace.core.http import Response

DOCS = Path(__file__).parents[2] / "docs" / "divergences.md"

# Of these recordings the body goes on after `message_stop`, with further messages.
SEVERAL = (
    "programmatic-tool-calling-1-chunks-01",
    "tool-search-bm25-1-chunks-01",
    "tool-search-regex-1-chunks-01",
    "tool-search-deferred-bm25-chunks-01",
    "tool-search-deferred-regex-chunks-01",
)
DIVERGENCES = {
    **{f"vercel__ai/anthropic-{name}": "ends-at-message-stop" for name in SEVERAL},
    "vercel__ai/spliced-message-start-chunks-01": "spliced-message-start",
    "vercel__ai/anthropic-compaction-1-chunks-01": "compaction-encrypted-content-not-added",
    **{
        f"anthropics__anthropic-sdk-{name}/incomplete-partial-json-response-01": (
            "unfinished-tool-input-is-invalid-json"
        )
        for name in ("python", "typescript")
    },
}
# Of these the difference is in every stream that has such a value, and is smoothed over here.
EVERYWHERE = ("datetimes-stay-strings",)

Reading = tuple[list[Any], Any]


@pytest.fixture(scope="module")
def official() -> Iterator[Callable[..., Reading]]:
    """Reads a body as the official helper does, GA or beta."""
    anthropic = pytest.importorskip("anthropic", reason="the official package is not installed")
    httpx2 = pytest.importorskip("httpx2")
    answer: list[bytes] = []

    def respond(request: Any) -> Any:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, content=answer[-1])

    http_client = httpx2.Client(transport=httpx2.MockTransport(respond))
    client = anthropic.Anthropic(api_key="k", max_retries=0, http_client=http_client)

    def read(body: bytes, *, beta: bool) -> Reading:
        answer.append(body)
        messages = client.beta.messages if beta else client.messages
        turns = [{"role": "user", "content": "hi"}]
        with (
            warnings.catch_warnings(),
            messages.stream(model="m", max_tokens=9, messages=turns) as stream,
        ):
            warnings.simplefilter("ignore")  # pydantic's, of values it does not know
            events = [event.to_dict() for event in stream]
            return comparable(events), comparable(stream.get_final_message().to_dict())

    with http_client:
        yield read


def comparable(value: Any) -> Any:
    """Plain data; `datetimes-stay-strings`: the official package makes datetimes of some."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [comparable(item) for item in value]
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def ours(body: bytes) -> Reading:
    cursor = Cursor()
    cursor.response = Response(200)
    cursor.feed(EventStreamDecoder().feed(body))
    events = []
    while (event := cursor.next_event()) is not None:
        events.append(event.to_dict())
    assert cursor.accumulator.complete
    cursor.accumulator.finish()  # as at the clean end of a body
    message = cursor.accumulator.snapshot()
    assert message is not None
    return events, message.to_dict()


def test_every_recording_reads_the_same_or_is_a_named_divergence(corpus, official):
    differing = {}
    for recording in corpus:
        try:
            mine = ours(recording.body)
        except StreamProtocolError as error:
            differing[recording.name] = str(error)
            continue
        # The beta helper is asked where the GA one does not know what the stream has.
        if not any(mine == official(recording.body, beta=beta) for beta in (False, True)):
            differing[recording.name] = "differs"
    assert differing.keys() == DIVERGENCES.keys(), differing


def test_every_divergence_is_explained():
    explained = DOCS.read_text(encoding="utf-8")
    for name in {*DIVERGENCES.values(), *EVERYWHERE}:
        assert name in explained, f"{name} is missing in docs/divergences.md"


# -- what the divergences are ------------------------------------------------------------------


@pytest.fixture
def diverging(corpus, request) -> list[bytes]:
    """The bodies of the recordings with the divergence that the test is named after."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")
    found = [one.body for one in corpus if DIVERGENCES.get(one.name) == name]
    assert found
    return found


def test_ends_at_message_stop(diverging, official):
    for body in diverging:
        events, message = ours(body)
        theirs, _ = official(body, beta=True)
        # The first message is the same; the official helper goes on and mixes the next ones in.
        assert len(theirs) > len(events)
        assert theirs[: len(events) - 1] == events[:-1]
        assert events[-1]["message"] == message


def test_compaction_encrypted_content_not_added(diverging, official):
    for body in diverging:
        events, message = ours(body)
        theirs, their_message = official(body, beta=True)
        blocks = [event["content_block"] for event in theirs if "content_block" in event]
        blocks += theirs[-1]["message"]["content"] + their_message["content"]
        for block in blocks:
            if block["type"] == "compaction" and block.get("encrypted_content", 0) is None:
                del block["encrypted_content"]  # a field that the API did not send
        assert (events, message) == (theirs, their_message)


def test_spliced_message_start(diverging):
    for body in diverging:
        with pytest.raises(StreamProtocolError, match="second message_start") as caught:
            ours(body)
        assert caught.value.partial.content


def test_unfinished_tool_input_is_invalid_json(diverging, official):
    for body in diverging:
        events, message = ours(body)
        theirs, their_message = official(body, beta=False)
        assert message["stop_reason"] == "max_tokens"
        assert message["content"][1]["input"].keys() == {"INVALID_JSON"}
        assert their_message["content"][1]["input"].keys() == {"filename", "lines_of_text"}
        for one in (message, their_message, events[-1].get("message"), theirs[-1].get("message")):
            if one is not None:
                del one["content"][1]["input"]
        assert (events, message) == (theirs, their_message)


# -- streams that no recording has -------------------------------------------------------------

MADE = {
    "text to begin with": [
        starts(),
        opens(0, "text", text="Ah "),
        *text(0, "yes")[1:],
        ends(),
        STOP,
    ],
    "no content": [starts(), ends("refusal"), STOP],
    "tool without arguments": [starts(), *tool(0), *tool(1, ""), ends("tool_use"), STOP],
    "several tools": [starts(), *tool(0, '{"a"', ": [1,", " 2]}"), *tool(1, "{}"), ends(), STOP],
    "usage": [
        starts(usage={"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 5}),
        *text(0, "a"),
        ends(usage={"output_tokens": 2, "input_tokens": None, "cache_read_input_tokens": 7}),
        ends(usage={"output_tokens": 4, "server_tool_use": {"web_search_requests": 1}}),
        STOP,
    ],
    "pings and comments": [
        b": hello\n\n",
        starts(),
        b"event: ping\ndata: {}\n\n",
        *text(0, "a"),
        b": bye\n\n",
        ends(),
        STOP,
    ],
    "events of unknown names": [starts(), b'event: x\ndata: {"type":"message_stop"}\n\n'],
    "new fields": [
        {**starts(new={"a": 1}), "other": [1]},
        {**opens(0, "text", text="", new=1), "other": None},
        *text(0, "a")[1:],
        {**ends(new=2), "other": "x"},
        STOP,
    ],
    "stop details": [
        starts(),
        ends("refusal", stop_details={"type": "refusal", "category": "bio", "explanation": None}),
        STOP,
    ],
}


@pytest.mark.parametrize("events", MADE.values(), ids=MADE)
def test_made_streams_read_the_same(official, events):
    body = body_of(events)
    assert ours(body) == official(body, beta=False)
