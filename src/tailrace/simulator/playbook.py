"""Which reply is next: what was queued, then the scenario's cases, then the standing answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from tailrace.simulator import answers
from tailrace.simulator.acts import Refuse, Script
from tailrace.simulator.answers import Reply
from tailrace.simulator.ask import Ask
from tailrace.simulator.scenario import Progress, Scenario


class Playbook:
    """The replies to come. Tests fill it from their thread while the server takes from its own."""

    def __init__(self, answer: Reply | Scenario) -> None:
        self._lock = threading.Lock()
        self._queue: deque[Reply] = deque()
        self._standing: Reply = answers.canned
        self._scenario: Progress | None = None
        self.stand(answer)

    def stand(self, answer: Reply | Scenario) -> None:
        """Change the answer to requests nothing is queued for."""
        with self._lock:
            if isinstance(answer, Scenario):
                self._scenario = Progress(answer)
            else:
                self._scenario, self._standing = None, answer

    def push(self, replies: Sequence[Reply]) -> None:
        """Queue replies, one for each request to come."""
        with self._lock:
            self._queue += answers.one_by_one(replies)

    def clear(self) -> None:
        """Drop what is queued."""
        with self._lock:
            self._queue.clear()

    @property
    def left(self) -> int:
        """How many queued replies nobody has asked for yet."""
        with self._lock:
            return len(self._queue)

    def next(self, ask: Ask) -> Script:
        """The script for a request. Raises what a function among the replies raises."""
        with self._lock:
            if self._queue:
                reply: Reply = self._queue.popleft()
            else:
                found = self._scenario.next(ask) if self._scenario else None
                reply = self._standing if found is None else found
        return answers.as_script(reply, ask)

    def refuses(self) -> bool:
        """Whether the next reply is to refuse the connection just made; if so, it is taken."""
        with self._lock:
            refused = bool(self._queue) and isinstance(self._queue[0], Refuse)
            if refused:
                self._queue.popleft()
            return refused
