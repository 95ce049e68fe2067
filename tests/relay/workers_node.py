"""A web node of a relay with workers, as a process; its arguments: journal, port, on_crash."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from tailrace.relay import Pulse, Relay

where, port, on_crash = sys.argv[1:]
relay = Relay(where, workers=True, on_crash=on_crash, pulse=Pulse(grace=0.5, poll=0.3))
site = relay.app(owner=lambda request: request.headers.get("x-user"))
app = Starlette(routes=[Mount("/claude", site)], lifespan=relay.lifespan)
uvicorn.run(app, port=int(port), log_level="critical", timeout_graceful_shutdown=5)
