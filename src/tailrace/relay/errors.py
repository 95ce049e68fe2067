"""What can go wrong for those who follow or start a generation.

RelayError
├ GenerationNotFoundError       there is no such generation, or it is another owner's
├ GenerationGoneError           there was one; it is past its time, or was dropped
├ RewoundError                  part of what was delivered is no longer part of the reply
├ DrainingError                 this process is about to stop and starts nothing new
├ TooManyError                  the owner has as many generations or viewers as are allowed
└ GenerationEndedError          the generation ended before the reply was complete: .end .error
  ├ GenerationFailedError       the API said no, or the connection to it was lost
  ├ GenerationCancelledError    somebody cancelled it
  └ GenerationInterruptedError  the process that produced it is gone

No text of these quotes a prompt or a reply.
"""

from __future__ import annotations

from typing import Any

from tailrace.core.errors import AnthropicError


class RelayError(AnthropicError):
    """The root of the relay's errors."""


class GenerationNotFoundError(RelayError):
    """There is no generation with this id, or not for this owner: the two look the same."""


class GenerationGoneError(RelayError):
    """The generation existed, but its log is past its time, or was dropped."""


class RewoundError(RelayError):
    """What was delivered after some point is no longer part of the reply.

    It happens when the journal lost its newest entries together with their producer, or when a
    generation was restarted. Follow again from the start (`after=None`) and replace what there was.
    """


class DrainingError(RelayError):
    """This process is about to stop; another one, or a later try, will do."""


class TooManyError(RelayError):
    """The owner has as many generations or viewers in this process as the relay allows."""


class GenerationEndedError(RelayError):
    """The generation ended, and the reply is not complete.

    `end` is `"error"`, `"cancelled"` or `"interrupted"`; `error` is the API's error object
    (`type`, `message`, and `status`, the HTTP status it came or would have come with), if any.
    """

    end = "error"

    def __init__(self, message: str, error: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.error = error


class GenerationFailedError(GenerationEndedError):
    """The API answered with an error, or the connection to it was lost."""


class GenerationCancelledError(GenerationEndedError):
    """Somebody cancelled the generation; what had arrived was delivered."""

    end = "cancelled"


class GenerationInterruptedError(GenerationEndedError):
    """The process that produced the generation is gone; what had arrived was delivered."""

    end = "interrupted"


_KINDS: dict[str, type[GenerationEndedError]] = {
    kind.end: kind
    for kind in (GenerationFailedError, GenerationCancelledError, GenerationInterruptedError)
}


def ended_error(end: str, error: dict[str, Any] | None) -> RelayError:
    """The error that an end other than `"done"` means."""
    if end == "dropped":
        return GenerationGoneError("the generation was dropped")
    message = (error or {}).get("message") or f"the generation ended: {end}"
    return _KINDS.get(end, GenerationFailedError)(str(message), error)
