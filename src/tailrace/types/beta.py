"""The beta API's names. It sends and takes the same things as the other, so classes are shared.

`BetaMessage` is `tailrace.types.Message`. What only the beta API has, such as
`BetaMCPToolUseBlock`, bears its name in `tailrace.types` too. Type checkers read `_beta_names`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._beta_names import *  # noqa: F403

# Where the beta API's name is not `Beta` and the plain one.
_OTHERWISE = {
    "BetaCitationConfig": "CitationsConfig",
    "BetaCitationSearchResultLocation": "CitationsSearchResultLocation",
    "BetaCitationsConfigParamParam": "CitationsConfigParam",
    "BetaCompactionContentBlockDelta": "CompactionDelta",
    "BetaRequestDocumentBlockParam": "DocumentBlockParam",
    "MessageCountTokensParams": "MessageCountTokensParams",
    "MessageCreateParams": "MessageCreateParams",
    "ParsedBetaContentBlock": "ParsedContentBlock",
    "ParsedBetaMessage": "ParsedMessage",
    "ParsedBetaTextBlock": "ParsedTextBlock",
}


def _homes() -> dict[str, str]:
    """Each name here, and the name in `tailrace.types` of what it is."""
    from tailrace import types

    plain = dir(types)
    twins = {f"Beta{name}": name for name in plain if not name.startswith("Beta")}
    own = {name: name for name in plain if name.startswith("Beta")}
    # A name that the beta API has of its own goes before one made up by the rule.
    return {**twins, **own, **_OTHERWISE}


if not TYPE_CHECKING:
    # Hidden from type checkers, so that a name that is not there is still an error for them.

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            return __dir__()
        home = _homes().get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from tailrace import types

        value = globals()[name] = getattr(types, home)
        return value


def __dir__() -> list[str]:
    return sorted(_homes())
