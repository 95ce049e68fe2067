"""The events of a stream: as they come over the wire, and derived from them.

A wire event is a `View` of the JSON that arrived, so an event, delta or field this version does
not know passes through with its data. A derived event says what a wire event meant for the
message: the new text and the text so far, for example. It shares the growing text with the
message and only remembers where in it its own moment was (`core.growing`).

Sources: the Messages API's streaming page; the shapes and the order of derived events are those
of the official SDK's helper.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias, cast

import msgspec

from .circumstances import (
    INPUT_TRANSFORMATIONS,
    BetaContextManagementResponse,
    BetaInputTransformation,
    Container,
    RefusalStopDetails,
    StopReason,
)
from .content import Citation, ContentBlock, Message, citation, content_block, message
from .growing import GrowingJSON, GrowingText
from .tagged import by_type
from .usage import MessageDeltaUsage
from .view import View, dump_json, plain

# -- deltas ------------------------------------------------------------------------------------


class TextDelta(View):
    """More text of a text block."""

    __slots__ = ()

    type: Literal["text_delta"]
    text: str


class InputJSONDelta(View):
    """More of a tool's input, as a fragment of JSON text."""

    __slots__ = ()

    type: Literal["input_json_delta"]
    partial_json: str


class CitationsDelta(View, nested={"citation": citation}):
    """One more citation of a text block."""

    __slots__ = ()

    type: Literal["citations_delta"]
    citation: Citation


class ThinkingDelta(View):
    """More of a thinking block; `estimated_tokens` is beta."""

    __slots__ = ()

    type: Literal["thinking_delta"]
    thinking: str
    estimated_tokens: int | None


class SignatureDelta(View):
    """The signature of a thinking block."""

    __slots__ = ()

    type: Literal["signature_delta"]
    signature: str


class CompactionDelta(View):
    """The whole content of a compaction block (beta)."""

    __slots__ = ()

    type: Literal["compaction_delta"]
    content: str | None
    encrypted_content: str | None


class UnknownDelta(View):
    """A delta this version does not know, with its data."""

    __slots__ = ()

    type: str


InputJsonDelta = InputJSONDelta

RawContentBlockDelta: TypeAlias = (
    TextDelta | InputJSONDelta | CitationsDelta | ThinkingDelta | SignatureDelta | CompactionDelta
)

DELTAS: Mapping[str, type[View]] = {
    "text_delta": TextDelta,
    "input_json_delta": InputJSONDelta,
    "citations_delta": CitationsDelta,
    "thinking_delta": ThinkingDelta,
    "signature_delta": SignatureDelta,
    "compaction_delta": CompactionDelta,
}


_delta = by_type(DELTAS, other=UnknownDelta)


# -- wire events -------------------------------------------------------------------------------


class RawMessageStartEvent(View, nested={"message": message}):
    """The message begins; its content is empty and its output tokens a placeholder."""

    __slots__ = ()

    type: Literal["message_start"]
    message: Message


class RawContentBlockStartEvent(View, nested={"content_block": content_block}):
    """A content block begins, at its final position `index`."""

    __slots__ = ()

    type: Literal["content_block_start"]
    index: int
    content_block: ContentBlock


class RawContentBlockDeltaEvent(View, nested={"delta": _delta}):
    """A content block grows."""

    __slots__ = ()

    type: Literal["content_block_delta"]
    index: int
    delta: RawContentBlockDelta


class RawContentBlockStopEvent(View):
    """A content block is complete."""

    __slots__ = ()

    type: Literal["content_block_stop"]
    index: int


class Delta(View, nested={"container": Container, "stop_details": RefusalStopDetails}):
    """What a `message_delta` says of the message as a whole."""

    __slots__ = ()

    container: Container | None
    stop_details: RefusalStopDetails | None
    stop_reason: StopReason | None
    stop_sequence: str | None


class RawMessageDeltaEvent(
    View,
    nested={
        "delta": Delta,
        "usage": MessageDeltaUsage,
        "context_management": BetaContextManagementResponse,
        "input_transformations": by_type(INPUT_TRANSFORMATIONS),
    },
):
    """The message as a whole changed: why it stopped, and usage so far (cumulative)."""

    __slots__ = ()

    type: Literal["message_delta"]
    delta: Delta
    usage: MessageDeltaUsage
    context_management: BetaContextManagementResponse | None
    input_transformations: list[BetaInputTransformation] | None


class RawMessageStopEvent(View):
    """The message is complete."""

    __slots__ = ()

    type: Literal["message_stop"]


class StreamContinuedEvent(View):
    """Not of the wire: the reply broke and goes on by a new request (`recovery="continue"`).

    `attempt` is the number of the new try, `reason` why the last one failed, `discarded` the
    indices of content blocks that were given up; blocks that follow take their indices.
    """

    __slots__ = ()

    type: Literal["stream_continued"]
    attempt: int
    reason: str
    discarded: list[int]


class StreamRestartedEvent(View):
    """Not of the wire: the reply broke and begins anew (`recovery="restart"`).

    Whatever was shown of it should be cleared. `attempt` and `reason` are as above.
    """

    __slots__ = ()

    type: Literal["stream_restarted"]
    attempt: int
    reason: str


class UnknownEvent(View):
    """An event this version does not know, with its data."""

    __slots__ = ()

    type: str


RawMessageStreamEvent: TypeAlias = (
    RawMessageStartEvent
    | RawContentBlockStartEvent
    | RawContentBlockDeltaEvent
    | RawContentBlockStopEvent
    | RawMessageDeltaEvent
    | RawMessageStopEvent
)

