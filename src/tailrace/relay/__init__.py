"""From one generation to many screens: resumable, shared, and spread over many processes.

    relay = Relay()                                  # an SQLite file; "redis://…"; "memory:"
    generation = await relay.start(params, owner="ada")
    async for event in generation.follow():          # any process, any number of readers
        ...
    app.mount("/claude", relay.app(owner=session_user))

Importing this loads nothing but this; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "DrainingError",
    "Ended",
    "EventSourceStream",
    "Following",
    "Generation",
    "GenerationCancelledError",
    "GenerationEndedError",
    "GenerationFailedError",
    "GenerationGoneError",
    "GenerationInterruptedError",
    "GenerationNotFoundError",
    "Journal",
    "JournalUnavailableError",
    "Limits",
    "Metrics",
    "Pulse",
    "Relay",
    "RelayError",
    "RewoundError",
    "StreamingText",
    "Tempo",
    "TooManyError",
    "Worker",
    "check_journal",
]

if TYPE_CHECKING:
    from .chat import Ended
    from .check import check_journal
    from .errors import (
        DrainingError,
        GenerationCancelledError,
        GenerationEndedError,
        GenerationFailedError,
        GenerationGoneError,
        GenerationInterruptedError,
        GenerationNotFoundError,
        RelayError,
        RewoundError,
        TooManyError,
    )
    from .generation import Following, Generation
    from .guard import Limits
    from .journal import Journal, JournalUnavailableError
    from .metrics import Metrics
    from .production import Tempo
    from .relay import Relay
    from .starlette import EventSourceStream, StreamingText
    from .tail import Pulse
    from .worker import Worker

_NAMES = {
    "chat": "Ended",
    "check": "check_journal",
    "errors": (
        "DrainingError GenerationCancelledError GenerationEndedError GenerationFailedError "
        "GenerationGoneError GenerationInterruptedError GenerationNotFoundError RelayError "
        "RewoundError TooManyError"
    ),
    "generation": "Following Generation",
    "guard": "Limits",
    "journal": "Journal JournalUnavailableError",
    "metrics": "Metrics",
    "production": "Tempo",
    "relay": "Relay",
    "starlette": "EventSourceStream StreamingText",
    "tail": "Pulse",
    "worker": "Worker",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
