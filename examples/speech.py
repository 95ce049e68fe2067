"""Speak a reply sentence by sentence, while the rest of it is still being written.

Run it: `python examples/speech.py`. It speaks with espeak-ng where that is installed, and prints
what it would say where not.
"""

from __future__ import annotations

import queue
import shutil
import subprocess
import threading

import _upstream

import tailrace

SAID = (
    "Dr. Lovelace wrote in 1843 that a machine might compose music. It took a while, of course! "
    "About 99.5 percent of it was waiting. Would she have liked the result?"
)
"""What the simulator says in Claude's place."""


def say(sentence: str) -> None:
    """Speak one sentence, to its end."""
    print(f"> {sentence.strip()}", flush=True)
    if speaker := shutil.which("espeak-ng"):
        # As input, not as an argument: what a model writes may begin with a dash.
        subprocess.run([speaker, "--stdin"], input=sentence, text=True, check=False)


def speak(sentences: queue.Queue[str | None]) -> None:
    """Speak what comes, until `None` does."""
    while (sentence := sentences.get()) is not None:
        say(sentence)


def main() -> None:
    simulator = _upstream.ready()
    if simulator is not None:
        simulator.script(SAID)
    client = tailrace.Anthropic()
    sentences: queue.Queue[str | None] = queue.Queue()
    # In a thread of its own, so that a long sentence does not hold up the reading of the reply.
    speaker = threading.Thread(target=speak, args=(sentences,))
    speaker.start()
    try:
        with client.messages.stream(
            model="claude-sonnet-5-5",
            max_tokens=1024,
            messages=[{"role": "user", "content": "Tell me about Ada Lovelace, briefly."}],
        ) as stream:
            for sentence in stream.sentences():
                sentences.put(sentence)
    finally:
        sentences.put(None)
        speaker.join()


if __name__ == "__main__":
    main()
