"""The simulated API behind any surface: a request goes in, a response that plays itself comes out.

It holds what an API remembers: the replies to come, the quota, the cached prompts, the requests so
far. It opens nothing and waits for nothing; `server` puts it on a port, `asgi` inside an app.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

from tailrace.simulator import ids
from tailrace.simulator.api import Answer, Desk
from tailrace.simulator.api_errors import ApiError
from tailrace.simulator.ask import Ask
from tailrace.simulator.caching import Cache
from tailrace.simulator.http import BadHttp, HttpRequest, write
from tailrace.simulator.pieces import Piece, Response, UnderWay
from tailrace.simulator.playbook import Playbook
from tailrace.simulator.quota import Meter, Quota
from tailrace.simulator.received import Received
from tailrace.simulator.replay import Replay
from tailrace.simulator.respond import Manner, error_response, json_response, respond
from tailrace.simulator.tape import Tape

if TYPE_CHECKING:
    from tailrace.simulator.control import Control

log = logging.getLogger("tailrace.simulator")

_DELTA = b"event: content_block_delta"
_UNCOUNTED = 0  # the number of a request that is not for the API
_TOTAL = re.compile(rb'"output_tokens":(\d+)')


class Api:
    """One simulated organization at the API, which remembers its last `keep` requests.

    `clock` gives the Unix time in seconds. `on_request` is called, on the server's own thread, when
    a request arrives and again when its answer has ended (`received.ended` tells which).
    `control_token` opens the page and the calls of `control` to whoever has it.
    """

    def __init__(
        self,
        playbook: Playbook,
        *,
        desk: Desk,
        manner: Manner,
        quota: Quota | None,
        seed: int,
        clock: Callable[[], float],
        replay: Replay | None = None,
        keep: int = 10_000,
        on_request: Callable[[Received], None] | None = None,
        control_token: str | None = None,
    ) -> None:
        self.playbook = playbook
        self.requests: list[Received] = []
        self.changed = threading.Condition()
        self._desk = desk
        self._manner = manner
        self._metered = quota is not None
        self._meter = Meter(quota)
        self._cache = Cache()
        self._seed = seed
        self._clock = clock
        self._replay = replay
        self._keep = keep
        self._on_request = on_request
        self._count = 0
        self.under_way: dict[int, UnderWay] = {}
        """The replies that are being sent, by the numbers of their requests."""
        self._control = None if control_token is None else self._controlled(control_token)
        self._organization = str(UUID(int=Random(seed).getrandbits(128), version=4))  # noqa: S311

    # -- what a server calls --------------------------------------------------------------------

    def refuses(self) -> bool:
        """Whether the connection just made is to be reset."""
        return self.playbook.refuses()

    def answer(
        self, request: HttpRequest | BadHttp, connection: int = 0
    ) -> tuple[Iterator[Piece], Received]:
        """The reply to a request as timed bytes of HTTP, and the record of the request."""
        response, received = self.respond(request, connection)
        if isinstance(request, BadHttp):
            return write(response, keep_alive=False, now=received.time), received
        keep, bare = request.keep_alive, request.method == "HEAD"
        return write(response, keep_alive=keep, now=received.time, head_only=bare), received

    def finished(self, received: Received) -> None:
        """The reply to this request is over; `received.ended` says how."""
        if received.number == _UNCOUNTED:
            return
        self.under_way.pop(received.number, None)
        received.ended_at = self._clock()
        with self.changed:
            self.changed.notify_all()
        self._tell(received)

    def began(self, received: Received, reply: UnderWay) -> None:
        """The reply to this request is being sent, and can be interfered with."""
        if received.number != _UNCOUNTED:
            self.under_way[received.number] = reply

    # -- what any surface calls -----------------------------------------------------------------

    def respond(
        self, request: HttpRequest | BadHttp, connection: int = 0
    ) -> tuple[Response, Received]:
        """The response to a request, and the record of it, which is kept."""
        if self._control is not None and isinstance(request, HttpRequest):
            controlled = self._control.answer(request)
            if controlled is not None:
                return controlled, Received.of(request, _UNCOUNTED, self._clock(), connection)
        self._count += 1
        number, now = self._count, self._clock()
        rng = Random(f"{self._seed}/{number}")  # noqa: S311 - repeatable, not secret
        known = request.head if isinstance(request, BadHttp) else request
        received = Received.of(known or HttpRequest("?", "?"), number, now, connection)
        received.request_id = ids.request(rng)
        response = self._response(request, received, rng, now)
        received.status = response.status
        received.sized = response.length is not None
        with self.changed:
            self.requests.append(received)
            del self.requests[: -self._keep]
            self.changed.notify_all()
        self._tell(received)
        return response, received

    def _response(
        self, request: HttpRequest | BadHttp, received: Received, rng: Random, now: float
    ) -> Response:
        headers = {
            "request-id": received.request_id,
            "anthropic-organization-id": self._organization,
        }
        if isinstance(request, BadHttp):
            return error_response(
                ApiError(request.status, request.message), received.request_id, headers
            )
        if self._replay is not None and not self.playbook.left:
            return self._replayed(self._replay, request, received.request_id, headers)
        asked = self._desk.receive(request, received.number)
        if isinstance(asked, Answer):
            return json_response(200, asked.body, headers)
        if isinstance(asked, Ask):
            refusal = self._meter.admit(asked.input_tokens, now)
            headers |= self._meter.headers(now)
            asked = refusal or asked
        if isinstance(asked, ApiError):
            return error_response(asked, received.request_id, headers)
        return self._scripted(asked, received, rng, headers, now)

    def _replayed(
        self, replay: Replay, request: HttpRequest, request_id: str, headers: dict[str, str]
    ) -> Response:
        """The recorded response; without one, an error that says how the request differs."""
        found = replay.next(request)
        if isinstance(found, Tape):
            return found.response(replay.speed)
        return error_response(ApiError(404, str(found)), request_id, headers)

    def _scripted(
        self, ask: Ask, received: Received, rng: Random, headers: dict[str, str], now: float
    ) -> Response:
        ask = Ask(ask.body, ask.headers, ask.path, ask.number, self._cache.usage(ask.body, now))
        try:
            script = self.playbook.next(ask)
            response = respond(
                script,
                ask,
                rng=rng,
                manner=self._manner,
                request_id=received.request_id,
                headers=headers,
            )
        except Exception as error:  # a user's function, or a template: the client sees a 500
            log.exception("no reply could be made for request %d", ask.number)
            text = f"the simulator's answer failed: {type(error).__name__}: {error}"
            return error_response(ApiError(500, text), received.request_id, headers)
        if ask.body.get("thread"):
            kept = self._desk.threads.kept(ask.body, response.body)
            response = replace(response, body=kept)
        if not self._metered:
            return response
        return replace(response, body=self._counted(response.body))

    def _counted(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces, their tokens counted against the quota as they leave: a delta is one."""
        for piece in pieces:
            whole = _TOTAL.search(piece.data) if _DELTA not in piece.data else None
            spent = piece.data.count(_DELTA)
            if whole and piece.data.startswith(b"{"):
                spent = int(whole[1])
            if spent:
                self._meter.spend(spent, self._clock())
            yield piece

    def _controlled(self, token: str) -> Control:
        from tailrace.simulator.control import Control

        return Control(
            token,
            requests=lambda: self.requests,
            playbook=self.playbook,
            under_way=self.under_way,
            clock=self._clock,
        )

    def _tell(self, received: Received) -> None:
        if self._on_request is not None:
            self._on_request(received)
