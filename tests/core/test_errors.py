"""The error tree: who catches what, what each says, and what none of them holds."""

from __future__ import annotations

import copy
import inspect
import json
import pickle

import pytest

from tailrace.core import errors
from tailrace.core.content import Message
from tailrace.core.errors import (
    STATUS_OF_TYPE,
    AnthropicError,
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    APIWebhookValidationError,
    BadRequestError,
    IdentityTokenFileError,
    InternalServerError,
    OverloadedError,
    RateLimitError,
    StreamClosedError,
    StreamProtocolError,
    StreamTruncatedError,
    status_error,
    stream_error,
)
from tailrace.core.http import Headers, Request, Response
from tailrace.core.retry import Attempt

KEY, PROMPT = "sk-ant-api03-secret", "the prompt"
HEADERS = {"request-id": "req_1", "anthropic-workspace-id": "wrk_1"}
REQUEST = Request(
    "POST",
    "https://api.test/v1/messages",
    Headers({"x-api-key": KEY, "authorization": f"Bearer {KEY}"}),
    PROMPT.encode(),
)
BODY = {
    "type": "error",
    "error": {
        "type": "rate_limit_error",
        "message": "too fast",
        "details": {"error_code": "ramp_limit_exceeded", "n": 1},
    },
    "request_id": "req_body",
}
PARTIAL = Message({"content": [{"type": "text", "text": "half"}], "role": "assistant"})

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, AnthropicError) and not name.startswith("_")
}


def response(status: int = 429) -> Response:
    return Response(status, {**HEADERS, "set-cookie": KEY}, request=REQUEST)


def made(kind: type[AnthropicError]) -> AnthropicError:
    """One of each class, its attributes all set."""
    if issubclass(kind, APIStatusError):
        error = kind("said no", response=response().redacted(), body=BODY)
    elif kind is APIResponseValidationError:
        error = kind(response().redacted(), {"a": 1})
    elif issubclass(kind, APITimeoutError):
        error = kind(REQUEST.redacted(), clock="idle", seconds=120.0)
    elif kind in (StreamTruncatedError, StreamProtocolError):
        error = kind("cut", request=REQUEST.redacted(), request_id="r", complete_blocks=(0, 2))
    elif issubclass(kind, APIConnectionError):
        error = kind(request=REQUEST.redacted())
        error.permanent = True
    elif kind is IdentityTokenFileError:
        return kind("no file", path="/tmp/token")
    elif kind is StreamClosedError:
        return kind("closed", partial=PARTIAL)
    elif issubclass(kind, APIError):
        error = kind("went wrong", REQUEST.redacted(), body={"a": [1]})
    else:
        return kind("plain")
    error.partial = PARTIAL
    error.attempts = (Attempt(number=1, reason="rate_limit_error", status_code=429, wait=0.5),)
    return error


# -- the tree ----------------------------------------------------------------------------------


def test_who_catches_what():
    for name, parents in {
        "StreamClosedError": "AnthropicError",
        "RetryableError": "AnthropicError",
        "IdentityTokenFileError": "CredentialsError AnthropicError",
        "APIResponseValidationError": "APIError AnthropicError",
        "APIWebhookValidationError": "APIError AnthropicError",
        "APITimeoutError": "APIConnectionError APIError AnthropicError",
        "StreamTruncatedError": "APIConnectionError APIError AnthropicError",
        "StreamProtocolError": "APIConnectionError APIError AnthropicError",
        "OverloadedError": "InternalServerError APIStatusError APIError AnthropicError",
        "RampLimitExceededError": "RateLimitError APIStatusError APIError",
        "CMEKKeyUnreachableError": "ServiceUnavailableError InternalServerError APIStatusError",
    }.items():
        bases = {base.__name__ for base in CLASSES[name].__mro__}
        assert {*parents.split()} <= bases, name
    assert errors.RequestTooLargeError is errors.ContentTooLargeError
    assert errors.DeadlineExceededError is errors.GatewayTimeoutError


def test_every_class_is_documented():
    assert len(CLASSES) > 45
    for name, kind in CLASSES.items():
        assert kind.__doc__, name
        assert name in {kind.__name__, "RequestTooLargeError", "DeadlineExceededError"}


