"""Names of generations: who may use them, and where their logs are.

An id is 16 bytes and their seal: the first 8 bytes of HMAC-SHA-256 over owner and bytes, under the
relay's secret. So an id is unguessable, an id of another owner is as unknown as an invented one,
and one that is ours but has no log any more is known to be past its time. Ownership is in the log's
key too (HMAC over owner and id): there is no `if` that could be forgotten.

With a caller's key (an idempotency key) the 16 bytes are an HMAC of owner and key, so the same key
gives the same id on every node, and the journal lets only one of them create the log.
"""

from __future__ import annotations

import base64
import hmac
import re

_SEAL = 8
_SHAPE = re.compile(r"[A-Za-z0-9_-]{32}")


def seal_id(secret: bytes, owner: str, name: bytes) -> str:
    """The id with these 16 bytes, for an owner: 32 characters fit for a URL."""
    return base64.urlsafe_b64encode(name + _mac(secret, "id", owner, name)[:_SEAL]).decode()


def keyed_id(secret: bytes, owner: str, key: str) -> str:
    """The id that belongs to a caller's key."""
    return seal_id(secret, owner, _mac(secret, "key", owner, key.encode())[:16])


def is_ours(secret: bytes, owner: str, id: str) -> bool:  # noqa: A002 - what it is
    """Whether the relay made this id, for this owner."""
    if not _SHAPE.fullmatch(id):
        return False
    raw = base64.urlsafe_b64decode(id)
    return hmac.compare_digest(raw[-_SEAL:], _mac(secret, "id", owner, raw[:-_SEAL])[:_SEAL])


def log_key(secret: bytes, owner: str, id: str) -> str:  # noqa: A002 - what it is
    """The journal's key of a generation's log."""
    return _mac(secret, "log", owner, id.encode()).hex()[:40]


def chat_key(secret: bytes, owner: str, chat: str) -> str:
    """The journal's key of the log that says which generations a chat had."""
    return _mac(secret, "chat", owner, chat.encode()).hex()[:40]


def _mac(secret: bytes, purpose: str, owner: str, value: bytes) -> bytes:
    # Lengths first, so that no two different triples are the same bytes.
    parts = (purpose.encode(), owner.encode(), value)
    text = b"".join(len(part).to_bytes(4) + part for part in parts)
    return hmac.digest(secret, text, "sha256")
