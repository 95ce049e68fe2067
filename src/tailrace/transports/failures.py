"""The error border: a table says what each exception of an HTTP client means.

Texts name the kind of failure and the system's own words for it, never what was sent or received.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable

from tailrace.procedures.wire import (
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    WaitTimedOut,
    WireError,
)

from .tls import bad_certificate

Meaning = Callable[[Exception], WireError]
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
    refused = bad_certificate(error)
    if refused is not None:
        return ConnectFailed(
            f"the server's certificate was refused: {refused.verify_message}", permanent=True
        )
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


def first_cause(error: BaseException, among: Iterable[type[Exception]]) -> Exception | None:
    """The innermost exception behind an error that is of one of some classes."""
    found: Exception | None = None
    seen: BaseException | None = error
    wanted = tuple(among)
    while seen is not None:
        if isinstance(seen, wanted):
            found = seen
        seen = seen.__cause__ or seen.__context__
    return found


def words(error: Exception) -> str:
    """What the system says of an error, else the name of its class."""
    system = first_cause(error, (OSError,))
    if isinstance(system, ssl.SSLError):
        return f"TLS: {system.reason or 'the handshake failed'}".replace("_", " ")
    if isinstance(system, OSError) and system.strerror:
        return system.strerror
    return type(error).__name__
