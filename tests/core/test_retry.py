"""Whether to try again, and when: time and chance are arguments, so no test waits."""

from __future__ import annotations

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.errors import (
    STATUS_OF_TYPE,
    AnthropicError,
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    RetryableError,
    StreamClosedError,
    StreamProtocolError,
    StreamTruncatedError,
    status_error,
    stream_error,
)
from tailrace.core.http import Response
from tailrace.core.retry import DEFAULT_MAX_RETRIES, Attempt, Retry, asked_wait, is_transient

WALL = 1_800_000_000.0


def said(status: int, **headers: str):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return status_error(Response(status, {"request-id": "req_1", **fields}), None)


def streamed(kind: str, code: str | None = None, **headers: str):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    details = {"error_code": code} if code else None
    body = {"type": "error", "error": {"type": kind, "message": "m", "details": details}}
    return stream_error(Response(200, fields), body)


def spent(message: str, **headers: str):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"error": {"type": "rate_limit_error", "message": message}}
    return status_error(Response(429, fields), body)


def with_code(status: int, code: str):
    body = {"error": {"type": "x", "details": {"error_code": code}}}
    return status_error(Response(status), body)


def permanent() -> APIConnectionError:
    error = APIConnectionError()
    error.permanent = True
    return error


# -- whether -----------------------------------------------------------------------------------

STATUSES = {408, 409, 429} | {*range(500, 512)} | {529, 599}


@pytest.mark.parametrize("status", [*range(400, 432), 499, *range(500, 512), 529, 599])
def test_which_statuses_are_transient(status):
    assert is_transient(said(status)) is (status in STATUSES)
    assert is_transient(said(status, x_should_retry="true"))
    assert not is_transient(said(status, x_should_retry="false"))
    assert is_transient(said(status, x_should_retry="maybe")) is (status in STATUSES)


TRANSIENT_TYPES = {"rate_limit_error", "api_error", "timeout_error", "overloaded_error"}
TRANSIENT_TYPES |= {"conflict_error"}


@pytest.mark.parametrize("kind", [*STATUS_OF_TYPE, "brand_new_error"])
def test_which_error_events_are_transient(kind):
    assert is_transient(streamed(kind)) is (kind in TRANSIENT_TYPES)


OTHERS = {
    "connection": (APIConnectionError(), True),
    "clock": (APITimeoutError(clock="idle"), True),
    "cut": (StreamTruncatedError("x"), True),
    "nonsense": (StreamProtocolError("x"), True),
    "asked for by a hook": (RetryableError("x"), True),
    "certificate": (permanent(), False),
    "spend limit by code": (with_code(429, "enforced_spend_limit_reached"), False),
    "contract limit by code": (with_code(429, "contract_spend_limit_reached"), False),
    "spend limit in a stream": (
        streamed("rate_limit_error", "enforced_spend_limit_reached"),
        False,
    ),
    "spend limit by its text": (spent("You have reached your Spend limit"), False),
    "its text, with retry-after": (spent("spend limit", retry_after="5"), True),
    "its text, with retry-after-ms": (spent("spend limit", retry_after_ms="5"), True),
    "ramp limit": (with_code(429, "ramp_limit_exceeded"), True),
    "closed by the caller": (StreamClosedError("x"), False),
    "not a reply": (APIResponseValidationError(Response(200), None), False),
    "some API error": (APIError("x"), False),
    "some error": (ValueError("x"), False),
}


@pytest.mark.parametrize(("error", "expected"), OTHERS.values(), ids=OTHERS)
def test_which_errors_are_transient(error, expected):
    assert is_transient(error) is expected


def test_the_clock_of_the_whole_call_is_not_tried_again():
    assert not is_transient(APITimeoutError(clock="total", seconds=5))


# -- when: what the server asked for -----------------------------------------------------------

AHEAD = email.utils.formatdate(WALL + 80, usegmt=True)
BEHIND = email.utils.formatdate(WALL - 80, usegmt=True)

