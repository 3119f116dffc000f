"""A program beside the benchmarks, in a Python that has torch: `Beside` asks, `answer` answers."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


class Beside:
    """A program of this folder, in a process of its own.

    Parameters
    ----------
    module : str
        Its name, such as ``"torch_training"``.
    *arguments : object
        What it is given on its command line.

    Attributes
    ----------
    greeting : list of str
        What it says when it is ready.

    Raises
    ------
    RuntimeError
        Where that Python has no torch.
    """

    def __init__(self, module: str, *arguments: object) -> None:
        python = os.environ.get("SKDENOISE_TORCH_PYTHON") or sys.executable
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.{module}", *map(str, arguments)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.greeting = self._process.stdout.readline().split()
        if not self.greeting:
            self._process.kill()
            msg = (
                f"{python} cannot run benchmarks/{module}.py, see above. Install torch, "
                f"python -m pip install '.[bench]', or set SKDENOISE_TORCH_PYTHON to a Python "
                f"that has it."
            )
            raise RuntimeError(msg)

    def ask(self, line: object) -> tuple[float, ...]:
        """Return the numbers that it answers."""
        print(line, file=self._process.stdin, flush=True)
        return tuple(map(float, self._process.stdout.readline().split()))

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


def answer(numbers: Callable[[str], tuple[float, ...]], *greeting: object) -> None:
    """Greet, and answer every line of standard input with numbers until it ends."""
    print(*greeting, flush=True)
    for line in sys.stdin:
        print(*numbers(line.strip()), flush=True)
