"""The API's front desk: a request becomes something to answer, or an error in the API's words.

Pure. The order is the one observed: the path and method, the size, the key, the version, the JSON,
then the body. Texts that could not be found in anyone's logs are in the API's style (an unknown
`anthropic-version`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec

from tailrace.simulator import models, tokens, validate
from tailrace.simulator.api_errors import ApiError
from tailrace.simulator.ask import Ask
from tailrace.simulator.betas import unknown
from tailrace.simulator.http import HttpRequest
from tailrace.simulator.loose import a_dict
from tailrace.simulator.threads import Threads


@dataclass(frozen=True)
class Answer:
    """An answer that needs no script: a JSON value, with status 200."""

    body: dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """What the API lets through.

    `api_keys` are the keys that are valid; `None` takes any, though not none at all. `validate`
    checks bodies as the API does; without it anything that is a JSON object is answered. A request
    that goes on in one of `threads` leaves with the whole conversation.
    """

    api_keys: frozenset[str] | None = None
    validate: bool = True
    threads: Threads = field(default_factory=Threads)

    def receive(self, request: HttpRequest, number: int = 1) -> Ask | Answer | ApiError:
        """What to do with a request: script a reply, answer at once, or refuse it."""
        route = _route(request.path)
        if route is None:
            return ApiError(404, "Not found")
        method, handle = route
        if request.method != method:
            return ApiError(405, "Method Not Allowed", headers={"allow": method})
        error = self._refuse_key(request.headers) or _refuse_version(request.headers)
        return error or handle(self, request, number)

    def _refuse_key(self, headers: Mapping[str, str]) -> ApiError | None:
        key = headers.get("x-api-key", "")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        if not key and not token:
            return ApiError(401, "x-api-key header is required")
        if self.api_keys is None or (key or token) in self.api_keys:
            return None
        return ApiError(401, "invalid x-api-key" if key else "Invalid bearer token")

    def _messages(self, request: HttpRequest, number: int) -> Ask | ApiError:
        body = self._body(request, "messages")
        if isinstance(body, ApiError):
            return body
        return Ask(body, request.headers, request.path, number)

    def _count_tokens(self, request: HttpRequest, number: int) -> Answer | ApiError:
        body = self._body(request, "count")
        if isinstance(body, ApiError):
            return body
        return Answer({"input_tokens": tokens.count_request(body)})

    def _models(self, request: HttpRequest, number: int) -> Answer | ApiError:
        try:
            return Answer(models.listing(dict(parse_qsl(request.query))))
        except ValueError:
            return ApiError(400, "limit: Input should be between 1 and 1000")

    def _model(self, request: HttpRequest, number: int) -> Answer:
        return Answer(models.describe(request.path.rstrip("/").rpartition("/")[2]))

    def _body(self, request: HttpRequest, kind: str) -> dict[str, Any] | ApiError:
        try:
            body = msgspec.json.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return ApiError(400, f"The request body is not valid JSON: {error}")
        if not isinstance(body, dict):
            return ApiError(400, "Input should be a valid dictionary")
        fields = self.threads.whole(a_dict(body))
        if isinstance(fields, ApiError) or not self.validate:
            return fields
        strange = [f"`{name}`" for name in unknown(betas(request.headers))]
        if strange:
            return ApiError(
                400,
                f"Unexpected value(s) {', '.join(strange)} for the `anthropic-beta` header. "
                "Please consult our documentation at docs.claude.com or try again without the "
                "header.",
            )
        complaint = validate.complaint(fields, version(request.headers), kind=kind)
        return fields if complaint is None else ApiError(400, complaint)


def version(headers: Mapping[str, str]) -> str:
    """The API version a request names."""
    return headers.get("anthropic-version", "")


def betas(headers: Mapping[str, str]) -> list[str]:
    """The betas a request asks for."""
    names = headers.get("anthropic-beta", "").split(",")
    return [name.strip() for name in names if name.strip()]


def _refuse_version(headers: Mapping[str, str]) -> ApiError | None:
    named = version(headers)
    if not named:
        return ApiError(400, "anthropic-version: header is required")
    if named not in validate.VERSIONS:
        return ApiError(400, f'anthropic-version: "{named}" is not a valid version')
    return None


_Handler = Callable[[Desk, HttpRequest, int], "Ask | Answer | ApiError"]
_ROUTES: list[tuple[re.Pattern[str], str, _Handler]] = [
    (re.compile(r"/v1/messages/?\Z"), "POST", Desk._messages),
    (re.compile(r"/v1/messages/count_tokens/?\Z"), "POST", Desk._count_tokens),
    (re.compile(r"/v1/models/?\Z"), "GET", Desk._models),
    (re.compile(r"/v1/models/[^/]+/?\Z"), "GET", Desk._model),
]


def _route(path: str) -> tuple[str, _Handler] | None:
    found = (method_of for pattern, *method_of in _ROUTES if pattern.match(path))
    route = next(found, None)
    return None if route is None else (cast("str", route[0]), cast("_Handler", route[1]))
