"""The resumable Claude endpoint, message by message."""

from __future__ import annotations

import asyncio
import json

import pytest

from tailrace import APITimeoutError
from tailrace.relay.endpoint import Endpoint
from tailrace.relay.guard import Limits
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.relay import Relay

from .browser import Visit, said
from .scripted import (
    BEGINNING,
    ENDING,
    PARAMS,
    QUICK,
    LosingJournal,
    Script,
    delta,
    says,
    until,
)

BODY = {**PARAMS, "stream": True}


class Site:
    """A relay, its endpoint, and visits to it."""

    def __init__(self, *items, journal=None, limits=None, origins=(), **options) -> None:
        self.source = Script(*items)
        self.journal = MemoryJournal() if journal is None else journal
        self.relay = Relay(self.journal, source=self.source, **QUICK)
        self.relay.hooked = True  # the tests' own process is not to drain
        fixed = {"on_disconnect": "detach", "owner_viewers": 100, "patience": 0.5, "spread": 0.01}
        self.app = Endpoint(
            self.relay,
            self.owner,
            limits=limits or Limits(),
            origins=origins,
            **{**fixed, **options},
        )

    async def owner(self, scope) -> str | None:
        headers = dict(scope["headers"])
        return headers.get(b"user", b"ada").decode() or None

    def post(self, body=None, url="/v1/messages", **options) -> Visit:
        return Visit(self.app, "POST", url, body=BODY if body is None else body, **options)

    def get(self, url, **options) -> Visit:
        return Visit(self.app, "GET", url, **options)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error) -> None:
        await self.relay.close()


def test_a_post_is_answered_as_the_api_does(run) -> None:
    async def main() -> None:
        async with Site(*says("a", "b")) as site:
            visit = await site.post().done()
            assert visit.status == 200
            assert visit.complete
            assert visit.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert [event.json() for event in visit.events] == says("ab")
            assert visit.events[0].event == "message_start"
            assert visit.events[-1].id == "end"
            where = visit.headers["location"].removeprefix("/claude")
            again = await site.get(where).done()
            assert again.events == visit.events
            assert len(site.source.asked) == 1

    run(main())


def test_every_cursor_leads_to_the_rest(run) -> None:
    async def main() -> None:
        async with Site(*BEGINNING, delta("a"), 0.01, delta("b"), 0.01, *ENDING) as site:
            visit = await site.post().done()
            where = visit.headers["location"].removeprefix("/claude")
            for place, event in enumerate(visit.events[:-1]):
                header = await site.get(where, headers={"last-event-id": event.id}).done()
                query = await site.get(f"{where}?after={event.id}").done()
                assert header.events == query.events == visit.events[place + 1 :]

    run(main())


def test_text_for_event_source(run) -> None:
    async def main() -> None:
        async with Site(*BEGINNING, delta('a\n"'), 0.01, delta("b"), *ENDING) as site:
            first = await site.post().done()
            where = first.headers["location"].removeprefix("/claude") + "?format=text"
            visit = await site.get(where).done()
            *texts, last = visit.events
            assert "".join(json.loads(event.data) for event in texts) == 'a\n"b'
            assert (last.event, last.data, last.id) == ("end", '{"end":"done"}', "end")
            assert visit.body.startswith(b": ok\n\nretry: 1000\n\n")
            rest = await site.get(where, headers={"last-event-id": texts[0].id}).done()
            assert rest.events == visit.events[1:]
            over = await site.get(where, headers={"last-event-id": "end"}).done()
            assert (over.status, over.body) == (204, b"")

    run(main())


REFUSED = {
    "no owner": (401, {"headers": {"user": ""}}),
    "another site": (403, {"headers": {"sec-fetch-site": "cross-site"}}),
    "a sibling site": (403, {"headers": {"sec-fetch-site": "same-site"}}),
    "an old browser": (403, {"headers": {"origin": "https://evil.example"}}),
    "a form": (415, {"headers": {"content-type": "text/plain"}}),
    "no JSON": (400, {"body": b"{"}),
    "no object": (400, {"body": [1]}),
    "deep JSON": (400, {"body": b"[" * 3000}),
    "a parameter not on the list": (400, {"body": {**BODY, "extra_headers": {}}}),
    "a dear model": (400, {"body": {**BODY, "model": "dear"}}),
    "many tokens": (400, {"body": {**BODY, "max_tokens": 101}}),
    "tokens that are no number": (400, {"body": {**BODY, "max_tokens": "9"}}),
    "a large body": (413, {"body": b" " * 5000}),
    "a hook's no": (400, {"body": {**BODY, "temperature": 2}}),
    "nothing": (404, {"url": "/v2"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(run, name) -> None:
    status, options = REFUSED[name]

    def prepare(params):
        if params.get("temperature") == 2:
            raise ValueError("too hot")
        return params

    async def main() -> None:
        limits = Limits(models={PARAMS["model"]}, max_tokens=100, max_body=4096, prepare=prepare)
        async with Site(*says("a"), limits=limits) as site:
            visit = await site.post(**options).done()
            assert visit.status == status
            assert visit.complete
            assert visit.json["type"] == "error"
            assert not site.source.asked
            assert site.journal.count() == 0

    run(main())


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "origin": "http://site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://site"},
        {"origin": "https://app.example", "sec-fetch-site": "cross-site"},
    ],
)
def test_allowed_pages(run, headers) -> None:
    async def main() -> None:
        async with Site(*says("a"), origins=["https://app.example"]) as site:
            assert (await site.post(headers=headers).done()).status == 200

    run(main())