# -- what they hold ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_error_survives_copy_and_pickle(kind, twin):
    error = made(kind)
    error.add_note("a note")
    other = twin(error)
    assert type(other) is kind
    assert str(other) == str(error)
    assert other.args == error.args
    mine, theirs = dict(error.__dict__), dict(other.__dict__)
    assert mine.keys() == theirs.keys()
    for name in ("response", "request"):
        assert repr(theirs.pop(name, None)) == repr(mine.pop(name, None))
    assert theirs == mine
    if isinstance(error, APIStatusError):
        assert other.response.headers["request-id"] == other.request_id == "req_1"


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_no_error_holds_a_secret(kind):
    error = made(kind)
    shown = pickle.dumps(error) + repr(error).encode() + str(error).encode()
    shown += repr(error.__dict__).encode()
    assert KEY.encode() not in shown
    assert PROMPT.encode() not in shown


@pytest.mark.parametrize("make", [status_error, stream_error])
def test_an_error_of_a_live_response_holds_no_secret(make):
    error = make(response(), BODY)
    assert KEY.encode() not in pickle.dumps(error)
    assert PROMPT.encode() not in pickle.dumps(error)
    assert error.response.is_closed
    assert error.request.content == b""
    assert KEY not in repr(dict(error.request.headers)) + repr(dict(error.response.headers))


