"""What a reply is made of: a script is a list of acts, and an act is a value.

Theory of operation. The acts say *what happens*, in order: content (`Text`, `Thinking`, `ToolUse`,
`Block`), events as such (`Event`, `Ping`, `Error`), time (`Wait`, `Stall`) and faults (`Cut`,
`Bytes`, `Garbage`). `compose` fills in what the protocol requires around the content and nobody
wants to write: `message_start`, block starts and stops, `message_delta`, `message_stop`.
Some acts are not moments but properties of the whole reply, wherever they stand in the list:
`Head`, `Fail` and `SlowHeaders` (before the body), `Split` and `Together` (how the bytes are cut
into chunks), `Cut` with `after_events` or `after_bytes`, `Usage` and `Message` (overrides).

Every act can also be written in TOML; `grammar` has that spelling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, TypeAlias

import msgspec

from tailrace.simulator.pace import Pace


class Fate(StrEnum):
    """How a response body ends.

    `END`: as HTTP wants it; the connection can be used again. `CLOSE`: the connection is closed
    without the end of the body (clients call it an incomplete read). `HALF_CHUNK`: the same, in the
    middle of a chunk that was announced longer. `RESET`: a TCP reset. `HOLD`: never; the
    connection stays open and silent until the client leaves.
    """

    END = "end"
    CLOSE = "close"
    HALF_CHUNK = "half_chunk"
    RESET = "reset"
    HOLD = "hold"


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that happens in a reply."""


# -- content ------------------------------------------------------------------------------------


class Text(Act, frozen=True):
    """A text block, sent in deltas of about one token.

    `pieces` gives the deltas exactly (`text` is then not used). `citations` are sent, one
    `citations_delta` each, before the text, as on the wire. `pace` is this block's own tempo;
    without it the simulator's applies.
    """

    text: str = ""
    citations: Sequence[dict[str, Any]] = ()
    pace: Pace | None = None
    pieces: Sequence[str] | None = None


class Template(Act, frozen=True):
    """A text block with parts of the request in it: `{{user}}`, `{{model}}`, `{{turn}}`...

    `templates.fill` lists the names.
    """

    text: str
    pace: Pace | None = None


class Thinking(Act, frozen=True):
    """A thinking block. Without `signature` a plausible one is made up from the seed.

    An empty text is thinking that is not displayed: one empty delta, then the signature.
    """

    text: str = ""
    signature: str | None = None
    pace: Pace | None = None


class RedactedThinking(Act, frozen=True):
    """A `redacted_thinking` block, which arrives whole."""

    data: str = "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP"


class ToolUse(Act, frozen=True):
    """A call of one of the client's tools.

    `input` arrives as its JSON text: first an empty delta, then fragments of `fragment` characters
    (about a token each without it). `raw_input` sends this text instead of JSON, well-formed or
    not. Strings of `input` may hold the templates of `Template` when `template` is set.
    """

    name: str
    input: dict[str, Any] = {}
    id: str | None = None
    fragment: int | None = None
    raw_input: str | None = None
    template: bool = False
    pace: Pace | None = None

    def __post_init__(self) -> None:
        _at_least("fragment", self.fragment, 1)


class ServerTool(Act, frozen=True):
    """A server tool's call and its result, e.g. `web_search`: two blocks.

    `result` is the `content` of the result block, which arrives whole; its type is `result_type`,
    or the tool's name and `_tool_result`. `result=None` sends the call alone (as before
    `pause_turn`).
    """

    name: str
    input: dict[str, Any] = {}
    result: Any = None
    result_type: str | None = None
    id: str | None = None
    pace: Pace | None = None


class Block(Act, frozen=True):
    """Any content block: its `content_block_start`, these deltas, its stop."""

    block: dict[str, Any]
    deltas: Sequence[dict[str, Any]] = ()
    pace: Pace | None = None


class Recording(Act, frozen=True):
    """The recorded bytes of an event stream, sent as they are, one event a chunk.

    Events that carry a content delta keep the pace; the others are sent at once.
    """

    data: bytes
    pace: Pace | None = None


class Stop(Act, frozen=True):
    """Why the message ends. Without this act: `tool_use` after a tool call, else `end_turn`.

    Any string is sent, known or not. `details` becomes `stop_details`; a `refusal` has some even
    without.
    """

    reason: str = "end_turn"
    sequence: str | None = None
    details: dict[str, Any] | None = None


class Usage(Act, frozen=True):
    """Fields laid over the usage of `message_start` (`start`) and of `message_delta` (`end`)."""

    end: dict[str, Any] = {}
    start: dict[str, Any] = {}


class Message(Act, frozen=True):
    """Fields laid over the message in `message_start`, e.g. `{"model": "other"}`."""

    fields: dict[str, Any]


# -- events and bytes ---------------------------------------------------------------------------


class Event(Act, frozen=True):
    """Any event, known to the protocol or not.

    `data` is sent as JSON, or as it is where it is a string. `name` is the `event:` field: the
    data's `type` if not given, none at all if empty.
    """

    data: dict[str, Any] | str
    name: str | None = None


