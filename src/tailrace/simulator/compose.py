"""A script and a request become the events of a reply, each with the time it leaves after.

Theory of operation. Each act turns into pieces, one piece an event, in the exact shape of the wire.
What the script leaves out is filled in (`envelope`): content opens the message, and the end of the
script completes it. A script of nothing but raw events and bytes is sent as it stands. The
request's `max_tokens` and `stop_sequences` end a reply as they do at the API.

Pure: the dice are an argument and time is only ever a number of seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from random import Random
from typing import Any

import msgspec

from tailrace.core.framing import encode, encode_comment
from tailrace.simulator import acts, ids, templates, tokens
from tailrace.simulator.acts import Act, Fate
from tailrace.simulator.api_errors import error_body
from tailrace.simulator.ask import Ask
from tailrace.simulator.envelope import PING, Envelope
from tailrace.simulator.pace import Pace
from tailrace.simulator.pieces import Piece

_EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)|.+", re.DOTALL)


def compose(
    script: Sequence[Act],
    ask: Ask,
    *,
    rng: Random,
    pace: Pace | None = None,
    padding: bool = True,
) -> Iterator[Piece]:
    """The reply's pieces, one an event.

    A piece with a fate and no data is a cut; what follows it is what would have been said.
    """
    return _Composer(ask, rng, pace or Pace(), padding).run(script)


# What a message that is over has no more room for; pauses, events and cuts still come.
_CONTENT = (
    acts.Block,
    acts.RedactedThinking,
    acts.ServerTool,
    acts.Stop,
    acts.Template,
    acts.Text,
    acts.Thinking,
    acts.ToolUse,
)


def events(body: bytes) -> Iterator[bytes]:
    """The events of a recorded stream, each with its blank line; they joined are the body."""
    return (found[0] for found in _EVENT.finditer(body))


class _Composer(Envelope):
    """Turns acts into events, each kind in a method of its own."""

    def run(self, script: Sequence[Act]) -> Iterator[Piece]:
        """The events of the script."""
        for act in script:  # properties of the whole reply, wherever they stand
            if isinstance(act, acts.Usage):
                self.usage = act
            elif isinstance(act, acts.Message):
                self.fields = act.fields
        if not self.ask.max_tokens:
            self.end_with(acts.Stop("max_tokens"))  # nothing was to be said
        for act in script:
            say = _SAY.get(type(act))
            if say is not None and not (self.over and isinstance(act, _CONTENT)):
                yield from say(self, act)
        if self.spoke or not self.foreign:
            yield from self.close()

    # -- content --------------------------------------------------------------------------------

    def _text(self, act: acts.Text) -> Iterator[Piece]:
        start: dict[str, Any] = {"type": "text", "text": ""}
        if act.citations:
            start = {"citations": [], **start}
        said = self.spend(self._until_stop_sequence(act))
        cited = ({"type": "citations_delta", "citation": one} for one in act.citations)
        text = ({"type": "text_delta", "text": piece} for piece in said)
        yield from self.block(start, chain(cited, text), act.pace)

    def _template(self, act: acts.Template) -> Iterator[Piece]:
        yield from self._text(acts.Text(templates.fill(act.text, self.ask), pace=act.pace))

    def _until_stop_sequence(self, act: acts.Text) -> Iterator[str]:
        """The pieces before the first stop sequence of the request, which is not sent itself."""
        text = act.text if act.pieces is None else "".join(act.pieces)
        pieces = tokens.split(text) if act.pieces is None else act.pieces
        found = [(text.find(stop), stop) for stop in self.ask.stop_sequences if stop in text]
        left, sequence = min(found, default=(len(text), None))
        for piece in pieces:
            if left <= 0:
                break
            yield piece[:left]
            left -= len(piece)
        if sequence is not None:
            self.end_with(acts.Stop("stop_sequence", sequence))

    def _thinking(self, act: acts.Thinking) -> Iterator[Piece]:
        start = {"type": "thinking", "thinking": "", "signature": ""}
        yield from self.block(start, self._thoughts(act), act.pace)

    def _thoughts(self, act: acts.Thinking) -> Iterator[dict[str, Any]]:
        for piece in self.spend(tokens.split(act.text) if act.text else [""], thinking=True):
            yield {"type": "thinking_delta", "thinking": piece}
        if not self.over:  # thinking that was cut short has no signature
            signature = ids.signature(self.rng) if act.signature is None else act.signature
            yield {"type": "signature_delta", "signature": signature}

    def _redacted(self, act: acts.RedactedThinking) -> Iterator[Piece]:
        yield from self.block({"type": "redacted_thinking", "data": act.data}, ())

    def _tool_use(self, act: acts.ToolUse) -> Iterator[Piece]:
        values = templates.fill(act.input, self.ask) if act.template else act.input
        text = _json_text(values) if act.raw_input is None else act.raw_input
        self.stop = self.stop or acts.Stop("tool_use")
        block: dict[str, Any] = {
            "type": "tool_use",
            "id": act.id or ids.tool_use(self.rng),
            "name": act.name,
            "input": {},
        }
        yield from self._call(block, _fragments(text, act.fragment), act.pace)

    def _server_tool(self, act: acts.ServerTool) -> Iterator[Piece]:
        id_ = act.id or ids.server_tool_use(self.rng)
        block: dict[str, Any] = {
            "type": "server_tool_use",
            "id": id_,
            "name": act.name,
            "input": {},
        }
        yield from self._call(block, tokens.split(_json_text(act.input)), act.pace)
        if act.result is not None and not self.over:
            kind = act.result_type or f"{act.name}_tool_result"
            yield from self.block({"type": kind, "tool_use_id": id_, "content": act.result}, ())

    def _call(
        self, block: dict[str, Any], fragments: Iterable[str], pace: Pace | None
    ) -> Iterator[Piece]:
        parts = chain([""], self.spend(fragments))
        deltas = ({"type": "input_json_delta", "partial_json": part} for part in parts)
        yield from self.block(block, deltas, pace)

    def _any_block(self, act: acts.Block) -> Iterator[Piece]:
        yield from self.block(act.block, act.deltas, act.pace)

    def _stop_reason(self, act: acts.Stop) -> Iterator[Piece]:
        self.stop = act
        return iter(())

    # -- events, bytes, time --------------------------------------------------------------------

    def _raw_event(self, act: acts.Event) -> Iterator[Piece]:
        self.foreign = True
        name = act.name
        if not isinstance(act.data, str):
            self.note(act.data)
            name = str(act.data.get("type", "")) if name is None else name
        yield Piece(0.0, encode(name or None, _as_data(act.data)))

    def _ping(self, act: acts.Ping) -> Iterator[Piece]:
        return (Piece(act.every if turn else 0.0, PING) for turn in range(act.times))

    def _comment(self, act: acts.Comment) -> Iterator[Piece]:
        yield Piece(0.0, encode_comment(act.text))

    def _error(self, act: acts.Error) -> Iterator[Piece]:
        body = error_body(act.type, act.message, details=act.details)
        yield Piece(0.0, encode("error", msgspec.json.encode(body)), Fate.END)

    def _bytes(self, act: acts.Bytes) -> Iterator[Piece]:
        self.foreign = True
        yield Piece(act.after, act.data, framed=act.framing)

    def _garbage(self, act: acts.Garbage) -> Iterator[Piece]:
        self.foreign = True
        yield Piece(0.0, self.rng.randbytes(act.size))

    def _recording(self, act: acts.Recording) -> Iterator[Piece]:
        self.foreign = True
        gaps = self.gaps(act.pace)
        for event in events(act.data):
            yield Piece(next(gaps) if b"content_block_delta" in event else 0.0, event)

    def _wait(self, act: acts.Wait) -> Iterator[Piece]:
        yield Piece(act.seconds, b"")

    def _stall(self, act: acts.Stall) -> Iterator[Piece]:
        yield Piece(0.0, b"", Fate.HOLD)

    def _cut(self, act: acts.Cut) -> Iterator[Piece]:
        if act.after_events is None and act.after_bytes is None:
            yield Piece(0.0, b"", Fate(act.how))


_SAY: dict[type[Act], Callable[[_Composer, Any], Iterator[Piece]]] = {
    acts.Text: _Composer._text,
    acts.Template: _Composer._template,
    acts.Thinking: _Composer._thinking,
    acts.RedactedThinking: _Composer._redacted,
    acts.ToolUse: _Composer._tool_use,
    acts.ServerTool: _Composer._server_tool,
    acts.Block: _Composer._any_block,
    acts.Recording: _Composer._recording,
    acts.Stop: _Composer._stop_reason,
    acts.Event: _Composer._raw_event,
    acts.Ping: _Composer._ping,
    acts.Comment: _Composer._comment,
    acts.Error: _Composer._error,
    acts.Bytes: _Composer._bytes,
    acts.Garbage: _Composer._garbage,
    acts.Wait: _Composer._wait,
    acts.Stall: _Composer._stall,
    acts.Cut: _Composer._cut,
}


def _fragments(text: str, size: int | None) -> Iterable[str]:
    if size is None:
        return tokens.split(text)
    return (text[at : at + size] for at in range(0, len(text), size))


def _json_text(value: Any) -> str:
    """The JSON of a tool's input as the model writes it, a space after each colon and comma."""
    return json.dumps(value, ensure_ascii=False) if value else ""


def _as_data(data: Mapping[str, Any] | str) -> bytes:
    return data.encode() if isinstance(data, str) else msgspec.json.encode(data)