ASKED = [
    ({}, None),
    ({"retry_after": "5"}, 5),
    ({"retry_after": "0.25"}, 0.25),
    ({"retry_after": " 5 "}, 5),
    ({"retry_after": "0"}, None),
    ({"retry_after": "-1"}, None),
    ({"retry_after": "nan"}, None),
    ({"retry_after": "soon"}, None),
    ({"retry_after": ""}, None),
    ({"retry_after": "1e12"}, 4_294_967),
    ({"retry_after": AHEAD}, 80),
    ({"retry_after": AHEAD.replace("GMT", "-0000")}, 80),
    ({"retry_after": BEHIND}, None),
    ({"retry_after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None),
    ({"retry_after": "Wed, 21 Oct 99999 07:28:00 GMT"}, None),
    ({"retry_after_ms": "1500"}, 1.5),
    ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
    ({"retry_after_ms": "soon", "retry_after": "9"}, 9),
    ({"retry_after_ms": "0", "retry_after": "9"}, None),
    ({"retry_after_ms": "-5"}, None),
]


@pytest.mark.parametrize(("headers", "expected"), ASKED)
def test_what_the_server_asked_for(headers, expected):
    assert asked_wait(said(429, **headers), WALL) == expected
    assert asked_wait(said(503, **headers), WALL) == expected


def test_errors_without_an_answer_ask_for_nothing():
    assert asked_wait(APIConnectionError(), WALL) is None
    assert asked_wait(RetryableError("x"), WALL) is None


@pytest.mark.parametrize("value", ["inf", "Infinity"])
def test_infinity_asks_for_nothing(value):
    assert asked_wait(said(429, retry_after=value), WALL) is None


def test_a_year_beyond_all_years_asks_for_nothing():
    value = "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"
    assert asked_wait(said(429, retry_after=value), WALL) is None


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20))
def test_any_other_text_is_a_wait_or_none(value):
    wait = asked_wait(said(429, retry_after=value), WALL)
    assert wait is None or 0 < wait <= 4_294_967


# -- when: backoff -----------------------------------------------------------------------------


def failed(tries: int, **policy: float) -> Retry:
    """A policy after so many failed tries."""
    retry = Retry(max_retries=tries + 1, **policy)
    for _ in range(tries):
        retry = retry.after(APIConnectionError(), elapsed=0, chance=0)
    return retry


@pytest.mark.parametrize(("tries", "most"), [*enumerate([0.5, 1, 2, 4, 8, 8, 8])])
def test_full_jitter(tries, most):
    for chance in (0, 0.25, 0.5, 1):
        retry = failed(tries).after(APIConnectionError(), elapsed=0, chance=chance)
        assert retry.wait == chance * most


def test_base_and_cap():
    waits = [failed(n, base=3, cap=10).after(said(500), elapsed=0, chance=1).wait for n in range(4)]
    assert waits == [3, 6, 10, 10]


def test_backoff_after_very_many_tries():
    history = tuple(Attempt(number=n, reason="x") for n in range(1100))
    retry = Retry(max_retries=2000, history=history)
    assert retry.after(APIConnectionError(), elapsed=0, chance=1).wait == 8


def test_what_was_asked_for_wins_over_backoff_and_its_cap():
    retry = Retry().after(said(429, retry_after="60"), elapsed=0, chance=0.5)
    assert retry.wait == 60
    retry = Retry().after(said(429, retry_after=AHEAD), elapsed=0, chance=0.5, wall=WALL)
    assert retry.wait == 80
    assert Retry().after(said(429, retry_after="0"), elapsed=0, chance=0.5).wait == 0.25


