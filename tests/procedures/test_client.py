"""What both clients are: a session, and a wire that is shared by the copies."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.procedures.scripted import ASKED, HELLO, Scripted

from tailrace import Anthropic, AsyncAnthropic, Timeout, omit
from tailrace.procedures.client import SharedWire
from tailrace.transports.memory import ScriptedWire

CLIENTS = [Anthropic, AsyncAnthropic]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "AUTH_TOKEN", "BASE_URL", "CUSTOM_HEADERS", "LOG"):
        monkeypatch.delenv(f"ANTHROPIC_{name}", raising=False)


def head(client: Anthropic) -> dict[str, str]:
    """The headers of a request of a client that shares its wire with a scripted one."""
    with client.messages.stream(**ASKED) as stream:
        stream.until_done()
    wire: Any = client._shared.wire()
    return dict(wire.requests[-1].headers)


# -- the wire ----------------------------------------------------------------------------------


def test_a_wire_is_made_once_and_when_it_is_needed() -> None:
    made: list[ScriptedWire] = []

    def make() -> ScriptedWire:
        made.append(ScriptedWire([]))
        return made[-1]

    shared = SharedWire(make)
    assert made == []
    assert shared.release() is None
    with ThreadPoolExecutor(8) as threads:
        gate = threading.Barrier(8)
        wires = list(threads.map(lambda _: (gate.wait(), shared.wire())[1], range(8)))
    assert len(made) == 1
    assert set(map(id, wires)) == {id(made[0])}


def test_a_released_wire_is_given_up_once_and_the_next_call_makes_another() -> None:
    shared = SharedWire(lambda: ScriptedWire([]))
    first = shared.wire()
    assert shared.release() is first
    assert shared.release() is None
    assert shared.closed
    assert shared.wire() is not first
    assert not shared.closed


@pytest.mark.parametrize("kind", CLIENTS)
def test_nothing_is_opened_by_making_a_client(kind: Any) -> None:
    client = kind(api_key="k")
    assert client._shared._wire is None
    assert not client.is_closed


def test_a_copy_shares_the_wire() -> None:
    scripted = Scripted(HELLO, HELLO)
    copy = scripted.client.with_options(max_retries=0)
    head(scripted.client)
    head(copy)
    assert len(scripted.wire.requests) == 2
    copy.close()
    assert scripted.wire.closed
    assert scripted.client.is_closed


# -- options -----------------------------------------------------------------------------------


def test_options_are_changed_in_the_copy_alone() -> None:
    scripted = Scripted(*[HELLO] * 4, default_headers={"x-a": "1"}, default_query={"q": "1"})
    client = scripted.client
    copy = client.with_options(
        api_key="other",
        timeout=7,
        max_retries=9,
        default_headers={"x-b": "2"},
        default_query={"r": "2"},
    )
    assert (copy.api_key, copy.timeout.idle, copy.max_retries) == ("other", 7, 9)
    assert (client.api_key, client.timeout, client.max_retries) == ("k", Timeout(), 2)
    sent = head(copy)
    assert (sent["x-a"], sent["x-b"], sent["x-api-key"]) == ("1", "2", "other")
    assert scripted.wire.requests[-1].url.endswith("/v1/messages?q=1&r=2")
    assert "x-b" not in head(client)
    assert scripted.wire.requests[-1].url.endswith("/v1/messages?q=1")


def test_the_messages_of_a_copy_are_the_copys() -> None:
    scripted = Scripted(HELLO, HELLO)
    assert scripted.client.messages is scripted.client.messages  # looked at before it is copied
    copy = scripted.client.with_options(api_key="other")
    assert head(copy)["x-api-key"] == "other"
    assert head(scripted.client)["x-api-key"] == "k"
    assert copy.beta.messages is copy.messages


def test_defaults_are_replaced_only_where_that_is_asked() -> None:
    scripted = Scripted(HELLO, default_headers={"x-a": "1"})
    copy = scripted.client.with_options(set_default_headers={"x-b": "2"})
    sent = head(copy)
    assert "x-a" not in sent
    assert sent["x-b"] == "2"


def test_a_key_and_a_token_replace_each_other() -> None:
    client = Anthropic(api_key="k")
    with_token = client.with_options(auth_token="t")
    assert (with_token.api_key, with_token.auth_token) == (None, "t")
    back = with_token.copy(api_key="k2")
    assert (back.api_key, back.auth_token) == ("k2", None)


def test_the_key_goes_as_its_scheme_says() -> None:
    for scheme, name, value in (
        ("x-api-key", "x-api-key", "k"),
        ("bearer", "authorization", "Bearer k"),
    ):
        scripted = Scripted(HELLO, auth_scheme=scheme)
        sent = head(scripted.client)
        assert sent[name] == value
        assert len({"x-api-key", "authorization"} & sent.keys()) == 1


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"default_headers": {}, "set_default_headers": {}}, ValueError, "not both"),
        ({"default_query": {}, "set_default_query": {}}, ValueError, "not both"),
        ({"max_retry": 1}, TypeError, "unexpected keyword argument 'max_retry'"),
        ({"max_retries": -1}, ValueError, "max_retries"),
        ({"api_key": "a", "auth_token": "b"}, ValueError, "at most one"),
        ({"base_url": "ftp://example.org"}, ValueError, "base_url"),
        ({"default_headers": {"x": "a\nb"}}, ValueError, "x"),
        ({"timeout": "soon"}, TypeError, "timeout"),
    ],
)
def test_impossible_options_are_refused(
    kind: Any, options: dict[str, Any], error: type, text: str
) -> None:
    with pytest.raises(error, match=text):
        kind(api_key="k").with_options(**options)


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"api_key": "a", "auth_token": "b"}, ValueError),
        ({"api_key": "a b"}, ValueError),
        ({"api_key": 7}, TypeError),
        ({"max_retries": None}, TypeError),
        ({"timeout": -1}, ValueError),
        ({"base_url": "example.org"}, ValueError),
        ({"auth_scheme": "basic"}, ValueError),
        ({"default_headers": {"x-a": "b\r\nx-c: d"}}, ValueError),
    ],
)
def test_impossible_clients_are_refused(kind: Any, options: dict[str, Any], error: type) -> None:
    with pytest.raises(error):
        kind(**{"api_key": "k"} | options)


# -- properties --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLIENTS)
def test_what_a_client_is_can_be_looked_at(kind: Any) -> None:
    client = kind(api_key="k", base_url="http://localhost:1/proxy", default_headers={"X-A": "1"})
    assert client.base_url == "http://localhost:1/proxy/"
    assert client.default_headers == {"x-a": "1"}
    client.timeout = 3
    client.max_retries = 0
    assert (client.timeout.idle, client.max_retries) == (3, 0)
    with pytest.raises(ValueError, match="max_retries"):
        client.max_retries = -1


@pytest.mark.parametrize("kind", CLIENTS)
def test_what_is_set_on_a_client_holds_for_messages_taken_before(kind: Any) -> None:
    client = kind(api_key="k")
    messages = client.messages
    client.max_retries = 7
    assert messages._session().max_retries == 7


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_never_shows_its_key(kind: Any) -> None:
    secret = "sk-ant-secret"
    client = kind(api_key=secret, base_url="http://me:pw@localhost/")
    for shown in (repr(client), str(client), repr(client._session.settings), str(vars(client))):
        assert secret not in shown
        assert ":pw@" not in shown


def test_the_environment_is_what_was_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-the-environment")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://localhost:7")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-One: 1\nX-Two: 2")
    client = Anthropic()
    assert client.api_key == "from-the-environment"
    assert client.base_url == "http://localhost:7/"
    assert client.default_headers == {"x-one": "1", "x-two": "2"}
    assert Anthropic(api_key="k").api_key == "k"
    assert Anthropic(auth_token="t").api_key is None


def test_without_a_key_a_call_says_what_to_do_and_a_header_will_do() -> None:
    client = Anthropic()
    with pytest.raises(TypeError, match="ANTHROPIC_API_KEY"):
        client.messages.stream(**ASKED)
    client.messages.stream(**ASKED, extra_headers={"x-api-key": "k"})
    client.messages.stream(**ASKED, extra_headers={"authorization": omit})
    assert client._shared._wire is None


def test_an_error_of_a_client_can_be_pickled_and_holds_no_key() -> None:
    from tailrace import AuthenticationError
    from tailrace.transports.memory import Answer

    scripted = Scripted(Answer(b'{"error":{"type":"authentication_error"}}', status=401))
    with pytest.raises(AuthenticationError) as caught:
        scripted.stream(extra_headers={"x-api-key": "sk-ant-secret"})
    pickled = pickle.dumps(caught.value)
    assert b"sk-ant-secret" not in pickled
    assert pickle.loads(pickled).status_code == 401
