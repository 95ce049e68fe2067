"""The simulator under somebody's hand: what was asked, replies to come, replies under way.

Paths under `/_tailrace/` are a small JSON API beside the simulated one, and `/` is the page that
uses it. Every call needs the token (`x-tailrace-token`), which only whoever started the simulator
was told: the page has it from the fragment of its own address, which browsers send to nobody. So no
other page a browser has open can call it, whatever name that page gives this machine. Contents of
requests are sent only when one request is asked for, and never with keys in them.

    GET  /_tailrace/state                 the last requests, as far as they have got
    GET  /_tailrace/requests/3            what the third one said
    POST /_tailrace/requests/3            {"do": "hold"}: also go_on, end, close, half_chunk, reset
    GET  /_tailrace/faults                the faults there are to choose from
    POST /_tailrace/script                {"fault": "status-529", "times": 2}
                                          or {"replies": [...]}, spelled as in a scenario
    POST /_tailrace/clear                 drop the replies that are queued
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tailrace.simulator import redact
from tailrace.simulator.acts import Fate
from tailrace.simulator.answers import Reply
from tailrace.simulator.course import COURSE
from tailrace.simulator.grammar import ScenarioError, parse_reply
from tailrace.simulator.http import HttpRequest
from tailrace.simulator.loose import a_dict, a_list
from tailrace.simulator.pieces import Piece, Response, UnderWay
from tailrace.simulator.playbook import Playbook
from tailrace.simulator.received import Received

ROOT = "/_tailrace/"
TOKEN_HEADER = "x-tailrace-token"  # noqa: S105 - the name of a header
SHOWN = 100
"""How many requests the state tells of."""
LONGEST_CONTENT = 65_536
"""How much of a request's body is shown, in bytes."""
MOST_QUEUED = 1000

_PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    f"{ROOT}page.css": ("page.css", "text/css; charset=utf-8"),
    f"{ROOT}page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_POLICY = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_FATES = {fate.value: fate for fate in (Fate.END, Fate.CLOSE, Fate.HALF_CHUNK, Fate.RESET)}


