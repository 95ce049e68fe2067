import pytest

from tailrace.simulator.quota import Meter, Quota


def test_a_full_bucket_lets_a_burst_through_then_one_a_second() -> None:
    meter = Meter(Quota(requests_per_minute=60))
    assert all(meter.admit(1, 0.0) is None for _ in range(60))
    error = meter.admit(1, 0.0)
    assert error is not None
    assert (error.status, error.type) == (429, "rate_limit_error")
    assert error.headers == {"retry-after": "1"}
    assert "60 requests per minute" in error.message
    assert meter.admit(1, 1.0) is None
    assert meter.admit(1, 1.5) is not None


def test_input_tokens_run_out() -> None:
    meter = Meter(Quota(input_tokens_per_minute=6_000))
    assert meter.admit(5_000, 0.0) is None
    error = meter.admit(2_000, 0.0)
    assert error is not None
    assert error.headers["retry-after"] == "10"
    assert "6,000 input tokens per minute" in error.message


def test_output_tokens_count_when_they_are_spent() -> None:
    meter = Meter(Quota(output_tokens_per_minute=600))
    assert meter.admit(1, 0.0) is None
    meter.spend(700, 0.0)
    assert meter.admit(1, 0.0) is not None
    assert meter.admit(1, 11.0) is None


def test_a_refused_request_costs_nothing() -> None:
    meter = Meter(Quota(requests_per_minute=2, input_tokens_per_minute=100))
    assert meter.admit(1000, 0.0) is None  # more than a minute has: needs a full bucket
    assert meter.admit(1000, 0.0) is not None
    assert meter.headers(0.0)["anthropic-ratelimit-requests-remaining"] == "1"


def test_without_a_quota_all_come_in() -> None:
    meter = Meter()
    assert all(meter.admit(10**6, 0.0) is None for _ in range(10_000))
    assert int(meter.headers(0.0)["anthropic-ratelimit-requests-remaining"]) == 0


def test_the_headers_tell_limit_rest_and_time() -> None:
    meter = Meter(Quota(60, 60_000, 30_000))
    meter.admit(1_600, 0.0)
    assert meter.headers(0.0) == {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "59",
        "anthropic-ratelimit-requests-reset": "1970-01-01T00:00:01Z",
        "anthropic-ratelimit-input-tokens-limit": "60000",
        "anthropic-ratelimit-input-tokens-remaining": "58000",
        "anthropic-ratelimit-input-tokens-reset": "1970-01-01T00:00:01Z",
        "anthropic-ratelimit-output-tokens-limit": "30000",
        "anthropic-ratelimit-output-tokens-remaining": "30000",
        "anthropic-ratelimit-output-tokens-reset": "1970-01-01T00:00:00Z",
        "anthropic-ratelimit-tokens-limit": "60000",
        "anthropic-ratelimit-tokens-remaining": "58000",
        "anthropic-ratelimit-tokens-reset": "1970-01-01T00:00:01Z",
    }


def test_a_quota_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="input_tokens_per_minute"):
        Quota(input_tokens_per_minute=0)
