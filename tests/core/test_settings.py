"""Who is calling whom: arguments, environment, and the request they add up to."""

from __future__ import annotations

import pickle

import pytest

from tailrace._version import __version__
from tailrace.core.given import NOT_GIVEN, omit
from tailrace.core.settings import DEFAULT_BASE_URL, Settings

KEY = "sk-ant-api03-secret"
PATH = "/v1/messages"


def settings(environ: dict[str, str] | None = None, **arguments: object) -> Settings:
    return Settings.resolve(environ or {}, **arguments)


def headers_of(given: Settings, **layers: object) -> dict[str, str]:
    return dict(given.request("POST", PATH, **layers).headers)


# -- who ---------------------------------------------------------------------------------------

X, BEARER = {"x-api-key": "k"}, {"authorization": "Bearer k"}
ENV_KEY, ENV_TOKEN = {"ANTHROPIC_API_KEY": "e"}, {"ANTHROPIC_AUTH_TOKEN": "t"}

CREDENTIALS = {
    "key": ({}, {"api_key": "k"}, X),
    "key as bearer": ({}, {"api_key": "k", "auth_scheme": "bearer"}, BEARER),
    "token": ({}, {"auth_token": "k"}, BEARER),
    "token, whatever the scheme": ({}, {"auth_token": "k", "auth_scheme": "x-api-key"}, BEARER),
    "environment's key": (ENV_KEY, {}, {"x-api-key": "e"}),
    "environment's token": (ENV_TOKEN, {}, {"authorization": "Bearer t"}),
    "environment's key first": (ENV_KEY | ENV_TOKEN, {}, {"x-api-key": "e"}),
    "arguments win": (ENV_KEY | ENV_TOKEN, {"auth_token": "k"}, BEARER),
    "empty is none": (
        {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": "k"},
        {"api_key": ""},
        BEARER,
    ),
    "white space around it goes": ({"ANTHROPIC_API_KEY": " e\n"}, {}, {"x-api-key": "e"}),
}


@pytest.mark.parametrize(
    ("environ", "arguments", "expected"), CREDENTIALS.values(), ids=CREDENTIALS
)
def test_credentials(environ, arguments, expected):
    given = settings(environ, **arguments)
    assert given.auth_headers() == expected
    sent = headers_of(given)
    assert {name: sent[name] for name in ("x-api-key", "authorization") if name in sent} == expected


def test_two_credentials_are_one_too_many():
    with pytest.raises(ValueError, match="at most one of api_key and auth_token"):
        settings(api_key="k", auth_token="t")
    with pytest.raises(ValueError, match="at most one of api_key and auth_token"):
        settings().replace(api_key="k", auth_token="t")


BAD_KEYS = [
    ("a b", ValueError),
    ("a\nb", ValueError),
    ("é", ValueError),
    ("a\0", ValueError),
    (5, TypeError),
    (b"k", TypeError),
]


@pytest.mark.parametrize("name", ["api_key", "auth_token"])
@pytest.mark.parametrize(("value", "kind"), BAD_KEYS)
def test_what_is_no_key_is_refused_and_not_quoted(name, value, kind):
    for make in (settings, settings(api_key="k").replace):
        with pytest.raises(kind, match=name) as caught:
            make(**{name: value})
        assert repr(value) not in str(caught.value)


def test_a_scheme_is_one_of_two():
    with pytest.raises(ValueError, match='must be "x-api-key" or "bearer", not \'basic\''):
        settings(auth_scheme="basic")


def test_a_missing_key_is_an_error_of_the_request_that_says_what_to_do():
    given = settings()
    with pytest.raises(TypeError, match="Set the environment variable ANTHROPIC_API_KEY, or pass"):
        given.request("POST", PATH)


@pytest.mark.parametrize("name", ["x-api-key", "Authorization"])
@pytest.mark.parametrize("value", ["v", omit])
def test_a_header_can_stand_in_for_a_key(name, value):
    for sent in (
        headers_of(settings(), extra_headers={name: value}),
        headers_of(settings(default_headers={name: value})),
    ):
        assert sent.get(name.lower()) == (None if value is omit else value)


# -- headers -----------------------------------------------------------------------------------


def test_built_in_headers():
    assert headers_of(settings(api_key="k")) == {
        "accept": "application/json",
        "content-type": "application/json",
        "user-agent": f"tailrace/{__version__}",
        "anthropic-version": "2023-06-01",
        "x-api-key": "k",
    }
    sent = headers_of(settings(api_key="k", api_version="2026-10-21"))
    assert sent["anthropic-version"] == "2026-10-21"


def test_precedence_whatever_the_case():
    environ = {"ANTHROPIC_CUSTOM_HEADERS": "X-One: env\nX-Two: env\nX-Three: env\nUser-Agent: env"}
    given = settings(
        environ,
        api_key="k",
        default_headers={"x-two": "default", "X-THREE": "default", "ANTHROPIC-Version": "default"},
    )
    sent = headers_of(given, extra_headers={"x-three": "call", "ACCEPT": omit})
    assert [sent[f"x-{name}"] for name in ("one", "two", "three")] == ["env", "default", "call"]
    assert (sent["user-agent"], sent["anthropic-version"]) == ("env", "default")
    assert "accept" not in sent
    assert sent["x-api-key"] == "k"


def test_a_call_s_own_headers_win_over_the_client_s():
    given = settings(api_key="k", default_headers={"anthropic-beta": "client"})
    assert headers_of(given, headers={"anthropic-beta": "call"})["anthropic-beta"] == "call"


def test_bad_headers_are_refused_when_the_client_is_made():
    with pytest.raises(ValueError, match="x-a"):
        settings(default_headers={"X-A": "b\r\nc: d"})
    with pytest.raises(ValueError, match="not a header name"):
        settings({"ANTHROPIC_CUSTOM_HEADERS": "bad name: x"})
    with pytest.raises(ValueError, match="x-a"):
        headers_of(settings(api_key="k"), extra_headers={"X-A": "b\n"})
    with pytest.raises(ValueError, match="x-api-key") as caught:
        headers_of(settings(api_key=KEY + "\x7f"))
    assert KEY not in str(caught.value)


# -- where -------------------------------------------------------------------------------------

ADDRESSES = [
    (None, {}, DEFAULT_BASE_URL + PATH),
    ("", {"ANTHROPIC_BASE_URL": ""}, DEFAULT_BASE_URL + PATH),
    (None, {"ANTHROPIC_BASE_URL": "https://env.test"}, "https://env.test/v1/messages"),
    (
        "https://arg.test",
        {"ANTHROPIC_BASE_URL": "https://env.test"},
        "https://arg.test/v1/messages",
    ),
    ("http://localhost:8080/", {}, "http://localhost:8080/v1/messages"),
    ("https://h.test/claude/", {}, "https://h.test/claude/v1/messages"),
    ("https://h.test?region=eu", {}, "https://h.test/v1/messages?region=eu"),
    ("https://h.test/#top", {}, "https://h.test/v1/messages"),
    ("https://[::1]:443", {}, "https://[::1]:443/v1/messages"),
]


@pytest.mark.parametrize(("base_url", "environ", "expected"), ADDRESSES)
def test_address(base_url, environ, expected):
    given = settings(environ, api_key="k", base_url=base_url)
    assert given.request("POST", PATH).url == expected
    assert settings(api_key="k").replace(base_url=given.base_url) == given


class Url:
    """As httpx and yarl have them."""

    def __str__(self) -> str:
        return "https://h.test"


def test_an_address_can_be_an_object():
    assert settings(base_url=Url()).base_url == "https://h.test"


@pytest.mark.parametrize(
    "address", ["h.test", "ftp://h.test", "https://", "//h.test", "https:///v1"]
)
def test_what_is_no_address_is_refused(address):
    for make in (settings, settings().replace):
        with pytest.raises(ValueError, match="base_url must be an http:// or https:// address"):
            make(base_url=address)


@pytest.mark.parametrize(
    "address",
    [
        "https://h.test:99999",
        "https://h.test:x",
        "https://h .test",
        "https://h.test/\r\nx: y",
        "https://h.test/a b",
    ],
)
def test_an_address_that_no_transport_takes_is_refused(address):
    with pytest.raises(ValueError, match="base_url"):
        settings(base_url=address)


def test_query_values_as_the_official_package_has_them():
    url = (
        settings(api_key="k", base_url="https://h.test")
        .request("POST", PATH, extra_query={"a": None, "b": {"c": 1}})
        .url
    )
    assert url == "https://h.test/v1/messages?b%5Bc%5D=1"


def test_query():
    given = settings(api_key="k", base_url="https://h.test?a=1", default_query={"b": "2", "c": "3"})
    url = given.request(
        "POST", PATH, extra_query={"c": "é&", "d": [1, True], "e": NOT_GIVEN, "f": False}
    ).url
    assert url == "https://h.test/v1/messages?a=1&b=2&c=%C3%A9%26&d=1&d=true&f=false"


# -- a value -----------------------------------------------------------------------------------


def test_replace():
    given = settings(api_key="k", default_headers={"a": "1"})
    assert given.replace() == given.replace(api_key=NOT_GIVEN, base_url=None) == given
    assert given.replace(auth_token="t").auth_headers() == {"authorization": "Bearer t"}
    assert settings(auth_token="t").replace(api_key=" k ").auth_headers() == {"x-api-key": "k"}
    assert given.replace(auth_token="t").api_key is None
    assert settings(auth_token="t").replace(api_key="k").auth_token is None
    assert given.replace(api_version="v").api_version == "v"
    assert given.replace(default_headers={"b": "2"}).default_headers == {"b": "2"}
    assert given.api_key == "k"
    assert pickle.loads(pickle.dumps(given)) == given


def test_repr_shows_no_key():
    for given, shown in (
        (settings(api_key=KEY), "api_key"),
        (settings(auth_token=KEY), "auth_token"),
        (settings(), "no key"),
    ):
        assert repr(given) == f"Settings('https://api.anthropic.com', {shown}, 2023-06-01)"
    assert KEY not in repr(settings(default_headers={"authorization": KEY}))


def test_an_address_s_password_is_not_shown():
    assert "hunter2" not in repr(settings(base_url="https://me:hunter2@h.test"))
    with pytest.raises(ValueError, match="base_url") as caught:
        settings(base_url="ftp://me:hunter2@h.test")
    assert "hunter2" not in str(caught.value)
