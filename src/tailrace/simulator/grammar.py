"""Scenarios in TOML: the same acts as in Python, spelled as tables.

    seed = 7
    pace = { tokens_per_second = 80, first_token = 0.3, jitter = 0.2 }

    [[case]]                                  # the first case that matches answers
    when = { user = "weather", turn = 1 }     # the fields of `Match`
    reply = [
      { thinking = "Let me look." },
      { tool = "get_weather", input = { city = "Paris" }, fragment = 6 },
    ]

    [[case]]
    replies = [                               # one after the other: fail twice, then answer
      [{ status = 529, retry_after = 1 }],
      [{ text = "Half a " }, { cut = "reset" }],
      "A whole answer.",                      # a text alone is a reply too
    ]
    then = "repeat"                           # or "start_over", "pass"

An act is a table with one key that says which it is (`ACTS` lists them) and holds its main value;
the other keys are the act's further fields. Where an act has a `pace`, its three fields may stand
in the act itself. Everything is checked when the file is read, and an error names file, line, key.
"""

from __future__ import annotations

import difflib
import re
import runpy
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path as File
from typing import Any, TypeVar

import msgspec

from tailrace.simulator import acts, answers, templates, toml_lines
from tailrace.simulator.acts import Act
from tailrace.simulator.answers import Reply
from tailrace.simulator.loose import a_dict, a_list
from tailrace.simulator.pace import Pace
from tailrace.simulator.quota import Quota
from tailrace.simulator.scenario import Case, Match, Scenario
from tailrace.simulator.toml_lines import Path

T = TypeVar("T")

ACTS: Mapping[str, tuple[type[Act], str | None]] = {
    "text": (acts.Text, "text"),
    "template": (acts.Template, "text"),
    "thinking": (acts.Thinking, "text"),
    "redacted_thinking": (acts.RedactedThinking, "data"),
    "tool": (acts.ToolUse, "name"),
    "server_tool": (acts.ServerTool, "name"),
    "block": (acts.Block, "block"),
    "recording": (acts.Recording, "data"),
    "stop": (acts.Stop, "reason"),
    "usage": (acts.Usage, "end"),
    "message": (acts.Message, "fields"),
    "event": (acts.Event, "data"),
    "ping": (acts.Ping, "times"),
    "comment": (acts.Comment, "text"),
    "error": (acts.Error, "type"),
    "bytes": (acts.Bytes, "data"),
    "hex": (acts.Bytes, "data"),
    "garbage": (acts.Garbage, "size"),
    "wait": (acts.Wait, "seconds"),
    "stall": (acts.Stall, None),
    "cut": (acts.Cut, "how"),
    "head": (acts.Head, "headers"),
    "status": (acts.Fail, "status"),
    "slow_headers": (acts.SlowHeaders, "seconds"),
    "refuse": (acts.Refuse, "attempts"),
    "split": (acts.Split, "sizes"),
    "together": (acts.Together, "events"),
}
"""The key that names each act, the act, and the field its value goes to.

`recording` names a file beside the scenario; `hex` gives bytes as hexadecimal digits; `stall` is
`true`. A reply may also be `{ answer = "canned" }` or `{ answer = "echo" }`.
"""

_ANSWERS: Mapping[str, Reply] = {"canned": answers.canned, "echo": answers.echo}
_PACE = ("tokens_per_second", "first_token", "jitter")
_WHERE = re.compile(r" - at `\$([^`]*)`\Z")


class ScenarioError(ValueError):
    """A scenario that cannot be understood.

    `file` and `line` (counted from 1; 0 where no line is to blame) say where, `key` is the path of
    the value, `problem` what is wrong with it.
    """

    def __init__(self, file: str, line: int, key: str, problem: str) -> None:
        self.file, self.line, self.key, self.problem = file, line, key, problem
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {key}: {problem}" if key else f"{where}: {problem}")

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[str, int, str, str]]:
        return type(self), (self.file, self.line, self.key, self.problem)


