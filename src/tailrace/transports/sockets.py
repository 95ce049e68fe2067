"""TCP sockets: how they are tuned, made, and shut.

Replies come in small packets with pauses between them, so Nagle's algorithm is off. Keepalive
probes keep the mappings of middleboxes from expiring during a long pause, and notice a peer that
is gone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import Any, Protocol

from .system import monotonic

KEEPALIVE_IDLE = 60
"""Seconds of silence until the first probe: most middleboxes forget a connection later."""

KEEPALIVE_INTERVAL = 15
"""Seconds between probes."""

KEEPALIVE_PROBES = 4
"""Probes without an answer until the connection is given up."""

IDLE_CONNECTION_SECONDS = 50.0
"""How long a connection is kept for the next request: shorter than the 60 s after which common
load balancers close it, since a request that meets the closing is lost."""

# macOS calls the first of them TCP_KEEPALIVE; a system has the ones it has.
_OPTIONS = (
    ("TCP_NODELAY", 1),
    ("TCP_KEEPIDLE", KEEPALIVE_IDLE),
    ("TCP_KEEPALIVE", KEEPALIVE_IDLE),
    ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
    ("TCP_KEEPCNT", KEEPALIVE_PROBES),
)


class HasFileno(Protocol):
    """Anything that stands for an open socket."""

    def fileno(self) -> int:
        """Its file descriptor, or -1 if it is closed."""
        ...


def tune(sock: socket.socket) -> None:
    """Turn keepalive on and Nagle's algorithm off, as far as the system can."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)


def made(address: tuple[Any, ...]) -> socket.socket:
    """A tuned socket for an entry of `getaddrinfo`, not connected."""
    family, kind, protocol = address[:3]
    sock = socket.socket(family, kind, protocol)
    tune(sock)
    return sock


def dial(host: str, port: int, timeout: float | None) -> socket.socket:
    """Connect to the first address of a host that answers; `timeout` seconds for all together.

    Each address gets an equal share of what is left, so that one that swallows packets does not
    use up the time of those that would answer. Looking the name up is not bounded: the system's
    resolver has clocks of its own. Raises `OSError`, `TimeoutError` among them. The socket's
    timeout is then what is left.
    """
    until = None if timeout is None else monotonic() + timeout
    addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "the host name has no address")
    for tried, address in enumerate(addresses):
        sock = made(address)
        try:
            sock.settimeout(_left(until, len(addresses) - tried))
            sock.connect(address[4])
            sock.settimeout(_left(until))
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    try:
        raise failure
    finally:
        del failure  # its traceback refers to this frame


def _left(until: float | None, shares: int = 1) -> float | None:
    """A share of the time left, in seconds; never 0, which would mean not to wait at all."""
    return None if until is None else max(until - monotonic(), 0.001) / shares


def shut(sock: HasFileno) -> None:
    """Shut a connection down in both directions, waking whoever waits for it, from any thread.

    The descriptor stays open: closing it is for whoever owns it. A duplicate is used, since not
    every event loop lets its sockets be shut down directly.
    """
    with contextlib.suppress(OSError, ValueError):
        twin = socket.socket(fileno=os.dup(sock.fileno()))
        try:
            twin.shutdown(socket.SHUT_RDWR)
        finally:
            twin.close()
