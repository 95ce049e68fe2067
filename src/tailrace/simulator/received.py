"""What the simulator was asked and what became of it, for assertions and for people watching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from tailrace.core.http import Headers
from tailrace.simulator.ask import Ask
from tailrace.simulator.http import HttpRequest
from tailrace.simulator.loose import a_dict

_UNREAD: Any = object()


@dataclass(eq=False)
class Received:
    """One request, and the answer as far as it has gone.

    `headers` are found whatever their case; their `repr` shows secrets as `[redacted]`, and no
    `repr` shows the body. `time` is the Unix time of its arrival in seconds. `status` is the HTTP
    status of the answer, `sized` whether its length was announced. `sent` and `chunks` count the
    bytes of the answer and the writes they left in. `ended` is `None` while the answer goes on,
    then how it ended: the fate the script gave it (`"end"`, `"close"`, `"half_chunk"`, `"reset"`),
    or `"client left"`; `ended_at` is the Unix time of that.
    """

    number: int
    method: str
    path: str
    query: str
    headers: Headers
    content: bytes
    time: float
    request_id: str = ""
    status: int = 0
    sized: bool = False
    sent: int = 0
    chunks: int = 0
    ended: str | None = None
    ended_at: float | None = None
    connection: int = 0
    _json: Any = _UNREAD

    @classmethod
    def of(cls, request: HttpRequest, number: int, time: float, connection: int = 0) -> Received:
        """The record of a request that just arrived on the `connection`-th connection."""
        headers = Headers(request.headers)
        return cls(
            number,
            request.method,
            request.path,
            request.query,
            headers,
            request.body,
            time,
            connection=connection,
        )

    @property
    def body(self) -> Any:
        """The body as JSON, `None` where it is empty. Raises `ValueError` where it is not JSON."""
        if self._json is _UNREAD:
            self._json = msgspec.json.decode(self.content) if self.content else None
        return self._json

    @property
    def model(self) -> str:
        """The model asked for; empty where the body names none."""
        return str(self._field("model") or "")

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""
        return self._field("stream") is True

    def _field(self, name: str) -> Any:
        try:
            return a_dict(self.body).get(name)
        except ValueError:
            return None

    @property
    def ask(self) -> Ask:
        """The body with the views scripts have of it (`ask.user`, `ask.tools`...)."""
        return Ask(self.body or {}, dict(self.headers), self.path, self.number)

    def __repr__(self) -> str:
        answer = f"{self.status or 'unanswered'}, {self.sent} bytes, {self.ended or 'going on'}"
        return f"<Received {self.number}: {self.method} {self.path} -> {answer}>"
