"""Which certificates are trusted."""

from __future__ import annotations

import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tailrace.transports import tls
from tailrace.transports.check_server import certificate


def test_a_context_is_made_once() -> None:
    assert tls.context(True) is tls.context(True)
    assert tls.context(True) is not tls.context(False)


def test_by_default_certificates_are_checked() -> None:
    made = tls.context(True)
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_checking_can_be_turned_off() -> None:
    made = tls.context(False)
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_NONE, False)


def test_a_context_of_ones_own_is_used_as_it_is() -> None:
    own = ssl.create_default_context()
    assert tls.context(own) is own


def test_a_path_is_a_file_or_a_directory(tmp_path: Path) -> None:
    with certificate() as path:
        tls.check_verify(str(path))
        assert len(tls.context(str(path)).get_ca_certs()) == 1
    tls.check_verify(str(tmp_path))
    assert tls.context(str(tmp_path)).get_ca_certs() == []


@pytest.mark.parametrize(
    ("verify", "error"), [("/no/such/file", FileNotFoundError), (None, TypeError), (1, TypeError)]
)
def test_what_cannot_work_is_refused(verify: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="verify"):
        tls.check_verify(verify)


def test_macos_without_certificates_uses_those_of_certifi(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with certificate() as path:
        certifi = SimpleNamespace(where=lambda: str(path))
        monkeypatch.setattr(tls, "import_module", {"certifi": certifi}.__getitem__)
        tls._add_certificates_on_macos(bare, "linux")
        assert not bare.get_ca_certs()
        tls._add_certificates_on_macos(bare, "darwin")
        assert len(bare.get_ca_certs()) == 1
    monkeypatch.setattr(tls, "import_module", {}.__getitem__)
    tls._add_certificates_on_macos(bare, "darwin")  # it has some: nothing is looked for
