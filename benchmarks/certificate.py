"""A certificate for localhost, made anew for each run, and a bundle that trusts it.

The bundle also holds the certificates that this machine trusts, because reading all of them is part
of what a client's start costs.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NamedTuple


class Certificate(NamedTuple):
    """Paths of files in PEM format."""

    own: Path
    """The server's certificate and its key."""
    trusted: Path
    """What clients trust."""


def make(directory: Path) -> Certificate | None:
    """Make both files; `None` where trustme is not installed."""
    try:
        import trustme
    except ImportError:
        return None
    authority = trustme.CA()
    own, trusted = directory / "own.pem", directory / "trusted.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(own)
    )
    system = ssl.get_default_verify_paths().cafile
    trusted.write_bytes(Path(system).read_bytes() if system and Path(system).exists() else b"")
    authority.cert_pem.write_to_path(str(trusted), append=True)
    return Certificate(own, trusted)
