"""What the entries of a generation's log say.

A log is one claim, then batches of events, then one end; a takeover puts another claim between the
batches. A batch is a JSON array of Claude's own events, as they came, but for adjacent deltas of
one block, which are merged; a claim and an end are JSON objects. The last events of a reply stand
in its end, so that `message_stop` can be read exactly if the generation ended with it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from tailrace.core.events import decode_payload

from .journal import Entry, Offset

Event = dict[str, Any]

DONE, ERROR, CANCELLED, INTERRUPTED, DROPPED = (
    "done",
    "error",
    "cancelled",
    "interrupted",
    "dropped",
)


class Claim(msgspec.Struct, frozen=True):
    """Somebody produces from here on.

    `params` is the request (in the first claim, unless it is not to be stored), `prev` the last
    offset that belongs to the reply, `restart` whether everything before is void. `queued`: it is
    not who claims that will produce, but a worker.
    """

    prev: Offset | None = None
    params: Event | None = None
    on_crash: str = "interrupt"
    restart: bool = False
    queued: bool = False


class Batch(msgspec.Struct, frozen=True):
    """Events of the reply; encoded ones (`raw_json`) when it is to be stored."""

    events: Sequence[Event | msgspec.Raw]


class End(msgspec.Struct, frozen=True):
    """The generation is over. `prev` is the entry it follows, `by` tells apart who ended it.

    `when` is Unix time, in seconds.
    """

    end: str
    prev: Offset | None = None
    events: Sequence[Event | msgspec.Raw] = ()
    error: Event | None = None
    by: str = ""
    when: float = 0.0


Record = Claim | Batch | End


def encode_record(record: Record) -> bytes:
    """A record as the bytes of an entry."""
    if isinstance(record, Batch):
        return msgspec.json.encode(record.events)
    kind = "claim" if isinstance(record, Claim) else "close"
    fields: Event = {"record": kind}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        fields[name] = value if name == "events" else raw_json(value)
    return msgspec.json.encode(fields)


def decode_record(data: bytes) -> Record:
    """The record an entry holds. Raises `ValueError` where it holds none."""
    value: Any = decode_payload(data)
    if isinstance(value, list):
        return Batch(cast("list[Event]", value))
    if not isinstance(value, dict):
        raise ValueError("an entry of a generation must be a JSON array or object")
    fields = cast("Event", value)
    kind = fields.pop("record", None)
    prev = fields.pop("prev", None)
    fields["prev"] = None if prev is None else Offset(*prev)
    if kind == "close":
        return End(**fields)
    if kind == "claim":
        return Claim(**fields)
    raise ValueError("an entry of a generation must be a claim, a batch or an end")


def first_claim(entries: list[Entry]) -> Claim | None:
    """The claim that holds the request."""
    record = decode_record(entries[0].data) if entries else None
    return record if isinstance(record, Claim) else None


def current(entries: list[Entry]) -> list[Entry]:
    """The entries that belong to the reply: without those that a later claim left behind."""
    kept: list[Entry] = []
    for entry in entries:
        if is_special(entry.data):
            record = decode_record(entry.data)
            if isinstance(record, Claim):
                del kept[left_by(record, kept) :]
        kept.append(entry)
    return kept


def left_by(record: Claim | End, entries: list[Entry]) -> int:
    """How many of the entries before a claim or an end still belong to the reply after it."""
    if record.prev is None or (isinstance(record, Claim) and record.restart):
        return 0
    return bisect_right(entries, record.prev, key=lambda entry: entry.at)


def failure(message: str, kind: str = "api_error", status: int = 500) -> Event:
    """An `End`'s error object: the API's, with the HTTP status it would have come with."""
    return {"type": kind, "message": message, "status": status}


def follows(entry: Entry, last: Offset | None) -> bool:
    """Whether a batch directly follows the entry at `last`: a writer counts its entries."""
    return last is not None and entry.at == (last.epoch, last.seq + 1)


def is_claim(data: bytes) -> bool:
    """Whether an entry is a claim."""
    return data.startswith(b'{"record":"claim"')


def is_special(data: bytes) -> bool:
    """Whether an entry is a claim or an end, not a batch."""
    return data.startswith(b"{")


def events_of(entries: list[Entry]) -> list[Event]:
    """The events of the entries, in order."""
    return [event for entry in entries for event in record_events(decode_record(entry.data))]


def record_events(record: Record) -> Sequence[Event]:
    """The events of a record that was read."""
    return () if isinstance(record, Claim) else cast("Sequence[Event]", record.events)


def raw_json(value: Any) -> msgspec.Raw:
    """A JSON value, encoded; it can stand among the events of a record."""
    try:
        return msgspec.Raw(msgspec.json.encode(value))
    except (msgspec.MsgspecError, UnicodeError):  # lone surrogates are JSON, but not msgspec's
        return msgspec.Raw(json.dumps(value, separators=(",", ":")).encode())
