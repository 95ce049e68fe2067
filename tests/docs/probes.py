"""The rows of docs/divergences.md, tried.

A probe is a reply of the simulator, something to do with a client, and what comes of it with the
official package and with this one, as text: the value's `repr`, or the name of the exception.
"""

from __future__ import annotations

import asyncio
import json
import types
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tailrace.simulator import (
    Block,
    Bytes,
    Cut,
    Error,
    Event,
    Fail,
    Head,
    Reply,
    Script,
    Simulator,
    Stall,
    Stop,
    Text,
    ToolUse,
)

PARAMS: dict[str, Any] = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hi"}],
}

Act = Callable[[Any, types.ModuleType, Simulator], Any]


class Probe(NamedTuple):
    """A reply, what is done, and what comes of it with each package."""

    id: str
    reply: Reply | None
    act: Act
    official: str
    ours: str


def stream(client: Any, **changes: Any) -> Any:
    return client.messages.stream(**{**PARAMS, **changes})


def final(client: Any, sdk: Any, sim: Simulator) -> Any:
    with stream(client) as opened:
        message = opened.get_final_message()
    return message.stop_reason, [
        block.to_dict().get("text", block.to_dict().get("input")) for block in message.content
    ]


def leave_early(client: Any, sdk: Any, sim: Simulator) -> Any:
    with stream(client) as opened:
        next(opened)
    return opened.get_final_message().stop_reason


def go_on_after_an_error(client: Any, sdk: Any, sim: Simulator) -> Any:
    with stream(client) as opened:
        with pytest.raises(sdk.APIStatusError):
            opened.until_done()
        return opened.get_final_message().stop_reason


def patiently(client: Any, sdk: Any, sim: Simulator) -> Any:
    sim.script([Head({"retry-after-ms": "1"}), Error("overloaded_error")])
    return final(client.with_options(max_retries=1), sdk, sim)


def class_of_the_error(client: Any, sdk: Any, sim: Simulator) -> Any:
    with pytest.raises(sdk.APIError) as caught:
        final(client, sdk, sim)
    return [type(caught.value).__name__, getattr(caught.value, "status_code", None)]


def headers(client: Any, sdk: Any, sim: Simulator) -> dict[str, str]:
    client.messages.create(**PARAMS)
    return dict(sim.requests[-1].headers)


def sent(name: str) -> Act:
    return lambda client, sdk, sim: headers(client, sdk, sim).get(name)


def body(**changes: Any) -> Act:
    def act(client: Any, sdk: Any, sim: Simulator) -> Any:
        client.messages.create(**{**PARAMS, **changes})
        return {name: sim.requests[-1].body.get(name, "absent") for name in changes}

    return act


def message_in_messages(client: Any, sdk: Any, sim: Simulator) -> Any:
    message = client.messages.create(**PARAMS)
    turns = [*PARAMS["messages"], message, *PARAMS["messages"]]
    client.messages.create(**{**PARAMS, "messages": turns})
    return len(sim.requests[-1].body["messages"][1])


def snapshot_before(client: Any, sdk: Any, sim: Simulator) -> Any:
    with stream(client) as opened:
        return opened.current_message_snapshot


def kept_snapshot(client: Any, sdk: Any, sim: Simulator) -> Any:
    with stream(client) as opened:
        next(opened)
        kept = opened.current_message_snapshot
        seen = [kept.content[0].text for _ in opened]
        return seen[1], seen[-1], kept is opened.current_message_snapshot


def kinds(client: Any, sdk: Any, sim: Simulator) -> Any:
    with stream(client) as opened:
        events = [type(event).__name__ for event in opened if event.type == "weather"]
        return events, [type(block).__name__ for block in opened.get_final_message().content]


def without_a_key(client: Any, sdk: Any, sim: Simulator) -> Any:
    keyless = sdk.Anthropic(base_url=sim.url, api_key=None)
    try:
        manager = stream(keyless)
    except TypeError:
        return "on the call"
    with pytest.raises(TypeError):
        manager.__enter__()
    return "on entering"


def misspelled(client: Any, sdk: Any, sim: Simulator) -> Any:
    return client.messages.create(**PARAMS, temprature=1)


