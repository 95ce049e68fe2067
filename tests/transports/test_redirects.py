"""Redirects, followed at home only."""

from __future__ import annotations

import pytest

from tailrace.core.http import Headers, Request
from tailrace.procedures.wire import settle
from tailrace.transports.memory import Answer, ScriptedIncoming, ScriptedWire
from tailrace.transports.redirects import MAX_REDIRECTS, following, origin, redirected

HERE = Request("POST", "https://host/v1/messages", Headers({"x-api-key": "secret"}), b"prompt")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/v2", "https://host/v2"),
        ("there?a=1#part", "https://host/v1/there?a=1"),
        ("https://host:443/v2", "https://host:443/v2"),
        ("//HOST/v2", "https://HOST/v2"),
        ("http://host/v2", None),
        ("https://host:8443/v2", None),
        ("https://host.evil/v2", None),
        ("https://user@evil/v2", None),
        ("ftp://host/v2", None),
        ("https://host:port/", None),
        ("", None),
        (None, None),
    ],
)
def test_only_the_same_origin_is_followed(location: str | None, expected: str | None) -> None:
    further = redirected(HERE, 307, location)
    assert (further and further.url) == expected
    if further is not None:
        assert (further.method, further.content) == ("POST", b"prompt")
        assert further.headers == HERE.headers


@pytest.mark.parametrize("status", [200, 201, 300, 301, 302, 303, 304, 400])
def test_only_307_and_308_are_followed(status: int) -> None:
    assert redirected(HERE, status, "/v2") is None
    assert redirected(HERE, 308, "/v2") is not None


def test_following_ends() -> None:
    loop = Answer(status=307, headers={"location": "/again"})
    wire = ScriptedWire([loop] * 20)

    async def exchange(request: Request) -> ScriptedIncoming:
        return await wire.open(request, connect=None, wait=None)

    incoming = settle(following(exchange, HERE))
    assert incoming.response.status_code == 307
    assert len(wire.requests) == MAX_REDIRECTS + 1
    assert [answer.closed for answer in wire.answers] == [True] * MAX_REDIRECTS + [False]


@pytest.mark.parametrize("url", ["", "/v1", "ftp://host", "https://", "http://:80"])
def test_urls_without_an_origin_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        origin(url)
