"""The synchronous client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from tailrace.core.given import NOT_GIVEN
from tailrace.core.headers import HeaderValue
from tailrace.core.recovery import RecoveryPolicy
from tailrace.core.settings import AuthScheme
from tailrace.procedures.client import ClientBase
from tailrace.procedures.hooks import EventHook, Hooks, RequestHook, ResponseHook, RetryHook
from tailrace.procedures.limiting import RateLimiter
from tailrace.procedures.wire import Wire, is_wire, settle

from .messages import Messages

if TYPE_CHECKING:
    import ssl

    import httpx2


class Anthropic(ClientBase):
    """A client for the Claude API.

    What is not given is read from the environment: `ANTHROPIC_API_KEY` or `ANTHROPIC_AUTH_TOKEN`,
    `ANTHROPIC_BASE_URL`, `ANTHROPIC_CUSTOM_HEADERS` and the usual proxy variables. `timeout` is a
    number of seconds, a `Timeout`, or `None`; `max_retries=0` turns retries off. `recovery` says
    what to do when a reply breaks after its first content: raise, go on from there, or begin anew.
    `limiter` makes calls wait for the API's rate limits; the hooks are those of `Hooks`.
    `verify` is `True`, the path of a CA bundle, an `ssl.SSLContext`, or `False`. `http_client`
    replaces the transport by an `httpx2.Client` of yours, or by a wire (`tailrace.testing`).

    Nothing is opened before the first request. Threads may share a client, and a client made before
    a fork works in the child. Raises `TypeError` or `ValueError` for an argument that cannot be.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        auth_token: str | None = None,
        auth_scheme: AuthScheme = "x-api-key",
        base_url: str | None = None,
        api_version: str | None = None,
        timeout: Any = NOT_GIVEN,
        max_retries: int = 2,
        default_headers: Mapping[str, HeaderValue] | None = None,
        default_query: Mapping[str, object] | None = None,
        http_client: httpx2.Client | Wire | None = None,
        verify: bool | str | ssl.SSLContext = True,
        proxy: str | None = None,
        recovery: RecoveryPolicy = "raise",
        limiter: RateLimiter | None = None,
        on_request: RequestHook | None = None,
        on_response: ResponseHook | None = None,
        on_retry: RetryHook | None = None,
        on_event: EventHook | None = None,
    ) -> None:
        super().__init__(
            environ=os.environ,
            api_key=api_key,
            auth_token=auth_token,
            auth_scheme=auth_scheme,
            base_url=base_url,
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            default_query=default_query,
            recovery=recovery,
            limiter=limiter,
            hooks=Hooks(
                on_request=on_request,
                on_response=on_response,
                on_retry=on_retry,
                on_event=on_event,
            ),
            make_wire=lambda: _make_wire(http_client, verify, proxy),
        )
        if http_client is not None:
            self._shared.wire()  # a client of the wrong kind is refused here, not at the first call

    @cached_property
    def messages(self) -> Messages:
        """The Messages API."""
        return Messages(lambda: self._session)

    @cached_property
    def beta(self) -> Beta:
        """The same with what is in beta."""
        return Beta(self)

    def close(self) -> None:
        """Close every connection. A closed client can be used again: it opens new ones."""
        wire = self._shared.release()
        if wire is not None:
            settle(wire.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Beta:
    """`client.beta`: the calls that also take beta parameters and `betas=[…]`."""

    def __init__(self, client: Anthropic) -> None:
        self.messages = client.messages
        """The Messages API: `client.messages` itself, which takes beta parameters too."""


def _make_wire(
    http_client: httpx2.Client | Wire | None,
    verify: bool | str | ssl.SSLContext,
    proxy: str | None,
) -> Wire:
    if is_wire(http_client):
        return http_client
    if http_client is not None:
        from tailrace.transports.over_httpx2 import Httpx2Wire

        return Httpx2Wire(cast("httpx2.Client", http_client))
    from tailrace.transports.over_urllib3 import Urllib3Wire

    return Urllib3Wire(verify=verify, proxy=proxy)
