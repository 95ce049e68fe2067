"""A server for checking wires: plain sockets and threads, so that it can misbehave exactly.

A script is a function that is given each connection as a `Peer` and says byte by byte what happens
on it: half a chunk, a reset, a stall. A script's own error is raised where the server is left.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import unittest
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import NamedTuple, Self

PATIENCE = 10.0
"""Seconds after which a check has failed that waits for something; never reached if all is well."""


class Asked(NamedTuple):
    """A request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """The server's end of a connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.number = number
        """Its number among the connections of the server, from 1."""
        self.sock = sock
        self._buffer = b""
        sock.settimeout(PATIENCE)

    def request(self) -> Asked | None:
        """Read a whole request; `None` if the client closed the connection instead."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._receive():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (field.partition(":") for field in fields)
        }
        size = int(headers.get("content-length", 0))
        while len(self._buffer) < size:
            if not self._receive():
                return None
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return Asked(line, headers, body)

    def requests(self) -> Iterator[Asked]:
        """Read requests until the client closes the connection."""
        while (asked := self.request()) is not None:
            yield asked

    def send(self, *pieces: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(b"".join(pieces))

    def head(self, *fields: str, status: str = "200 OK") -> None:
        """Send a status line and headers."""
        lines = (f"HTTP/1.1 {status}", *fields, "", "")
        self.send("\r\n".join(lines).encode("latin-1"))

    def chunk(self, *datas: bytes) -> None:
        """Send chunks, all in one packet."""
        self.send(*(b"%x\r\n%b\r\n" % (len(data), data) for data in datas))

    def last_chunk(self) -> None:
        """Send the end of a chunked body."""
        self.send(b"0\r\n\r\n")

    def answer(self, body: bytes, *fields: str, status: str = "200 OK") -> None:
        """Send a whole answer of a known size."""
        self.head(f"content-length: {len(body)}", *fields, status=status)
        self.send(body)

    def reset(self) -> None:
        """Close with a reset, as a crash or a middlebox does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close in good order."""
        self.sock.close()

    def client_closed(self) -> bool:
        """Wait for the client to close the connection; whether it did, and sent nothing more."""
        try:
            return not self._receive()
        except TimeoutError:
            return False
        except OSError:
            return True

    def _receive(self) -> bool:
        data = self.sock.recv(65_536)
        self._buffer += data
        return bool(data)


Script = Callable[[Peer], None]


class Server:
    """A server that plays a script on each connection, each in a thread of its own."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._threads: list[Thread] = []
        self._peers: list[Peer] = []
        self._errors: list[BaseException] = []
        self._leaving = Event()
        self.port: int = self._listener.getsockname()[1]
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        """Where it listens, without a slash at the end."""

    @property
    def connections(self) -> int:
        """How many connections there have been."""
        return len(self._peers)

    def __enter__(self) -> Self:
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._leaving.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE)
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(peer.sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        if self._errors and error is None:
            raise self._errors[0]

    def _accept(self) -> None:
        while not self._leaving.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(sock, len(self._peers) + 1)
            self._peers.append(peer)
            thread = Thread(target=self._play, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _play(self, peer: Peer) -> None:
        try:
            if self._tls is not None:
                peer.sock = self._tls.wrap_socket(peer.sock, server_side=True)
            self._script(peer)
        except OSError as error:  # the client may close whenever it likes
            if isinstance(error, TimeoutError) and not self._leaving.is_set():
                self._errors.append(error)
        except BaseException as error:
            self._errors.append(error)
        finally:
            peer.close()


@contextlib.contextmanager
def certificate() -> Generator[Path, None, None]:
    """A self-signed certificate for 127.0.0.1, key and all in one PEM file.

    Raises `unittest.SkipTest` where there is no `openssl` command to make it.
    """
    openssl = which("openssl")
    if openssl is None:
        raise unittest.SkipTest("there is no openssl command to make a certificate with")
    with TemporaryDirectory() as folder:
        path = Path(folder, "certificate.pem")
        options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", str(path), "-out", str(path) + ".crt"]
        subprocess.run(  # noqa: S603
            [openssl, *options.split(), *names, *files], check=True, capture_output=True
        )
        path.write_bytes(path.read_bytes() + Path(str(path) + ".crt").read_bytes())
        yield path


def serving(path: Path) -> ssl.SSLContext:
    """A server's TLS context for a certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made
