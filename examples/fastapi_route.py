"""Pass a reply on to a browser while it is written.

Install `fastapi` and `uvicorn`, run `python examples/fastapi_route.py`, and in another terminal
`curl -N 'http://127.0.0.1:8000/stream?prompt=Hello'`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import _upstream
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

import tailrace

_upstream.ready()
client = tailrace.AsyncAnthropic()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with client:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/stream")
async def stream_reply(prompt: str = "Tell me something interesting.") -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        async with client.messages.stream(
            model="claude-sonnet-5-5",
            max_tokens=512,
            messages=[{"role": "user", "content": prompt}],
        ) as stream:
            async for text in stream.text_stream:
                yield text

    return StreamingResponse(pieces(), media_type="text/plain")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8000)
