"""Who is calling whom: keys, address, version and default headers of a client, as one value.

Theory of operation. `Settings.resolve` reads what the caller gave and, for what was not given, the
environment (handed in, so that this stays pure). A missing key is no error until a request is
built, because a header given per call can stand in for it. Nothing here shows a key in its repr.

Defaults, and why. The key goes out as `x-api-key`: every version of the API, and every proxy and
gateway in front of it, reads that, while `Authorization: Bearer` for API keys is new. The version
is `2023-06-01`, under which `temperature`, `top_p` and `top_k` keep working; set `api_version` to
`2026-10-21` for the newer rules. The streaming events are the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from tailrace._version import __version__

from .given import NotGiven, is_given
from .headers import HeaderValue, custom_headers, merge_headers
from .http import Headers, Request, shown_url

DEFAULT_BASE_URL = "https://api.anthropic.com"
DEFAULT_API_VERSION = "2023-06-01"

AuthScheme = Literal["x-api-key", "bearer"]

_SCHEMES: dict[str, AuthScheme] = {"x-api-key": "x-api-key", "bearer": "bearer"}

_NO_KEY = (
    "No API key. Set the environment variable ANTHROPIC_API_KEY, or pass api_key= (or auth_token=) "
    "to the client. Keys are made at https://console.anthropic.com/settings/keys."
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a client that decides what its requests look like."""

    api_key: str | None = None
    auth_token: str | None = None
    auth_scheme: AuthScheme = "x-api-key"
    base_url: str = DEFAULT_BASE_URL
    api_version: str = DEFAULT_API_VERSION
    default_headers: Mapping[str, HeaderValue] = msgspec.field(
        default_factory=dict[str, HeaderValue]
    )
    default_query: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])

    def __repr__(self) -> str:
        credential = "api_key" if self.api_key else "auth_token" if self.auth_token else "no key"
        return f"Settings({shown_url(self.base_url)!r}, {credential}, {self.api_version})"

    @classmethod
    def resolve(
        cls,
        environ: Mapping[str, str],
        *,
        api_key: str | None = None,
        auth_token: str | None = None,
        auth_scheme: AuthScheme = "x-api-key",
        base_url: str | None = None,
        api_version: str | None = None,
        default_headers: Mapping[str, HeaderValue] | None = None,
        default_query: Mapping[str, object] | None = None,
    ) -> Settings:
        """The settings that arguments and environment add up to.

        Raises `ValueError` for an address or key that cannot be used, `TypeError` for a wrong type.
        """
        if api_key and auth_token:
            raise ValueError("Pass at most one of api_key and auth_token.")
        if not api_key and not auth_token:
            api_key = environ.get("ANTHROPIC_API_KEY") or None
            auth_token = None if api_key else environ.get("ANTHROPIC_AUTH_TOKEN") or None
        headers = {
            **custom_headers(environ.get("ANTHROPIC_CUSTOM_HEADERS", "")),
            **(default_headers or {}),
        }
        settings = cls(
            api_key=_credential("api_key", api_key),
            auth_token=_credential("auth_token", auth_token),
            auth_scheme=_scheme(auth_scheme),
            base_url=_address(base_url or environ.get("ANTHROPIC_BASE_URL") or DEFAULT_BASE_URL),
            api_version=api_version or DEFAULT_API_VERSION,
            default_headers=headers,
            default_query=default_query or {},
        )
        merge_headers(settings.default_headers)
        return settings

    def replace(self, **changes: Any) -> Settings:
        """The same settings with some changed; changes that are not given keep what was."""
        given = {name: value for name, value in changes.items() if is_given(value)}
        if "base_url" in given:
            given["base_url"] = _address(given["base_url"])
        for name in ("api_key", "auth_token"):
            if name in given:
                given[name] = _credential(name, given[name])
        if "api_key" in given and "auth_token" in given:
            raise ValueError("Pass at most one of api_key and auth_token.")
        if "api_key" in given:
            given["auth_token"] = None
        elif "auth_token" in given:
            given["api_key"] = None
        return msgspec.structs.replace(self, **given)

    def auth_headers(self) -> dict[str, str]:
        """The header that says who is calling; empty without a key."""
        if self.auth_token:
            return {"authorization": f"Bearer {self.auth_token}"}
        if not self.api_key:
            return {}
        if self.auth_scheme == "bearer":
            return {"authorization": f"Bearer {self.api_key}"}
        return {"x-api-key": self.api_key}

    def request(
        self,
        method: str,
        path: str,
        content: bytes = b"",
        *,
        headers: Mapping[str, HeaderValue] | None = None,
        extra_headers: Mapping[str, HeaderValue] | None = None,
        extra_query: Mapping[str, object] | None = None,
    ) -> Request:
        """A request to `path`, complete with address, version, key and headers.

        Layers of headers, later ones winning: built in, the client's defaults, `headers`,
        `extra_headers`. Raises `TypeError` without a key, `ValueError` for a header that cannot be
        sent.
        """
        built_in = {
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": f"tailrace/{__version__}",
            "anthropic-version": self.api_version,
        }
        merged = merge_headers(
            built_in, self.auth_headers(), self.default_headers, headers, extra_headers
        )
        given = {name.lower() for name in (*self.default_headers, *(extra_headers or ()))}
        if not {"authorization", "x-api-key"} & (merged.keys() | given):
            raise TypeError(_NO_KEY)
        url = _join(self.base_url, path, {**self.default_query, **(extra_query or {})})
        return Request(method, url, Headers(merged), content)


def _credential(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    value = value.strip()
    if not value.isascii() or any(ord(char) < 33 for char in value):
        raise ValueError(f"{name} holds white space or a character no key has; copy it again")
    return value or None


def _scheme(value: str) -> AuthScheme:
    scheme = _SCHEMES.get(value)
    if scheme is None:
        raise ValueError(f'auth_scheme must be "x-api-key" or "bearer", not {value!r}')
    return scheme


def _address(base_url: object) -> str:
    text = str(base_url)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, or out of range
        usable = False
    if not usable or any(char <= " " or char == "\x7f" for char in text):
        raise ValueError(
            f"base_url must be an http:// or https:// address, not {shown_url(text)!r}"
        )
    return text


def _join(base_url: str, path: str, query: Mapping[str, object]) -> str:
    base = urlsplit(base_url)
    pairs = parse_qsl(base.query, keep_blank_values=True)
    for name, value in query.items():
        pairs += _pairs(name, value)
    return urlunsplit(
        (base.scheme, base.netloc, base.path.rstrip("/") + path, urlencode(pairs), "")
    )


def _pairs(name: str, value: object) -> list[tuple[str, str]]:
    """One query parameter: lists repeat it, mappings go as `name[key]`, `None` is left out."""
    if value is None or isinstance(value, NotGiven):
        return []
    if isinstance(value, (list, tuple)):
        return [pair for item in cast("list[object]", value) for pair in _pairs(name, item)]
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value).items()
        return [pair for key, item in entries for pair in _pairs(f"{name}[{key}]", item)]
    return [(name, _query_text(value))]


def _query_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