class Refusal(Exception):  # noqa: N818 - what the caller is told
    """A call that cannot be done, with its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """Answers the calls of one simulator."""

    def __init__(
        self,
        token: str,
        *,
        requests: Callable[[], list[Received]],
        playbook: Playbook,
        under_way: Mapping[int, UnderWay],
        clock: Callable[[], float],
    ) -> None:
        self._token = token.encode()
        self._requests = requests
        self._playbook = playbook
        self._under_way = under_way
        self._clock = clock

    def answer(self, request: HttpRequest) -> Response | None:
        """The response to a call or for the page; `None` where the request is for the API."""
        wants_page = "text/html" in request.headers.get("accept", "")
        if request.path in _PAGE and (request.path != "/" or wants_page):
            return _page(*_PAGE[request.path])
        if not request.path.startswith(ROOT):
            return None
        try:
            self._admit(request)
            return _json(200, self._called(request))
        except Refusal as refusal:
            return _json(refusal.status, {"error": str(refusal)})

    def _admit(self, request: HttpRequest) -> None:
        given = request.headers.get(TOKEN_HEADER, "").encode()
        if not hmac.compare_digest(given, self._token):
            raise Refusal(403, f"{TOKEN_HEADER} is missing or wrong; the simulator printed it")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            raise Refusal(403, f"calls from pages of {origin} are refused")

    def _called(self, request: HttpRequest) -> Any:
        name, _, number = request.path.removeprefix(ROOT).partition("/")
        call = _CALLS.get((request.method, name))
        if call is None:
            known = ", ".join(f"{method} {ROOT}{path}" for method, path in _CALLS)
            raise Refusal(404, f"there is no such call; there are {known}")
        return call(self, number, _body(request) if request.method == "POST" else {})

    # -- the calls ------------------------------------------------------------------------------

    def _state(self, number: str, body: dict[str, Any]) -> Any:
        now = self._clock()
        told = [self._summary(one, now) for one in self._requests()[-SHOWN:]]
        return {"now": now, "queued": self._playbook.left, "requests": told}

    def _summary(self, one: Received, now: float) -> dict[str, Any]:
        playing = self._under_way.get(one.number)
        return {
            "number": one.number,
            "time": one.time,
            "method": one.method,
            "path": one.path,
            "model": one.model,
            "stream": one.stream,
            "status": one.status,
            "sent": one.sent,
            "chunks": one.chunks,
            "seconds": round(max((one.ended_at or now) - one.time, 0.0), 3),
            "ended": one.ended,
            "held": playing is not None and playing.held,
        }

    def _shown(self, number: str, body: dict[str, Any]) -> Any:
        one = self._found(number)
        known = redact.credentials(dict(one.headers))
        content = redact.secrets(one.content, known)
        return {
            "number": one.number,
            "headers": dict(redact.headers(one.headers.items())),
            "content": content[:LONGEST_CONTENT].decode("utf-8", "replace"),
            "length": len(content),
        }

    def _do(self, number: str, body: dict[str, Any]) -> Any:
        playing = self._under_way.get(self._found(number).number)
        if playing is None:
            raise Refusal(409, f"the reply to request {number} is over")
        what = body.get("do")
        if what == "hold":
            playing.hold()
        elif what == "go_on":
            playing.go_on()
        elif what in _FATES:
            playing.cut(_FATES[what])
        else:
            known = ", ".join(("hold", "go_on", *_FATES))
            raise Refusal(400, f"do: expected one of {known}, not {what!r}")
        return {"did": what}

    def _faults(self, number: str, body: dict[str, Any]) -> Any:
        return [{"name": fault.name, "what": fault.says} for fault in COURSE]

    def _script(self, number: str, body: dict[str, Any]) -> Any:
        times = body.get("times", 1)
        if not isinstance(times, int) or not 1 <= times <= MOST_QUEUED:
            raise Refusal(400, f"times: expected a number from 1 to {MOST_QUEUED}, not {times!r}")
        replies = self._replies(body) * times
        if len(replies) + self._playbook.left > MOST_QUEUED:
            raise Refusal(400, f"at most {MOST_QUEUED} replies are queued")
        self._playbook.push(replies)
        return {"queued": self._playbook.left}

    def _replies(self, body: dict[str, Any]) -> list[Reply]:
        if ("fault" in body) == ("replies" in body):
            raise Refusal(400, "say either `fault`, a name of the course, or `replies`, a list")
        if "fault" in body:
            found: list[Reply] = [fault.reply for fault in COURSE if fault.name == body["fault"]]
            if not found:
                raise Refusal(400, f"fault: there is no {body['fault']!r}; see {ROOT}faults")
            return found
        if not isinstance(body["replies"], list):
            raise Refusal(400, "replies: expected a list")
        try:
            told = enumerate(a_list(body["replies"]))
            return [parse_reply(reply, ("replies", at)) for at, reply in told]
        except ScenarioError as error:
            raise Refusal(400, f"{error.key}: {error.problem}") from None

    def _clear(self, number: str, body: dict[str, Any]) -> Any:
        self._playbook.clear()
        return {"queued": 0}

    def _found(self, number: str) -> Received:
        for one in reversed(self._requests()):
            if str(one.number) == number:
                return one
        raise Refusal(404, f"there is no request {number!r}, or it is no longer remembered")


Call = Callable[[Control, str, dict[str, Any]], Any]

_CALLS: Mapping[tuple[str, str], Call] = {
    ("GET", "state"): Control._state,
    ("GET", "requests"): Control._shown,
    ("POST", "requests"): Control._do,
    ("GET", "faults"): Control._faults,
    ("POST", "script"): Control._script,
    ("POST", "clear"): Control._clear,
}


def _body(request: HttpRequest) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError as error:
        raise Refusal(400, f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refusal(400, "the body must be a JSON object")
    return a_dict(body)


def _page(name: str, kind: str) -> Response:
    data = resources.files("tailrace.simulator").joinpath("web", name).read_bytes()
    headers = {"content-type": kind, **_POLICY}
    return Response(200, headers, [Piece(0.0, data)], len(data))


def _json(status: int, value: Any) -> Response:
    data = msgspec.json.encode(value)
    headers = {"content-type": "application/json", **_POLICY}
    return Response(status, headers, [Piece(0.0, data)], len(data))