@pytest.mark.parametrize(
    "error",
    [
        APIConnectionError(request=REQUEST),
        APIStatusError("no", response=response(), body=None),
        APIResponseValidationError(response(), None),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_made_by_hand_holds_no_secret(error):
    assert KEY.encode() not in pickle.dumps(error)


def test_attributes():
    error = made(RateLimitError)
    assert error.message == str(error) == "said no"
    assert error.body is BODY
    assert (error.status_code, error.request_id, error.workspace_id) == (429, "req_1", "wrk_1")
    assert (error.type, error.api_message) == ("rate_limit_error", "too fast")
    assert error.error_code == "ramp_limit_exceeded"
    assert error.details == {"error_code": "ramp_limit_exceeded", "n": 1}
    assert error.request.url == REQUEST.url
    assert error.partial is PARTIAL
    assert error.rate_limits.retry_after is None
    clock = APITimeoutError(clock="idle", seconds=2)
    assert (clock.clock, clock.seconds, str(clock)) == ("idle", 2, "Request timed out.")
    assert clock.body is clock.partial is clock.request is None
    assert clock.attempts == ()
    cut = StreamTruncatedError("cut", partial=PARTIAL, request_id="r", complete_blocks=(1,))
    assert (cut.partial, cut.request_id, cut.complete_blocks) == (PARTIAL, "r", (1,))
    assert str(APIConnectionError()) == "Connection error."
    assert StreamClosedError("x").partial is None
    assert IdentityTokenFileError("x").path is None


ODD_BODIES = [None, "", "text", 5, [], ["error"], {}, {"error": "x"}, {"error": []}]
ODD_BODIES += [{"error": {"type": []}}, {"error": {"type": 5, "message": 6, "details": 7}}]
ODD_BODIES += [{"error": {"details": {"error_code": ["x"]}}}, {"error": {"type": {}}}]


@pytest.mark.parametrize("body", ODD_BODIES, ids=repr)
def test_any_body_makes_an_error(body):
    for status in (200, 400, 429, 500, 600):
        assert status_error(Response(status), body).body is body
        assert status_error(Response(status), body).message


@pytest.mark.parametrize("body", ODD_BODIES, ids=repr)
def test_any_error_event_makes_an_error(body):
    error = stream_error(Response(200), body)
    assert error.body is body
    assert error.message


def test_an_error_event_whose_type_is_no_text_makes_an_error():
    assert stream_error(Response(200), {"error": {"type": ["x"]}}).status_code == 200


def test_details_are_addressed_like_every_other_object():
    assert made(RateLimitError).details.n == 1


# -- an `error` event in a stream --------------------------------------------------------------

OF_TYPE = {
    "invalid_request_error": BadRequestError,
    "authentication_error": errors.AuthenticationError,
    "billing_error": errors.PaymentRequiredError,
    "permission_error": errors.PermissionDeniedError,
    "not_found_error": errors.NotFoundError,
    "conflict_error": errors.ConflictError,
    "request_too_large": errors.ContentTooLargeError,
    "rate_limit_error": RateLimitError,
    "api_error": InternalServerError,
    "timeout_error": errors.GatewayTimeoutError,
    "overloaded_error": OverloadedError,
    "brand_new_error": APIStatusError,
}


@pytest.mark.parametrize(("kind", "cls"), OF_TYPE.items())
def test_an_error_event_is_of_the_class_of_its_type(kind, cls):
    body = {"type": "error", "error": {"type": kind, "message": "m"}}
    error = stream_error(response(200), body)
    assert type(error) is cls
    assert error.status_code == 200
    assert (error.type, error.api_message, error.request_id) == (kind, "m", "req_1")
    assert str(error) == str(body)
    assert OF_TYPE.keys() >= STATUS_OF_TYPE.keys()


def test_an_error_event_can_have_a_code():
    body = {"error": {"type": "rate_limit_error", "details": {"error_code": "ramp_limit_exceeded"}}}
    assert type(stream_error(response(200), body)) is errors.RampLimitExceededError
    body = {"error": {"type": "overloaded_error", "details": {"error_code": "brand_new"}}}
    assert type(stream_error(response(200), body)) is OverloadedError


def test_an_error_event_that_is_no_json_is_its_text():
    assert str(stream_error(Response(200), "oh no")) == "oh no"
    assert str(stream_error(Response(200), "")) == "Error code: 200"


# -- the official package says the same --------------------------------------------------------

ATTRIBUTES = ["message", "body", "status_code", "request_id", "workspace_id"]
ATTRIBUTES += ["type", "api_message", "error_code", "details"]


def attributes(error):
    found = {name: getattr(error, name) for name in ATTRIBUTES}
    if hasattr(found["details"], "to_dict"):
        found["details"] = found["details"].to_dict()
    return found


@pytest.fixture(scope="module")
def official():
    return pytest.importorskip("anthropic", reason="the official package is not installed")


@pytest.fixture(scope="module")
def official_response(official):
    httpx2 = pytest.importorskip("httpx2")
    request = httpx2.Request("POST", REQUEST.url)

    def make(status: int, content: bytes = b""):
        return httpx2.Response(status, headers=HEADERS, content=content, request=request)

    return make


@pytest.mark.parametrize("name", [n for n, k in CLASSES.items() if issubclass(k, APIStatusError)])
def test_status_errors_made_by_hand_are_as_the_official_ones(official, official_response, name):
    theirs = getattr(official, name)("said no", response=official_response(429), body=BODY)
    ours = made(CLASSES[name])
    assert str(ours) == str(theirs)
    assert attributes(ours) == attributes(theirs)
    names = {base.__name__ for base in type(theirs).__mro__}
    assert {base.__name__ for base in type(ours).__mro__} <= names


def test_other_errors_made_by_hand_are_as_the_official_ones(official, official_response):
    httpx2 = pytest.importorskip("httpx2")
    request = httpx2.Request("POST", REQUEST.url)
    for make in (
        lambda room: room.APIError("m", request, body={"a": 1}),
        lambda room: room.APIConnectionError(request=request),
        lambda room: room.APIConnectionError(message="m", request=request),
        lambda room: room.APIResponseValidationError(official_response(200), {"a": 1}),
        lambda room: room.APIResponseValidationError(official_response(200), None, message="m"),
    ):
        ours, theirs = make(errors), make(official)
        for key in ("message", "body", "request"):
            assert getattr(ours, key) == getattr(theirs, key)
        assert str(ours) == str(theirs)
    assert APITimeoutError(request).request is official.APITimeoutError(request).request
    assert issubclass(APIWebhookValidationError, APIError)


CONTENTS = {
    "json": json.dumps({"type": "error", "error": {"type": "x", "message": "é"}}).encode(),
    "list": b"[1, null]",
    "html": b" <html>bad gateway</html>\n",
    "empty": b"",
    "blank": b" \n",
}
CODES = [*errors._BY_CODE, (429, "brand_new"), (500, "ramp_limit_exceeded")]


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_answers_become_the_official_classes_and_texts(official, official_response, content):
    client = official.Anthropic(api_key="k")
    try:
        body = json.loads(content)
    except ValueError:
        body = content.decode().strip()
    for status in [*range(400, 432), 499, *range(500, 506), 529, 599]:
        theirs = client._make_status_error_from_response(official_response(status, content))
        ours = status_error(Response(status, HEADERS, request=REQUEST), body)
        assert type(ours).__name__ == type(theirs).__name__
        assert str(ours) == str(theirs)
        assert attributes(ours) == attributes(theirs)
    client.close()


@pytest.mark.parametrize(("status", "code"), CODES)
def test_codes_choose_the_official_classes(official, official_response, status, code):
    body = {"error": {"type": "x", "message": "m", "details": {"error_code": code}}}
    client = official.Anthropic(api_key="k")
    content = json.dumps(body).encode()
    theirs = client._make_status_error_from_response(official_response(status, content))
    ours = status_error(Response(status, HEADERS), body)
    assert type(ours).__name__ == type(theirs).__name__
    assert str(ours) == str(theirs)
    client.close()
