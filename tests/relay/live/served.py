"""A web node of the tests: a small FastAPI application with the relay in it, run by uvicorn."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse

from tailrace import AsyncAnthropic
from tailrace.relay import Relay
from tailrace.relay.production import Tempo
from tailrace.relay.tail import Pulse

STATUS = Path("/proc/self/status")


def session_user(request: Request) -> str:
    return request.headers.get("x-user") or request.cookies.get("user") or "ada"


def ask(body, user):
    said = next(part["text"] for part in body["messages"][-1]["parts"] if part["type"] == "text")
    message = {"role": "user", "content": said}
    return {"model": "claude-sonnet-5-5", "max_tokens": 64_000, "messages": [message]}


relay = Relay(
    os.environ["BED_JOURNAL"],
    client=AsyncAnthropic(base_url=os.environ["BED_UPSTREAM"], api_key="k", max_retries=0),
    secret="bed",
    heartbeat=0.5,
    tempo=Tempo(lease=2.0, keep_ended=float(os.environ.get("BED_KEEP", "600"))),
    pulse=Pulse(grace=1.0),
)
app = FastAPI(lifespan=relay.lifespan)
app.mount("/claude", relay.app(owner=session_user, spread=0.3))
app.routes.extend(relay.chat("/api/chat", ask, owner=session_user, spread=0.3))


@app.get("/bed")
def bed() -> dict[str, int]:
    """What this node is doing, and its resident memory in bytes."""
    size = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS"))
    viewers = sum(tail.followers for tail in relay.hub._tails.values())
    return {"running": relay.running, "viewers": viewers, "rss": int(size.split()[1]) * 1024}


@app.get("/pages/{name}")
def page(name: str) -> FileResponse:
    return FileResponse(Path(os.environ["BED_PAGES"]) / name)