def test_ids_of_others_are_as_unknown_as_invented_ones(run) -> None:
    async def main() -> None:
        async with Site(*says("a")) as site:
            visit = await site.post().done()
            where = visit.headers["location"].removeprefix("/claude")
            count = site.journal.count()
            foreign = await site.get(where, headers={"user": "bob"}).done()
            invented = await site.get("/v1/messages/" + "A" * 32).done()
            odd = await site.get("/v1/messages/x").done()
            assert foreign.status == invented.status == odd.status == 404
            assert foreign.body == invented.body == odd.body
            for method in ("DELETE", "POST"):
                url = where + ("/cancel" if method == "POST" else "")
                visit = Visit(site.app, method, url, headers={"user": "bob"})
                assert (await visit.done()).status == 404
            assert site.journal.count() == count
            generation = await site.relay.find(where.rpartition("/")[2], owner="ada")
            await site.journal.drop(generation._key)
            assert (await site.get(where).done()).status == 410

    run(main())


@pytest.mark.parametrize("cursor", ["x", "1-2", "-1-2.3", "1-2.3\r\n", "z" * 14 + "-1.1", "1" * 99])
def test_bad_cursors(run, cursor) -> None:
    async def main() -> None:
        async with Site(*says("a")) as site:
            visit = await site.get("/v1/messages/x", headers={"last-event-id": cursor}).done()
            assert visit.status == 400

    run(main())


def test_an_early_error_has_its_status_a_late_one_is_in_the_stream(run) -> None:
    async def main() -> None:
        async with Site(ValueError("max_tokens: required")) as site:
            visit = await site.post().done()
            assert visit.status == 400
            assert visit.json["error"]["message"] == "max_tokens: required"
        failure = APITimeoutError(message="too slow")
        async with Site(*says("a")[:3], 0.02, failure) as site:
            visit = await site.post().done()
            assert visit.status == 200
            last = visit.events[-1]
            assert (last.event, last.id) == ("error", "end")
            assert last.json()["error"] == {"type": "api_error", "message": "too slow"}
            assert said(visit) == "a"

    run(main())


def test_a_repeated_post_with_a_key_is_one_generation(run) -> None:
    async def main() -> None:
        async with Site(*says("a")[:3], 0.05, *ENDING) as site:
            other = Site(journal=site.journal)
            other.source = site.source
            other.relay._source = site.source
            key = {"idempotency-key": "k"}
            visits = [(site, other)[n % 2].post(headers=key) for n in range(50)]
            done = [await visit.done() for visit in visits]
            assert {visit.headers["relay-id"] for visit in done} == {done[0].headers["relay-id"]}
            assert {visit.body for visit in done} == {done[0].body}
            assert len(site.source.asked) == 1
            foreign = await site.post(headers={**key, "user": "bob"}).done()
            assert foreign.headers["relay-id"] != done[0].headers["relay-id"]
            await other.relay.close()

    run(main())


def test_without_stream_the_message_is_answered_whole(run) -> None:
    async def main() -> None:
        async with Site(*says("a", "b")) as site:
            visit = await site.post(body=PARAMS).done()
            assert visit.json["content"] == [{"type": "text", "text": "ab"}]
            assert visit.json["stop_reason"] == "end_turn"

    run(main())


@pytest.mark.parametrize("policy", ["detach", "cancel"])
def test_leaving(run, policy) -> None:
    async def main() -> None:
        gate = asyncio.Event()
        site = Site(*says("a")[:3], gate, delta("b"), *ENDING, on_disconnect=policy)
        async with site:
            visit = await site.post().until(b'"a"')
            visit.leave()
            await visit.done()
            where = visit.headers["location"].removeprefix("/claude")
            if policy == "cancel":
                await until(lambda: site.source.closed)
            gate.set()
            again = await site.get(where).done()
            assert said(again) == ("a" if policy == "cancel" else "ab")
            assert again.events[-1].event == ("error" if policy == "cancel" else "message_stop")

    run(main())


def test_leaving_before_the_first_token(run) -> None:
    async def main() -> None:
        async with Site(60, on_disconnect="cancel", patience=60) as site:
            visit = site.post()
            await until(lambda: site.source.asked)
            visit.leave()
            await visit.done()
            await until(lambda: site.source.closed)
            assert visit.status is None

    run(main())


