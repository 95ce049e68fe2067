"""What a browser, or a page that borrows it, may ask of the relay's endpoints.

A request that changes something must come from a page of the same site, of an origin that was
allowed, or from no page at all: browsers say which in `Sec-Fetch-Site`, older ones in `Origin`.
A body must be `application/json`, which a foreign page cannot send without asking first (CORS).
Parameters are those on a list; the key, the headers and the address of the upstream are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from .records import Event

_NAMES = """
max_tokens messages metadata model output_config service_tier stop_sequences stream system
temperature thinking tool_choice tools top_k top_p
"""
PARAMETERS = frozenset(_NAMES.split())
"""The parameters a client may set, unless told otherwise."""


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """The request is refused: the status, the API's error type, and why."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def invalid(message: str) -> Refusal:
    """400, as the API says it."""
    return Refusal(400, "invalid_request_error", message)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a client may ask for.

    `parameters` are the names it may set; `models` the models (`None`: any); `max_tokens` the most
    output tokens; `max_body` the most bytes of a request. `prepare` may look at the checked
    parameters and return others; it raises `ValueError` to refuse.
    """

    parameters: Collection[str] = PARAMETERS
    models: Collection[str] | None = None
    max_tokens: int | None = None
    max_body: int = 32 * 1024 * 1024
    prepare: Callable[[Event], Event] | None = None

    def check(self, body: bytes) -> Event:
        """The parameters in a request's body. Raises `Refusal`."""
        params = json_object(body)
        unknown = sorted(set(params) - set(self.parameters))
        if unknown:
            raise invalid(f"{unknown[0][:80]}: this parameter may not be set here")
        if self.models is not None and params.get("model") not in self.models:
            raise invalid("model: this model may not be used here")
        limit, asked = self.max_tokens, params.get("max_tokens")
        if limit is not None and (type(asked) is not int or asked > limit):
            raise invalid(f"max_tokens: at most {limit} may be asked for here")
        if self.prepare is None:
            return params
        try:
            return self.prepare(params)
        except ValueError as error:
            raise invalid(str(error)) from error


def json_object(body: bytes) -> Event:
    """The JSON object in a request's body. Raises `Refusal`."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        raise invalid("the request body is not valid JSON") from None
    if not isinstance(value, dict):
        raise invalid("the request body must be a JSON object")
    return cast("Event", value)


def check_origin(headers: Mapping[str, str], origins: Collection[str]) -> None:
    """Refuse what a foreign page makes a browser send. Raises `Refusal`."""
    origin = headers.get("origin")
    if origin is not None and origin in origins:
        return
    site = headers.get("sec-fetch-site")
    if site is not None:
        allowed = site in ("same-origin", "none")
    else:
        allowed = origin is None or urlsplit(origin).netloc == headers.get("host")
    if not allowed:
        raise Refusal(403, "permission_error", "this page may not call the relay")


def check_json(headers: Mapping[str, str]) -> None:
    """Refuse a body that is not declared as JSON. Raises `Refusal`."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "invalid_request_error", "the content type must be application/json")
