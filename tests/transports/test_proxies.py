"""Which proxy leads where."""

from __future__ import annotations

import pytest

from tailrace.transports.proxies import Proxies, parse_proxy

HTTPS = ("https", "api.anthropic.com", 443)
HTTP = ("http", "localhost", 8080)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://proxy:3128", ("http", "proxy", 3128)),
        ("proxy:3128", ("http", "proxy", 3128)),
        ("http://proxy", ("http", "proxy", 80)),
        ("https://Proxy/", ("https", "proxy", 443)),
        ("http://[::1]:3128", ("http", "::1", 3128)),
    ],
)
def test_addresses(url: str, expected: tuple[str, str, int]) -> None:
    assert parse_proxy(url)[:3] == expected
    assert parse_proxy(url).authorization is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://user:secret@proxy:port", "host or port"),
        ("ftp://user:secret@proxy", "must be like"),
        ("http://", "must be like"),
        ("socks5://user:secret@proxy", "httpx2.Client"),
    ],
)
def test_what_is_no_proxy_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        Proxies(url, trust_env=True)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_names_and_passwords_are_sent_but_not_shown() -> None:
    proxy = parse_proxy("http://user:p%40ss@proxy:1")
    assert proxy.authorization == "Basic dXNlcjpwQHNz"
    assert repr(proxy) == "<Proxy http://proxy:1>"


def test_a_given_proxy_wins(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://other:1")
    environment.setenv("NO_PROXY", "*")
    found = Proxies("http://given:1", trust_env=True).proxy_for(*HTTPS)
    assert found is not None
    assert found.host == "given"


def test_the_environment_says_by_scheme(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://secure:1")
    environment.setenv("all_proxy", "plain:1")
    proxies = Proxies(None, trust_env=True)
    assert proxies.proxy_for(*HTTPS) == parse_proxy("http://secure:1")
    assert proxies.proxy_for(*HTTP) == parse_proxy("http://plain:1")
    assert Proxies(None, trust_env=False).proxy_for(*HTTPS) is None


@pytest.mark.parametrize("hosts", ["*", "anthropic.com", ".anthropic.com", "api.anthropic.com:443"])
def test_no_proxy_leaves_hosts_out(environment: pytest.MonkeyPatch, hosts: str) -> None:
    environment.setenv("HTTPS_PROXY", "http://secure:1")
    environment.setenv("NO_PROXY", hosts)
    assert Proxies(None, trust_env=True).proxy_for(*HTTPS) is None


def test_the_environment_is_asked_once(environment: pytest.MonkeyPatch) -> None:
    proxies = Proxies(None, trust_env=True)
    assert proxies.proxy_for(*HTTPS) is None
    environment.setenv("HTTPS_PROXY", "http://late:1")
    assert proxies.proxy_for(*HTTPS) is None
