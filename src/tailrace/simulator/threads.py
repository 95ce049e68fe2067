"""Message threads: conversations that the server holds, so that a turn sends only what is new.

`"thread": {"type": "create"}` in a request has its conversation kept under the id of the reply;
`{"type": "continue", "previous_message_id": id}` goes on from there, once. Every later step
(checks, scenarios, token counts) sees the whole conversation. A reply that did not reach its end is
not kept, and its turn may be sent again. What is known of this beta (`message-threads-2026-08-12`)
are the fields and the error codes in the official SDK's types; the texts of the errors are our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tailrace.core.framing import EventStreamDecoder
from tailrace.simulator.api_errors import ApiError
from tailrace.simulator.fold import fold
from tailrace.simulator.loose import a_dict, a_list
from tailrace.simulator.pieces import Piece

_HELD_FIELDS = ("system", "tools")  # those a thread keeps and a later turn does not send
_MOST = 10_000  # threads remembered; the oldest go first

_REFUSALS: Mapping[str, tuple[int, str]] = {
    "thread_not_found": (404, "There is no thread to continue from `previous_message_id`."),
    "thread_continue_in_flight": (409, "This reply is being continued by another request."),
    "thread_already_continued": (409, "This reply has been continued already."),
}


@dataclass
class _Held:
    """A conversation up to a reply; `refusal` is why it cannot be gone on from (empty: it can)."""

    fields: dict[str, Any]
    messages: list[Any]
    refusal: str = ""


class Threads:
    """The conversations a simulated organization has in threads."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def whole(self, body: dict[str, Any]) -> dict[str, Any] | ApiError:
        """The request with all that it goes on from, or why it cannot."""
        if a_dict(body.get("thread")).get("type") != "continue":
            return body
        held = self._before(body)
        refusal = "thread_not_found" if held is None else held.refusal
        if held is None or refusal:
            status, message = _REFUSALS[refusal]
            return ApiError(status, message, details={"error_code": refusal})
        return {
            **held.fields,
            **body,
            "messages": [*held.messages, *a_list(body.get("messages"))],
        }

    def kept(self, body: Mapping[str, Any], pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces of the reply to a `whole` request; once all are out the thread has grown."""
        before = self._before(body)
        if before is not None:
            before.refusal = "thread_continue_in_flight"
        return self._watched(body, before, pieces)

    def _watched(
        self, body: Mapping[str, Any], before: _Held | None, pieces: Iterable[Piece]
    ) -> Iterator[Piece]:
        sent: list[bytes] = []
        after = ""
        try:
            for piece in pieces:
                sent.append(piece.data)
                if piece.fate is not None:
                    after = self._keep(body, b"".join(sent))
                yield piece
            after = after or self._keep(body, b"".join(sent))
        finally:
            if before is not None:
                before.refusal = "thread_already_continued" if after else ""

    def _before(self, body: Mapping[str, Any]) -> _Held | None:
        return self._held.get(str(a_dict(body.get("thread")).get("previous_message_id")))

    def _keep(self, body: Mapping[str, Any], reply: bytes) -> str:
        """Hold the conversation with this reply; its id, empty where it is not whole."""
        message = _message(reply)
        if message is None:
            return ""
        fields = {name: body[name] for name in _HELD_FIELDS if name in body}
        said = {"role": "assistant", "content": message["content"]}
        self._held[str(message["id"])] = _Held(fields, [*a_list(body.get("messages")), said])
        while len(self._held) > _MOST:
            del self._held[next(iter(self._held))]
        return str(message["id"])


def _message(reply: bytes) -> dict[str, Any] | None:
    """The message of a whole reply, streamed or not."""
    try:
        if reply.startswith(b"{"):
            message = msgspec.json.decode(reply, type=dict[str, Any])
            return message if message.get("type") == "message" else None
        events = [
            msgspec.json.decode(one.raw_data, type=dict[str, Any])
            for one in EventStreamDecoder().feed(reply)
        ]
    except msgspec.DecodeError:
        return None
    ended = any(event.get("type") == "message_stop" for event in events)
    message = fold(events)
    return message if ended and "id" in message else None
