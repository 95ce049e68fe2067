"""Requests and responses as values, and what they never show."""

from __future__ import annotations

import copy
import pickle

import pytest

from tailrace.core.http import REDACTED, SECRET_HEADERS, Headers, Request, Response

KEY = "sk-ant-api03-secret"
SECRETS = dict.fromkeys(sorted(SECRET_HEADERS), KEY)


def request(**headers: str) -> Request:
    fields = {"X-Api-Key": KEY, "authorization": f"Bearer {KEY}", "accept": "x", **headers}
    return Request("POST", "https://api.test/v1/messages", Headers(fields), b"the prompt")


def test_headers_are_found_whatever_their_case():
    headers = Headers({"Request-ID": "r", "ANTHROPIC-workspace-id": "w"})
    assert headers["request-id"] == headers["REQUEST-ID"] == "r"
    assert headers.get("Anthropic-Workspace-Id") == "w"
    assert headers.get("x") is None
    assert "request-Id" in headers
    assert "x" not in headers
    assert 5 not in headers
    assert list(headers) == ["request-id", "anthropic-workspace-id"]
    assert dict(headers) == {"request-id": "r", "anthropic-workspace-id": "w"}
    assert len(headers) == 2
    with pytest.raises(KeyError):
        _ = headers["x"]


def test_fields_that_come_several_times_are_joined_and_kept():
    headers = Headers([("Set-Cookie", "a"), ("x", "1"), ("set-cookie", "b")])
    assert headers["set-cookie"] == "a, b"
    assert headers.get_list("SET-COOKIE") == ["a", "b"]
    assert headers.get_list("y") == []
    headers.get_list("x").append("2")
    assert headers["x"] == "1"


def test_headers_equal_by_content():
    assert Headers({"A": "1"}) == Headers([("a", "1")]) == {"A": "1"}
    assert Headers({"a": "1"}) != Headers({"a": "2"})
    assert Headers() != 5
    for twin in (copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):
        assert twin(Headers({"a": "1"})) == {"a": "1"}


@pytest.mark.parametrize("name", sorted(SECRET_HEADERS))
def test_headers_show_no_secret(name):
    headers = Headers({name.title(): KEY, "x": "shown"})
    assert headers[name] == KEY
    assert KEY not in repr(headers)
    assert "shown" in repr(headers)
    assert headers.redacted() == {name: REDACTED, "x": "shown"}


def test_a_request_shows_neither_key_nor_prompt():
    assert repr(request()) == "<Request POST 'https://api.test/v1/messages', 10 bytes>"
    redacted = request().redacted()
    assert redacted.content == b""
    assert redacted.headers == {"x-api-key": REDACTED, "authorization": REDACTED, "accept": "x"}
    assert KEY.encode() not in pickle.dumps(redacted)


def test_a_pickled_request_holds_neither_key_nor_prompt():
    data = pickle.dumps(request())
    assert KEY.encode() not in data
    assert b"the prompt" not in data


def test_an_address_s_password_is_not_shown():
    sent = Request("POST", "https://me:hunter2@proxy.test/v1/messages", Headers())
    assert "hunter2" not in repr(sent)
    assert "hunter2" not in repr(Response(500, request=sent).redacted().request)


def test_headers_of_a_request_are_replaced_whatever_their_case():
    sent = request()
    changed = sent.with_headers({"Accept": "y", "New": "z"})
    assert changed.headers["accept"] == "y"
    assert changed.headers["new"] == "z"
    assert changed.content == sent.content
    assert "new" not in sent.headers


def test_a_response_reads_its_head():
    response = Response(
        200, {"Request-Id": "r", "anthropic-workspace-id": "w"}, request=request(), elapsed=0.5
    )
    assert response.request_id == "r"
    assert response.workspace_id == "w"
    assert response.url == "https://api.test/v1/messages"
    assert response.elapsed == 0.5
    assert response.is_success
    assert not response.is_closed
    assert repr(response) == "<Response [200]>"
    assert Response(200).request_id is Response(200).workspace_id is None
    assert Response(200).url == ""


@pytest.mark.parametrize(("status", "good"), [(200, True), (299, True), (199, False), (300, False)])
def test_success_is_2xx(status, good):
    assert Response(status).is_success is good


def test_a_redacted_response_is_closed_and_holds_no_secret():
    response = Response(400, {"set-cookie": KEY, "request-id": "r"}, request=request())
    redacted = response.redacted()
    assert redacted.is_closed
    assert redacted.headers == {"set-cookie": REDACTED, "request-id": "r"}
    assert redacted.request is not None
    assert KEY not in repr(dict(redacted.request.headers))
    assert redacted.request.content == b""
    assert not response.is_closed
    assert response.headers["set-cookie"] == KEY
    assert Response(400).redacted().request is None


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_response_is_copied_without_its_secrets(twin):
    response = Response(
        429, {"request-id": "r", **SECRETS}, request=request(), http_version="HTTP/2", elapsed=1.5
    )
    other = twin(response)
    assert KEY.encode() not in pickle.dumps(other)
    assert (other.status_code, other.request_id, other.http_version) == (429, "r", "HTTP/2")
    assert (other.url, other.request.method, other.elapsed) == (response.url, "POST", 1.5)
    assert other.is_closed
    assert twin(Response(200)).request is None
