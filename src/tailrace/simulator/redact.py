"""What must not be written down: keys always, contents on request.

Secrets are found by where they stand (headers that carry credentials) and by what they look like
(API keys, tokens); a credential of the request is also looked for in every body. Whatever is taken
out of a body is replaced by as many bytes, so that chunks keep their boundaries.

Masking contents leaves the shape: letters become `x`, digits `0` or `1`, and only inside the texts
of messages, so that a masked tape still replays as well-formed events of the same sizes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tailrace.core.http import REDACTED, SECRET_HEADERS
from tailrace.simulator.loose import a_dict, a_list
from tailrace.simulator.tape import Chunk, Tape

_SECRET_HEADERS = SECRET_HEADERS | {
    "anthropic-organization-id",
    "anthropic-workspace-id",
    "api-key",
    "cf-ray",
    "x-goog-api-key",
}
_SECRETS = re.compile(
    rb"sk-[A-Za-z0-9_-]{16,}"  # Anthropic's, OpenAI's
    rb"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS
    rb"|\bgh[pousr]_[A-Za-z0-9]{30,}"  # GitHub
    rb"|\bAIza[A-Za-z0-9_-]{35}"  # Google
    rb"|\bxox[a-z]-[A-Za-z0-9-]{10,}"  # Slack
    rb"|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"  # JSON web tokens
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
    re.DOTALL,
)
_LEAST_SECRET = 8  # shorter credentials are placeholders, and would be found everywhere


def headers(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Header fields with lower-case names and without secret values."""
    return tuple(
        (name.lower(), REDACTED if name.lower() in _SECRET_HEADERS else value)
        for name, value in pairs
    )


def credentials(named: Mapping[str, str]) -> list[bytes]:
    """The credentials a request's headers (lower-case names) carry."""
    values = [named.get("x-api-key", ""), named.get("authorization", "").partition(" ")[2]]
    return [value.encode() for value in values if len(value) >= _LEAST_SECRET]


def secrets(data: bytes, known: Iterable[bytes] = ()) -> bytes:
    """The data, as long as before, without `known` credentials and what looks like one."""
    for credential in known:
        data = data.replace(credential, b"*" * len(credential))
    return _SECRETS.sub(lambda found: b"*" * len(found[0]), data)


def clean(tape: Tape, *, mask: bool = False) -> Tape:
    """The tape without secrets, and on request without contents; every chunk keeps its length."""
    known = credentials(dict(tape.request_headers))
    body, sent = secrets(tape.body, known), secrets(tape.request_body, known)
    if mask:
        body = mask_response(body)
        sent = json.dumps(mask_request(tape.json)).encode() if tape.json is not None else b""
    chunks: list[Chunk] = []
    for chunk in tape.chunks:
        chunks.append(replace(chunk, data=body[: len(chunk.data)]))
        body = body[len(chunk.data) :]
    return replace(
        tape,
        path=secrets(tape.path.encode(), known).decode(),
        request_headers=headers(tape.request_headers),
        request_body=sent,
        headers=headers(tape.headers),
        chunks=tuple(chunks),
        masked=mask,
    )


# -- contents -----------------------------------------------------------------------------------

# Strings of a request that say what is done rather than what is said.
_SHAPE = {
    "id",
    "media_type",
    "model",
    "name",
    "role",
    "stop_reason",
    "tool_use_id",
    "ttl",
    "type",
}
_CONTENTS = re.compile(
    rb'"(text|thinking|signature|data|cited_text|title|url|encrypted_content|explanation'
    rb'|partial_json)":\s*"((?:[^"\\]|\\.)*)"'
)
_TOKEN = re.compile(rb"\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)
_INDEX = re.compile(rb'"index":\s*(\d+)')


def mask_request(value: Any) -> Any:
    """A request's JSON with its texts made unreadable; names, roles and types stay."""
    if isinstance(value, str):
        return "".join("x" if char.isalpha() else "0" if char.isdigit() else char for char in value)
    if isinstance(value, list):
        return [mask_request(item) for item in a_list(value)]
    if isinstance(value, dict):
        fields = a_dict(value)
        return {
            key: item if key in _SHAPE and isinstance(item, str) else mask_request(item)
            for key, item in fields.items()
        }
    return value


def mask_response(data: bytes) -> bytes:
    """A response's body, streamed or not, with its texts made unreadable, byte for byte.

    Fragments of tool input are masked only inside their own strings, across deltas, so that they
    stay JSON.
    """
    inputs: dict[bytes, _JsonMask] = {}

    def masked(line: re.Match[bytes]) -> bytes:
        index = _INDEX.search(line[0])
        block = index[1] if index else b""

        def value(found: re.Match[bytes]) -> bytes:
            text = found[2]
            if found[1] == b"partial_json":
                shown = inputs.setdefault(block, _JsonMask()).fragment(text)
            else:
                shown = b"".join(_mask(token) for token in _TOKEN.findall(text))
            return found[0][: -len(text) - 1] + shown + b'"'

        return _CONTENTS.sub(value, line[0])

    return re.sub(rb"[^\n]+", masked, data)


class _JsonMask:
    """Masks a JSON text that arrives in fragments, each the content of a JSON string."""

    def __init__(self) -> None:
        self._in_string = False
        self._escaped = False
        self._code = b""  # what is left of the four digits of an escape

    def fragment(self, text: bytes) -> bytes:
        """As many bytes, which still continue the same JSON."""
        return b"".join(self._token(token) for token in _TOKEN.findall(text))

    def _token(self, token: bytes) -> bytes:
        if self._code:
            digit, self._code = self._code[:1], self._code[1:]
            return digit
        if self._escaped:
            self._escaped = False
            self._code = b"0078" if token == b"u" else b""  # the code of an x
            return token
        if token == b"\\\\":
            self._escaped = True
            return token
        if token == b'\\"':
            self._in_string = not self._in_string
            return token
        if self._in_string:
            return _mask(token)
        return b"1" if token.isdigit() else token


def _mask(token: bytes) -> bytes:
    """As many bytes that say nothing; escapes of one character stay."""
    if token.startswith(b"\\u"):
        return b"x" * len(token)
    if token.startswith(b"\\"):
        return token
    if token.isdigit():
        return b"0"
    return b"x" if token.isalpha() or token >= b"\x80" else token
