"""A function in a thread that nobody has to wait for.

The pools of `concurrent.futures` are joined when the interpreter ends, so one tool that hangs would
keep the whole process; and asyncio's own pool has few threads and is used for other things too.
Hence one daemon thread per call.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def in_thread(function: Callable[[], T]) -> Future[T]:
    """Run a function in a daemon thread, with the context variables of the caller."""
    future: Future[T] = Future()
    context = copy_context()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = context.run(function)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    Thread(target=run, name="tailrace-tool", daemon=True).start()
    return future
