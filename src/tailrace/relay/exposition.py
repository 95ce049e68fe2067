"""A relay's metrics as Prometheus reads them: the text exposition format, version 0.0.4.

    app.mount("/metrics", relay.metrics_app(token=…))

The numbers say how busy a service is and how often it fails, which is nobody's business by default;
so they are not part of `relay.app`, and whoever serves them says who may read: those who have the
token, or (`token=None`) everybody who gets as far as this application.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .asgi import Receive, Scope, Send, answer, answer_error
from .metrics import Family, Sample, families

if TYPE_CHECKING:
    from .relay import Relay

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


def exposition(metrics: Iterable[Family]) -> str:
    """The text of these metrics, as https://prometheus.io/docs/instrumenting/exposition_formats."""
    lines: list[str] = []
    for family in metrics:
        # In this version a counter is announced under its samples' name.
        name = family.name + ("_total" if family.kind == "counter" else "")
        lines += [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]
        lines += [_line(family.name, sample) for sample in family.samples]
    return "\n".join(lines) + "\n"


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(f'{key}="{value}"' for key, value in sample.labels.items())
    return f"{name}{sample.suffix}{{{labels}}} {sample.value}"


class MetricsApp:
    """The ASGI application of `relay.metrics_app`: any GET is answered with the metrics.

    `token`: what a request must send as `Authorization: Bearer …`; `None`: nothing. Raises
    `ValueError` for an empty token.
    """

    def __init__(self, relay: Relay, token: str | None) -> None:
        if token == "":
            raise ValueError("token must be a secret of at least one character, or None")
        self._relay = relay
        self._wanted = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        del receive
        if scope["type"] != "http":
            raise RuntimeError(f"the relay's metrics are read by HTTP, not {scope['type']}")
        given = dict(scope["headers"]).get(b"authorization", b"")
        if self._wanted is not None and not hmac.compare_digest(given, self._wanted):
            text = "this needs the metrics' token as Authorization: Bearer"
            challenge = ((b"www-authenticate", b"Bearer"),)
            await answer_error(send, 401, "authentication_error", text, headers=challenge)
        elif scope["method"] != "GET":
            await answer_error(send, 405, "invalid_request_error", "metrics are read with GET")
        else:
            text = exposition(families(self._relay))
            await answer(send, 200, text.encode(), content_type=CONTENT_TYPE)
