"""What the calls of one client have in common, and how each becomes an exchange.

A `Session` is a value: settings, clocks, retry policy, and a way to the wire, which is made when
the first call needs it. `with_options` of a client is a session with some of these replaced, on
the same wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tailrace.core.clocks import DEFAULT_TIMEOUT, Timeout, timeout_from
from tailrace.core.framing import DEFAULT_MAX_EVENT_BYTES
from tailrace.core.given import NotGiven
from tailrace.core.http import Request
from tailrace.core.recovery import RecoveryPolicy, check_policy
from tailrace.core.request import (
    COUNT_TOKENS_PATH,
    MESSAGES_PATH,
    Call,
    check_not_too_long,
    encode_body,
    message_call,
)
from tailrace.core.retry import DEFAULT_MAX_RETRIES, Retry
from tailrace.core.settings import Settings

from .exchange import Exchange
from .hooks import NO_HOOKS, Hooks
from .limiting import RateLimiter
from .wire import Wire

Begin = Callable[[], Exchange]
"""A call whose parameters are checked and encoded; calling it makes the exchange, unopened."""

# A reply that is not streamed sends nothing until it is finished.
_WHOLE_REPLY = msgspec.structs.replace(DEFAULT_TIMEOUT, first_event=600.0)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The common part of a client's calls."""

    settings: Settings
    wire: Callable[[], Wire]
    timeout: Timeout = DEFAULT_TIMEOUT
    max_retries: int = DEFAULT_MAX_RETRIES
    hooks: Hooks = NO_HOOKS
    limiter: RateLimiter | None = None
    recovery: RecoveryPolicy = "raise"
    max_event_bytes: int | None = DEFAULT_MAX_EVENT_BYTES

    def replace(self, **changes: Any) -> Session:
        """The same session with some parts changed; parts that are not given stay."""
        given = {key: value for key, value in changes.items() if not isinstance(value, NotGiven)}
        if "timeout" in given:
            given["timeout"] = timeout_from(given["timeout"])
        if "max_retries" in given:
            check_max_retries(given["max_retries"])
        if "recovery" in given:
            check_policy(given["recovery"])
        return msgspec.structs.replace(self, **given)

    def stream(
        self,
        method: str,
        parameters: Mapping[str, Any],
        output_format: Any = None,
        *,
        timeout: Any,
    ) -> Begin:
        """How to begin a streamed reply. Raises as `message_call` does."""
        call = message_call(method, _with_output(parameters, output_format), stream=True)
        recovery = parameters.get("recovery", self.recovery)
        check_policy(recovery)
        return self._prepare(MESSAGES_PATH, call, clocks(timeout, self.timeout), recovery)

    def whole(
        self,
        method: str,
        parameters: Mapping[str, Any],
        output_format: Any = None,
        *,
        timeout: Any,
    ) -> Begin:
        """How to begin a reply in one piece. Raises as `message_call` does, and `ValueError` where
        it could take longer than the default clocks wait."""
        call = message_call(method, _with_output(parameters, output_format))
        otherwise = self.timeout
        if isinstance(timeout, NotGiven) and otherwise == DEFAULT_TIMEOUT:
            check_not_too_long(call.body)
            otherwise = _WHOLE_REPLY
        return self._prepare(MESSAGES_PATH, call, clocks(timeout, otherwise))

    def count_tokens(self, method: str, parameters: Mapping[str, Any], *, timeout: Any) -> Begin:
        """How to begin counting a request's tokens."""
        call = message_call(method, parameters, required=("messages", "model"))
        return self._prepare(COUNT_TOKENS_PATH, call, clocks(timeout, self.timeout))

    def _prepare(
        self, path: str, call: Call, timeout: Timeout, recovery: RecoveryPolicy = "raise"
    ) -> Begin:
        def build(body: Mapping[str, Any]) -> Request:
            return self.settings.request(
                "POST",
                path,
                encode_body(body),
                headers=call.headers,
                extra_headers=call.extra_headers,
                extra_query=call.extra_query,
            )

        def begin() -> Exchange:
            return Exchange(
                self.wire(),
                request,
                retry=Retry(max_retries=self.max_retries, patience=timeout.total),
                timeout=timeout,
                hooks=self.hooks,
                limiter=self.limiter,
                max_event_bytes=self.max_event_bytes,
                recovery=recovery,
                body=call.body,
                rebuild=build,
            )

        request = build(call.body)
        return begin


def _with_output(parameters: Mapping[str, Any], output_format: Any) -> Mapping[str, Any]:
    """The parameters with what asks for JSON of the type `output_format`, if it is given."""
    if output_format is None or isinstance(output_format, NotGiven):
        return parameters
    if isinstance(output_format, Mapping):
        raise TypeError(
            "output_format must be a type; pass a schema as "
            "output_config={'format': {'type': 'json_schema', 'schema': ...}}"
        )
    from tailrace.core.structured import output_config_for

    given: Mapping[str, Any] = parameters.get("output_config") or {}
    return {**parameters, "output_config": {**given, **output_config_for(output_format)}}


def clocks(timeout: Any, otherwise: Timeout) -> Timeout:
    """The clocks a caller asked for, or those that hold otherwise."""
    return otherwise if isinstance(timeout, NotGiven) else timeout_from(timeout)


def check_max_retries(value: Any) -> None:
    """Raise `TypeError` or `ValueError` unless `value` is a number of retries."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(
            f"max_retries must be a whole number (0 turns retries off), not {type(value).__name__}"
        )
    if value < 0:
        raise ValueError(f"max_retries must not be negative: {value}")
