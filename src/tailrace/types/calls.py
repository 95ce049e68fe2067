"""The keyword arguments of `messages.create`, `stream` and `count_tokens`, as methods take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired

from tailrace.core.headers import HeaderValue
from tailrace.core.recovery import RecoveryPolicy

from .params_create import MessageCountTokensParams, MessageStreamParams


class CreateParams(MessageStreamParams):
    """What `create` and `stream` take besides `stream` and `timeout`."""

    extra_headers: NotRequired[Mapping[str, HeaderValue] | None]
    extra_query: NotRequired[Mapping[str, object] | None]
    extra_body: NotRequired[Mapping[str, Any] | None]
    recovery: NotRequired[RecoveryPolicy]


class CountTokensParams(MessageCountTokensParams):
    """What `count_tokens` takes besides `timeout`."""

    extra_headers: NotRequired[Mapping[str, HeaderValue] | None]
    extra_query: NotRequired[Mapping[str, object] | None]
    extra_body: NotRequired[Mapping[str, Any] | None]
