"""How to get somewhere, and what is said on the way."""

from __future__ import annotations

import pytest

from tailrace.core.http import Headers, Request
from tailrace.transports.proxies import Proxies
from tailrace.transports.routes import Route, head_of, route_to


def asked(
    url: str, proxy: str | None = None, method: str = "POST", content: bytes = b"{}"
) -> bytes:
    request = Request(method, url, Headers({"x": "1", "Host": "other"}), content)
    return head_of(route_to(url, Proxies(proxy, False), True), request)


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("http://h", "/", "h"),
        ("http://h:80/a?b=c#d", "/a?b=c", "h"),
        ("http://user:pass@h:81/a", "/a", "h:81"),
        ("https://h:443/", "/", "h"),
        ("https://h:80/", "/", "h:80"),
        ("http://[::1]:81/", "/", "[::1]:81"),
        ("http://bücher.example/ü", "/%C3%BC", "xn--bcher-kva.example"),
    ],
)
def test_what_a_request_names(url: str, target: str, host: str) -> None:
    assert (
        asked(url)
        == (
            f"POST {target} HTTP/1.1\r\nhost: {host}\r\naccept-encoding: identity\r\nx: 1\r\n"
            "content-length: 2\r\n\r\n"
        ).encode()
    )


def test_a_forwarding_proxy_is_told_the_whole_url_and_who_asks() -> None:
    head = asked("http://h:81/a", "http://user:p%40ss@proxy:3128")
    assert head.startswith(b"POST http://h:81/a HTTP/1.1\r\nhost: h:81\r\n")
    assert b"proxy-authorization: Basic dXNlcjpwQHNz\r\n" in head


def test_a_tunnel_is_told_nothing_of_it() -> None:
    head = asked("https://h/a", "http://user:p%40ss@proxy:3128")
    assert head.startswith(b"POST /a HTTP/1.1\r\nhost: h\r\n")
    assert b"proxy-authorization" not in head


def test_how_the_body_is_framed_is_said_once() -> None:
    given = {"Content-Length": "7", "transfer-encoding": "chunked"}
    request = Request("POST", "http://h", Headers(given), b"{}")
    head = head_of(route_to("http://h", Proxies(None, False), True), request)
    assert head.lower().count(b"content-length") == 1
    assert b"content-length: 2\r\n" in head
    assert b"transfer-encoding" not in head


def test_a_request_without_a_body_has_no_length_where_none_is_expected() -> None:
    assert b"content-length" not in asked("http://h", method="GET", content=b"")
    assert b"content-length: 0\r\n" in asked("http://h", method="POST", content=b"")


def test_routes() -> None:
    proxies = Proxies("https://proxy", False)
    route = route_to("http://h", proxies, True)
    assert (route.tunnelled, route.address, route.tls is None) == (False, "h:80", False)
    assert route_to("https://h", proxies, True).tunnelled
    assert route_to("http://h", Proxies(None, False), True) == Route("http", "h", 80, None, None)
    with pytest.raises(ValueError, match="http"):
        route_to("ftp://h", proxies, True)
