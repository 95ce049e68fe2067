"""What a caller may watch, and change, of each call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tailrace.core.http import Request, Response
from tailrace.core.retry import Attempt

RequestHook = Callable[[Request], Request | None]
ResponseHook = Callable[[Response], Any]
RetryHook = Callable[[Attempt], Any]
EventHook = Callable[[Any], object]


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """Functions that are called as a call goes on; what they raise ends it.

    `on_request` is given each try's request before it is sent, and may return another to send
    instead. `on_response` is given the head of each answer, errors included; raising
    `RetryableError` there repeats the try. `on_retry` is given each try that failed and is
    repeated. `on_event` is given every event the reader reads; a true result stops the reply.
    """

    on_request: RequestHook | None = None
    on_response: ResponseHook | None = None
    on_retry: RetryHook | None = None
    on_event: EventHook | None = None


NO_HOOKS = Hooks()
