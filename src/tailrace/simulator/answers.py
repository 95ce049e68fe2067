"""Where replies come from when nothing more particular was scripted.

An answer is a function from the request to a reply. A reply is a script, one act, a text, the
recorded bytes of a stream, or another such function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeAlias, cast

from tailrace.simulator.acts import Act, Recording, Refuse, Script, Text, ToolUse
from tailrace.simulator.ask import Ask, blocks
from tailrace.simulator.loose import a_dict, a_list, dicts

Reply: TypeAlias = "str | bytes | Act | Sequence[Act] | Callable[[Ask], Reply]"
"""Anything that can answer a request."""

POEM = """\
I knock on a door with a question in hand,
in a grammar two strangers can both understand.
You need not show me the room or the light:
a slot for the asking, an answer in sight.

No handshake, no history, nothing to keep,
just verbs at the threshold while whole systems sleep;
and word after word, as the water runs through,
what I could not reach is delivered by you."""

PARAGRAPH = (
    "Here is what I can tell you. This reply comes from a simulator on your own machine: no model "
    "read your question, and nothing left the computer. What you see is real all the same: the "
    "same events, in the same order and at the same pace as the Claude API sends them. "
    "Give the simulator a script, a folder of recordings or a function of your own, and it will "
    "say what your program needs to hear, faults included."
)


def canned(ask: Ask) -> Script:
    """The default: a poem for those who ask for one, else a paragraph.

    Where tools are offered, the first of them (or the one `tool_choice` names) is called with
    made-up input, and what it returned is told; where a JSON schema is asked for, an example of it
    is given.
    """
    schema = _schema(ask)
    if schema is not None:
        return [Text(_json(example(schema, ask.user)))]
    if ask.tool_result:
        return [Text(f"The tool answered: {ask.tool_result}")]
    tool = _chosen_tool(ask)
    if tool is not None:
        return [ToolUse(tool["name"], example(tool.get("input_schema") or {}, ask.user))]
    return [Text(POEM if re.search(r"\b(poem|verse|haiku)", ask.user, re.I) else PARAGRAPH)]


def echo(ask: Ask) -> Script:
    """The last user text, given back."""
    return [Text(ask.user or "(nothing was said)")]


def recordings(folder: str | Path, *, seed: int | None = None) -> Callable[[Ask], Script]:
    """Recorded `.sse` files, their bytes as they are: in the order of their names, over and over,
    or, with a seed, in an order of chance that the seed repeats.

    Folders inside the folder are searched too. Raises `FileNotFoundError` when there are none.
    """
    paths = sorted(Path(folder).rglob("*.sse"))
    if not paths:
        raise FileNotFoundError(f"there are no .sse files in {folder}")

    def next_recording(ask: Ask) -> Script:
        turn = (ask.number - 1) % len(paths)
        if seed is not None:
            turn = Random(f"{seed}/{ask.number}").randrange(len(paths))  # noqa: S311
        return [Recording(paths[turn].read_bytes())]

    return next_recording


def as_script(reply: Reply, ask: Ask) -> Script:
    """Any reply as a script for this request.

    Raises `TypeError` for what is no reply.
    """
    if isinstance(reply, str):
        return [Text(reply)]
    if isinstance(reply, (bytes, bytearray)):
        return [Recording(bytes(reply))]
    if isinstance(reply, Act):
        return [reply]
    if callable(reply):
        return as_script(reply(ask), ask)
    acts: Any = reply
    if isinstance(acts, Sequence) and all(isinstance(act, Act) for act in acts):  # pyright: ignore[reportUnknownVariableType]
        return cast("Script", acts)
    raise TypeError(
        "a reply is a text, an act, a list of acts, recorded bytes, or a function that returns "
        f"one of these, not {type(reply).__name__}"
    )


def one_by_one(replies: Sequence[Reply]) -> list[Reply]:
    """The replies with each `Refuse` as often as it has attempts."""
    found: list[Reply] = []
    for reply in replies:
        acts = a_list(reply)
        alone = acts[0] if len(acts) == 1 else reply
        found += [Refuse()] * alone.attempts if isinstance(alone, Refuse) else [reply]
    return found


def _chosen_tool(ask: Ask) -> dict[str, Any] | None:
    """The tool to call: the one the client names, else the first it offers; server tools never."""
    choice = a_dict(ask.body.get("tool_choice"))
    offered = dicts(ask.body.get("tools"))
    own = [tool for tool in offered if tool.get("type", "custom") == "custom" and "name" in tool]
    answered = blocks((ask.messages or [{}])[-1].get("content"), "tool_result")
    if choice.get("type") == "none" or answered:
        return None
    named = [tool for tool in own if tool["name"] == choice.get("name")]
    return next(iter(named or own), None)


def _schema(ask: Ask) -> dict[str, Any] | None:
    config = a_dict(ask.body.get("output_config"))
    form = a_dict(config.get("format") or ask.body.get("output_format"))
    return form.get("schema") if form.get("type") == "json_schema" else None


def example(schema: Mapping[str, Any], said: str = "") -> Any:
    """A small value that fits a JSON schema; its strings are taken from what was said."""
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return example(schema[key][0], said)
    kind = schema.get("type")
    kind = a_list(kind)[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [example(schema.get("items") or {}, said)]
    if kind in ("string", "integer", "number", "boolean", "null"):
        return {"string": _name_in(said), "integer": 1, "number": 1.5, "boolean": True}.get(kind)
    properties = a_dict(schema.get("properties"))
    wanted = schema.get("required") or list(properties)
    return {name: example(properties.get(name, {}), said) for name in wanted}


def _name_in(said: str) -> str:
    """The last name in a sentence (a capital letter not at its start), or all of it."""
    names = re.findall(r"(?<=[\w,;] )[A-Z]\w+", said)
    return names[-1] if names else said[:80] or "example"


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