def load_scenario(path: str | File) -> Scenario:
    """Read a scenario from a `.toml` file, or from the name `scenario` of a `.py` file.

    Raises `ScenarioError` for a scenario that cannot be understood, `OSError` for a file that
    cannot be read, and whatever a Python file raises.
    """
    file = File(path)
    if file.suffix != ".py":
        return parse_scenario(file.read_text(encoding="utf-8"), str(path), file.parent)
    found = runpy.run_path(str(file)).get("scenario")
    if not isinstance(found, Scenario):
        raise ScenarioError(str(path), 0, "", "it has no Scenario of the name `scenario`")
    return found


def parse_scenario(text: str, file: str = "scenario.toml", folder: File | None = None) -> Scenario:
    """A scenario from TOML; recordings are looked for in `folder`.

    Raises `ScenarioError`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        last = text.count("\n") + 1  # "at end of document"
        raise ScenarioError(file, int(line[1]) if line else last, "", str(error)) from None
    return _Reader(text, file, folder or File()).scenario(data)


def parse_reply(value: Any, where: Path = ()) -> Reply:
    """One reply, from what a scenario would have in its place; `where` it stood, for errors.

    It may come from anywhere, so it cannot name files: no `recording`. Raises `ScenarioError`.
    """
    return _Reader("", "reply", None)._reply(value, where)


class _Reader:
    """Turns tables into values, and complaints into errors that say where."""

    def __init__(self, text: str, file: str, folder: File | None) -> None:
        self._text = text
        self._file = file
        self._folder = folder

    def scenario(self, data: dict[str, Any]) -> Scenario:
        self._known(data, ("name", "seed", "pace", "quota", "case"), ())
        cases = data.get("case", [])
        if not isinstance(cases, list):
            raise self._error(("case",), "write [[case]], with two brackets")
        pace, quota, seed = data.get("pace"), data.get("quota"), data.get("seed")
        if seed is not None and not isinstance(seed, int):
            raise self._error(("seed",), "expected an integer")
        return Scenario(
            [self._case(case, ("case", at)) for at, case in enumerate(a_list(cases))],
            str(data.get("name", File(self._file).stem)),
            pace=None if pace is None else self._convert(pace, Pace, ("pace",)),
            quota=None if quota is None else self._convert(quota, Quota, ("quota",)),
            seed=seed,
        )

    def _case(self, case: dict[str, Any], path: Path) -> Case:
        self._known(case, ("when", "reply", "replies", "then"), path)
        if ("reply" in case) == ("replies" in case):
            raise self._error(path, "a case has either `reply` or `replies`")
        replies = [self._reply(case["reply"], (*path, "reply"))] if "reply" in case else []
        several = case.get("replies", [])
        if not isinstance(several, list):
            raise self._error((*path, "replies"), "expected a list of replies")
        for at, reply in enumerate(a_list(several)):
            replies.append(self._reply(reply, (*path, "replies", at)))
        then = case.get("then", "repeat")
        if then not in ("repeat", "start_over", "pass"):
            raise self._error((*path, "then"), "expected 'repeat', 'start_over' or 'pass'")
        when = self._convert(case.get("when", {}), Match, (*path, "when"))
        return self._made(lambda: Case(replies, when, then), path)

    def _reply(self, reply: Any, path: Path) -> Reply:
        """A text, one act, or a list of acts."""
        if isinstance(reply, str):
            return reply
        fields = a_dict(reply)
        if "answer" in fields:
            self._known(fields, ("answer",), path)
            if fields["answer"] not in _ANSWERS:
                raise self._error((*path, "answer"), f"expected one of {_either(_ANSWERS)}")
            return _ANSWERS[fields["answer"]]
        if isinstance(reply, dict):
            return [self._act(reply, path)]
        if not isinstance(reply, list):
            raise self._error(path, "a reply is a text, an act or a list of acts")
        return [self._act(act, (*path, at)) for at, act in enumerate(a_list(reply))]

    def _act(self, act: Any, path: Path) -> Act:
        if not isinstance(act, dict):
            raise self._error(path, "an act is a table, such as { text = 'Hello' }")
        fields = dict(a_dict(act))
        verbs = [key for key in fields if key in ACTS]
        kind, main = ACTS[verbs[0]] if verbs else (None, None)
        if kind is not None:  # a field may have an act's name: `message` of `error`
            own = kind.__struct_fields__
            verbs = [verbs[0], *(key for key in verbs[1:] if key not in own)]
        if kind is None or len(verbs) > 1:
            raise self._error(path, _no_act(fields, verbs))
        value = self._main(verbs[0], fields.pop(verbs[0]), (*path, verbs[0]))
        self._fold_pace(kind, fields)
        known = [name for name in kind.__struct_fields__ if name != main]
        self._known(fields, [*known, *(_PACE if "pace" in known else ())], path)
        if main is not None:
            fields[main] = value
        return self._convert(fields, kind, path, {main or "": verbs[0]})

    def _main(self, verb: str, value: Any, path: Path) -> Any:
        """The value an act is named with, where TOML cannot say it directly."""
        if verb == "stall" and value is not True:
            raise self._error(path, "write stall = true")
        if verb == "template":
            self._made(lambda: templates.check(str(value)), path)
        if verb == "hex":
            return self._made(lambda: bytes.fromhex(str(value)), path)
        if verb == "bytes":
            return str(value).encode()
        if verb == "recording":
            if self._folder is None:
                raise self._error(path, "files cannot be named here")
            try:
                return (self._folder / str(value)).read_bytes()
            except OSError as error:
                raise self._error(path, f"cannot be read: {error.strerror}") from None
        return value

    def _fold_pace(self, kind: type[Act], fields: dict[str, Any]) -> None:
        """`tokens_per_second` and its like, standing in the act itself."""
        if "pace" in kind.__struct_fields__:
            pace = {name: fields.pop(name) for name in _PACE if name in fields}
            if pace:
                fields["pace"] = {**pace, **a_dict(fields.get("pace"))}

    def _convert(
        self, data: Any, kind: type[T], path: Path, names: Mapping[str, str] | None = None
    ) -> T:
        """The table as a value of this type; `names` are keys whose spelling differs."""
        if isinstance(data, dict) and not issubclass(kind, msgspec.Struct):
            self._known(a_dict(data), list(kind.__annotations__), path)
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as error:
            text = str(error)
            found = _WHERE.search(text)
            keys = [key for key in re.split(r"[.\[\]]+", found[1] if found else "") if key]
            inner = [(names or {}).get(key, key) for key in keys]
            problem = _WHERE.sub("", text).replace("`", "'")
            raise self._error((*path, *inner), problem[:1].lower() + problem[1:]) from None

    def _made(self, make: Callable[[], T], path: Path) -> T:
        try:
            return make()
        except ValueError as error:
            raise self._error(path, str(error)) from None

    def _known(self, data: Mapping[str, Any], known: Iterable[str], path: Path) -> None:
        known = list(known)
        for key in data:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"known are {_either(known)}"
                raise self._error((*path, key), f"unknown key; {hint}")

    def _error(self, path: Path, problem: str) -> ScenarioError:
        found = toml_lines.lines(self._text)
        steps: Path = tuple(int(s) if isinstance(s, str) and s.isdigit() else s for s in path)
        near = next((steps[:end] for end in range(len(steps), 0, -1) if steps[:end] in found), ())
        return ScenarioError(self._file, found.get(near, 0), _spelled(steps), problem)


def _no_act(fields: Mapping[str, Any], verbs: list[str]) -> str:
    if verbs:
        return f"an act is one thing, not {' and '.join(verbs)}; write two acts"
    near = [m for key in fields for m in difflib.get_close_matches(key, ACTS, n=1)]
    hint = f"did you mean '{near[0]}'?" if near else f"known are {_either(ACTS)}"
    return f"no key of it names an act; {hint}"


def _either(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _spelled(path: Path) -> str:
    """`case[0].reply[1].text`"""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")
