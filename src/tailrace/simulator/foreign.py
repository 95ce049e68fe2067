"""Recordings of other tools as tapes: vcrpy's cassettes and HAR files.

They keep no chunk boundaries, and cassettes no times. An event stream gets one chunk an event; a
HAR file's time of receiving is spread evenly over them. Compressed bodies are unpacked. Secrets are
taken out, as from any tape.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from tailrace.simulator import redact, yaml_subset
from tailrace.simulator.compose import events
from tailrace.simulator.loose import a_dict, a_list, dicts
from tailrace.simulator.tape import Chunk, Headers, Tape, TapeError

# What no longer holds once a body is unpacked and cut anew.
_STALE = {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}


def load_foreign(text: str, name: str = "") -> list[Tape]:
    """The tapes in a cassette (YAML or JSON) or a HAR file, told apart by what they hold.

    Raises `TapeError`.
    """
    try:
        data = json.loads(text) if text.lstrip().startswith("{") else yaml_subset.loads(text)
        found = a_dict(data)
        if "log" in found:
            tapes = [_of_har(entry) for entry in dicts(a_dict(found["log"]).get("entries"))]
        elif "interactions" in found:
            tapes = [_of_cassette(one) for one in dicts(found["interactions"])]
        else:
            raise TapeError("it is neither a cassette (interactions) nor a HAR file (log)")
    except (ValueError, zlib.error) as error:
        raise TapeError(f"{name or 'recording'}: {error}") from None
    numbered = enumerate(tapes, start=1)
    return [redact.clean(replace(tape, name=f"{name}#{number}")) for number, tape in numbered]


def _of_cassette(interaction: dict[str, Any]) -> Tape:
    asked, answered = a_dict(interaction.get("request")), a_dict(interaction.get("response"))
    headers = _pairs(a_dict(answered.get("headers")).items())
    status = a_dict(answered.get("status")).get("code", 200)
    body = a_dict(answered.get("body"))
    data = _bytes(body.get("string", base64.b64decode(str(body.get("base64_string", "")))))
    sent = asked.get("body")
    return _tape(
        str(asked.get("method", "POST")),
        str(asked.get("uri", "/")),
        _pairs(a_dict(asked.get("headers")).items()),
        _bytes(sent if not isinstance(sent, dict) else a_dict(sent).get("string", "")),
        int(status),
        headers,
        _unpacked(data, headers),
        0.0,
        0.0,
    )


def _of_har(entry: dict[str, Any]) -> Tape:
    asked, answered = a_dict(entry.get("request")), a_dict(entry.get("response"))
    content, times = a_dict(answered.get("content")), a_dict(entry.get("timings"))
    text = str(content.get("text", ""))
    data = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()
    return _tape(
        str(asked.get("method", "POST")),
        str(asked.get("url", "/")),
        _har_pairs(asked),
        str(a_dict(asked.get("postData")).get("text", "")).encode(),
        int(answered.get("status", 200)),
        _har_pairs(answered),
        data,
        max(float(times.get("wait", 0)), 0.0) / 1000,
        max(float(times.get("receive", 0)), 0.0) / 1000,
    )


def _tape(
    method: str,
    url: str,
    asked: Headers,
    sent: bytes,
    status: int,
    headers: Headers,
    body: bytes,
    wait: float,
    receive: float,
) -> Tape:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    stream = dict(headers).get("content-type", "").startswith("text/event-stream")
    pieces = list(events(body)) if stream else [body] * bool(body)
    gap = receive / len(pieces) if pieces else 0.0
    return Tape(
        method,
        path,
        status,
        asked,
        sent,
        tuple((name, value) for name, value in headers if name not in _STALE),
        wait,
        tuple(Chunk(gap, piece) for piece in pieces),
        sized=not stream,
    )


def _pairs(fields: Iterable[tuple[str, Any]]) -> Headers:
    """Header fields whose value is a text or a list of them."""
    return tuple(
        (str(name).lower(), str(value))
        for name, values in fields
        for value in (a_list(values) if isinstance(values, list) else [values])
    )


def _har_pairs(message: dict[str, Any]) -> Headers:
    named = ((str(one.get("name", "")), one.get("value", "")) for one in dicts(message["headers"]))
    return _pairs((name, value) for name, value in named if not name.startswith(":"))


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode()


def _unpacked(data: bytes, headers: Headers) -> bytes:
    """A cassette keeps bodies as they were sent, compressed ones too."""
    coding = dict(headers).get("content-encoding", "identity").lower()
    if coding == "gzip" and data.startswith(b"\x1f\x8b"):
        return zlib.decompress(data, 16 + zlib.MAX_WBITS)
    if coding == "deflate" and data[:1] == b"\x78":
        return zlib.decompress(data)
    if coding in ("br", "zstd") and not data.lstrip().startswith((b"{", b"event:", b"data:")):
        raise TapeError(f"its body is compressed with {coding}, which is not read here")
    return data