def test_a_drain_breaks_and_never_ends(run) -> None:
    async def main() -> None:
        gate = asyncio.Event()
        async with Site(*says("a")[:3], gate, delta("b"), *ENDING) as site:
            visit = await site.post().until(b'"a"')
            where = visit.headers["location"].removeprefix("/claude")
            site.relay.begin_drain()
            await visit.done()
            assert not visit.complete
            assert (await site.post().done()).status == 503
            early = await site.get(where, headers={"last-event-id": visit.events[-1].id}).done()
            assert (early.status, early.complete) == (200, False)
            assert b"retry: 2000" in early.body
            assert (await site.get("/readyz").done()).status == 503
            gate.set()
            other = Site(journal=site.journal)
            rest = await other.get(where, headers={"last-event-id": visit.events[-1].id}).done()
            assert said(visit) + said(rest) == "ab"
            await other.relay.close()

    run(main())


def test_quiet_streams_have_heartbeats(run) -> None:
    async def main() -> None:
        async with Site(*says("a")[:3], 60) as site:
            visit = await site.post().until(b": heartbeat\n\n: heartbeat\n\n")
            visit.leave()
            await visit.done()

    run(main())


def test_a_slow_viewer_gets_all_it_missed_at_once_and_holds_up_nobody(run) -> None:
    async def main() -> None:
        gate = asyncio.Event()
        texts = [item for n in range(20) for item in (delta(f"{n},"), 0.005)]
        async with Site(*BEGINNING, delta("a"), gate, *texts, *ENDING) as site:
            slow = await site.post().until(b'"a"')
            where = slow.headers["location"].removeprefix("/claude")
            slow.room.clear()
            gate.set()
            quick = await site.get(where).done()
            before = len(slow.sent)
            slow.room.set()
            await slow.done()
            assert slow.events == quick.events
            assert len(slow.sent) - before <= 2, slow.sent[before:]

    run(main())


def test_a_viewer_that_reads_nothing_is_given_up(run, monkeypatch) -> None:
    monkeypatch.setattr("tailrace.relay.show.SEND_SECONDS", 0.05)

    async def main() -> None:
        gate = asyncio.Event()
        async with Site(*says("a")[:3], gate, *ENDING) as site:
            visit = await site.post().until(b'"a"')
            visit.room.clear()
            gate.set()
            with pytest.raises(TimeoutError):
                await visit.done()
            assert not visit.complete

    run(main())


def test_cancelling(run) -> None:
    async def main() -> None:
        async with Site(*says("a")[:3], 60) as site:
            visit = await site.post().until(b'"a"')
            where = visit.headers["location"].removeprefix("/claude")
            gone = await Visit(site.app, "DELETE", where).done()
            assert gone.json["cancelled"] is True
            await visit.done()
            assert visit.complete
            assert visit.events[-1].event == "error"
            crossed = {"sec-fetch-site": "cross-site"}
            assert (await Visit(site.app, "DELETE", where, headers=crossed).done()).status == 403

    run(main())


def test_a_lost_tail_resets_text_and_breaks_events(run) -> None:
    async def main() -> None:
        async with Site(*says("a")[:3], 60, journal=LosingJournal()) as site:
            first = await site.post().until(b'"a"')
            where = first.headers["location"].removeprefix("/claude")
            text = await site.get(where + "?format=text").until(b'"a"')
            for _, task in site.relay._running.values():
                task.cancel()
            site.journal.lose(1)
            await first.done()
            assert not first.complete
            await text.done()
            assert [event.event for event in text.events] == [None, "reset", "failed", "end"]
            stale = await site.get(where, headers={"last-event-id": first.events[-1].id}).done()
            assert stale.status == 409

    run(main())


def test_viewers_of_one_owner_are_bounded(run) -> None:
    async def main() -> None:
        async with Site(*says("a")[:3], 60, owner_viewers=1) as site:
            visit = await site.post().until(b'"a"')
            where = visit.headers["location"].removeprefix("/claude")
            assert (await site.get(where).done()).status == 429
            visit.leave()
            await visit.done()
            again = await site.get(where).until(b'"a"')
            again.leave()
            await again.done()

    run(main())


def test_an_absent_journal(run) -> None:
    async def main() -> None:
        async with Site(*says("a"), journal=LosingJournal()) as site:
            await site.post().done()
            site.journal.away = True
            refused = await site.post().done()
            assert (refused.status, refused.headers["retry-after"]) == (503, "1")

    run(main())


def test_keys_of_clients_go_nowhere(run) -> None:
    async def main() -> None:
        async with Site(*says("a")) as site:
            headers = {"x-api-key": "sk-theirs", "authorization": "Bearer theirs"}
            await site.post(headers=headers).done()
            assert "theirs" not in repr(site.source.asked)

    run(main())


def test_a_process_is_healthy_while_it_drains_but_not_ready(run) -> None:
    async def main() -> None:
        async with Site(*says("a")) as site:
            for path, before, after in (("/healthz", 200, 200), ("/readyz", 200, 503)):
                site.relay.draining.clear()
                visit = site.get(path, headers={"user": ""})  # a load balancer has no session
                assert (await visit.done()).status == before
                site.relay.begin_drain()
                assert (await site.get(path).done()).status == after

    run(main())
