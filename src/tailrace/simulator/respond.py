"""A script, or an API error, becomes a response: status, headers, body.

Streamed, the body is the composed events; not streamed, the same events are folded into one
message, which takes as long as the stream would have. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import msgspec

from tailrace.core.framing import EventStreamDecoder
from tailrace.simulator import acts
from tailrace.simulator.acts import Act, Fate
from tailrace.simulator.api_errors import (
    ApiError,
    error_body,
    status_of,
    text_of_status,
    type_of,
)
from tailrace.simulator.ask import Ask
from tailrace.simulator.compose import compose
from tailrace.simulator.fold import fold
from tailrace.simulator.pace import Pace
from tailrace.simulator.pieces import Piece, Response
from tailrace.simulator.shape import shape

EVENT_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
JSON = {"content-type": "application/json"}

A = TypeVar("A", bound=Act)


@dataclass(frozen=True)
class Manner:
    """How the simulator speaks when a script does not say: its tempo and its wire details.

    `padding` puts up to 15 spaces before the closing brace of each event, as the API does.
    `events_per_packet` joins so many events into one chunk and one write.
    """

    pace: Pace = field(default_factory=Pace)
    padding: bool = True
    events_per_packet: int = 1


def respond(
    script: Sequence[Act],
    ask: Ask,
    *,
    rng: Random,
    manner: Manner,
    request_id: str,
    headers: Mapping[str, str],
) -> Response:
    """The response a script gives to a request; `headers` are those every response has."""
    if _last(script, acts.Refuse):  # on a connection that was made before
        return Response(0, {}, [Piece(0.0, b"", Fate.RESET)])
    slow = _last(script, acts.SlowHeaders)
    delay, drip = (slow.seconds, slow.drip) if slow else (0.0, False)
    fail = _last(script, acts.Fail)
    if fail is not None:
        return _after(_failure(fail, request_id, headers), delay, drip)
    head = _last(script, acts.Head) or acts.Head()
    pieces = compose(script, ask, rng=rng, pace=manner.pace, padding=manner.padding)
    if ask.stream:
        if manner.events_per_packet > 1 and _last(script, acts.Together) is None:
            script = [*script, acts.Together(manner.events_per_packet)]
        own = _merged(head, headers, EVENT_STREAM)
        return Response(head.status, own, shape(pieces, script, rng), None, delay, drip)
    whole = [act for act in script if not isinstance(act, (acts.Cut, acts.Stall))]
    message = compose(whole, ask, rng=rng, pace=manner.pace, padding=False)
    reply = _folded(message, head, request_id, headers)
    return _after(_cut_short(reply, script), delay, drip)


def error_response(error: ApiError, request_id: str, headers: Mapping[str, str]) -> Response:
    """The response for a request that the API refuses."""
    body = error_body(error.type, error.message, request_id=request_id, details=error.details)
    return json_response(error.status, body, {**headers, **error.headers})


def json_response(status: int, body: Any, headers: Mapping[str, str]) -> Response:
    """A response of one JSON value."""
    data = msgspec.json.encode(body)
    return Response(status, {**headers, **JSON}, [Piece(0.0, data)], len(data))


def _failure(fail: acts.Fail, request_id: str, headers: Mapping[str, str]) -> Response:
    own = {**headers, **fail.headers}
    if fail.retry_after is not None:
        own["retry-after"] = f"{fail.retry_after:g}"
    if isinstance(fail.body, str):
        data = fail.body.encode()
        html = {"content-type": "text/html; charset=utf-8"}
        return Response(fail.status, {**html, **own}, [Piece(0.0, data)], len(data))
    if fail.body is not None:
        return json_response(fail.status, fail.body, own)
    message = text_of_status(fail.status) if fail.message is None else fail.message
    kind = fail.type or type_of(fail.status)
    return json_response(fail.status, error_body(kind, message, request_id=request_id), own)


def _folded(
    pieces: Iterator[Piece], head: acts.Head, request_id: str, headers: Mapping[str, str]
) -> Response:
    """The whole message as one JSON body, sent after the time the stream would have taken."""
    decoder = EventStreamDecoder()
    events: list[dict[str, Any]] = []
    seconds = 0.0
    for piece in pieces:
        seconds += piece.after
        events += (read for one in decoder.feed(piece.data) if (read := _object(one.raw_data)))
    message = fold(events)
    if message.get("type") == "error":
        kind = str(message["error"]["type"])
        body = {**message, "request_id": request_id}
        return _after(json_response(status_of(kind), body, headers), seconds)
    return _after(json_response(head.status, message, _merged(head, headers, JSON)), seconds)


def _cut_short(reply: Response, script: Sequence[Act]) -> Response:
    """What the script's cut or stall leaves of a JSON body.

    An event has no place in it, so a cut after events is a cut in the middle; a clean end gives
    the shorter length, the others have announced the whole.
    """
    stall = _last(script, acts.Stall)
    if stall is not None:
        return Response(reply.status, reply.headers, [Piece(0.0, b"", Fate.HOLD)], reply.length)
    cut = _last(script, acts.Cut)
    if cut is None or not reply.length:
        return reply
    left = reply.length // 2 if cut.after_bytes is None else min(cut.after_bytes, reply.length)
    data = b"".join(piece.data for piece in reply.body)[:left]
    fate = Fate.CLOSE if cut.how == "half_chunk" else Fate(cut.how)
    length = left if fate is Fate.END else reply.length
    return Response(reply.status, reply.headers, [Piece(0.0, data, fate)], length, reply.head_after)


def _after(reply: Response, seconds: float, drip: bool = False) -> Response:
    return Response(
        reply.status, reply.headers, reply.body, reply.length, reply.head_after + seconds, drip
    )


def _merged(
    head: acts.Head, headers: Mapping[str, str], kind: Mapping[str, str]
) -> Mapping[str, str]:
    own = {name.lower(): value for name, value in head.headers.items()}
    return own if head.only else {**headers, **kind, **own}


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _last(script: Sequence[Act], kind: type[A]) -> A | None:
    found = [act for act in script if isinstance(act, kind)]
    return found[-1] if found else None
