"""Extract rows from a text, and show them as a table that fills while the reply streams.

Run it: `python examples/structured_table.py`. On a terminal the row that is being written is drawn
again as it grows; into a file or a pipe each row goes once, when it is finished.
"""

from __future__ import annotations

import json
import sys
from dataclasses import astuple, dataclass

import _upstream

import tailrace

TEXT = """Ada Lovelace, born in 1815, wrote the first program. Grace Hopper (1906) wrote the first
compiler. Margaret Hamilton, of 1936, led the software of the Moon landing."""


@dataclass
class Person:
    """A person in the text."""

    name: str
    born: int
    known_for: str


@dataclass
class People:
    people: list[Person]


FOUND = {
    "people": [
        {"name": "Ada Lovelace", "born": 1815, "known_for": "the first program"},
        {"name": "Grace Hopper", "born": 1906, "known_for": "the first compiler"},
        {"name": "Margaret Hamilton", "born": 1936, "known_for": "the Moon landing"},
    ]
}
"""What the simulator finds in Claude's place."""

HEAD = "name                 born  known for"


def row(person: Person) -> str:
    """One line; what has not arrived yet is empty."""
    name, born, known_for = ("" if value is None else str(value) for value in astuple(person))
    return f"{name:<20} {born:>4}  {known_for}".rstrip()


def main() -> None:
    simulator = _upstream.ready()
    if simulator is not None:
        simulator.script(json.dumps(FOUND))
    client = tailrace.Anthropic()
    live = sys.stdout.isatty()
    print(HEAD)
    with client.messages.stream(
        model="claude-sonnet-5-5",
        max_tokens=1024,
        output_format=People,
        messages=[{"role": "user", "content": f"Who is named here?\n\n{TEXT}"}],
    ) as stream:
        finished = 0
        for _ in stream.text_stream:
            people = stream.partial_output.people or []
            for person in people[finished:-1]:  # another has begun behind it
                print(f"\r{row(person)}" if live else row(person))
                finished += 1
            if live and people:
                print(f"\r{row(people[-1])}", end="", flush=True)
        people = stream.get_final_message().parsed_output.people
        for person in people[finished:]:
            print(f"\r{row(person)}" if live else row(person))
    print(f"{len(people)} people, born in {min(one.born for one in people)} or later")


if __name__ == "__main__":
    main()
