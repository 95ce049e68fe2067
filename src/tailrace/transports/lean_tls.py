"""TLS on asyncio's own event loops, with 32 KiB for each connection instead of 256.

asyncio has every TLS connection read into a buffer of its own of 256 KiB, for as long as it stands.
A stream of tokens needs one record (16 KiB at most; RFC 8446, section 5.1), and a thousand streams
would hold a quarter of a gigabyte of nothing. The buffer's size is an attribute of asyncio's class,
so a class with another one is all it takes, where asyncio still is as expected. uvloop has a TLS of
its own, which this is not for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from functools import cache
from typing import Any

BUFFER = 32 * 1024
"""How many bytes of a connection are decrypted into its buffer at once."""


@cache
def lean_class() -> Any:
    """asyncio's class with a small buffer; `None` in a Python where that is not to be had.

    The class is not documented, so a later Python may have it elsewhere, or otherwise.
    """
    try:
        from asyncio.sslproto import SSLProtocol
    except ImportError:
        return None
    if "max_size" not in vars(SSLProtocol):
        return None
    return type("LeanTLS", (SSLProtocol,), {"max_size": BUFFER})


def lean_tls(
    loop: asyncio.AbstractEventLoop,
    connection: asyncio.Protocol,
    context: ssl.SSLContext,
    host: str,
) -> tuple[asyncio.BufferedProtocol, asyncio.Future[None]] | None:
    """What stands between a socket's transport and `connection`, and when its handshake is done.

    `None` on a loop that is not asyncio's own, or in a Python whose class is another.
    """
    made = lean_class()
    if made is None or not isinstance(loop, asyncio.BaseEventLoop):
        return None
    done: asyncio.Future[None] = loop.create_future()
    with contextlib.suppress(TypeError):  # its arguments are others
        return made(loop, connection, context, done, server_hostname=host), done
    return None


async def begin_tls(
    loop: asyncio.AbstractEventLoop,
    connection: asyncio.Protocol,
    sock: socket.socket,
    context: ssl.SSLContext,
    host: str,
) -> None:
    """Begin TLS with `host` on a connected socket, for a `connection` that is told once it stands.

    Raises `OSError` (`ssl.SSLError` among them). A socket that is not taken over stays open.
    """
    between = lean_tls(loop, connection, context, host)
    if between is None:
        await loop.create_connection(
            lambda: connection, sock=sock, ssl=context, server_hostname=host
        )
        return
    protocol, done = between
    transport, _ = await loop.create_connection(lambda: protocol, sock=sock)
    try:
        await done
    except BaseException:
        transport.abort()
        raise
