"""What a tool input costs while it grows: CPU for fragments of 20 characters, asked at each one.

    python benchmarks/partial_json.py

Beside it jiter, which parses the whole buffer at each fragment, as the official SDK does with it.
The times are the process's CPU, the best of a few runs. Compare rows, not digits.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from time import process_time

import jiter

from tailrace.core.partial_json import PartialJSON

FRAGMENT = 20
SIZES = (10_000, 100_000, 1_000_000)
JITER_UP_TO = 100_000


def nested_objects(size: int) -> str:
    """Records of the kind a tool is given: short keys, strings, numbers, lists."""
    dice, records, length = random.Random(20), [], 0
    while length < size:
        number = len(records)
        record = {
            "id": number,
            "name": f"record number {number}",
            "tags": ["red", "green"],
            "score": round(dice.random(), 4),
            "place": {"city": "Zürich", "confirmed": True, "note": None},
        }
        records.append(record)
        length += len(json.dumps(record, ensure_ascii=False)) + 2
    return json.dumps({"records": records}, ensure_ascii=False)


def one_long_string(size: int) -> str:
    """A file to be written: lines of code, so with escapes."""
    line = 'def greet(name):\n    return f"hello {name}"  # says it\n\n'
    return json.dumps({"path": "greet.py", "content": line * (size // len(json.dumps(line)))})


def tailrace(fragments: list[str], trailing_strings: bool) -> None:
    """Feed and ask."""
    parser = PartialJSON()
    for fragment in fragments:
        parser.feed(fragment)
        parser.value(trailing_strings=trailing_strings)


def reparse(fragments: list[str], trailing_strings: bool) -> None:
    """Append, and parse all of it, which is what the official SDK does."""
    buffer, mode = b"", "trailing-strings" if trailing_strings else "on"
    for fragment in fragments:
        buffer += fragment.encode()
        jiter.from_json(buffer, partial_mode=mode)


def cpu(run: Callable[[list[str], bool], None], fragments: list[str], trailing: bool) -> float:
    """CPU seconds of one run, the best of up to five within about two seconds."""
    best = spent = 0.0
    for _ in range(5):
        before = process_time()
        run(fragments, trailing)
        took = process_time() - before
        best, spent = min(best or took, took), spent + took
        if spent > 2:
            break
    return best


def main() -> None:
    """Print the table."""
    print(f"CPU for fragments of {FRAGMENT} characters, value asked at each")
    print(f"{'input':17} {'strings':8} {'characters':>10} {'Tailrace ms':>13}", end="")
    print(f" {'µs/fragment':>12} {'growth':>7} {'jiter ms':>11} {'ratio':>6}")
    for name, make in (("nested objects", nested_objects), ("one long string", one_long_string)):
        for trailing in (False, True):
            before = 0.0
            for size in SIZES:
                text = make(size)
                fragments = [text[at : at + FRAGMENT] for at in range(0, len(text), FRAGMENT)]
                ours = cpu(tailrace, fragments, trailing)
                row = f"{name:17} {'kept' if trailing else 'dropped':8} {len(text):11,}"
                row += f"{ours * 1e3:13.2f}{ours / len(fragments) * 1e6:13.2f}"
                row += f"{ours / before:7.1f}×" if before else " " * 8
                if size <= JITER_UP_TO:
                    theirs = cpu(reparse, fragments, trailing)
                    row += f"{theirs * 1e3:12.1f}{theirs / ours:6.0f}×"
                print(row, flush=True)
                before = ours


if __name__ == "__main__":
    main()
