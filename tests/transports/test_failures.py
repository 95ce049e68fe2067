"""The error border."""

from __future__ import annotations

import socket
import ssl

import pytest

from tailrace.procedures.wire import ConnectFailed, ConnectionLost, WaitTimedOut
from tailrace.transports.failures import (
    Border,
    crossed,
    impossible,
    kinds,
    lost,
    no_connection,
    nothing_came,
)

BORDER: Border = ((TimeoutError, nothing_came), (OSError, lost))


def test_the_first_row_that_fits_decides() -> None:
    assert isinstance(crossed(TimeoutError(), BORDER), WaitTimedOut)
    assert isinstance(crossed(ConnectionResetError(), BORDER), ConnectionLost)
    assert kinds(BORDER) == (TimeoutError, OSError)


def test_what_is_not_in_the_table_is_a_defect() -> None:
    with pytest.raises(ZeroDivisionError):
        crossed(ZeroDivisionError(), BORDER)


def test_texts_are_the_systems_words() -> None:
    reset = ConnectionResetError(104, "Connection reset by peer")
    assert str(lost(reset)) == "the connection was lost: Connection reset by peer"
    wrapper = ValueError("a text with content")
    wrapper.__cause__ = reset
    assert str(lost(wrapper)) == str(lost(reset))
    assert str(lost(ValueError("a text with content"))) == "the connection was lost: ValueError"
    unknown = socket.gaierror(-2, "Name or service not known")
    assert str(no_connection(unknown)) == "could not connect: Name or service not known"


def test_a_bad_certificate_is_for_good() -> None:
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_message = "self-signed certificate"
    wrapper = OSError("wrapped")
    wrapper.__cause__ = refused
    for error in (refused, wrapper):
        failure = no_connection(error)
        assert isinstance(failure, ConnectFailed)
        assert failure.permanent
        assert str(failure).endswith("refused: self-signed certificate")


def test_other_failures_to_connect_are_not() -> None:
    failure = no_connection(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"))
    assert isinstance(failure, ConnectFailed)
    assert not failure.permanent
    impossibility = impossible(ValueError())
    assert isinstance(impossibility, ConnectFailed)
    assert impossibility.permanent
