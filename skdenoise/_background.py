"""Preparing what comes next in a thread, while what is there is worked on."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def in_background(items: Iterable[T], *, depth: int = 2) -> Iterator[T]:
    """Iterate over `items` while a thread prepares the next `depth` of them.

    The order is that of `items`, and what they raise is raised here. The thread ends when
    the iterator is closed.
    """
    ready: queue.Queue[Any] = queue.Queue(maxsize=depth)
    closed = threading.Event()
    end = object()

    def put(item: Any) -> bool:
        while not closed.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((end, None))
        except BaseException as error:  # it is raised where items are used
            put((end, error))

    thread = threading.Thread(target=work, name="skdenoise-background", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is end:
                return
            yield item
    finally:
        closed.set()
        thread.join()
