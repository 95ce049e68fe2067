"""What the entries of a generation's log say.

A log is one claim, then batches of events, then one end; a takeover puts another claim between the
batches. A batch is a JSON array of Claude's own events, as they came, but for adjacent deltas of
one block, which are merged; a claim and an end are JSON objects. The last events of a reply stand
in its end, so that `message_stop` can be read exactly if the generation ended with it.
"""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec

from tailrace.core.events import decode_payload

from .journal import Entry, Offset

Event = dict[str, Any]

DONE, ERROR, CANCELLED, INTERRUPTED, DROPPED = "done", "error", "cancelled", "interrupted", "dropped"


class Claim(msgspec.Struct, frozen=True):
    """Somebody produces from here on.

    `params` is the request (in the first claim, unless it is not to be stored), `prev` the last
    offset that belongs to the reply, `restart` whether everything before is void.
    """

    prev: Offset | None = None
    params: Event | None = None
    on_crash: str = "interrupt"
    restart: bool = False


class Batch(msgspec.Struct, frozen=True):
    """Events of the reply."""

    events: list[Event]


class End(msgspec.Struct, frozen=True):
    """The generation is over. `by` tells one closer from another."""

    end: str
    events: list[Event] = []
    error: Event | None = None
    by: str = ""


Record = Claim | Batch | End


def encode_record(record: Record) -> bytes:
    """A record as the bytes of an entry."""
    if isinstance(record, Batch):
        return _dump(record.events)
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    kind = "claim" if isinstance(record, Claim) else "close"
    return _dump({"record": kind, **fields})


def decode_record(data: bytes) -> Record:
    """The record an entry holds. Raises `ValueError` where it holds none."""
    value: Any = decode_payload(data)
    if isinstance(value, list):
        return Batch(cast("list[Event]", value))
    if not isinstance(value, dict):
        raise ValueError("an entry of a generation must be a JSON array or object")
    fields = cast("Event", value)
    kind = fields.pop("record", None)
    if kind == "close":
        return End(**fields)
    if kind == "claim":
        prev = fields.pop("prev", None)
        return Claim(prev=None if prev is None else Offset(*prev), **fields)
    raise ValueError("an entry of a generation must be a claim, a batch or an end")


def first_claim(entries: list[Entry]) -> Claim | None:
    """The claim that holds the request."""
    record = decode_record(entries[0].data) if entries else None
    return record if isinstance(record, Claim) else None


def events_of(entries: list[Entry]) -> list[Event]:
    """The events of the entries, in order."""
    return [
        event
        for entry in entries
        for event in getattr(decode_record(entry.data), "events", ())
    ]


def _dump(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (msgspec.MsgspecError, UnicodeError):  # lone surrogates are JSON, but not msgspec's
        return json.dumps(value, separators=(",", ":")).encode()