def warned(client: Any, sdk: Any, sim: Simulator) -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client.messages.create(**{**PARAMS, "model": "claude-sonnet-4-5"})
    return [one.category.__name__ for one in caught if one.category is DeprecationWarning]


def secrets(client: Any, sdk: Any, sim: Simulator) -> Any:
    with pytest.raises(sdk.BadRequestError) as caught:
        client.messages.create(**PARAMS)
    request = caught.value.request
    names = ("authorization", "x-api-key")
    return any("secret" in request.headers.get(name, "") for name in names), len(request.content)


def expiry(client: Any, sdk: Any, sim: Simulator) -> Any:
    with stream(client) as opened:
        message = opened.get_final_message()
    dumped = message.to_dict()["container"]["expires_at"]
    return type(message.container.expires_at).__name__, type(dumped).__name__


def is_a_dict(client: Any, sdk: Any, sim: Simulator) -> Any:
    message = client.messages.create(**PARAMS)
    assert isinstance(message.content[0], sdk.types.TextBlock)
    assert message.model_copy() == message
    assert json.loads(message.model_dump_json()) == message.model_dump(mode="json")
    return isinstance(message, dict), "model_fields" in dir(type(message))


def shared_with_beta(client: Any, sdk: Any, sim: Simulator) -> Any:
    beta = __import__(f"{sdk.__name__}.types.beta", fromlist=["BetaMessage"])
    dumped = client.messages.create(**PARAMS).model_dump()
    return beta.BetaMessage is sdk.types.Message, "context_management" in dumped


def misfit(client: Any, sdk: Any, sim: Simulator) -> Any:
    pydantic = pytest.importorskip("pydantic")
    city = pydantic.create_model("City", name=(str, ...))
    seen = []
    with stream(client, output_format=city) as opened:
        try:
            seen += [event.type for event in opened]
            opened.get_final_message()
        except ValueError as error:
            return type(error).__name__, opened.current_message_snapshot.stop_reason
    return "nothing raised"


def enter_twice(client: Any, sdk: Any, sim: Simulator) -> Any:
    async def act() -> list[str]:
        async with sdk.AsyncAnthropic(base_url=sim.url, api_key="any") as asynchronous:
            manager = stream(asynchronous)
            texts = []
            for _ in range(2):
                async with manager as opened:
                    texts.append(await opened.get_final_text())
            return texts

    return asyncio.run(act())


def closes_mine(client: Any, sdk: Any, sim: Simulator) -> Any:
    httpx2 = pytest.importorskip("httpx2")
    with httpx2.Client() as mine:
        sdk.Anthropic(base_url=sim.url, api_key="any", http_client=mine).close()
        return mine.is_closed


def settings(client: Any, sdk: Any, sim: Simulator) -> Any:
    return type(client.base_url).__name__


def surface(client: Any, sdk: Any, sim: Simulator) -> Any:
    return hasattr(client.messages, "stream"), hasattr(client, "models")


def response(client: Any, sdk: Any, sim: Simulator) -> Any:
    with stream(client) as opened:
        assert opened.response.status_code == 200
        return type(opened.response).__module__.partition(".")[0]


def ends(client: Any, sdk: Any, sim: Simulator) -> Any:
    with stream(client) as opened:
        *_, block, _, message = opened
    return type(block).__name__, type(message).__name__


def only_pings(client: Any, sdk: Any, sim: Simulator) -> Any:
    return str(client.timeout), sdk.Anthropic(api_key="any").max_retries


START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
}
HELLO = [
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_stop", "index": 0},
]
END: dict[str, Any] = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
    "usage": {"output_tokens": 2},
}
MESSAGE_STOP = {"type": "message_stop"}
CONTAINER = {"container": {"id": "c", "expires_at": "2026-11-21T00:00:00Z"}}


def wire(*events: dict[str, Any], named: bool = True) -> bytes:
    return b"".join(
        (b"event: %s\n" % event["type"].encode() if named else b"")
        + b"data: %s\n\n" % json.dumps(event).encode()
        for event in events
    )