class Ping(Act, frozen=True):
    """`times` ping events, `every` so many seconds; the first one at once."""

    times: int = 1
    every: float = 0.0

    def __post_init__(self) -> None:
        _at_least("times", self.times, 1)
        _at_least("every", self.every, 0)


class Comment(Act, frozen=True):
    """A comment line of the event stream, which clients must ignore."""

    text: str = "keep-alive"


class Error(Act, frozen=True):
    """An `error` event inside the stream, after which the body ends as HTTP wants it.

    As the first act it is a 200 whose first event is the error. In a reply that is not streamed it
    is the HTTP error of that type.
    """

    type: str = "overloaded_error"
    message: str | None = None
    details: dict[str, Any] | None = None


class Bytes(Act, frozen=True):
    """These bytes as they are, `after` so many seconds; counted as one event.

    With `framing=False` they are not even wrapped in an HTTP chunk, so the framing of the response
    breaks unless they are a chunk themselves.
    """

    data: bytes
    after: float = 0.0
    framing: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.data, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"data must be bytes, not {type(self.data).__name__}")
        _at_least("after", self.after, 0)


class Garbage(Act, frozen=True):
    """`size` random bytes, the same for the same seed."""

    size: int = 64

    def __post_init__(self) -> None:
        _at_least("size", self.size, 1)


# -- time ---------------------------------------------------------------------------------------


class Wait(Act, frozen=True):
    """A pause of so many seconds."""

    seconds: float

    def __post_init__(self) -> None:
        _at_least("seconds", self.seconds, 0)


class Stall(Act, frozen=True):
    """Silence: nothing more comes and the connection stays open, until the client leaves."""


# -- ends ---------------------------------------------------------------------------------------

How: TypeAlias = Literal["end", "close", "half_chunk", "reset"]


class Cut(Act, frozen=True):
    """The reply ends here, or after event or byte n of the body, whatever the script still says.

    `how` is a `Fate`: "end" is a clean end of the HTTP response, without `message_stop`.
    Bytes are those of the event stream, before HTTP's chunks; 0 cuts right after the headers.
    """

    how: How = "end"
    after_events: int | None = None
    after_bytes: int | None = None

    def __post_init__(self) -> None:
        _at_least("after_events", self.after_events, 0)
        _at_least("after_bytes", self.after_bytes, 0)
        if self.after_events is not None and self.after_bytes is not None:
            raise ValueError("give after_events or after_bytes, not both")


# -- the whole reply ----------------------------------------------------------------------------


class Head(Act, frozen=True):
    """The status and additional headers of the response.

    `only=True` sends these headers and no others (but for those HTTP needs for the body).
    """

    headers: Mapping[str, str] = {}
    status: int = 200
    only: bool = False

    def __post_init__(self) -> None:
        _status(self.status)


class Fail(Act, frozen=True):
    """An HTTP error with the official error body.

    `type` and `message` are those of the status where not given. `retry_after` (seconds) sets the
    header of that name. `body` replaces the official body: a string is sent as `text/html`, as
    gateways do, anything else as JSON.
    """

    status: int = 529
    type: str | None = None
    message: str | None = None
    headers: Mapping[str, str] = {}
    retry_after: float | None = None
    body: Any = None

    def __post_init__(self) -> None:
        _status(self.status)
        _at_least("retry_after", self.retry_after, 0)


class SlowHeaders(Act, frozen=True):
    """The response's head comes `seconds` late; with `drip`, byte by byte over that time."""

    seconds: float
    drip: bool = False

    def __post_init__(self) -> None:
        _at_least("seconds", self.seconds, 0)


class Refuse(Act, frozen=True):
    """The next `attempts` connections are reset as soon as they are made, before any request.

    It is a reply of its own, once for each attempt. A client sees its connection fail, as it does
    when no one listens (for that, see `Simulator.down`), and the attempts can be counted. Where the
    reply depends on the request (in a scenario), or the connection was made before, the reset comes
    after the request.
    """

    attempts: int = 1

    def __post_init__(self) -> None:
        _at_least("attempts", self.attempts, 1)


class Split(Act, frozen=True):
    """How each event's bytes are cut into chunks.

    `sizes` is the number of bytes, or the least and the most of a random one. `"characters"` cuts
    every multi-byte character after its first byte; `"lines"` after each line.
    """

    sizes: int | tuple[int, int] | Literal["characters", "lines"] = "characters"

    def __post_init__(self) -> None:
        sizes = (self.sizes, self.sizes) if isinstance(self.sizes, int) else self.sizes
        if isinstance(sizes, tuple) and not 1 <= sizes[0] <= sizes[1]:
            raise ValueError(f"sizes must be at least 1 byte and in order, not {self.sizes}")


class Together(Act, frozen=True):
    """So many events in one chunk, as a buffering proxy sends them.

    They leave when the last of them is due.
    """

    events: int

    def __post_init__(self) -> None:
        _at_least("events", self.events, 1)


Script: TypeAlias = Sequence[Act]
"""One reply."""


def _at_least(name: str, value: float | None, least: float) -> None:
    if value is not None and not value >= least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def _status(status: int) -> None:
    if not 200 <= status <= 599:
        raise ValueError(f"status must be an HTTP status from 200 to 599, not {status}")
