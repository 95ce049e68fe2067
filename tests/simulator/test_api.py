"""The front desk: paths, keys, versions, bodies."""

import json
from typing import Any

import pytest

from tailrace.simulator.api import Answer, Desk
from tailrace.simulator.api_errors import ERROR_TYPES, ApiError, error_body, status_of, type_of
from tailrace.simulator.ask import Ask
from tailrace.simulator.http import HttpRequest

BODY = {"model": "claude-x", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
KEY = {"x-api-key": "k", "anthropic-version": "2023-06-01"}


def receive(
    body: Any = BODY,
    *,
    path: str = "/v1/messages",
    method: str = "POST",
    keys: set[str] | None = None,
    validate: bool = True,
    **headers: str | None,
) -> Ask | Answer | ApiError:
    named = {**KEY, **{name.replace("_", "-"): value for name, value in headers.items()}}
    sent = {name: value for name, value in named.items() if value is not None}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    desk = Desk(None if keys is None else frozenset(keys), validate)
    return desk.receive(HttpRequest(method, path, "", sent, data), 7)


def refused(*arguments: Any, **options: Any) -> tuple[int, str, str]:
    error = receive(*arguments, **options)
    assert isinstance(error, ApiError)
    return error.status, error.type, error.message


def test_a_good_request_is_an_ask() -> None:
    ask = receive()
    assert isinstance(ask, Ask)
    assert (ask.model, ask.max_tokens, ask.user, ask.number) == ("claude-x", 5, "Hi", 7)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"x_api_key": None}, "x-api-key header is required"),
        ({"x_api_key": ""}, "x-api-key header is required"),
        ({"x_api_key": None, "authorization": "Basic k"}, "x-api-key header is required"),
        ({"x_api_key": "wrong"}, "invalid x-api-key"),
        ({"x_api_key": None, "authorization": "Bearer wrong"}, "Invalid bearer token"),
    ],
)
def test_a_key_is_needed(headers: dict[str, str], message: str) -> None:
    assert refused(keys={"right"}, **headers) == (401, "authentication_error", message)


@pytest.mark.parametrize(
    "headers",
    [{"x_api_key": "right"}, {"x_api_key": None, "authorization": "Bearer right"}],
)
def test_a_key_is_taken_in_either_header(headers: dict[str, str]) -> None:
    assert isinstance(receive(keys={"right"}, **headers), Ask)


def test_any_key_will_do_unless_told() -> None:
    assert isinstance(receive(x_api_key="whatever"), Ask)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/complete", "/v1/messages/x", "/v1/messagesx"])
def test_other_paths_are_not_found(path: str) -> None:
    assert refused(path=path) == (404, "not_found_error", "Not found")


def test_other_methods_are_not_allowed() -> None:
    error = receive(method="GET")
    assert isinstance(error, ApiError)
    assert (error.status, error.headers) == (405, {"allow": "POST"})


def test_a_version_is_needed() -> None:
    message = "anthropic-version: header is required"
    assert refused(anthropic_version=None) == (400, "invalid_request_error", message)
    assert refused(anthropic_version="2020-01-01")[0] == 400


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_both_versions_are_known(version: str) -> None:
    assert isinstance(receive(anthropic_version=version), Ask)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[1]", b'"x"'])
def test_a_body_must_be_a_json_object(body: bytes) -> None:
    assert refused(body)[:2] == (400, "invalid_request_error")


def test_a_strange_beta_is_refused() -> None:
    status, _, message = refused(anthropic_beta="files-api-2025-04-14, nonsense,other")
    assert status == 400
    assert message.startswith("Unexpected value(s) `nonsense`, `other` for the `anthropic-beta`")


@pytest.mark.parametrize("name", ["interleaved-thinking-2025-04-14", "bananas-2026-01-01"])
def test_a_beta_of_a_date_it_never_had_is_refused(name: str) -> None:
    status, _, message = refused(anthropic_beta=name)
    assert status == 400
    assert message.startswith(f"Unexpected value(s) `{name}` for the `anthropic-beta` header.")


@pytest.mark.parametrize(
    "names", ["files-api-2025-04-14", "claude-code-20250219,skills-2025-10-02", "new-2027-01-31"]
)
def test_betas_are_taken(names: str) -> None:
    assert isinstance(receive(anthropic_beta=names), Ask)


def test_count_tokens_needs_no_max_tokens() -> None:
    body = {name: value for name, value in BODY.items() if name != "max_tokens"}
    answer = receive(body, path="/v1/messages/count_tokens")
    assert isinstance(answer, Answer)
    assert answer.body["input_tokens"] > 0


def test_count_tokens_is_checked_too() -> None:
    message = "messages: Field required"
    assert refused({"model": "x"}, path="/v1/messages/count_tokens")[2] == message


def test_models_are_listed_and_described() -> None:
    listing = receive(path="/v1/models", method="GET")
    assert isinstance(listing, Answer)
    assert listing.body["data"][0]["type"] == "model"
    one = receive(path="/v1/models/claude-opus-4-1-20250805", method="GET")
    assert isinstance(one, Answer)
    assert one.body["max_tokens"] == 32_000


def test_without_validation_any_object_is_answered() -> None:
    assert isinstance(receive({"x": 1}, validate=False), Ask)


# -- errors


def test_the_official_body() -> None:
    assert error_body("api_error", "m", request_id="req_1") == {
        "type": "error",
        "error": {"type": "api_error", "message": "m"},
        "request_id": "req_1",
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_statuses_and_types_belong_together(status: int, kind: str) -> None:
    assert type_of(status) == kind
    assert status_of(kind) == status
    assert kind in ERROR_TYPES


def test_unlisted_statuses_have_a_type_by_whose_fault_they_are() -> None:
    assert type_of(418) == "invalid_request_error"
    assert type_of(599) == "api_error"
    assert status_of("never_heard_of") == 500