def raw(*parts: bytes) -> Script:
    return [Bytes(b"".join(parts))]


def later(events: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    return [{**event, "index": index} for event in events]


WHOLE = "('end_turn', ['Hello'])"
INVALID = "('{}', [{{'INVALID_JSON': '{}'}}])".format

PROBES = [
    Probe(
        "cut-reply-raises",
        [Text("Half"), Cut("end")],
        final,
        "(None, ['Half'])",
        "StreamTruncatedError",
    ),
    Probe(
        "ends-at-message-stop",
        [Bytes(wire(START, *HELLO, END, MESSAGE_STOP)), Cut("close")],
        final,
        "RemoteProtocolError",
        WHOLE,
    ),
    Probe(
        "final-message-after-early-close",
        [Text("Half"), Stall()],
        leave_early,
        "ReadError",
        "StreamClosedError",
    ),
    Probe(
        "failure-is-kept", [Text("Half"), Error()], go_on_after_an_error, "None", "OverloadedError"
    ),
    Probe("retry-to-the-commit-point", None, patiently, "APIStatusError", WHOLE),
    Probe(
        "five-clocks",
        None,
        only_pings,
        "('Timeout(connect=5.0, read=600, write=600, pool=600)', 2)",
        "('Timeout(connect=10.0, first_event=300.0, idle=120.0, progress=900.0, total=None)', 2)",
    ),
    Probe(
        "mid-stream-error-class",
        [Text("Half"), Error("overloaded_error")],
        class_of_the_error,
        "['APIStatusError', 200]",
        "['OverloadedError', 200]",
    ),
    Probe(
        "error-event-by-payload",
        raw(
            wire(START),
            b'event: oops\ndata: {"type": "error", "error": {"type": "api_error"}}\n\n',
            wire(*HELLO, END, MESSAGE_STOP),
        ),
        final,
        WHOLE,
        "InternalServerError",
    ),
    Probe(
        "transport-errors-wrapped",
        [Text("Half"), Cut("close")],
        final,
        "RemoteProtocolError",
        "StreamTruncatedError",
    ),
    Probe(
        "malformed-stream-error",
        raw(b"event: message_start\ndata: {nope\n\n"),
        final,
        "JSONDecodeError",
        "StreamProtocolError",
    ),
    Probe(
        "malformed-stream-error",
        [Head({"content-type": "text/html"}), Bytes(b"<html>")],
        final,
        "AssertionError",
        "StreamProtocolError",
    ),
    Probe("malformed-stream-error", raw(b""), final, "AssertionError", "StreamTruncatedError"),
    Probe(
        "index-gap",
        raw(wire(START, *later(HELLO, 1), END, MESSAGE_STOP)),
        final,
        "IndexError",
        "StreamProtocolError",
    ),
    Probe(
        "spliced-message-start",
        raw(wire(START, *HELLO, START, *HELLO, END, MESSAGE_STOP)),
        final,
        "('end_turn', ['HelloHello', ''])",
        "StreamProtocolError",
    ),
    Probe(
        "usage-may-be-missing",
        raw(wire(START, *HELLO, {"type": "message_delta", "delta": END["delta"]}, MESSAGE_STOP)),
        final,
        "AttributeError",
        WHOLE,
    ),
    Probe(
        "snapshot-before-the-first-event", None, snapshot_before, "AssertionError", "RuntimeError"
    ),
    Probe("errors-hold-no-secrets", Fail(400), secrets, "(True, 90)", "(False, 0)"),
    Probe("checked-when-called", None, without_a_key, "'on entering'", "'on the call'"),
    Probe("argument-messages", None, misspelled, "TypeError", "TypeError"),
    Probe(
        "invalid-tool-json",
        [ToolUse("x", raw_input='{"a": 1 "b": 2}')],
        final,
        "('tool_use', [{'a': 1}])",
        INVALID("tool_use", '{"a": 1 "b": 2}'),
    ),
    Probe(
        "invalid-tool-json",
        [ToolUse("x", raw_input="nope")],
        final,
        "ValueError",
        INVALID("tool_use", "nope"),
    ),
    Probe(
        "invalid-tool-json",
        [ToolUse("x", raw_input=' {"a":1}', fragment=1)],
        final,
        "ValueError",
        "('tool_use', [{'a': 1}])",
    ),
    Probe(
        "unfinished-tool-input-is-invalid-json",
        [ToolUse("x", raw_input='{"a": "b", "c": "de'), Stop("max_tokens")],
        final,
        "('max_tokens', [{'a': 'b'}])",
        INVALID("max_tokens", '{"a": "b", "c": "de'),
    ),
    Probe(
        "no-nan-in-tool-input",
        [ToolUse("x", raw_input='{"a": NaN}')],
        final,
        "('tool_use', [{'a': nan}])",
        INVALID("tool_use", '{"a": NaN}'),
    ),
    Probe(
        "data-only-events",
        raw(wire(START, *HELLO, END, MESSAGE_STOP, named=False)),
        final,
        "AssertionError",
        WHOLE,
    ),
    Probe(
        "byte-order-mark",
        raw(b"\xef\xbb\xbf", wire(START, *HELLO, END, MESSAGE_STOP)),
        final,
        "AssertionError",
        WHOLE,
    ),
    Probe(
        "done-marker",
        raw(wire(START, *HELLO, END), b"event: done\ndata: [DONE]\n\n", wire(MESSAGE_STOP)),
        final,
        "JSONDecodeError",
        WHOLE,
    ),
    Probe(
        "unknown-have-their-own-class",
        [Event({"type": "weather"}), Block({"type": "chart"})],
        kinds,
        "(['RawMessageStartEvent'], ['ParsedTextBlock'])",
        "(['UnknownEvent'], ['UnknownBlock'])",
    ),
    Probe("api-key-header", None, sent("x-api-key"), "None", "'secret'"),
    Probe("api-key-header", None, sent("authorization"), "'Bearer secret'", "None"),
    Probe("api-version", None, sent("anthropic-version"), "'2026-10-21'", "'2023-06-01'"),
    Probe("few-headers", None, sent("accept-encoding"), "'gzip, deflate'", "'identity'"),
    Probe("few-headers", None, sent("x-stainless-lang"), "'python'", "None"),
    Probe(
        "sampling-parameters",
        None,
        body(temperature=0.5, top_p=0.9, top_k=3),
        "TypeError",
        "{'temperature': 0.5, 'top_p': 0.9, 'top_k': 3}",
    ),
    Probe("none-is-left-out", None, body(system=None), "{'system': None}", "{'system': 'absent'}"),
    Probe("message-as-a-turn", None, message_in_messages, "9", "2"),
    Probe("no-deprecation-warnings", None, warned, "['DeprecationWarning']", "[]"),
    Probe("objects-are-dicts", None, is_a_dict, "(False, True)", "(True, False)"),
    Probe(
        "datetimes-stay-strings",
        raw(wire(START, *HELLO, {**END, "delta": {**END["delta"], **CONTAINER}}, MESSAGE_STOP)),
        expiry,
        "('datetime', 'datetime')",
        "('datetime', 'str')",
    ),
    Probe("beta-shares-classes", None, shared_with_beta, "(False, False)", "(True, True)"),
    Probe(
        "snapshot-on-asking", None, kept_snapshot, "('Hello', 'Hello', True)", "('', 'Hello', True)"
    ),
    Probe(
        "stop-event-names",
        None,
        ends,
        "('ParsedContentBlockStopEvent', 'ParsedMessageStopEvent')",
        "('ContentBlockStopEvent', 'MessageStopEvent')",
    ),
    Probe("own-response", None, response, "'httpx2'", "'tailrace'"),
    Probe(
        "output-parse-error",
        "nope",
        misfit,
        "('ValidationError', None)",
        "('OutputParseError', 'end_turn')",
    ),
    Probe("streaming-surface-only", None, surface, "(True, True)", "(True, False)"),
    Probe("async-manager-again", None, enter_twice, "RuntimeError", "['Hello', 'Hello']"),
    Probe("your-http-client-stays-open", None, closes_mine, "True", "False"),
    Probe("settings-are-plain", None, settings, "'URL'", "'str'"),
]
