"""What both clients are, but for their calls.

A client is a session and a wire that is made when the first call needs it. Copies made with
`with_options` have a session of their own and share the wire.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Self

import msgspec

from tailrace.core.clocks import DEFAULT_TIMEOUT, Timeout
from tailrace.core.given import NOT_GIVEN, NotGiven
from tailrace.core.headers import HeaderValue, merge_headers
from tailrace.core.recovery import RecoveryPolicy, check_policy
from tailrace.core.settings import Settings

from .hooks import EventHook, Hooks, RequestHook, ResponseHook, RetryHook
from .limiting import RateLimiter
from .logs import enable_logging
from .session import Session, check_max_retries, clocks
from .wire import Wire


class SharedWire:
    """A client's wire, made when the first call needs it, shared with the copies of the client."""

    def __init__(self, make: Callable[[], Wire]) -> None:
        self._make = make
        self._wire: Wire | None = None
        self._lock = Lock()
        self.closed = False

    def wire(self) -> Wire:
        """The wire."""
        with self._lock:
            if self._wire is None:
                self._wire = self._make()
            self.closed = False
            return self._wire

    def release(self) -> Wire | None:
        """Give the wire up to be closed, if there is one; the next call makes a new one."""
        with self._lock:
            wire, self._wire = self._wire, None
            self.closed = True
            return wire


class ClientBase:
    """What both clients are, but for their calls: who is calling whom, and with what patience."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        make_wire: Callable[[], Wire],
        timeout: Any,
        max_retries: int,
        hooks: Hooks,
        limiter: RateLimiter | None,
        recovery: RecoveryPolicy,
        **settings: Any,
    ) -> None:
        check_max_retries(max_retries)
        check_policy(recovery)
        enable_logging(environ.get("ANTHROPIC_LOG"))
        self._shared = SharedWire(make_wire)
        self._session = Session(
            settings=Settings.resolve(environ, **settings),
            wire=self._shared.wire,
            timeout=clocks(timeout, DEFAULT_TIMEOUT),
            max_retries=max_retries,
            hooks=hooks,
            limiter=limiter,
            recovery=recovery,
        )

    def with_options(
        self,
        *,
        timeout: Any = NOT_GIVEN,
        max_retries: int | NotGiven = NOT_GIVEN,
        on_request: RequestHook | NotGiven | None = NOT_GIVEN,
        on_response: ResponseHook | NotGiven | None = NOT_GIVEN,
        on_retry: RetryHook | NotGiven | None = NOT_GIVEN,
        on_event: EventHook | NotGiven | None = NOT_GIVEN,
        limiter: RateLimiter | NotGiven | None = NOT_GIVEN,
        recovery: RecoveryPolicy | NotGiven = NOT_GIVEN,
        default_headers: Mapping[str, HeaderValue] | None = None,
        set_default_headers: Mapping[str, HeaderValue] | None = None,
        default_query: Mapping[str, object] | None = None,
        set_default_query: Mapping[str, object] | None = None,
        **settings: Any,
    ) -> Self:
        """A client with some options changed, on the same connections.

        `default_headers` and `default_query` are added to those there are; the forms with `set_`
        replace them. `settings` are `api_key`, `auth_token`, `auth_scheme`, `base_url` and
        `api_version`. Raises `ValueError` where both forms are given.
        """
        old = self._session.settings
        allowed = {"api_key", "auth_token", "auth_scheme", "base_url", "api_version"}
        unknown = settings.keys() - allowed
        if unknown:
            raise TypeError(f"with_options() got an unexpected keyword argument {min(unknown)!r}")
        replaced = old.replace(
            **settings,
            default_headers=_laid_over(
                "default_headers", old.default_headers, default_headers, set_default_headers
            ),
            default_query=_laid_over(
                "default_query", old.default_query, default_query, set_default_query
            ),
        )
        merge_headers(replaced.default_headers)
        twin = copy.copy(self)
        for name in ("messages", "beta"):
            twin.__dict__.pop(name, None)
        twin._session = self._session.replace(
            settings=replaced,
            timeout=timeout,
            max_retries=max_retries,
            limiter=limiter,
            recovery=recovery,
            hooks=_changed(
                self._session.hooks,
                on_request=on_request,
                on_response=on_response,
                on_retry=on_retry,
                on_event=on_event,
            ),
        )
        return twin

    copy = with_options

    @property
    def api_key(self) -> str | None:
        """The API key, if that is how this client signs its requests."""
        return self._session.settings.api_key

    @property
    def auth_token(self) -> str | None:
        """The bearer token, if that is how this client signs its requests."""
        return self._session.settings.auth_token

    @property
    def base_url(self) -> str:
        """The address of the API, ending in a slash."""
        return self._session.settings.base_url.rstrip("/") + "/"

    @property
    def timeout(self) -> Timeout:
        """How long to wait for what; can be set to whatever the constructor takes."""
        return self._session.timeout

    @timeout.setter
    def timeout(self, value: Any) -> None:
        self._session = self._session.replace(timeout=value)

    @property
    def max_retries(self) -> int:
        """How many times a failed call is repeated; can be set."""
        return self._session.max_retries

    @max_retries.setter
    def max_retries(self, value: int) -> None:
        self._session = self._session.replace(max_retries=value)

    @property
    def default_headers(self) -> dict[str, str]:
        """The header fields added to every request."""
        return merge_headers(self._session.settings.default_headers)

    @property
    def is_closed(self) -> bool:
        """Whether the client was closed and not used since."""
        return self._shared.closed

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.settings!r})"


def _changed(hooks: Hooks, **changes: Any) -> Hooks:
    given = {name: hook for name, hook in changes.items() if not isinstance(hook, NotGiven)}
    return msgspec.structs.replace(hooks, **given)


def _laid_over(
    name: str,
    old: Mapping[str, Any],
    added: Mapping[str, Any] | None,
    replacing: Mapping[str, Any] | None,
) -> Mapping[str, Any]:
    if added is not None and replacing is not None:
        raise ValueError(f"Pass {name} or set_{name}, not both.")
    if replacing is not None:
        return replacing
    return {**old, **(added or {})}
