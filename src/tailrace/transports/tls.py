"""Which certificates to trust: one context a process, shared by every wire that asks for the same.

Reading the system's certificates takes tens of milliseconds, so it is done when the first
`https` connection needs them and never twice.
"""

from __future__ import annotations

import ssl
import sys
from functools import lru_cache
from importlib import import_module
from pathlib import Path

Verify = bool | str | ssl.SSLContext
"""`True`: the system's certificates. A path: the certificates in that file or directory. `False`:
trust anybody, which lets anybody read the key. Or a context of one's own, used as it is."""


def check_verify(verify: object) -> None:
    """Raise `TypeError` or `FileNotFoundError` now for what could not be used later."""
    if isinstance(verify, str):
        if not Path(verify).exists():
            raise FileNotFoundError(f"verify: there is no file or directory {verify!r}")
    elif not isinstance(verify, (bool, ssl.SSLContext)):
        raise TypeError(
            "verify must be True, False, a path to certificates or an ssl.SSLContext, "
            f"not {type(verify).__name__}"
        )


def context(verify: Verify) -> ssl.SSLContext:
    """The TLS context for a setting of `verify`. Raises `OSError` if its file cannot be read."""
    return verify if isinstance(verify, ssl.SSLContext) else _cached(verify)


@lru_cache(maxsize=16)
def _cached(verify: bool | str) -> ssl.SSLContext:
    if verify is True:
        made = ssl.create_default_context()
        _add_certificates_on_macos(made)
    elif verify is False:
        made = ssl.create_default_context()
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif Path(verify).is_dir():
        made = ssl.create_default_context(capath=verify)
    else:
        made = ssl.create_default_context(cafile=verify)
    made.set_alpn_protocols(["http/1.1"])
    return made


def _add_certificates_on_macos(made: ssl.SSLContext, platform: str = sys.platform) -> None:
    """Python from python.org finds no certificates on macOS until a script has been run there."""
    if platform == "darwin" and not made.cert_store_stats()["x509_ca"]:
        made.load_verify_locations(import_module("certifi").where())
