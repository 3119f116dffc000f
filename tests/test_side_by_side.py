"""Several items at once: in order, within the room, and with what goes wrong in its place."""

import threading
import time

import pytest

from skdenoise._side_by_side import side_by_side


def run(function, items, *, room=10, at_once=3, size=lambda item: 1):
    return side_by_side(function, iter(items), size=size, room=room, at_once=at_once)


@pytest.mark.parametrize("n_items", [0, 1, 2, 9])
def test_results_come_in_the_order_of_the_items(n_items):
    def function(item):
        time.sleep(0.002 * (item % 3))
        return -item

    assert list(run(function, range(1, n_items + 1))) == [-item for item in range(1, n_items + 1)]


def test_items_that_are_worked_on_together_fit_in_the_room():
    sizes = [3, 3, 8, 10, 25, 1, 1, 1, 9, 4]
    working, together = [], []

    def function(size):
        working.append(min(size, 10))
        together.append(list(working))
        time.sleep(0.01)
        working.remove(min(size, 10))
        return size

    assert list(run(function, sizes, size=lambda size: size)) == sizes
    assert max(map(sum, together)) <= 10
    assert 1 < max(map(len, together)) <= 3


def test_a_single_item_needs_no_thread():
    (thread,) = run(lambda item: threading.current_thread(), [1])
    assert thread is threading.current_thread()


@pytest.mark.parametrize(("room", "most"), [(1, 2), (10, 4)])
def test_no_more_items_are_read_than_are_worked_on(room, most):
    read = []
    results = run(lambda item: item, (read.append(item) or item for item in range(1, 9)), room=room)
    next(results)
    assert 2 <= len(read) <= most
    results.close()


def test_what_the_items_raise_comes_after_the_results_of_those_before():
    def items():
        yield from (1, 2, 3)
        raise OSError("the disk is gone")

    results = run(lambda item: item, items())
    assert [next(results) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)


def test_what_the_function_raises_ends_the_work():
    called = []

    def function(item):
        called.append(item)
        raise ValueError(item)

    with pytest.raises(ValueError, match="1"):
        list(run(function, range(1, 99)))
    assert len(called) <= 5
    assert not any(thread.name.startswith("skdenoise") for thread in threading.enumerate())
