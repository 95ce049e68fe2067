"""The two halves of an HTTP exchange as plain values: what is sent and what came back first.

Nothing here opens a connection. A `Request` is built whole before anything is sent; a `Response`
is the status line and headers of an answer, without its body. Neither shows a secret in its repr,
and the `redacted` form, which errors carry, holds no secret at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

REDACTED = "[redacted]"

SECRET_HEADERS = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
        "x-amz-security-token",
    }
)
"""Header names, in lower case, whose values never reach a log, a repr or an error."""


class Headers(Mapping[str, str]):
    """Header fields, found whatever the case of their name.

    A field that came several times reads as its values joined with `", "` (RFC 9110, section 5.3);
    `get_list` gives them one by one.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        pairs = cast("Mapping[str, str]", fields).items() if isinstance(fields, Mapping) else fields
        # A list only where a field came more than once: a head's fields live as long as its reply.
        self._fields: dict[str, str | list[str]] = {}
        for name, value in pairs:
            self._add(name.lower(), value)

    def _add(self, name: str, value: str) -> None:
        earlier = self._fields.get(name)
        if earlier is None:
            self._fields[name] = value
        elif isinstance(earlier, str):
            self._fields[name] = [earlier, value]
        else:
            earlier.append(value)

    def __getitem__(self, name: str) -> str:
        found = self._fields[name.lower()]
        return found if isinstance(found, str) else ", ".join(found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return self._fields == other._fields
        if isinstance(other, Mapping):
            return self == Headers(cast("Mapping[str, str]", other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({dict(self.redacted())!r})"

    def get_list(self, name: str) -> list[str]:
        """Every value of a field, in the order in which they came."""
        found = self._fields.get(name.lower(), [])
        return [found] if isinstance(found, str) else list(found)

    def redacted(self) -> Headers:
        """The same fields, the values of secret ones replaced."""
        return Headers(
            (name, REDACTED if name in SECRET_HEADERS else value)
            for name in self._fields
            for value in self.get_list(name)
        )


class Request:
    """What is sent: method, URL, headers and body."""

    __slots__ = ("content", "headers", "method", "url")

    def __init__(self, method: str, url: str, headers: Headers, content: bytes = b"") -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.content = content

    def __repr__(self) -> str:
        return f"<Request {self.method} {shown_url(self.url)!r}, {len(self.content)} bytes>"

    def redacted(self) -> Request:
        """The request without its body, the values of secret headers, and a password in its URL."""
        return Request(self.method, shown_url(self.url), self.headers.redacted())

    def __copy__(self) -> Request:
        return Request(self.method, self.url, self.headers, self.content)

    def __reduce__(self) -> Any:
        # A pickle goes to disks and queues: it gets the redacted form.
        safe = self.redacted()
        return _rebuild_request, (safe.method, safe.url, list(safe.headers.items()))

    def with_headers(self, headers: Mapping[str, str]) -> Request:
        """The same request with some headers replaced."""
        merged = {**self.headers, **{name.lower(): value for name, value in headers.items()}}
        return Request(self.method, self.url, Headers(merged), self.content)


class Response:
    """The head of an answer: status and headers, as they came.

    `is_closed` becomes true once the body was read to its end or given up. `elapsed` is the time
    from sending the request to the last header, in seconds.
    """

    __slots__ = ("elapsed", "headers", "http_version", "is_closed", "request", "status_code", "url")

    def __init__(
        self,
        status_code: int,
        headers: Headers | Mapping[str, str] | None = None,
        *,
        request: Request | None = None,
        http_version: str = "HTTP/1.1",
        elapsed: float = 0.0,
    ) -> None:
        self.status_code = status_code
        self.headers = headers if isinstance(headers, Headers) else Headers(headers or {})
        self.request = request
        self.url = "" if request is None else request.url
        self.http_version = http_version
        self.elapsed = elapsed
        self.is_closed = False

    @property
    def request_id(self) -> str | None:
        """The API's id of this request (the `request-id` header)."""
        return self.headers.get("request-id")

    @property
    def workspace_id(self) -> str | None:
        """The workspace that was charged (the `anthropic-workspace-id` header)."""
        return self.headers.get("anthropic-workspace-id")

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    def redacted(self) -> Response:
        """A closed copy that holds no secret and no connection: what errors carry."""
        copy = Response(
            self.status_code,
            self.headers.redacted(),
            request=None if self.request is None else self.request.redacted(),
            http_version=self.http_version,
            elapsed=self.elapsed,
        )
        copy.is_closed = True
        return copy

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"

    def __reduce__(self) -> Any:
        return _rebuild_response, (
            self.status_code,
            list(self.headers.redacted().items()),
            None if self.request is None else (self.request.method, shown_url(self.request.url)),
            self.http_version,
            self.elapsed,
        )


def shown_url(url: str) -> str:
    """An address without the user and password that may stand in it."""
    scheme, mark, rest = url.partition("://")
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    return f"{scheme}{mark}{rest[:end].rpartition('@')[2]}{rest[end:]}" if mark else url


def _rebuild_request(method: str, url: str, headers: list[tuple[str, str]]) -> Request:
    return Request(method, url, Headers(headers))


def _rebuild_response(
    status: int,
    headers: list[tuple[str, str]],
    sent: tuple[str, str] | None,
    http_version: str,
    elapsed: float,
) -> Response:
    request = None if sent is None else Request(sent[0], sent[1], Headers())
    response = Response(
        status, Headers(headers), request=request, http_version=http_version, elapsed=elapsed
    )
    response.is_closed = True
    return response
