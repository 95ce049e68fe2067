r"""The grammar of JSON, as patterns that may stop in the middle.

Theory of operation. A fragment of JSON ends anywhere: in a string, in an escape, in a number. So
each pattern here matches the longest piece that is still good, and its groups say how far it came.
All repeats are possessive, so a pattern looks at each character once and never goes back. Escapes
are checked by the pattern, in surrogate pairs, so that decoding them afterwards cannot fail. What
is in no pattern is an error: control characters in strings and lone surrogates (as an escape or as
a character; RFC 7493 §2.1 forbids them because they cannot be written as UTF-8).
"""

from __future__ import annotations

import re
from math import isinf
from typing import Final

import msgspec

# RFC 8259 §2: these four characters and no other white space.
WHITESPACE: Final = " \t\n\r"

# The longest number that is read, in characters: the bound Python itself sets on integers (and
# jiter and msgspec with it), because converting digits costs more than linear time.
MAX_NUMBER: Final = 4300

_WS: Final = r"[ \t\n\r]*+"
_HEX: Final = "[0-9a-fA-F]"
# RFC 8259 §7, spelt as what is allowed: that is twice as fast as spelling what is not.
_PLAIN: Final = r"[ !#-\[\]-\ud7ff\ue000-\U0010ffff]*+"
_ESCAPE: Final = (
    rf'\\(?:["\\/bfnrt]|u(?:[0-9a-ce-fA-CE-F]{_HEX}{{3}}|[dD][0-7]{_HEX}{{2}}'
    rf"|[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}))"
)
_CHARACTERS: Final = rf"({_PLAIN}(?:{_ESCAPE}{_PLAIN})*+)"
_EXPONENT: Final = "[eE][-+]?+[0-9]*+"
_NUMBER: Final = (
    rf"((?=[-0-9])-?+(?:(?:0|[1-9][0-9]*+)(?:\.(?:[0-9]++(?:{_EXPONENT})?+)?+|{_EXPONENT})?+)?+)"
)
_END: Final = rf"{_WS}([,\]}}]?)"
_VALUE: Final = (
    rf'{_WS}(?:"{_CHARACTERS}(?:"{_END})?+|{_NUMBER}{_END}|(true|false|null){_END}|([\[{{]))'
)
_KEY: Final = rf'{_CHARACTERS}(?:"{_WS}(:?)(?:{_VALUE})?+)?+'

SPACE: Final = re.compile(_WS).match
# In the middle of a string. Groups: 1 characters, 2 separator (or nothing) if the string ended.
STRING: Final = re.compile(rf'{_CHARACTERS}(?:"{_END})?+').match
# A value. Groups: 3, 4 string and separator; 5, 6 number and separator; 7, 8 literal and separator;
# 9 an opening bracket. `lastindex` tells them apart; it is 3 for a string that has not ended.
VALUE: Final = re.compile(rf"(?:()()){{0}}{_VALUE}").match
# A key and its value, as far as they are there: most members are then read by one match. Groups:
# 1 characters, 2 the colon (or nothing) if the key ended, and those of a value, which count only
# after a colon. `KEY_REST` is the same in the middle of a key.
KEY: Final = re.compile(rf'{_WS}"{_KEY}').match
KEY_REST: Final = re.compile(_KEY).match
# The longest good beginning of a literal, possibly nothing, and of an escape.
LITERAL_BEGUN: Final = re.compile(
    rf"{_WS}((?:t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?)?)"
).match
ESCAPE_BEGUN: Final = re.compile(
    rf"\\(?:u(?:[0-9a-ce-fA-CE-F]{_HEX}{{0,3}}|[dD](?:[0-7]{_HEX}{{0,2}}"
    rf"|[89abAB](?:{_HEX}(?:{_HEX}(?:\\(?:u(?:[dD](?:[c-fC-F]{_HEX}{{0,2}})?)?)?)?)?)?)?)?)?"
).match
_NUMBER_RUN: Final = re.compile("[-+.eE0-9]{200}").match

LITERALS: Final = {"true": True, "false": False, "null": None}

_decode_string = msgspec.json.Decoder(str).decode


def unescape(characters: str) -> str:
    """The text that a run of string characters stands for; its escapes must be known to be good."""
    return _decode_string(f'"{characters}"') if "\\" in characters else characters


def is_number(token: str) -> bool:
    """Whether the good beginning of a number is a number: `1.5` is; `-`, `1.` and `1e` are not."""
    return "0" <= token[-1:] <= "9"


def number(token: str) -> int | float | None:
    """The value of a whole number; `None` if Python has none for it.

    Integers are exact. Out of range are floats beyond 1.8e308 (infinity could not be sent back as
    JSON) and integers of more digits than this interpreter converts.
    """
    try:
        if token.isdigit() or token[1:].isdigit():
            return int(token)
    except ValueError:
        return None
    value = float(token)
    return None if isinf(value) else value


def may_hold_long_number(text: str) -> bool:
    """Whether a number longer than `MAX_NUMBER` characters is possible; `False` is certain.

    So long a number covers a multiple of 4096 and at least 200 characters after it, so it is
    enough to look there.
    """
    return any(_NUMBER_RUN(text, at) is not None for at in range(0, len(text), 4096))