@pytest.mark.parametrize(
    ("patience", "elapsed", "again"),
    [(None, 1e9, True), (10, 0, True), (10, 9.5, True), (10, 9.6, False), (0.1, 0, False)],
)
def test_patience_bounds_when_another_try_may_begin(patience, elapsed, again):
    retry, error = Retry(patience=patience), APIConnectionError()
    if again:
        assert retry.after(error, elapsed=elapsed, chance=1).wait == 0.5
    else:
        with pytest.raises(APIConnectionError):
            retry.after(error, elapsed=elapsed, chance=1)


def test_the_clock_of_the_whole_call_ends_it():
    error = APITimeoutError(clock="total", seconds=5)
    with pytest.raises(APITimeoutError):
        Retry(patience=5).after(error, elapsed=5, chance=0)


def test_patience_covers_what_the_server_asked_for():
    with pytest.raises(AnthropicError) as caught:
        Retry(patience=30).after(said(429, retry_after="31"), elapsed=0, chance=0)
    assert caught.value.attempts[0].wait is None


# -- the value, and its history ----------------------------------------------------------------


def test_it_is_a_value():
    retry = Retry()
    after = retry.after(said(529), elapsed=0, chance=0.5)
    assert (retry.tries, retry.wait, retry.history) == (0, 0, ())
    assert (after.tries, after.wait, len(after.history)) == (1, 0.25, 1)
    assert retry == Retry(max_retries=DEFAULT_MAX_RETRIES)


def test_tries_are_bounded():
    for most in (0, 1, 2, 5):
        retry, error = Retry(max_retries=most), APIConnectionError()
        for _ in range(most):
            retry = retry.after(error, elapsed=0, chance=1)
        with pytest.raises(APIConnectionError) as caught:
            retry.after(error, elapsed=0, chance=1)
        assert caught.value is error
        assert len(error.attempts) == most + 1


def test_what_is_not_transient_is_raised_at_once_with_its_try():
    error = said(400)
    with pytest.raises(AnthropicError) as caught:
        Retry().after(error, elapsed=0, chance=1)
    assert caught.value is error
    (attempt,) = error.attempts
    assert attempt == Attempt(number=1, reason="status 400", status_code=400, request_id="req_1")


def test_an_error_that_is_none_of_the_api_s_is_raised_as_it_is():
    error = RetryableError("x")
    with pytest.raises(RetryableError) as caught:
        Retry(max_retries=0).after(error, elapsed=0, chance=1)
    assert caught.value is error


HISTORY = [
    (said(529), "status 529", 529, "req_1"),
    (streamed("overloaded_error", request_id="req_2"), "overloaded_error", 200, "req_2"),
    (APIConnectionError(), "connection", None, None),
    (APITimeoutError(clock="first_event", seconds=5), "first_event timeout", None, None),
    (APITimeoutError(), "timeout", None, None),
    (StreamTruncatedError("x", request_id="req_3"), "truncated", None, "req_3"),
    (StreamProtocolError("x", request_id="req_4"), "protocol", None, "req_4"),
    (RetryableError("x"), "connection", None, None),
]


def test_the_history_tells_of_each_try():
    retry = Retry(max_retries=20)
    for number, (error, reason, status, request_id) in enumerate(HISTORY, 1):
        retry = retry.after(error, elapsed=0, chance=0, usage={"input_tokens": number})
        assert retry.history[-1] == Attempt(
            number=number,
            reason=reason,
            status_code=status,
            request_id=request_id,
            wait=0,
            usage={"input_tokens": number},
        )
    assert [attempt.number for attempt in retry.history] == [*range(1, len(HISTORY) + 1)]
    assert len(retry.failed(APIConnectionError())) == len(HISTORY) + 1
    assert len(retry.history) == len(HISTORY)


def test_the_last_try_has_no_wait():
    error = APIConnectionError()
    retry = Retry(max_retries=1).after(error, elapsed=0, chance=1)
    with pytest.raises(APIConnectionError):
        retry.after(error, elapsed=0, chance=1)
    assert [attempt.wait for attempt in error.attempts] == [0.5, None]
