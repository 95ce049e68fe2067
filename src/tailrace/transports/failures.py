"""The error border: a table says what each exception of an HTTP client means.

Texts name the kind of failure and the system's own words for it, never what was sent or received.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TypeVar

from tailrace.procedures.wire import (
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    WaitTimedOut,
    WireError,
)

Meaning = Callable[[Exception], WireError]
AnError = TypeVar("AnError", bound=BaseException)
Border = tuple[tuple[type[Exception], Meaning], ...]
"""What each class means; the first class that fits decides."""


def crossed(error: Exception, border: Border) -> WireError:
    """The `WireError` for an exception; raise it `from` the exception.

    Raises the exception itself if no row fits: then it is a defect, not a failure of the wire.
    """
    for kind, meaning in border:
        if isinstance(error, kind):
            return meaning(error)
    raise error


def kinds(border: Border) -> tuple[type[Exception], ...]:
    """The exception classes of a border, for an `except` clause."""
    return tuple(kind for kind, _ in border)


def no_connection(error: Exception) -> WireError:
    """No connection could be made; for good if a certificate was refused."""
    refused = _first_cause(error, ssl.SSLCertVerificationError)
    if refused is not None:
        why: str = getattr(refused, "verify_message", "for no stated reason")
        return ConnectFailed(f"the server's certificate was refused: {why}", permanent=True)
    return ConnectFailed(f"could not connect: {words(error)}")


def impossible(error: Exception) -> WireError:
    """What was asked cannot be done, now or later."""
    return ConnectFailed(f"could not connect: {words(error)}", permanent=True)


def connecting_took_too_long(error: Exception) -> WireError:
    """The connection did not stand in time."""
    return ConnectTimedOut("the connection did not stand within its time")


def nothing_came(error: Exception) -> WireError:
    """Nothing came in time."""
    return WaitTimedOut("nothing came within its time")


def lost(error: Exception) -> WireError:
    """The connection broke."""
    return ConnectionLost(f"the connection was lost: {words(error)}")


def words(error: Exception) -> str:
    """What the system says of an error, else the name of its class."""
    system = _first_cause(error, OSError)
    if isinstance(system, ssl.SSLError):
        reason: str = getattr(system, "reason", None) or "the handshake failed"
        return f"TLS: {reason}".replace("_", " ")
    if system is not None and system.strerror:
        return system.strerror
    return type(error).__name__


def _first_cause(error: BaseException, kind: type[AnError]) -> AnError | None:
    """The innermost exception of a class behind an error."""
    found: AnError | None = None
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kind):
            found = seen
        seen = seen.__cause__ or seen.__context__
    return found
