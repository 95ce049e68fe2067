"""The show: many viewers on a page, real nodes and a real Redis server, and buttons to kill them.

Theory of operation. This process serves the page and its few controls, keeps the other processes
(`stage`) and leads the viewers to them (`doors`); the replies go from node to browser without its
doing. Each round is a few stories whose text is known (`story`); the page compares every character
its viewers get with that text. The controls are at an address that cannot be guessed, on this
machine alone, and answer only pages of their own origin.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tailrace.relay.guard import Refusal, check_origin

from .doors import Doors
from .files import page_file
from .stage import Kept, node, redis, redis_program, redis_socket
from .story import request, story

VIEWERS_PER_DOOR = 3  # of the six connections a browser opens to one port: room for a second tab
VIEWERS_PER_STORY = 6
_FILES = ("show.css", "show.js", "theme.css")
_TRY_SECONDS = 30.0


class Show:
    """All of it; `async with show.running():` around the time it is served.

    `origin` is where the page is served, `folder` a private one for the journal. `viewers` follow
    one story in six of them, each `characters` long and told at `pace` characters a second.
    """

    def __init__(
        self,
        origin: str,
        folder: Path,
        *,
        nodes: int = 3,
        viewers: int = 24,
        characters: int = 1500,
        pace: float = 60.0,
    ) -> None:
        for name, number in (("nodes", nodes), ("viewers", viewers), ("characters", characters)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, not {number}")
        self.token = secrets.token_urlsafe(24)
        self.url = f"{origin}/{self.token}/"
        program = redis_program()
        journal = f"unix://{redis_socket(folder)}" if program else str(folder / "show.db")
        settings = {"journal": journal, "token": self.token, "origin": origin, "pace": pace}
        self.redis = redis(program, folder) if program else None
        self.nodes = [node(number + 1, lambda: settings) for number in range(nodes)]
        self.viewers = viewers
        self._characters = characters
        self._origin = origin
        self._doors = Doors(self.nodes, -(-viewers // VIEWERS_PER_DOOR))
        self._ports: list[int] = []
        self._round: dict[str, Any] = {"number": 0, "stories": []}
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Everything is up until the block ends."""
        async with AsyncExitStack() as stack:
            for kept in self._kept():
                stack.push_async_callback(kept.close)
            for kept in self._kept():
                await kept.open()
            stack.push_async_callback(self._doors.close)
            self._ports = await self._doors.open()
            yield

    def app(self) -> ASGIApp:
        """The page and its controls."""
        page = Starlette(
            routes=[
                Route("/", self._page),
                *(Route(f"/{name}", _file) for name in _FILES),
                Route("/state", self._state),
                Route("/round", self._next_round, methods=["POST"]),
                Route("/kill/{name}", self._kill, methods=["POST"]),
            ]
        )
        return _Guarded(page, self.token, self._origin)

    def _kept(self) -> list[Kept]:
        return [*([self.redis] if self.redis else []), *self.nodes]

    # -- the page ------------------------------------------------------------------------------

    async def _page(self, request: Request) -> Response:
        doors = [f"http://127.0.0.1:{port}" for port in self._ports]
        return page_file("show.html", connect=("'self'", *doors))

    async def _state(self, request: Request) -> Response:
        kept = [
            {"name": one.name, "pid": one.pid, "kills": one.ends, "connections": one.connections}
            for one in self._kept()
        ]
        told = {"processes": kept, "doors": self._ports, "viewers": self.viewers}
        return JSONResponse({**told, "redis": self.redis is not None})

    async def _kill(self, request: Request) -> Response:
        for one in self._kept():
            if one.name == request.path_params["name"]:
                return JSONResponse({"killed": one.kill()})
        return JSONResponse({"killed": False}, status_code=404)

    async def _next_round(self, request: Request) -> Response:
        """The round after the one that is said, begun if nobody has: `?after=` its number."""
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            return JSONResponse({"error": "after: the number of a round"}, status_code=400)
        async with self._turn:
            if self._round["number"] <= int(after):
                self._round = await self._begin(self._round["number"] + 1)
        return JSONResponse(self._round)

    async def _begin(self, number: int) -> dict[str, Any]:
        count = -(-self.viewers // VIEWERS_PER_STORY)
        numbers = [number * 1000 + n for n in range(count)]
        return {"number": number, "stories": await asyncio.gather(*map(self._tell, numbers))}

    async def _tell(self, number: int) -> dict[str, Any]:
        """Have a story told by some node; it is the same one however often it is asked for."""
        text = story(number, self._characters)
        post = Post(self._ports[0], self.token, number, self._characters)
        id_ = await until_done(lambda: asyncio.to_thread(post.send))
        told = hashlib.sha256(text.encode()).hexdigest()
        return {"id": id_, "number": number, "text": text, "sha256": told}


class Post:
    """One request for a story, as any client of the relay would send it."""

    def __init__(self, port: int, token: str, number: int, length: int) -> None:
        self._port = port
        self._path = f"/claude/v1/messages?token={token}"
        self._headers = {"content-type": "application/json", "idempotency-key": f"story {number}"}
        self._body = json.dumps({**request(number, length), "stream": True})

    def send(self) -> str:
        """Ask, and leave; the id of what was begun. Raises `OSError` where it is to be repeated."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request("POST", self._path, self._body, self._headers)
            response = connection.getresponse()
            if response.status != 200:
                raise OSError(f"the node answered {response.status}")
            return str(response.headers["relay-id"])
        except http.client.HTTPException as error:
            raise OSError("the node died") from error
        finally:
            connection.close()


async def until_done(
    work: Callable[[], Awaitable[str]], *, seconds: float = _TRY_SECONDS, pause: float = 0.2
) -> str:
    """Do it again until it is done; raises its last `OSError` after so many seconds."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    while True:
        try:
            return await work()
        except OSError:
            if clock() > end:
                raise
        await asyncio.sleep(pause)


class _Guarded:
    """Lets through who knows the token, asks by the right host, and comes from no foreign page."""

    def __init__(self, app: ASGIApp, token: str, origin: str) -> None:
        self._app = app
        self._token = token.encode()
        self._host = origin.partition("//")[2]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _, _, rest = scope["path"].partition("/")
        token, _, path = rest.partition("/")
        request = Request(scope)
        known = secrets.compare_digest(token.encode(), self._token)
        if not known or request.headers.get("host") != self._host:
            await Response(status_code=404)(scope, receive, send)
            return
        try:
            if request.method != "GET":
                check_origin(request.headers, ())
        except Refusal as refusal:
            answer = JSONResponse({"error": refusal.message}, status_code=refusal.status)
            await answer(scope, receive, send)
            return
        await self._app({**scope, "path": f"/{path}"}, receive, send)


async def _file(request: Request) -> Response:
    return page_file(request.url.path.rpartition("/")[2])
