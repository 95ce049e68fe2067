"""An ASGI client that sees what a server would: each message, and whether the answer was ended."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from tailrace.core.framing import EventStreamDecoder


class Visit:
    """One request and what came of it."""

    def __init__(self, app, method, url, *, body=None, headers=(), root="/claude") -> None:
        parts = urlsplit(url)
        data = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        named = {"host": "site", **({"content-type": "application/json"} if data else {})}
        named |= dict(headers)
        self.scope = {
            "type": "http",
            "method": method,
            "path": root + parts.path,
            "root_path": root,
            "query_string": parts.query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in named.items()],
            "http_version": "1.1",
            "scheme": "http",
            "server": ("site", 80),
            "client": ("1.2.3.4", 5),
        }
        self.data = data
        self.sent: list[bytes] = []
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.complete = False
        self.room = asyncio.Event()
        self.room.set()
        self._asked = False
        self._gone = asyncio.Event()
        self.task = asyncio.create_task(app(self.scope, self._receive, self._send))

    async def _receive(self):
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.data, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message) -> None:
        await self.room.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            return
        self.sent.append(message.get("body", b""))
        self.complete = not message.get("more_body", False)

    def leave(self) -> None:
        self._gone.set()

    @property
    def body(self) -> bytes:
        return b"".join(self.sent)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        return EventStreamDecoder().feed(self.body)

    async def done(self) -> Visit:
        async with asyncio.timeout(10):
            await self.task
        return self

    async def until(self, mark: bytes) -> Visit:
        async with asyncio.timeout(10):
            while mark not in self.body:
                await asyncio.sleep(0.002)
        return self


def said(visit: Visit) -> str:
    """The text a reader of Claude's own events has."""
    found = [event.json() for event in visit.events if event.event == "content_block_delta"]
    return "".join(event["delta"]["text"] for event in found)
