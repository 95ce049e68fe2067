"""A chat that survives reloads, second tabs and deploys.

    pip install "tailrace" fastapi uvicorn
    uvicorn relay_fastapi:app --timeout-graceful-shutdown 60

Open http://127.0.0.1:8000, ask, and reload the page while the answer comes. Without an
ANTHROPIC_API_KEY a simulator answers. RELAY=redis://localhost spreads it over many machines.
"""

from __future__ import annotations

import os

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from tailrace import AsyncAnthropic
from tailrace.relay import Limits, Relay

if "ANTHROPIC_API_KEY" not in os.environ:
    from tailrace.simulator import Pace, Simulator

    simulator = Simulator(pace=Pace(tokens_per_second=15)).start()
    os.environ.update(simulator.environment)

relay = Relay(os.environ.get("RELAY"), client=AsyncAnthropic())
app = FastAPI(lifespan=relay.lifespan)


def session_user(request) -> str:
    """Who is asking: take it from your session. Generations are visible to their owner alone."""
    return "demo"


app.mount("/claude", relay.app(owner=session_user, limits=Limits(max_tokens=4096)))

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Relay</title>
<style>body{font:1.1em/1.5 system-ui;max-width:40em;margin:3em auto;padding:0 1em}
:root{color-scheme:light dark}textarea{width:100%;font:inherit}pre{white-space:pre-wrap}</style>
<form><label>Ask <textarea rows="3">Write a short poem about APIs.</textarea></label>
<button>Send</button> <button type="button" id="stop">Stop</button></form>
<pre aria-live="polite"></pre>
<script type="module">
const out = document.querySelector("pre")
let source
const follow = (where) => {
  source?.close()
  out.textContent = ""
  source = new EventSource(where + "?format=text")
  source.onmessage = (event) => out.textContent += JSON.parse(event.data)
  source.addEventListener("reset", () => out.textContent = "")
  source.addEventListener("failed", (event) =>
    out.textContent += "\\n[" + JSON.parse(event.data).error.message + "]")
  source.addEventListener("end", () => source.close())
}
document.querySelector("form").onsubmit = async (event) => {
  event.preventDefault()
  const content = document.querySelector("textarea").value
  const response = await fetch("/claude/v1/messages", {
    method: "POST",
    headers: {"content-type": "application/json", "idempotency-key": crypto.randomUUID()},
    body: JSON.stringify({model: "claude-sonnet-4-5", max_tokens: 1024, stream: true,
                          messages: [{role: "user", content}]}),
  })
  localStorage.answer = response.headers.get("location")
  response.body.cancel()
  follow(localStorage.answer)
}
document.querySelector("#stop").onclick = () => fetch(localStorage.answer, {method: "DELETE"})
if (localStorage.answer) follow(localStorage.answer)
</script></html>"""


@app.get("/", response_class=HTMLResponse)
async def page() -> str:
    return PAGE
