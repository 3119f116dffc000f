"""How to measure: results with their goals, things that take turns, and other processes."""

import math
import operator
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

T = TypeVar("T")

COMPARISONS = {">=": operator.ge, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes
    ----------
    group : str
        The measurement that it comes from.
    name : str
        What was measured.
    values : tuple of float
        One per round.
    unit : str, default=""
        Of the values; a ratio has none.
    goal : tuple of (str, float) or None, default=None
        Comparison and number that the median is to satisfy; None for what is only told.
    note : str, default=""
        What else there is to know, in a few words.
    """

    group: str
    name: str
    values: tuple[float, ...]
    unit: str = ""
    goal: tuple[str, float] | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The value of the middle round."""
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the median satisfies the goal; None without one."""
        if self.goal is None:
            return None
        comparison, limit = self.goal
        return COMPARISONS[comparison](self.median, limit)

    def as_dict(self) -> dict[str, object]:
        """Return everything for a JSON file."""
        return {
            "group": self.group,
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "lowest": min(self.values),
            "highest": max(self.values),
            "rounds": list(self.values),
            "goal": None if self.goal is None else " ".join(map(str, self.goal)),
            "reached": self.reached,
            "note": self.note,
        }


def table(results: Sequence[Result]) -> str:
    """Return the results as a table in Markdown."""
    rows = [["measured", "median", "lowest to highest", "goal", "reached"]]
    for result in results:
        low, median, high = (
            _text(value, result.unit)
            for value in (min(result.values), result.median, max(result.values))
        )
        goal = ""
        if result.goal is not None:
            goal = f"{result.goal[0]} {_text(result.goal[1], result.unit)}"
        rows.append(
            [
                f"{result.name} ({result.note})" if result.note else result.name,
                median,
                f"{low} to {high}" if len(result.values) > 1 else "",
                goal,
                {None: "", True: "yes", False: "**no**"}[result.reached],
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def _text(value: float, unit: str) -> str:
    decimals = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(decimals, 4)}f} {unit}".rstrip()


def take_turns(n_rounds: int, *measures: Callable[[], T]) -> list[list[T]]:
    """Call each of `measures` once per round, and return the list of its values for each.

    Every other round goes the other way, so that a slow drift of the machine's speed favors
    nobody.
    """
    values: list[list[T]] = [[] for _ in measures]
    for number in range(n_rounds):
        turns = list(zip(measures, values, strict=True))
        for measure, found in turns if number % 2 == 0 else reversed(turns):
            found.append(measure())
    return values


def ratios(first: Sequence[float], second: Sequence[float]) -> tuple[float, ...]:
    """Divide round by round."""
    return tuple(a / b for a, b in zip(first, second, strict=True))


class Seconds(NamedTuple):
    """Seconds that pass, and that processors work."""

    wall: float
    processor: float


def seconds(function: Callable[[], object], *, n_calls: int = 1) -> Seconds:
    """Return the duration of a call: the median of several."""
    durations = []
    for _ in range(n_calls):
        begin, worked = time.perf_counter(), time.process_time()
        function()
        durations.append((time.perf_counter() - begin, time.process_time() - worked))
    return Seconds(*(statistics.median(values) for values in zip(*durations, strict=True)))


class Rate(NamedTuple):
    """Calls per second that pass, and per second that processors work."""

    wall: float
    processor: float


def calls_per_second(function: Callable[[], object], duration: float) -> Rate:
    """Call `function` again and again for `duration` seconds, and at least once."""
    begin, worked = time.perf_counter(), time.process_time()
    n_calls = 0
    while True:
        function()
        n_calls += 1
        passed = time.perf_counter() - begin
        if passed >= duration:
            return Rate(n_calls / passed, n_calls / (time.process_time() - worked))


def run_python(*arguments: str) -> tuple[str, float]:
    """Run this Python in a new process; return what it prints, and its seconds of CPU.

    Raises
    ------
    subprocess.CalledProcessError
        Where it fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return printed, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