EVENTS: Mapping[str, type[View]] = {
    "message_start": RawMessageStartEvent,
    "content_block_start": RawContentBlockStartEvent,
    "content_block_delta": RawContentBlockDeltaEvent,
    "content_block_stop": RawContentBlockStopEvent,
    "message_delta": RawMessageDeltaEvent,
    "message_stop": RawMessageStopEvent,
    "stream_continued": StreamContinuedEvent,
    "stream_restarted": StreamRestartedEvent,
}


_event = by_type(EVENTS, other=UnknownEvent)


def wire_event(payload: dict[str, Any]) -> RawMessageStreamEvent:
    """The typed view of a payload; its own `type` decides, whatever the SSE event was called."""
    return cast("RawMessageStreamEvent", _event(payload))


_decode = msgspec.json.Decoder().decode


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def decode_payload(data: bytes) -> Any:
    """The JSON of one event's data.

    `json` reads what msgspec refuses although it is JSON (lone surrogate escapes, numbers beyond a
    double). Raises `ValueError` where it is none, or is nested too deeply to be read.
    """
    try:
        return _decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    try:
        return json.loads(data.decode(), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


# -- derived events ----------------------------------------------------------------------------


class ContentBlockStopEvent(View, nested={"content_block": content_block}):
    """A content block is complete; `content_block` is the message's own block."""

    __slots__ = ()

    type: Literal["content_block_stop"]
    index: int
    content_block: ContentBlock


class MessageStopEvent(View, nested={"message": message}):
    """The message is complete; `message` is the final message itself."""

    __slots__ = ()

    type: Literal["message_stop"]
    message: Message


class _Derived(msgspec.Struct, gc=False, eq=False):
    """What the derived events have in common: the faces of a wire event, without its JSON."""

    def to_dict(self, **options: Any) -> dict[str, Any]:
        """The event as a plain dict of its own; its snapshot is the value of its own moment."""
        del options
        return {name: plain(getattr(self, name)) for name in self._shown()}

    def to_json(self, *, indent: int | None = 2, **options: Any) -> str:
        """The event as JSON text; `indent=None` puts it on one line."""
        return dump_json(self.to_dict(**options), indent=indent)

    model_dump = to_dict

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """The event as JSON text."""
        return self.to_json(indent=indent, **options)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown())
        return f"{type(self).__name__}({fields})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == cast("_Derived", other).to_dict()

    def __ne__(self, other: object) -> bool:  # msgspec's own would compare identities
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def _shown(self) -> tuple[str, ...]:
        return ("type", *(name for name in self.__struct_fields__ if name[0] != "_"), "snapshot")


class TextEvent(_Derived, gc=False, eq=False):
    """New text, and the text of its block up to and including it."""

    type: ClassVar[Literal["text"]] = "text"
    text: str
    _source: GrowingText
    _end: int

    @property
    def snapshot(self) -> str:
        """The block's text as it was at this event."""
        return self._source.upto(self._end)

    def parsed_snapshot(self) -> Any:
        """The snapshot read as JSON that may still be incomplete (an open string is kept)."""
        from .partial_json import parse_partial

        return parse_partial(self.snapshot, trailing_strings=True)


class ThinkingEvent(_Derived, gc=False, eq=False):
    """New thinking, and the thinking of its block up to and including it."""

    type: ClassVar[Literal["thinking"]] = "thinking"
    thinking: str
    _source: GrowingText
    _end: int

    @property
    def snapshot(self) -> str:
        """The block's thinking as it was at this event."""
        return self._source.upto(self._end)


class InputJsonEvent(_Derived, gc=False, eq=False):
    """More of a tool's input.

    `snapshot` is the input as far as it had come. Asked while this is the newest event it is the
    live value, which later fragments go on growing, and costs nothing; asked later it is parsed
    anew from the text of its own moment, and stays as it is.
    """

    type: ClassVar[Literal["input_json"]] = "input_json"
    partial_json: str
    _source: GrowingJSON
    _end: int

    @property
    def snapshot(self) -> Any:
        """The input as it was at this event; an incomplete string or key is left out."""
        return self._source.value_at(self._end)


class CitationEvent(_Derived, gc=False, eq=False):
    """A new citation, and the citations of its block up to and including it."""

    type: ClassVar[Literal["citation"]] = "citation"
    citation: Citation
    _source: list[Citation]
    _end: int

    @property
    def snapshot(self) -> list[Citation]:
        """The block's citations as they were at this event."""
        return self._source[: self._end]


class SignatureEvent(_Derived, gc=False, eq=False):
    """The signature of a thinking block."""

    type: ClassVar[Literal["signature"]] = "signature"
    signature: str

    def _shown(self) -> tuple[str, ...]:
        return ("type", "signature")


class CompactionEvent(_Derived, gc=False, eq=False):
    """The content of a compaction block (beta)."""

    type: ClassVar[Literal["compaction"]] = "compaction"
    content: str | None
    encrypted_content: str | None

    def _shown(self) -> tuple[str, ...]:
        return ("type", "content", "encrypted_content")


ParsedContentBlockStopEvent = ContentBlockStopEvent
ParsedMessageStopEvent = MessageStopEvent

MessageStreamEvent: TypeAlias = (
    RawMessageStartEvent
    | RawContentBlockStartEvent
    | RawContentBlockDeltaEvent
    | TextEvent
    | ThinkingEvent
    | InputJsonEvent
    | CitationEvent
    | SignatureEvent
    | CompactionEvent
    | ContentBlockStopEvent
    | RawMessageDeltaEvent
    | MessageStopEvent
    | StreamContinuedEvent
    | StreamRestartedEvent
)
"""What iterating a message stream yields. Events unknown to this version come as `UnknownEvent`."""

ParsedMessageStreamEvent = MessageStreamEvent
