"""Working on several items at once, on threads, as far as there is room, and how many cores are."""

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(
    function: Callable[[T], R],
    items: Iterator[T],
    *,
    size: Callable[[T], int],
    room: int,
    at_once: int,
) -> Iterator[R]:
    """Yield what a function makes of each item, in order.

    Parameters
    ----------
    function : callable
        Called on other threads, unless there is a single item.
    items : iterator
        Read on the thread of the caller, while earlier ones are worked on; no further ahead than
        that. What it raises is raised after the results of the items before.
    size : callable
        How much room an item takes.
    room : int
        That of the items that are worked on; a larger one takes all of it.
    at_once : int
        Of how many items at most.
    """
    failed: list[Exception] = []

    def read() -> T | None:
        try:
            return next(items, None)
        except Exception as error:  # it is raised below
            failed.append(error)
            return None

    shared = _Room(room)

    def worked_on(item: T) -> R:
        with shared.for_size(size(item)):
            return function(item)

    first, second = read(), read()
    if first is not None and second is None:
        # A thread costs as much as a small item.
        yield function(first)
    elif first is not None:
        waiting: deque[Future[R]] = deque()
        with ThreadPoolExecutor(at_once, "skdenoise") as workers:
            try:
                for item in itertools.chain([first, second], iter(read, None)):
                    assert item is not None
                    waiting.append(workers.submit(worked_on, item))
                    if len(waiting) > min(at_once, max(1, room // size(item))):
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
    if failed:
        raise failed[0]


class _Room:
    """Room that threads share and wait for."""

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._changed = threading.Condition()

    @contextmanager
    def for_size(self, size: int) -> Iterator[None]:
        """Take so much of it, or all that there is."""
        taken = min(size, self._size)
        with self._changed:
            self._changed.wait_for(lambda: taken <= self._left)
            self._left -= taken
        try:
            yield
        finally:
            with self._changed:
                self._left += taken
                self._changed.notify_all()


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
