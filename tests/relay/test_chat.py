"""The back end for `useChat`: ask, come back, stop."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.applications import Starlette

from tailrace.relay.chat import Pointers
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.relay import Relay

from .browser import Visit
from .scripted import PARAMS, QUICK, Script, delta, says, until


class Page:
    """A browser's view of a chat back end."""

    def __init__(self, *items, **options) -> None:
        self.source = Script(*items)
        self.relay = Relay(MemoryJournal(), source=self.source, **QUICK)
        self.relay.hooked = True
        self.told: list = []
        options = {"on_end": self.told.append, "spread": 0.01, **options}

        def ask(body, user):
            if not body.get("messages"):
                raise ValueError("messages: required")
            return {**PARAMS, "metadata": {"user_id": user}}

        def owner(request):
            return request.headers.get("user", "ada")

        routes = self.relay.chat("/api/chat", ask, owner=owner, **options)
        self.app = Starlette(routes=routes)

    def ask(self, chat="c/1", **headers) -> Visit:
        body = {"id": chat, "messages": [{"role": "user"}], "trigger": "submit-message"}
        return Visit(self.app, "POST", "/api/chat", body=body, root="", headers=headers)

    def again(self, chat="c%2F1", **headers) -> Visit:
        return Visit(self.app, "GET", f"/api/chat/{chat}/stream", root="", headers=headers)

    def stop(self, chat="c%2F1", **headers) -> Visit:
        return Visit(self.app, "POST", f"/api/chat/{chat}/stop", root="", headers=headers)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error) -> None:
        await self.relay.close()


def kinds(visit: Visit) -> list[str]:
    texts = [event.data for event in visit.events]
    return [text if text == "[DONE]" else json.loads(text)["type"] for text in texts]


def test_asking(run) -> None:
    async def main() -> None:
        async with Page(*says("a")) as page:
            visit = await page.ask("c1").done()
            assert visit.headers["x-vercel-ai-ui-message-stream"] == "v1"
            assert visit.headers["content-type"].startswith("text/event-stream")
            assert kinds(visit)[0] == "start"
            assert kinds(visit)[-1] == "[DONE]"
            await until(lambda: page.told)
            (ended,) = page.told
            assert (ended.owner, ended.chat, ended.end) == ("ada", "c1", "done")
            assert ended.message.content[0].text == "a"
            assert page.source.asked[0][0]["metadata"] == {"user_id": "ada"}

    run(main())


def test_coming_back_replays_the_whole_answer(run) -> None:
    async def main() -> None:
        gate = asyncio.Event()
        async with Page(*says("a")[:3], gate, delta("b"), says("")[-1]) as page:
            first = await page.ask("c1").until(b'"a"')
            first.leave()
            await first.done()
            second = page.again("c1")
            await second.until(b'"a"')
            gate.set()
            await second.done()
            assert second.complete
            assert second.events[: len(first.events)] == first.events
            third = await page.again("c1").done()
            assert third.events == second.events, "just ended: a page that was loading sees it"
            rest = await page.again("c1", **{"last-event-id": first.events[-1].id}).done()
            assert rest.events == second.events[len(first.events) :]

    run(main())


def test_nothing_to_come_back_to(run) -> None:
    async def main() -> None:
        async with Page(*says("a"), grace=0.0) as page:
            assert (await page.again("unknown").done()).status == 204
            await page.ask("c1").done()
            assert (await page.again("c1").done()).status == 204
            assert (await page.again("c1", user="bob").done()).status == 204
            assert (await page.stop("unknown").done()).status == 404

    run(main())


def test_stopping(run) -> None:
    async def main() -> None:
        async with Page(*says("a")[:3], 60) as page:
            visit = await page.ask("c1").until(b'"a"')
            assert (await page.stop("c1", user="bob").done()).status == 404
            crossed = {"sec-fetch-site": "cross-site"}
            assert (await page.stop("c1", **crossed).done()).status == 403
            assert (await page.stop("c1").done()).json == {"cancelled": True}
            await visit.done()
            assert kinds(visit)[-3:] == ["text-end", "abort", "[DONE]"]
            await until(lambda: page.told)
            assert page.told[0].end == "cancelled"
            assert page.told[0].message.content[0].text == "a"

    run(main())


def test_the_newest_question_counts(run) -> None:
    async def main() -> None:
        async with Page(*says("first")) as page:
            await page.ask("c1").done()
            page.source.items = says("second")
            await page.ask("c1").done()
            assert b"second" in (await page.again("c1").done()).body

    run(main())


@pytest.mark.parametrize("body", [{}, {"id": 1}, {"id": "x" * 201}, {"id": "c"}, [], b"{"])
def test_bad_questions(run, body) -> None:
    async def main() -> None:
        async with Page(*says("a")) as page:
            visit = Visit(page.app, "POST", "/api/chat", body=body, root="")
            assert (await visit.done()).status == 400
            assert not page.source.asked

    run(main())


def test_an_on_end_that_fails_is_logged(run, caplog) -> None:
    def fail(ended) -> None:
        raise RuntimeError("no database")

    async def main() -> None:
        async with Page(*says("a"), on_end=fail) as page:
            await page.ask("c1").done()
            await until(lambda: "on_end failed" in caplog.text)

    run(main())


def test_pointers_stay_few(run) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        pointers = Pointers(journal)
        for n in range(50):
            await pointers.point("key", f"id{n}")
        assert await pointers.newest("key") == "id49"
        assert len(await journal.read("key", None)) <= 20
        await asyncio.gather(*(pointers.point("key", f"new{n}") for n in range(5)))
        assert (await pointers.newest("key")).startswith("new")

    run(main())
